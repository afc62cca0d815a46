/* SPDX-License-Identifier: MIT */

#include "transports/ring.h"

#include <stdatomic.h>
#include <string.h>

#include "base/list.h"

static struct ring *ring_of(struct channel *channel)
{
	return container_of(channel, struct ring, channel);
}

static int fail(struct ring *ring, int error, const char *reason)
{
	ring->error = error;
	ring->channel.reason = reason;
	ring->channel.n_in = 0;
	ring->channel.n_out = 0;
	return error;
}

/*
 * Read the peer's index, once. It may have moved on by at most `n_max`; an
 * index that moved back shows as one that moved on by almost 2^32. The load
 * is sequentially consistent for the sake of ring_arm().
 */
static int look(struct ring *ring, struct ring_flow *flow, uint32_t n_max)
{
	uint32_t index;

	index = atomic_load_explicit(flow->theirs, memory_order_seq_cst);
	if (index - flow->seen > n_max)
		return fail(ring, -EPROTO,
			    (int32_t)(index - flow->seen) < 0
				    ? "a ring's index moved back"
				    : "a ring's index ran ahead of the ring");
	flow->seen = index;
	return 0;
}

static int look_for_bytes(struct ring *ring)
{
	struct ring_flow *in = &ring->in;

	return look(ring, in, in->n_bytes - (in->seen - in->position));
}

static int look_for_room(struct ring *ring)
{
	struct ring_flow *out = &ring->out;

	return look(ring, out, out->position - out->seen);
}

static uint32_t count_unread(const struct ring *ring)
{
	return ring->in.seen - ring->in.position -
	       (uint32_t)ring->channel.n_consumed;
}

static uint32_t count_room(const struct ring *ring)
{
	return ring->out.n_bytes - (ring->out.position - ring->out.seen) -
	       (uint32_t)ring->channel.n_committed;
}

/*
 * Whether the peer is gone for good. Once it has been, a byte set back to
 * live brings nobody back.
 */
static bool is_gone(struct ring *ring)
{
	if (!ring->is_hung_up)
		ring->is_hung_up =
			atomic_load_explicit(ring->their_live,
					     memory_order_acquire) == RING_GONE;
	return ring->is_hung_up;
}

/* -EPIPE once a peer that is gone has nothing left for us, else 0. */
static int check_end(struct ring *ring)
{
	int r;

	if (!is_gone(ring))
		return 0;
	/* It may have written something after we looked, and then gone. */
	r = look_for_bytes(ring);
	if (r < 0)
		return r;
	return count_unread(ring) ? 0 : fail(ring, -EPIPE, NULL);
}

/* The byte at a position, and those behind it if the ring is mapped twice. */
static uint8_t *byte_at(const struct ring_flow *flow, uint32_t position)
{
	return flow->bytes + (position & (flow->n_bytes - 1));
}

static uint32_t read_position(const struct ring *ring)
{
	return ring->in.position + (uint32_t)ring->channel.n_consumed;
}

static void show_bytes(struct ring *ring)
{
	struct channel *channel = &ring->channel;
	uint32_t position = read_position(ring);
	uint32_t n = count_unread(ring);

	if (ring->in.seam) {
		channel->in =
			seam_show(ring->in.seam, position, n, &channel->n_in);
		return;
	}
	channel->in = byte_at(&ring->in, position);
	channel->n_in = n;
}

static void show_room(struct ring *ring, size_t n_wanted)
{
	struct channel *channel = &ring->channel;
	uint32_t position = ring->out.position + (uint32_t)channel->n_committed;
	uint32_t n = count_room(ring);

	if (ring->out.seam) {
		channel->out =
			seam_room(ring->out.seam, position, (uint32_t)n_wanted,
				  n, &channel->n_out);
		return;
	}
	channel->out = byte_at(&ring->out, position);
	channel->n_out = n;
}

void ring_show(struct ring *ring)
{
	show_bytes(ring);
	show_room(ring, 0);
}

