/* SPDX-License-Identifier: MIT */

/* What a peer of vchan that means harm gets before ours has joined it. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/xen/match.h"

/* ---- before anything is shared ---- */

static void test_keys_that_are_no_numbers(void **state)
{
	static const struct {
		const char *value;
		size_t n;
	} keys[] = {
		{ "12x", 3 },
		{ "-1", 2 },
		{ "", 0 },
		{ " 12", 3 },
		{ "12\n", 3 },
		{ "0x12", 4 },
		{ "012", 3 },
		{ "1\0002", 3 },
		{ "12\000", 3 },
		{ "+12", 3 },
		{ "1e3", 3 },
		{ "4294967296", 10 },
		{ "99999999999999999999999999", 26 },
	};
	struct match *match = *state;

	match_serve(match);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		raw_put(&match->world, &match->meeting, "ring-ref",
			keys[i].value, keys[i].n);
		match_expect_refused(match, BAD_NUMBER);
	}
	raw_publish(&match->raw, &match->world, &match->meeting);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		raw_put(&match->world, &match->meeting, "event-channel",
			keys[i].value, keys[i].n);
		match_expect_refused(match, BAD_NUMBER);
	}
}

static void test_a_key_as_large_as_can_be(void **state)
{
	struct match *match = *state;
	char digits[2048];

	match_serve(match);
	memset(digits, '1', sizeof(digits));
	raw_put(&match->world, &match->meeting, "ring-ref", digits,
		sizeof(digits));
	match_expect_refused(match, BAD_NUMBER);
}

/* Domain 0 made a key there and gave it to somebody. */
static void test_a_key_of_another_domain(void **state)
{
	struct match *match = *state;

	match_serve(match);
	raw_give_key(&match->world, &match->meeting, "event-channel", THIRD);
	match_expect_refused(match, BAD_OWNER);
}

static void test_a_page_that_is_not_there(void **state)
{
	struct match *match = *state;

	match_serve(match);
	raw_put(&match->world, &match->meeting, "ring-ref", "4000000000", 10);
	assert_int_equal(match_connect_ours(match), -ECONNREFUSED);
	raw_put(&match->world, &match->meeting, "ring-ref", "0", 1);
	assert_int_equal(match_connect_ours(match), -ECONNREFUSED);
}

/* It may be another's offer that was taken just now, so it takes a while. */
static void test_a_port_that_is_not_there(void **state)
{
	struct match *match = *state;

	match_serve(match);
	raw_put(&match->world, &match->meeting, "event-channel", "4294967295",
		10);
	assert_int_equal(match_connect_ours(match), 0);
	match_expect_end(match, -ECONNREFUSED, NULL);
}

static void test_a_server_that_is_gone(void **state)
{
	struct match *match = *state;

	match_serve(match);
	match->raw.page->server_live = RING_GONE;
	assert_int_equal(match_connect_ours(match), -ECONNREFUSED);
}

/* ---- what the control page says ---- */

static void test_orders_that_cannot_be(void **state)
{
	static const uint16_t lies[][2] = {
		{ 0, 12 },
		{ 9, 12 },
		{ 12, 9 },
		{ 21, 12 },
		{ 12, 21 },
		{ 10, 10 },
		{ 11, 11 },
		{ 0xffff, 0xffff },
		{ 12, 32 },
		{ 0x10c, 12 },
		/* Their grants reach into the ring in the page. */
		{ 10, 20 },
	};
	struct match *match = *state;

	match_serve(match);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		match->raw.page->left_order = lies[i][0];
		match->raw.page->right_order = lies[i][1];
		match->raw.page->client_live = RING_AWAITED;
		match_expect_refused(match, BAD_ORDERS);
	}
	match->raw.page->left_order = (uint16_t)match_orders[0];
	match->raw.page->right_order = (uint16_t)match_orders[1];
}

static void test_grants_that_are_none(void **state)
{
	static const uint32_t lies[] = { 0, 1, 5000, 0xffffffff };
	struct match *match = *state;
	uint32_t right;

	match_serve(match);
	right = match->raw.page->grants[1];
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		match->raw.page->grants[1] = lies[i];
		match->raw.page->client_live = RING_AWAITED;
		match_expect_refused(match, BAD_GRANTS);
	}
	/* Larger rings than were granted: what follows are zeros. */
	match->raw.page->grants[1] = right;
	match->raw.page->right_order = 16;
	match->raw.page->client_live = RING_AWAITED;
	match_expect_refused(match, BAD_GRANTS);
	match->raw.page->right_order = (uint16_t)match_orders[1];
}

/* A page that is granted to us, but not by the server. */
static void test_grants_of_another_domain(void **state)
{
	struct match *match = *state;
	const struct end_meeting other = { THIRD, CLIENT, "9" };
	const unsigned small[2] = { 10, 11 };
	struct raw third = { 0 };
	struct xen_count count;

	match_serve(match);
	raw_serve(&third, &match->world, &other, small);
	match->raw.page->grants[0] = third.ring_ref;
	match_expect_refused(match, BAD_GRANTS);
	assert_int_equal(xen_world_count(&match->world, CLIENT, &count), 0);
	assert_int_equal(count.maps, 0);
	raw_close(&third);
}

/* One page twice is the server's own loss. */
static void test_a_grant_twice(void **state)
{
	struct match *match = *state;

	match_serve(match);
	match->raw.page->grants[2] = match->raw.page->grants[1];
	assert_int_equal(match_connect_ours(match), 0);
	match_send_as_server(match, 8192);
	match_expect_bytes(match, 8192);
}

static void test_orders_changed_afterwards(void **state)
{
	struct match *match = *state;

	match_join_as_client(match);
	match->raw.page->left_order = 20;
	match->raw.page->right_order = 9;
	for (unsigned i = 0; i < 5; i++) {
		match_send_as_server(match, 5000);
		match_expect_bytes(match, 5000);
	}
	match_give(match, 4096);
	assert_int_equal(match->raw.page->left_prod, 4096);
	match->raw.page->left_order = (uint16_t)match_orders[0];
	match->raw.page->right_order = (uint16_t)match_orders[1];
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, match_set_up, match_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keys_that_are_no_numbers),
		TEST(test_a_key_as_large_as_can_be),
		TEST(test_a_key_of_another_domain),
		TEST(test_a_page_that_is_not_there),
		TEST(test_a_port_that_is_not_there),
		TEST(test_a_server_that_is_gone),
		TEST(test_orders_that_cannot_be),
		TEST(test_grants_that_are_none),
		TEST(test_grants_of_another_domain),
		TEST(test_a_grant_twice),
		TEST(test_orders_changed_afterwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
