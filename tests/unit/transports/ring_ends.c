/* SPDX-License-Identifier: MIT */

#include "tests/unit/transports/ring_ends.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum ring_mapping mapping;

static const struct channel_ops ring_ops = {
	.name = "ring",
	.refill = ring_refill,
	.make_room = ring_make_room,
	.flush = ring_flush,
	.arm = ring_arm,
};

struct channel *open_end(struct ring *ring)
{
	ring->channel.ops = &ring_ops;
	return &ring->channel;
}

void open_pair(struct ring_pair *pair, unsigned left, unsigned right)
{
	assert_int_equal(ring_pair_init(pair, mapping, left, right, NULL), 0);
	open_end(&pair->client);
	open_end(&pair->server);
}

size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

void put(struct ring *ring, const void *bytes, size_t n)
{
	for (size_t n_piece; n; n -= n_piece) {
		uint8_t *room = NULL;

		n_piece = smaller(n, ring->channel.n_out_max);
		assert_int_equal(
			channel_reserve(&ring->channel, n_piece, &room), 0);
		memcpy(room, bytes, n_piece);
		channel_commit(&ring->channel, n_piece);
		bytes = (const uint8_t *)bytes + n_piece;
	}
	assert_int_equal(channel_flush(&ring->channel), 0);
}

/* Who needs more than the first look shows looks again. */
void expect(struct ring *ring, const void *bytes, size_t n)
{
	struct channel *channel = &ring->channel;

	for (size_t n_piece; n; n -= n_piece) {
		n_piece = smaller(n, channel->n_in_max);
		assert_int_equal(channel_refill(channel), 0);
		if (channel->n_in < n_piece)
			assert_int_equal(channel_refill(channel), 0);
		assert_true(channel->n_in >= n_piece);
		assert_memory_equal(channel->in, bytes, n_piece);
		channel_consume(channel, n_piece);
		bytes = (const uint8_t *)bytes + n_piece;
	}
	assert_int_equal(channel_flush(channel), 0);
}
