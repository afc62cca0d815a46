/* SPDX-License-Identifier: MIT */

/* And what once it has: indices, events, and the live byte. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/xen/match.h"

/* ---- indices ---- */

static void test_a_server_that_runs_ahead(void **state)
{
	struct match *match = *state;

	match_join_as_client(match);
	match->raw.page->right_prod = 8193;
	raw_notify(&match->raw);
	match_expect_end(match, -EPROTO, RAN_AHEAD);
}

static void test_a_server_that_goes_back(void **state)
{
	struct match *match = *state;

	match_join_as_client(match);
	match_send_as_server(match, 10);
	match_expect_bytes(match, 10);
	match->raw.page->right_prod = 9;
	raw_notify(&match->raw);
	match_expect_end(match, -EPROTO, MOVED_BACK);
}

static void test_a_server_that_takes_what_is_not_there(void **state)
{
	struct match *match = *state;
	uint8_t *room;

	match_join_as_client(match);
	match_give(match, 10);
	match->raw.page->left_cons = 11;
	assert_int_equal(channel_reserve(match->end.channel, 4096, &room),
			 -EPROTO);
	assert_string_equal(match->end.channel->reason, RAN_AHEAD);
}

static void test_a_client_that_runs_ahead(void **state)
{
	struct match *match = *state;

	match_join_as_server(match);
	match->raw.page->left_prod = 4097;
	raw_notify(&match->raw);
	match_expect_end(match, -EPROTO, RAN_AHEAD);
}

static void test_a_client_that_goes_back(void **state)
{
	struct match *match = *state;

	match_join_as_server(match);
	match->raw.page->left_prod = 0xffffffff;
	raw_notify(&match->raw);
	match_expect_end(match, -EPROTO, MOVED_BACK);
}

static void test_a_client_that_takes_what_is_not_there(void **state)
{
	struct match *match = *state;
	uint8_t *room;

	match_join_as_server(match);
	match_give(match, 8000);
	match->raw.page->right_cons = 8001;
	assert_int_equal(channel_reserve(match->end.channel, 4000, &room),
			 -EPROTO);
	assert_string_equal(match->end.channel->reason, RAN_AHEAD);
}

/* A full ring, to the last byte, is no lie. */
static void test_a_full_ring_is_right(void **state)
{
	struct match *match = *state;

	match_join_as_client(match);
	match_send_as_server(match, 8192);
	match_expect_bytes(match, 8192);
}

static void test_our_own_index_is_never_believed(void **state)
{
	struct match *match = *state;

	match_join_as_client(match);
	match_send_as_server(match, 100);
	match_expect_bytes(match, 100);
	match->raw.page->right_cons = 0xdeadbeef;
	match->raw.page->left_prod = 0xdeadbeef;
	match_send_as_server(match, 100);
	match_expect_bytes(match, 100);
	match_give(match, 50);
	assert_int_equal(match->raw.page->right_cons, 200);
	assert_int_equal(match->raw.page->left_prod, 50);
}

/* ---- events and the live byte ---- */

static void test_a_storm_of_events(void **state)
{
	struct match *match = *state;
	unsigned n_ready;

	match_join_as_client(match);
	match_expect_bytes(match, 0);
	n_ready = match->end.n_ready;
	for (unsigned i = 0; i < 20000; i++)
		raw_notify(&match->raw);
	match_send_as_server(match, 10);
	match_expect_bytes(match, 10);
	/* However often it rings, there is one call a turn. */
	assert_true(match->end.n_ready - n_ready <= 2);
}

static void test_silence(void **state)
{
	struct match *match = *state;
	struct channel *channel;

	match_join_as_client(match);
	channel = match->end.channel;
	assert_int_equal(channel_arm(channel, false), 0);
	match->raw.page->right_prod = 10;
	poller_dispatch(&match->end.poller, 0);
	assert_int_equal(channel_refill(channel), 0);
	assert_int_equal(channel->n_in, 10);
	assert_int_equal(match->raw.page->client_live, RING_LIVE);
}

static void test_nobody_comes_back_to_life(void **state)
{
	struct match *match = *state;

	match_join_as_client(match);
	match->raw.page->server_live = RING_GONE;
	raw_notify(&match->raw);
	match_expect_end(match, -EPIPE, NULL);
	match->raw.page->server_live = RING_LIVE;
	match_send_as_server(match, 10);
	match_expect_end(match, -EPIPE, NULL);
}

/* Its pages stay ours until the other lets go, and nothing else does. */
static void test_pages_that_are_never_unmapped(void **state)
{
	struct match *match = *state;
	struct xen_count count;

	match_join_as_server(match);
	end_close(&match->end);
	assert_int_equal(xen_world_count(&match->world, SERVER, &count), 0);
	assert_int_equal(count.grants, 1 + 1 + 2);
	assert_int_equal(count.ports + count.handles, 0);
	assert_int_equal(match->raw.page->server_live, RING_GONE);
	raw_close(&match->raw);
	match->raw.page = NULL;
	match_expect_nothing_left(match, SERVER);
}

/* ---- all at once ---- */

static uint32_t next_random(uint32_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 17;
	*random ^= *random << 5;
	return *random;
}

/* Ours goes on or ends with a reason, whatever stands in the page. */
static void scribble(struct match *match, uint32_t random)
{
	uint8_t *bytes = (uint8_t *)match->raw.page;
	int r = 0;

	for (unsigned i = 0; r >= 0 && i < 300; i++) {
		struct channel *channel = match->end.channel;
		uint8_t *room;

		bytes[next_random(&random) % 24] =
			(uint8_t)next_random(&random);
		raw_notify(&match->raw);
		poller_dispatch(&match->end.poller, 0);
		r = channel_refill(channel);
		if (r >= 0) {
			channel_consume(channel, channel->n_in);
			r = channel_reserve(channel, 100, &room);
		}
		if (r >= 0)
			channel_commit(channel, 100);
		if (r >= 0 || r == -EAGAIN)
			r = channel_arm(channel, true);
	}
	if (r < 0)
		assert_true(r == -EPROTO || r == -EPIPE);
	if (r == -EPROTO)
		assert_non_null(match->end.channel->reason);
	match->raw.page->left_order = (uint16_t)match_orders[0];
	match->raw.page->right_order = (uint16_t)match_orders[1];
}

static void test_scribbled_on(void **state)
{
	struct match *match = *state;

	for (uint32_t seed = 1; seed <= 100; seed++) {
		if (seed % 2)
			match_join_as_client(match);
		else
			match_join_as_server(match);
		scribble(match, seed * 2654435761U);
		end_close(&match->end);
		raw_close(&match->raw);
		match->raw = (struct raw){ 0 };
		match_expect_nothing_left(match, SERVER);
		match_expect_nothing_left(match, CLIENT);
	}
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, match_set_up, match_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_server_that_runs_ahead),
		TEST(test_a_server_that_goes_back),
		TEST(test_a_server_that_takes_what_is_not_there),
		TEST(test_a_client_that_runs_ahead),
		TEST(test_a_client_that_goes_back),
		TEST(test_a_client_that_takes_what_is_not_there),
		TEST(test_a_full_ring_is_right),
		TEST(test_our_own_index_is_never_believed),
		TEST(test_a_storm_of_events),
		TEST(test_silence),
		TEST(test_nobody_comes_back_to_life),
		TEST(test_pages_that_are_never_unmapped),
		TEST(test_scribbled_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
