/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fault.h"
#include "tests/unit/transports/ring_pair.h"

enum { ORDER = 12, N_BYTES = 1 << ORDER };

static const struct channel_ops ring_ops = {
	.name = "ring",
	.refill = ring_refill,
	.make_room = ring_make_room,
	.flush = ring_flush,
	.arm = ring_arm,
};

/* All tests run over both. */
static enum ring_mapping mapping;

static struct channel *open_end(struct ring *ring)
{
	ring->channel.ops = &ring_ops;
	return &ring->channel;
}

static void open_pair(struct ring_pair *pair, unsigned left, unsigned right)
{
	assert_int_equal(ring_pair_init(pair, mapping, left, right, NULL), 0);
	open_end(&pair->client);
	open_end(&pair->server);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void put(struct ring *ring, const void *bytes, size_t n)
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
static void expect(struct ring *ring, const void *bytes, size_t n)
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

/* Thirds of the ring, so that they cross its end; then all of it at once. */
static void carry(struct ring *from, struct ring *to, size_t n_ring)
{
	static uint8_t bytes[1 << RING_ORDER_MAX];
	uint8_t *room;

	for (size_t i = 0; i < n_ring; i++)
		bytes[i] = (uint8_t)(i * 7 + n_ring);
	for (size_t i = 0; i < 5; i++) {
		put(from, bytes + i, n_ring / 3);
		expect(to, bytes + i, n_ring / 3);
	}
	put(from, bytes, n_ring);
	assert_int_equal(channel_reserve(&from->channel, 1, &room), -EAGAIN);
	assert_int_equal(channel_reserve(&from->channel,
					 from->channel.n_out_max + 1, &room),
			 -EMSGSIZE);
	expect(to, bytes, n_ring);
	assert_int_equal(
		channel_reserve(&from->channel, from->channel.n_out_max, &room),
		0);
}

static void all_legal_pairs_of_orders_carry_bytes(void **state)
{
	unsigned n_legal = 0;

	for (unsigned left = 0; left < 32; left++) {
		for (unsigned right = 0; right < 32; right++) {
			struct ring_pair pair;

			if (!ring_orders_are_legal(left, right))
				continue;
			n_legal++;
			open_pair(&pair, left, right);
			assert_int_equal(pair.page->left_order, left);
			assert_int_equal(pair.page->right_order, right);
			carry(&pair.client, &pair.server, (size_t)1 << left);
			carry(&pair.server, &pair.client, (size_t)1 << right);
			ring_pair_deinit(&pair);
		}
	}
	assert_int_equal(n_legal, 11 * 11 - 2);
}

static void the_page_is_as_upstream_has_it(void **state)
{
	struct ring_pair pair;
	const uint8_t *page;

	open_pair(&pair, 10, 11);
	page = (const uint8_t *)pair.page;
	assert_int_equal(page[20], RING_LIVE);
	assert_int_equal(page[21], RING_LIVE);
	assert_int_equal(page[22], RING_NOTIFY_WRITE);
	assert_int_equal(page[23], RING_NOTIFY_WRITE);
	assert_int_equal(pair.n_server_wakes, 1);

	put(&pair.client, "left", 4);
	put(&pair.server, "right", 5);
	assert_memory_equal(page + 1024, "left", 4);
	assert_memory_equal(page + 2048, "right", 5);
	expect(&pair.server, "left", 4);
	assert_memory_equal(page, "\4\0\0\0\4\0\0\0\0\0\0\0\5\0\0\0", 16);
	assert_memory_equal(page + 16, "\12\0\13\0", 4);
	ring_pair_deinit(&pair);
	assert_int_equal(pair.n_client_wakes, 2);
}

/* Puts both ends to where 2^32 is near, as after 4 GiB. */
static void counters_run_over(void **state)
{
	const uint32_t near = UINT32_MAX - 5000;
	struct ring_pair pair;

	open_pair(&pair, ORDER, ORDER);
	pair.client.channel.n_out = 0;
	pair.client.out.position = pair.client.out.seen = near;
	pair.server.in.position = pair.server.in.seen = near;
	atomic_store(&pair.page->left_cons, near);
	atomic_store(&pair.page->left_prod, near);
	carry(&pair.client, &pair.server, N_BYTES);
	assert_true(atomic_load(&pair.page->left_prod) < N_BYTES * 2);
	ring_pair_deinit(&pair);
}

static void nobody_awake_is_woken(void **state)
{
	struct ring_pair pair;
	unsigned n_wakes;

	open_pair(&pair, ORDER, ORDER);
	put(&pair.client, "x", 1);
	n_wakes = pair.n_server_wakes;
	for (int i = 0; i < 1000; i++)
		put(&pair.client, "x", 1);
	assert_int_equal(pair.n_server_wakes, n_wakes);

	assert_int_equal(channel_refill(&pair.server.channel), 0);
	assert_int_equal(channel_arm(&pair.server.channel, false), 0);
	put(&pair.client, "x", 1);
	put(&pair.client, "x", 1);
	assert_int_equal(pair.n_server_wakes, n_wakes + 1);
	ring_pair_deinit(&pair);
}

static void room_wakes_only_who_asked_for_room(void **state)
{
	static const uint8_t bytes[N_BYTES];
	struct ring_pair pair;
	uint8_t *room;

	open_pair(&pair, ORDER, ORDER);
	put(&pair.client, bytes, N_BYTES);
	assert_int_equal(channel_arm(&pair.client.channel, false), 0);
	pair.n_client_wakes = 0;
	expect(&pair.server, bytes, 10);
	assert_int_equal(pair.n_client_wakes, 0);

	assert_int_equal(channel_reserve(&pair.client.channel, 100, &room),
			 -EAGAIN);
	assert_int_equal(channel_arm(&pair.client.channel, true), 0);
	expect(&pair.server, bytes, 10);
	assert_int_equal(pair.n_client_wakes, 1);
	assert_int_equal(channel_arm(&pair.client.channel, true), 1);
	ring_pair_deinit(&pair);
}

/* All that a window may show is shown: what is beyond it keeps nobody up. */
static void a_reader_that_takes_nothing_may_sleep(void **state)
{
	static const uint8_t bytes[200000];
	struct ring_pair pair;
	struct channel *channel = &pair.server.channel;

	for (size_t n_before = 0; n_before < 180000; n_before += 60000) {
		open_pair(&pair, 18, ORDER);
		put(&pair.client, bytes, n_before);
		expect(&pair.server, bytes, n_before);
		put(&pair.client, bytes, sizeof(bytes));
		assert_int_equal(channel_refill(channel), 0);
		if (channel_arm(channel, false))
			assert_int_equal(channel_refill(channel), 0);
		assert_int_equal(channel_arm(channel, false), 0);
		assert_true(channel->n_in >=
			    smaller(channel->n_in_max, sizeof(bytes)));
		ring_pair_deinit(&pair);
	}
}

static void who_asks_looks_again(void **state)
{
	struct ring_pair pair;

	open_pair(&pair, ORDER, ORDER);
	put(&pair.client, "x", 1);
	assert_int_equal(channel_arm(&pair.server.channel, false), 1);
	expect(&pair.server, "x", 1);
	assert_int_equal(channel_arm(&pair.server.channel, false), 0);
	ring_pair_deinit(&pair);
}

static void expect_violation(struct channel *channel, int r)
{
	uint8_t *room;

	assert_int_equal(r, -EPROTO);
	assert_non_null(channel->reason);
	assert_int_equal(channel->n_in, 0);
	assert_int_equal(channel->n_out, 0);
	assert_int_equal(channel_refill(channel), -EPROTO);
	assert_int_equal(channel_reserve(channel, 1, &room), -EPROTO);
	assert_int_equal(channel_arm(channel, true), -EPROTO);
}

/* What the client claims to have written, against what fits. */
static int claim_written(uint32_t n)
{
	struct ring_pair pair;
	struct channel *channel;
	int r;

	open_pair(&pair, ORDER, ORDER);
	put(&pair.client, "0123456789", 10);
	expect(&pair.server, "01234", 5);
	channel = &pair.server.channel;
	atomic_store(&pair.page->left_prod, n);
	r = channel_refill(channel);
	if (r < 0)
		expect_violation(channel, r);
	else
		assert_int_equal(channel->n_in, n - 5);
	ring_pair_deinit(&pair);
	return r;
}

static void a_written_index_must_stay_within_the_ring(void **state)
{
	assert_int_equal(claim_written(10), 0);
	assert_int_equal(claim_written(5 + N_BYTES), 0);
	assert_int_equal(claim_written(5 + N_BYTES + 1), -EPROTO);
	assert_int_equal(claim_written(9), -EPROTO);
	assert_int_equal(claim_written(4), -EPROTO);
	assert_int_equal(claim_written(0), -EPROTO);
	assert_int_equal(claim_written(UINT32_MAX), -EPROTO);
	assert_int_equal(claim_written(UINT32_C(1) << 31), -EPROTO);
}

/* What the client claims to have read of ten bytes, five of them before. */
static int claim_read(uint32_t n)
{
	struct ring_pair pair;
	struct channel *channel;
	int r;

	open_pair(&pair, ORDER, ORDER);
	put(&pair.server, "0123456789", 10);
	expect(&pair.client, "01234", 5);
	channel = &pair.server.channel;
	assert_int_equal(channel->ops->make_room(channel, 1), 0);
	atomic_store(&pair.page->right_cons, n);
	r = channel->ops->make_room(channel, 1);
	if (r < 0)
		expect_violation(channel, r);
	else
		assert_int_equal(channel->n_out, mapping == MAPPED_TWICE
							 ? N_BYTES - (10 - n)
							 : N_BYTES - 10);
	ring_pair_deinit(&pair);
	return r;
}

static void a_read_index_must_not_pass_what_was_written(void **state)
{
	assert_int_equal(claim_read(5), 0);
	assert_int_equal(claim_read(10), 0);
	assert_int_equal(claim_read(11), -EPROTO);
	assert_int_equal(claim_read(4), -EPROTO);
	assert_int_equal(claim_read(UINT32_MAX), -EPROTO);
}

static void our_own_words_are_never_read_back(void **state)
{
	struct ring_pair pair;

	open_pair(&pair, ORDER, ORDER);
	pair.page->left_order = 31;
	pair.page->right_order = 10;
	put(&pair.server, "abc", 3);
	atomic_store(&pair.page->right_prod, 0xdeadbeef);
	put(&pair.server, "def", 3);
	assert_int_equal(atomic_load(&pair.page->right_prod), 6);

	put(&pair.client, "ghi", 3);
	atomic_store(&pair.page->left_cons, 0xdeadbeef);
	expect(&pair.server, "ghi", 3);
	assert_int_equal(atomic_load(&pair.page->left_cons), 3);
	expect(&pair.client, "abcdef", 6);
	ring_pair_deinit(&pair);
}

static int join_again(struct ring_pair *pair)
{
	struct ring_config config = {
		.role = RING_CLIENT,
		.left_order = ORDER,
		.right_order = ORDER,
		.page = pair->page,
		.left = pair->left.at,
		.right = pair->right.at,
		.is_mapped_twice = mapping == MAPPED_TWICE,
		.notify = pair->client.notify,
	};

	ring_deinit(&pair->client);
	pair->client = (struct ring){ 0 };
	open_end(&pair->client);
	return ring_init(&pair->client, &config);
}

/* As one of a server that stays, and never saw that the first was gone. */
static void a_client_goes_on_where_another_was(void **state)
{
	struct ring_pair pair;

	open_pair(&pair, ORDER, ORDER);
	put(&pair.client, "one", 3);
	put(&pair.server, "left over", 9);
	expect(&pair.client, "left", 4);
	assert_int_equal(join_again(&pair), 0);
	put(&pair.client, "two", 3);
	expect(&pair.server, "onetwo", 6);
	expect(&pair.client, " over", 5);

	atomic_store(&pair.page->left_cons, 7);
	assert_int_equal(join_again(&pair), -EPROTO);
	assert_non_null(pair.client.channel.reason);
	ring_pair_deinit(&pair);
}

/* Of what crosses the edge, and is shown again with more behind it. */
static void what_crosses_the_edge_is_read_once(void **state)
{
	static const uint8_t bytes[2048];
	struct ring_pair pair;
	uint8_t *page;

	open_pair(&pair, 10, 11);
	page = (uint8_t *)pair.page;
	put(&pair.client, bytes, 1020);
	expect(&pair.server, bytes, 1020);
	put(&pair.client, "crossing", 8);
	assert_int_equal(channel_refill(&pair.server.channel), 0);
	put(&pair.client, "!", 1);
	memcpy(page + 2044, "CROS", 4);
	memcpy(page + 1024, "SING?", 5);
	assert_int_equal(channel_refill(&pair.server.channel), 0);
	assert_int_equal(pair.server.channel.n_in, 9);
	assert_memory_equal(pair.server.channel.in, "crossing?", 9);
	ring_pair_deinit(&pair);
}

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

static void a_peer_that_left_does_not_come_back(void **state)
{
	struct ring_pair pair;
	uint8_t *room;

	open_pair(&pair, ORDER, ORDER);
	put(&pair.client, "last", 4);
	ring_deinit(&pair.client);
	pair.client.our_live = NULL;
	expect(&pair.server, "last", 4);
	assert_int_equal(channel_refill(&pair.server.channel), -EPIPE);
	atomic_store(&pair.page->client_live, RING_LIVE);
	atomic_store(&pair.page->left_prod, 100);
	assert_int_equal(channel_refill(&pair.server.channel), -EPIPE);
	assert_int_equal(channel_reserve(&pair.server.channel, 1, &room),
			 -EPIPE);
	ring_pair_deinit(&pair);
}

static void a_death_told_from_outside_comes_after_the_bytes(void **state)
{
	struct ring_pair pair;

	open_pair(&pair, ORDER, ORDER);
	put(&pair.client, "last", 4);
	ring_hang_up(&pair.server);
	expect(&pair.server, "la", 2);
	assert_int_equal(channel_refill(&pair.server.channel), 0);
	assert_int_equal(channel_arm(&pair.server.channel, false), -EPIPE);
	ring_pair_deinit(&pair);
}

static void a_storm_of_requests_costs_one_wakeup_per_flush(void **state)
{
	struct ring_pair pair;

	open_pair(&pair, ORDER, ORDER);
	pair.n_client_wakes = 0;
	for (unsigned i = 1; i <= 100; i++) {
		atomic_store(&pair.page->server_notify, 0xff);
		put(&pair.server, "x", 1);
		assert_int_equal(pair.n_client_wakes, i);
	}
	ring_pair_deinit(&pair);
}

static uint32_t draw(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Whatever the words say, windows stay inside the rings. */
static void garbage_in_every_word_harms_nobody(void **state)
{
	uint32_t random = 1;
	uint8_t sink = 0;

	for (int round = 0; round < 2000; round++) {
		struct ring_pair pair;
		struct channel *channel;
		int r = 0;

		open_pair(&pair, round % 2 ? 10 : ORDER, 11);
		channel = &pair.server.channel;
		while (r >= 0 || r == -EAGAIN) {
			uint8_t *page = (uint8_t *)pair.page;

			page[draw(&random) % 24] = (uint8_t)draw(&random);
			r = channel_refill(channel);
			for (size_t i = 0; i < channel->n_in; i += 64)
				sink ^= channel->in[i];
			if (r >= 0 && channel->n_in)
				channel_consume(channel, 1);
			if (r >= 0)
				r = channel->ops->make_room(channel, 8);
			if (r >= 0)
				memset(channel->out, sink, channel->n_out);
			if (r >= 0)
				channel_commit(channel, 8);
			if (r >= 0)
				r = channel_arm(channel, true);
		}
		assert_true(r == -EPROTO || r == -EPIPE);
		ring_pair_deinit(&pair);
	}
}

static void a_bounce_that_cannot_be_had_is_said(void **state)
{
	struct ring_pair pair;

	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		int r;

		fault_arm(n);
		r = ring_pair_init(&pair, mapping, 10, 11, NULL);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		if (!r)
			ring_pair_deinit(&pair);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_legal_pairs_of_orders_carry_bytes),
		cmocka_unit_test(the_page_is_as_upstream_has_it),
		cmocka_unit_test(counters_run_over),
		cmocka_unit_test(nobody_awake_is_woken),
		cmocka_unit_test(room_wakes_only_who_asked_for_room),
		cmocka_unit_test(a_reader_that_takes_nothing_may_sleep),
		cmocka_unit_test(who_asks_looks_again),
		cmocka_unit_test(a_written_index_must_stay_within_the_ring),
		cmocka_unit_test(a_read_index_must_not_pass_what_was_written),
		cmocka_unit_test(our_own_words_are_never_read_back),
		cmocka_unit_test(a_client_goes_on_where_another_was),
		cmocka_unit_test(what_crosses_the_edge_is_read_once),
		cmocka_unit_test(frames_of_any_size_stand_in_one_piece),
		cmocka_unit_test(a_peer_that_left_does_not_come_back),
		cmocka_unit_test(
			a_death_told_from_outside_comes_after_the_bytes),
		cmocka_unit_test(
			a_storm_of_requests_costs_one_wakeup_per_flush),
		cmocka_unit_test(garbage_in_every_word_harms_nobody),
		cmocka_unit_test(a_bounce_that_cannot_be_had_is_said),
	};

	int n_failed;

	mapping = MAPPED_TWICE;
	n_failed = cmocka_run_group_tests_name("twice", tests, NULL, NULL);
	mapping = MAPPED_ONCE;
	return n_failed +
	       cmocka_run_group_tests_name("once", tests, NULL, NULL);
}
