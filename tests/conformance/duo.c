/* SPDX-License-Identifier: MIT */

#include "tests/conformance/duo.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "transports/pair.h"

static void note_ready(struct channel *channel)
{
	struct side *side = channel->owner;

	side->n_ready++;
}

static void side_adopt(struct side *side, struct channel *channel)
{
	channel->owner = side;
	channel->on_ready = note_ready;
	side->channel = channel;
}

static int adopt_connected(struct listener *listener, struct channel *channel)
{
	struct duo *duo = listener->owner;

	if (duo->b.channel)
		return -EBUSY;
	side_adopt(&duo->b, channel);
	return 0;
}

void duo_init(struct duo *duo, const struct conformance *kind)
{
	*duo = (struct duo){
		.kind = kind,
		.folder = "/tmp/helio-test-XXXXXX",
		.listening = { .name = "conformance" },
		.a = { .random = 1 },
		.b = { .random = 2 },
	};
	assert_non_null(mkdtemp(duo->folder));
	assert_int_equal(poller_init(&duo->a.poller), 0);
	assert_int_equal(poller_init(&duo->b.poller), 0);
	if (kind->set_up)
		kind->set_up(kind, duo->folder, duo->address, &duo->listening,
			     &duo->connecting);
}

void duo_deinit(struct duo *duo)
{
	channel_free(duo->a.channel);
	channel_free(duo->b.channel);
	listener_free(duo->listener);
	poller_deinit(&duo->a.poller);
	poller_deinit(&duo->b.poller);
	assert_int_equal(rmdir(duo->folder), 0);
}

static void enter(const struct duo *duo, bool is_listening)
{
	if (duo->kind->enter)
		duo->kind->enter(is_listening);
}

static void name_listener(const struct duo *duo,
			  char ret_address[CONFORMANCE_ADDRESS_BYTES])
{
	const char *at = duo->kind->listening_at;

	if (at)
		snprintf(ret_address, CONFORMANCE_ADDRESS_BYTES, "%s%s", at,
			 strrchr(duo->address, '/'));
	else
		memcpy(ret_address, duo->address, CONFORMANCE_ADDRESS_BYTES);
}

int duo_listen(struct duo *duo)
{
	char address[CONFORMANCE_ADDRESS_BYTES];
	const struct transport *transport;
	const char *rest;
	int r;

	if (!duo->kind->set_up)
		return 0;
	name_listener(duo, address);
	r = transport_lookup(address, &transport, &rest);
	assert_int_equal(r, 0);
	enter(duo, true);
	r = transport->listen(&duo->b.poller, rest, &duo->listening,
			      &duo->listener);
	if (r < 0)
		return r;
	duo->listener->owner = duo;
	duo->listener->on_channel = adopt_connected;
	/* Some let in nobody before their first turn. */
	duo_dispatch(duo, 0);
	return 0;
}

static int connect_address(struct duo *duo)
{
	const struct transport *transport;
	struct channel *channel;
	const char *rest;
	int r;

	r = transport_lookup(duo->address, &transport, &rest);
	assert_int_equal(r, 0);
	enter(duo, false);
	r = transport->connect(&duo->a.poller, rest, &duo->connecting,
			       &channel);
	if (!r)
		side_adopt(&duo->a, channel);
	return r;
}

int duo_connect_alone(struct duo *duo)
{
	int r;

	r = connect_address(duo);
	if (r < 0)
		return r;
	while ((r = side_put(&duo->a, 1)) == -EAGAIN)
		duo_dispatch(duo, 100);
	return r < 0 ? r : channel_flush(duo->a.channel);
}

static int await_accepted(struct duo *duo)
{
	int r;

	while (!duo->b.channel || side_take(&duo->b, 1) != 1) {
		r = channel_refill(duo->a.channel);
		if (r < 0)
			return r;
		duo_dispatch(duo, 100);
	}
	return channel_flush(duo->b.channel);
}

int duo_connect(struct duo *duo)
{
	struct channel *a;
	struct channel *b;
	int r;

	if (duo->kind->set_up) {
		r = duo_connect_alone(duo);
		return r ? r : await_accepted(duo);
	}
	r = pair_new(duo->kind->ring_bytes, &a, &b);
	if (r < 0)
		return r;
	side_adopt(&duo->a, a);
	side_adopt(&duo->b, b);
	return 0;
}

void duo_open(struct duo *duo, const struct conformance *kind)
{
	duo_init(duo, kind);
	assert_int_equal(duo_listen(duo), 0);
	assert_int_equal(duo_connect(duo), 0);
}

void duo_dispatch(struct duo *duo, int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = duo->a.poller.epoll_fd, .events = POLLIN },
		{ .fd = duo->b.poller.epoll_fd, .events = POLLIN },
	};

	assert_true(poll(fds, 2, timeout_ms) >= 0);
	enter(duo, false);
	assert_true(poller_dispatch(&duo->a.poller, 0) >= 0);
	enter(duo, true);
	assert_true(poller_dispatch(&duo->b.poller, 0) >= 0);
}

/* xorshift32: tests are the same every time. */
uint32_t side_random(struct side *side, uint32_t n)
{
	side->random ^= side->random << 13;
	side->random ^= side->random >> 17;
	side->random ^= side->random << 5;
	return side->random % n;
}

size_t side_odd_size(struct side *side)
{
	size_t n_max = side->channel->n_out_max;

	if (side_random(side, 8))
		return 1 + side_random(side, 100);
	return 1 + side_random(side, (uint32_t)n_max);
}

/* The byte of the stream at a position; its period divides no ring. */
static uint8_t byte_at(uint64_t position)
{
	return (uint8_t)(position % 251);
}

int side_put(struct side *side, size_t n)
{
	uint8_t *room;
	int r;

	r = channel_reserve(side->channel, n, &room);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		room[i] = byte_at(side->n_sent + i);
	channel_commit(side->channel, n);
	side->n_sent += n;
	return 0;
}

size_t side_look(struct side *side)
{
	return channel_refill(side->channel) < 0 ? 0 : side->channel->n_in;
}

ssize_t side_take(struct side *side, size_t n)
{
	struct channel *channel = side->channel;
	int r;

	r = channel_refill(channel);
	if (r < 0)
		return r;
	if (n > channel->n_in)
		n = channel->n_in;
	for (size_t i = 0; i < n; i++)
		if (channel->in[i] != byte_at(side->n_received + i))
			return -EBADMSG;
	side->n_received += n;
	channel_consume(channel, n);
	return (ssize_t)n;
}
