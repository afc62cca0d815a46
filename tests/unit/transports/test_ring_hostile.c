/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/transports/ring_ends.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_written_index_must_stay_within_the_ring),
		cmocka_unit_test(a_read_index_must_not_pass_what_was_written),
		cmocka_unit_test(our_own_words_are_never_read_back),
		cmocka_unit_test(what_crosses_the_edge_is_read_once),
		cmocka_unit_test(a_peer_that_left_does_not_come_back),
		cmocka_unit_test(
			a_storm_of_requests_costs_one_wakeup_per_flush),
		cmocka_unit_test(garbage_in_every_word_harms_nobody),
	};

	int n_failed;

	mapping = MAPPED_TWICE;
	n_failed = cmocka_run_group_tests_name("twice", tests, NULL, NULL);
	mapping = MAPPED_ONCE;
	return n_failed +
	       cmocka_run_group_tests_name("once", tests, NULL, NULL);
}