int ring_refill(struct channel *channel)
{
	struct ring *ring = ring_of(channel);
	int r;

	if (ring->error)
		return ring->error;
	r = look_for_bytes(ring);
	if (!r && !count_unread(ring))
		r = check_end(ring);
	if (r < 0)
		return r;
	show_bytes(ring);
	return 0;
}

int ring_make_room(struct channel *channel, size_t n)
{
	struct ring *ring = ring_of(channel);
	int r;

	if (ring->error)
		return ring->error;
	if (n > channel->n_out_max)
		return -EMSGSIZE;
	r = look_for_room(ring);
	if (r < 0)
		return r;
	show_room(ring, n);
	if (channel->n_out >= n)
		return 0;
	r = check_end(ring);
	return r < 0 ? r : -EAGAIN;
}

/*
 * Sequentially consistent, as are the peer's request and its second look: of
 * our index and its request, one side sees the other's.
 */
static void publish(struct ring_flow *flow, uint32_t n)
{
	flow->position += n;
	atomic_store_explicit(flow->ours, flow->position, memory_order_seq_cst);
}

/* A plain load first: while the peer is awake the page's line stays shared. */
static void tell(struct ring *ring, uint8_t done)
{
	uint8_t asked;

	asked = atomic_load_explicit(ring->asked_of_us, memory_order_seq_cst);
	if (!(asked & done))
		return;
	asked = atomic_fetch_and_explicit(ring->asked_of_us, (uint8_t)~done,
					  memory_order_seq_cst);
	if (asked & done)
		ring->notify(ring);
}

int ring_flush(struct channel *channel)
{
	struct ring *ring = ring_of(channel);
	uint8_t done = 0;

	if (ring->error)
		return ring->error;
	if (channel->n_committed) {
		uint32_t n = (uint32_t)channel->n_committed;

		if (ring->out.seam)
			seam_settle(ring->out.seam, ring->out.position + n);
		publish(&ring->out, n);
		channel->n_committed = 0;
		done |= RING_NOTIFY_WRITE;
	}
	if (channel->n_consumed) {
		publish(&ring->in, (uint32_t)channel->n_consumed);
		channel->n_consumed = 0;
		done |= RING_NOTIFY_READ;
	}
	if (done)
		tell(ring, done);
	return 0;
}

/* Whether a refill would show more than the window does. */
static bool has_more(const struct ring *ring)
{
	uint32_t n = count_unread(ring);

	if (ring->in.seam) {
		uint32_t reach = seam_reach(ring->in.seam, read_position(ring));

		n = n < reach ? n : reach;
	}
	return n > ring->channel.n_in;
}

static int look_again(struct ring *ring, bool for_room)
{
	int r;

	r = look_for_bytes(ring);
	if (r < 0)
		return r;
	if (has_more(ring))
		return 1;
	if (!for_room)
		return 0;
	r = look_for_room(ring);
	if (r < 0)
		return r;
	return count_room(ring) > ring->channel.n_out;
}

/*
 * What was asked for is here: to be told of it as well would cost both sides a
 * system call or two. Who has seen the request already tells all the same.
 */
static void take_back(struct ring *ring, uint8_t wanted)
{
	atomic_fetch_and_explicit(ring->asked_of_them, (uint8_t)~wanted,
				  memory_order_seq_cst);
}

/* Ask, then look again: what came in between would tell nobody. */
int ring_arm(struct channel *channel, bool for_room)
{
	struct ring *ring = ring_of(channel);
	uint8_t wanted = RING_NOTIFY_WRITE;
	int r;

	r = ring_flush(channel);
	if (r < 0)
		return r;
	if (for_room)
		wanted |= RING_NOTIFY_READ;
	atomic_fetch_or_explicit(ring->asked_of_them, wanted,
				 memory_order_seq_cst);
	r = look_again(ring, for_room);
	if (r > 0)
		take_back(ring, wanted);
	if (r || !is_gone(ring))
		return r;

	/* What was written before the end is news; a torn rest is not. */
	r = look_again(ring, false);
	return r ? r : fail(ring, -EPIPE, NULL);
}

void ring_hang_up(struct ring *ring)
{
	ring->is_hung_up = true;
}
