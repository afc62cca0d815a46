/* SPDX-License-Identifier: MIT */

#include "tests/xen/end.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/xen/pattern.h"
#include "transports/transport.h"
#include "transports/vchan/keys.h"
#include "transports/vchan/store.h"
#include "transports/vchan/vchan.h"

enum { STEP_MAX = 3000 };

extern const struct transport helio_transport_vchan;

static void note_ready(struct channel *channel)
{
	struct end *end = channel->owner;

	end->n_ready++;
}

static void adopt(struct end *end, struct channel *channel)
{
	end->channel = channel;
	channel->owner = end;
	channel->on_ready = note_ready;
}

void end_init(struct end *end, uint64_t seed, uint64_t expected_seed)
{
	*end = (struct end){ .seed = seed, .expected_seed = expected_seed };
	assert_int_equal(poller_init(&end->poller), 0);
}

void end_close(struct end *end)
{
	end->channel = channel_free(end->channel);
	end->n_sent = 0;
	end->n_got = 0;
}

void end_deinit(struct end *end)
{
	end_close(end);
	poller_deinit(&end->poller);
}

int end_connect(struct end *end, struct xen_world *world, uint32_t domid,
		const char *rest)
{
	struct transport_options options = { 0 };
	struct channel *channel;
	int r;

	xen_world_enter(world, domid);
	r = helio_transport_vchan.connect(&end->poller, rest, &options,
					  &channel);
	if (!r)
		adopt(end, channel);
	return r;
}

void end_offer(struct end *end, struct xen_world *world,
	       const struct end_meeting *meeting, const unsigned orders[2])
{
	struct transport_options options = { 0 };
	struct vchan_meeting keys_of = {
		.server = meeting->server,
		.client = meeting->client,
		.port = meeting->port,
	};
	struct vchan_keys keys;
	struct vchan *vchan;
	struct store store;

	xen_world_enter(world, meeting->server);
	assert_int_equal(vchan_new_server(&end->poller, meeting->client, orders,
					  vchan_ready, &vchan, &keys.ring_ref),
			 0);
	keys.event_channel = vchan->doorbell.port;
	assert_int_equal(store_open(&store, &options), 0);
	assert_int_equal(vchan_keys_write(&store, &keys_of, &keys), 0);
	store_close(&store);
	adopt(end, &vchan->ring.channel);
}

static size_t least(size_t a, uint64_t b)
{
	return a < b ? a : (size_t)b;
}

/* Returns how many bytes went, or a negative errno. */
static ssize_t send_some(struct end *end, uint64_t n_left)
{
	struct channel *channel = end->channel;
	size_t step = least(STEP_MAX, channel->n_out_max);
	size_t n = least(pattern_step(end->seed, end->n_sent, step), n_left);
	uint8_t *room;
	int r;

	if (!n)
		return 0;
	/* Any room will do: the peer may wait for what fills it. */
	r = channel_reserve(channel, 1, &room);
	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		return r;
	n = least(n, channel->n_out);
	pattern_fill(end->seed, end->n_sent, room, n);
	channel_commit(channel, n);
	end->n_sent += n;
	return (ssize_t)n;
}

static ssize_t receive_some(struct end *end, uint64_t n_left)
{
	struct channel *channel = end->channel;
	size_t n;
	int r;

	r = channel_refill(channel);
	if (r < 0)
		return r;
	n = least(pattern_step(end->seed ^ 1, end->n_got, STEP_MAX), n_left);
	n = least(n, channel->n_in);
	if (!pattern_is_at(end->expected_seed, end->n_got, channel->in, n))
		return -EBADMSG;
	channel_consume(channel, n);
	end->n_got += n;
	return (ssize_t)n;
}

static const char *sleep_until_ready(struct end *end, bool for_room)
{
	int r = channel_arm(end->channel, for_room);

	if (r < 0)
		return "the channel ended while it was armed";
	if (r > 0)
		return NULL;
	return poller_dispatch(&end->poller, END_WAIT_MS) > 0
		       ? NULL
		       : "no wake-up came";
}

const char *end_exchange(struct end *end, uint64_t n_send, uint64_t n_expect)
{
	uint64_t send_to = end->n_sent + n_send;
	uint64_t expect_to = end->n_got + n_expect;
	const char *wrong = NULL;

	while (!wrong && (end->n_sent < send_to || end->n_got < expect_to)) {
		ssize_t n_sent = send_some(end, send_to - end->n_sent);
		ssize_t n_got = receive_some(end, expect_to - end->n_got);

		if (n_got == -EBADMSG)
			return "other bytes than expected";
		if (n_sent < 0 || n_got < 0)
			return "the channel is over";
		if (n_sent || n_got) {
			if (channel_flush(end->channel) < 0)
				return "the channel ended at a flush";
			continue;
		}
		wrong = sleep_until_ready(end, end->n_sent < send_to);
	}
	return wrong;
}

int end_await_error(struct end *end)
{
	for (;;) {
		int r = channel_refill(end->channel);

		if (r < 0)
			return r;
		channel_consume(end->channel, end->channel->n_in);
		r = channel_arm(end->channel, false);
		if (r < 0)
			return r;
		if (!r && poller_dispatch(&end->poller, END_WAIT_MS) < 1)
			return 0;
	}
}
