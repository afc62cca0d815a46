/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/xen/lab/ends/end.h"
#include "transports/channel.h"
#include "transports/poller.h"
#include "transports/transport.h"
#include "transports/yield.h"

/* A look costs next to nothing, and even asking for the time a system call. */
enum { ADDRESS_BYTES = 256, LOOKS = 100 };

struct ours {
	struct end end;
	struct poller poller;
	struct listener *listener;
	struct channel *channel;
	struct yield_guard yield;
	bool is_ready;
};

static struct ours *ours_of(struct end *end)
{
	return (struct ours *)end;
}

static ssize_t ours_look(struct end *end, const uint8_t **ret_bytes)
{
	struct channel *channel = ours_of(end)->channel;
	int r = channel_refill(channel);

	if (r < 0)
		return r;
	*ret_bytes = channel->in;
	return (ssize_t)channel->n_in;
}

static void ours_take(struct end *end, size_t n)
{
	channel_consume(ours_of(end)->channel, n);
}

static ssize_t ours_write(struct end *end, const void *bytes, size_t n)
{
	struct channel *channel = ours_of(end)->channel;
	int r = 0;

	if (channel->n_out < n)
		r = channel->ops->make_room(
			channel,
			n < channel->n_out_max ? n : channel->n_out_max);
	if (r < 0 && r != -EAGAIN)
		return r;
	if (n > channel->n_out)
		n = channel->n_out;
	memcpy(channel->out, bytes, n);
	channel_commit(channel, n);
	return (ssize_t)n;
}

static ssize_t ours_send(struct end *end, const void *bytes, size_t n)
{
	struct channel *channel = ours_of(end)->channel;
	uint8_t *room;
	int r = channel_reserve(channel, n, &room);

	if (r < 0)
		return r == -EAGAIN ? 0 : r;
	memcpy(room, bytes, n);
	channel_commit(channel, n);
	return (ssize_t)n;
}

static int ours_turn(struct end *end)
{
	return channel_flush(ours_of(end)->channel);
}

/* What an end that waits for it, or for room, would find. */
static bool is_stirred(struct channel *channel, bool for_room)
{
	if (channel_refill(channel) < 0 || channel->n_in)
		return true;
	return for_room && channel->ops->make_room(channel, 1) == 0 &&
	       channel->n_out >= channel->n_out_max / 2;
}

/* Returns whether something came, or will not come any more. */
static bool linger(struct ours *ours, bool for_room)
{
	bool is_over = channel_flush(ours->channel) < 0;
	uint64_t now_ns;

	for (unsigned i = 0; !is_over && i < LOOKS; i++)
		is_over = is_stirred(ours->channel, for_room);
	if (is_over)
		return true;
	now_ns = clock_now_ns();
	while (!is_over && yield_may(&ours->yield, now_ns)) {
		now_ns = yield_once(&ours->yield, now_ns);
		is_over = is_stirred(ours->channel, for_room);
	}
	yield_rest(&ours->yield);
	return is_over;
}

/* It yields for a moment before it sleeps, as the library does. */
static void ours_wait(struct end *end, bool for_room)
{
	struct ours *ours = ours_of(end);

	if (linger(ours, for_room))
		return;
	ours->is_ready = false;
	if (channel_arm(ours->channel, for_room) != 0)
		return;
	while (!ours->is_ready)
		(void)poller_dispatch(&ours->poller, -1);
}

static void ours_close(struct end *end)
{
	struct ours *ours = ours_of(end);

	channel_free(ours->channel);
	listener_free(ours->listener);
	poller_deinit(&ours->poller);
	free(ours);
}

static const struct end_ops ours_ops = {
	.look = ours_look,
	.take = ours_take,
	.write = ours_write,
	.send = ours_send,
	.turn = ours_turn,
	.wait = ours_wait,
	.close = ours_close,
};

static void note_ready(struct channel *channel)
{
	((struct ours *)channel->owner)->is_ready = true;
}

static void adopt(struct ours *ours, struct channel *channel)
{
	channel->owner = ours;
	channel->on_ready = note_ready;
	ours->channel = channel;
}

static int adopt_connected(struct listener *listener, struct channel *channel)
{
	struct ours *ours = listener->owner;

	if (ours->channel)
		return -EBUSY;
	adopt(ours, channel);
	return 0;
}

static int serve(struct ours *ours, const struct transport *transport,
		 const char *rest, const struct transport_options *options)
{
	int r = transport->listen(&ours->poller, rest, options,
				  &ours->listener);

	if (r < 0)
		return r;
	ours->listener->owner = ours;
	ours->listener->on_channel = adopt_connected;
	while (!ours->channel && r >= 0)
		r = poller_dispatch(&ours->poller, -1);
	return r < 0 ? r : 0;
}

/* Until the server is there; and until it has taken us. */
static int connect_patiently(struct ours *ours,
			     const struct transport *transport,
			     const char *rest,
			     const struct transport_options *options)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	struct channel *channel;
	int r = -ENOENT;
	int i;

	for (i = 0; r < 0 && i < 500; i++) {
		r = transport->connect(&ours->poller, rest, options, &channel);
		if (r < 0)
			nanosleep(&pause, NULL);
	}
	if (r < 0)
		return r;
	adopt(ours, channel);
	while ((r = channel->ops->make_room(channel, 1)) == -EAGAIN)
		(void)poller_dispatch(&ours->poller, 100);
	return r;
}

static int open_ours(struct ours *ours, const struct end_place *place,
		     char why[ADDRESS_BYTES])
{
	const struct transport_options options = {
		.ring_bytes = place->read_bytes,
		.name = "lab",
		.error = why,
		.n_error = ADDRESS_BYTES,
	};
	const char *port = strrchr(place->path, '/');
	const struct transport *transport;
	char address[ADDRESS_BYTES];
	const char *rest;
	int r;

	if (strchr(place->path, ':'))
		snprintf(address, sizeof(address), "%s", place->path);
	else
		snprintf(address, sizeof(address), "vchan:%d%s", place->domid,
			 port);
	r = transport_lookup(address, &transport, &rest);
	if (!r)
		r = poller_init(&ours->poller);
	if (r < 0)
		return r;
	if (place->is_server)
		return serve(ours, transport, rest, &options);
	return connect_patiently(ours, transport, rest, &options);
}

struct end *ours_open(const struct end_place *place)
{
	struct ours *ours = calloc(1, sizeof(*ours));
	char why[ADDRESS_BYTES] = "";
	int r;

	if (!ours)
		return NULL;
	ours->end.ops = &ours_ops;
	ours->poller.epoll_fd = -1;
	r = open_ours(ours, place, why);
	if (r < 0) {
		fprintf(stderr, "lab-end: %s\n", why);
		ours_close(&ours->end);
		errno = -r;
		return NULL;
	}
	return &ours->end;
}
