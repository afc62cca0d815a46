/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fault.h"
#include "tests/unit/transports/ring_ends.h"

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

static void who_finds_what_it_asked_for_is_not_woken_as_well(void **state)
{
	struct ring_pair pair;

	open_pair(&pair, ORDER, ORDER);
	put(&pair.client, "x", 1);
	assert_int_equal(channel_arm(&pair.server.channel, false), 1);
	pair.n_server_wakes = 0;
	put(&pair.client, "x", 1);
	assert_int_equal(pair.n_server_wakes, 0);

	expect(&pair.server, "xx", 2);
	assert_int_equal(channel_arm(&pair.server.channel, false), 0);
	put(&pair.client, "x", 1);
	assert_int_equal(pair.n_server_wakes, 1);
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
		cmocka_unit_test(
			who_finds_what_it_asked_for_is_not_woken_as_well),
		cmocka_unit_test(a_client_goes_on_where_another_was),
		cmocka_unit_test(
			a_death_told_from_outside_comes_after_the_bytes),
		cmocka_unit_test(a_bounce_that_cannot_be_had_is_said),
	};

	int n_failed;

	mapping = MAPPED_TWICE;
	n_failed = cmocka_run_group_tests_name("twice", tests, NULL, NULL);
	mapping = MAPPED_ONCE;
	return n_failed +
	       cmocka_run_group_tests_name("once", tests, NULL, NULL);
}
