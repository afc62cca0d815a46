/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/transports/ring_ends.h"

struct stream {
	struct ring_pair pair;
	uint32_t random;
	uint64_t n_sent;
	uint64_t n_received;
	size_t n_longest; /* that had to be in one piece */
};

static uint32_t stream_draw(struct stream *stream, size_t n)
{
	stream->random = stream->random * 1664525 + 1013904223;
	return (stream->random >> 8) % (uint32_t)n;
}

static size_t stream_odd_size(struct stream *stream, size_t n_max)
{
	size_t n = stream_draw(stream, 3) ? smaller(n_max, 300) : n_max;

	return 1 + stream_draw(stream, n);
}

static uint8_t stream_byte(uint64_t position)
{
	return (uint8_t)(position % 251);
}

/* Asks for more than it then commits, as who copies pieces does. */
static void stream_put(struct stream *stream)
{
	struct channel *channel = &stream->pair.client.channel;
	size_t n = stream_odd_size(stream, channel->n_out_max);
	uint8_t *room;
	int r;

	r = channel_reserve(channel, n, &room);
	if (r == -EAGAIN)
		assert_true(channel->n_out < n);
	else
		assert_int_equal(r, 0);
	n = stream_odd_size(stream, smaller(n, channel->n_out) + 1) - 1;
	for (size_t i = 0; i < n; i++)
		channel->out[i] = stream_byte(stream->n_sent + i);
	channel_commit(channel, n);
	stream->n_sent += n;
	if (!stream_draw(stream, 3))
		assert_int_equal(channel_flush(channel), 0);
}

/* Waits for a frame of some length as its reader does, then takes it. */
static void stream_take(struct stream *stream, size_t n)
{
	struct channel *channel = &stream->pair.server.channel;
	size_t n_before = channel->n_in;

	assert_int_equal(channel_refill(channel), 0);
	assert_true(channel->n_in >= n_before);
	n_before = channel->n_in;
	if (channel->n_in < n && channel_arm(channel, false))
		assert_int_equal(channel_refill(channel), 0);
	assert_true(channel->n_in >= n_before);
	assert_true(channel->n_in >=
		    smaller(n, stream->pair.server.in.seen -
				       (uint32_t)stream->n_received));
	if (channel->n_in < n)
		return;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(channel->in[i],
				 stream_byte(stream->n_received + i));
	channel_consume(channel, n);
	stream->n_received += n;
	stream->n_longest = n > stream->n_longest ? n : stream->n_longest;
	if (!stream_draw(stream, 3))
		assert_int_equal(channel_flush(channel), 0);
}

static void carry_stream(unsigned left_order, unsigned right_order)
{
	struct stream stream = { .random = left_order };
	uint64_t n_total = 20 * ((uint64_t)1 << left_order) + (1 << 20);
	size_t n_frame = 1;

	open_pair(&stream.pair, left_order, right_order);
	while (stream.n_received < n_total) {
		uint64_t n_before = stream.n_received;

		for (uint32_t i = stream_draw(&stream, 10); i; i--)
			stream_put(&stream);
		stream_take(&stream, n_frame);
		if (stream.n_received == n_before)
			continue;
		n_frame = stream_odd_size(&stream,
					  stream.pair.server.channel.n_in_max);
	}
	assert_true(stream.n_longest > stream.pair.server.channel.n_in_max / 2);
	ring_pair_deinit(&stream.pair);
}

static void frames_of_any_size_stand_in_one_piece(void **state)
{
	for (unsigned order = RING_ORDER_MIN; order <= RING_ORDER_MAX; order++)
		carry_stream(order, RING_ORDER_PAGES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_of_any_size_stand_in_one_piece),
	};

	int n_failed;

	mapping = MAPPED_TWICE;
	n_failed = cmocka_run_group_tests_name("twice", tests, NULL, NULL);
	mapping = MAPPED_ONCE;
	return n_failed +
	       cmocka_run_group_tests_name("once", tests, NULL, NULL);
}
