/* SPDX-License-Identifier: MIT */

/** What a peer of vchan that means harm gets from ours, and what it does not.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/xen/raw.h"

#define ONE_UUID   "11111111-1111-1111-1111-111111111111"
#define TWO_UUID   "22222222-2222-2222-2222-222222222222"
#define THREE_UUID "33333333-3333-3333-3333-333333333333"

#define BAD_ORDERS "orders of rings that cannot be"
#define BAD_GRANTS "grants of a ring that cannot be mapped"
#define BAD_NUMBER "a key of vchan is no number"
#define BAD_OWNER  "a key of vchan belongs to another domain"
#define RAN_AHEAD  "a ring's index ran ahead of the ring"
#define MOVED_BACK "a ring's index moved back"

enum { SERVER = 1, CLIENT = 2, THIRD = 3, OURS = 7, THEIRS = 8 };

/* One of the two is ours: the other is the peer by hand. */
struct match {
	struct xen_world world;
	struct end_meeting meeting;
	struct end end;
	struct raw raw;
};

static const unsigned orders[2] = { 12, 13 };

static int set_up(void **state)
{
	static struct match match;

	match = (struct match){ .meeting = { SERVER, CLIENT, "9" } };
	assert_int_equal(xen_world_start(&match.world), 0);
	assert_int_equal(xen_world_add(&match.world, SERVER, "1", ONE_UUID), 0);
	assert_int_equal(xen_world_add(&match.world, CLIENT, "2", TWO_UUID), 0);
	assert_int_equal(xen_world_add(&match.world, THIRD, "3", THREE_UUID),
			 0);
	end_init(&match.end, OURS, THEIRS);
	*state = &match;
	return 0;
}

static void expect_nothing_left(struct match *match, uint32_t domid)
{
	struct xen_count count;

	assert_int_equal(xen_world_count(&match->world, domid, &count), 0);
	assert_int_equal(count.grants, 0);
	assert_int_equal(count.maps, 0);
	assert_int_equal(count.ports, 0);
	assert_int_equal(count.handles, 0);
	assert_int_equal(count.connections, 0);
	assert_int_equal(count.watches, 0);
	assert_int_equal(count.transactions, 0);
}

/* Whatever was done to it, ours lets go of everything. */
static int tear_down(void **state)
{
	struct match *match = *state;
	bool is_server = match->end.channel && match->raw.taken;

	end_deinit(&match->end);
	if (match->raw.page)
		raw_close(&match->raw);
	expect_nothing_left(match, is_server ? SERVER : CLIENT);
	xen_world_stop(&match->world);
	return 0;
}

static void serve(struct match *match)
{
	raw_serve(&match->raw, &match->world, &match->meeting, orders);
	raw_publish(&match->raw, &match->world, &match->meeting);
}

static int connect_ours(struct match *match)
{
	return end_connect(&match->end, &match->world, CLIENT, "1/9");
}

/* Theirs the server. */
static void join_as_client(struct match *match)
{
	serve(match);
	assert_int_equal(connect_ours(match), 0);
}

/* Theirs the client. */
static void join_as_server(struct match *match)
{
	end_offer(&match->end, &match->world, &match->meeting, orders);
	raw_connect(&match->raw, &match->world, &match->meeting);
}

static void expect_end(struct match *match, int error, const char *reason)
{
	assert_int_equal(end_await_error(&match->end), error);
	if (reason)
		assert_string_equal(match->end.channel->reason, reason);
	else
		assert_null(match->end.channel->reason);
}

static void expect_refused(struct match *match, const char *reason)
{
	assert_int_equal(connect_ours(match), 0);
	expect_end(match, -EPROTO, reason);
	end_close(&match->end);
}

/* Bytes of theirs, put where the server's are, and one event. */
static void send_as_server(struct match *match, size_t n)
{
	struct raw *raw = &match->raw;
	uint32_t prod = atomic_load(&raw->page->right_prod);

	memset(raw->right, 'x', n);
	atomic_store(&raw->page->right_prod, prod + (uint32_t)n);
	raw_notify(raw);
}

static void expect_bytes(struct match *match, size_t n)
{
	struct channel *channel = match->end.channel;
	size_t n_taken = 0;

	while (n_taken < n) {
		int r = channel_refill(channel);

		assert_int_equal(r, 0);
		n_taken += channel->n_in;
		channel_consume(channel, channel->n_in);
		assert_int_equal(channel_flush(channel), 0);
		r = channel_arm(channel, false);
		assert_true(r >= 0);
		if (!r && n_taken < n)
			assert_true(poller_dispatch(&match->end.poller,
						    END_WAIT_MS) > 0);
	}
	assert_int_equal(n_taken, n);
}

static void give(struct match *match, size_t n)
{
	uint8_t *room = NULL;

	assert_int_equal(channel_reserve(match->end.channel, n, &room), 0);
	memset(room, 'y', n);
	channel_commit(match->end.channel, n);
	assert_int_equal(channel_flush(match->end.channel), 0);
}

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

	serve(match);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		raw_put(&match->world, &match->meeting, "ring-ref",
			keys[i].value, keys[i].n);
		expect_refused(match, BAD_NUMBER);
	}
	raw_publish(&match->raw, &match->world, &match->meeting);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		raw_put(&match->world, &match->meeting, "event-channel",
			keys[i].value, keys[i].n);
		expect_refused(match, BAD_NUMBER);
	}
}

static void test_a_key_as_large_as_can_be(void **state)
{
	struct match *match = *state;
	char digits[2048];

	serve(match);
	memset(digits, '1', sizeof(digits));
	raw_put(&match->world, &match->meeting, "ring-ref", digits,
		sizeof(digits));
	expect_refused(match, BAD_NUMBER);
}

/* Domain 0 made a key there and gave it to somebody. */
static void test_a_key_of_another_domain(void **state)
{
	struct match *match = *state;

	serve(match);
	raw_give_key(&match->world, &match->meeting, "event-channel", THIRD);
	expect_refused(match, BAD_OWNER);
}

static void test_a_page_that_is_not_there(void **state)
{
	struct match *match = *state;

	serve(match);
	raw_put(&match->world, &match->meeting, "ring-ref", "4000000000", 10);
	assert_int_equal(connect_ours(match), -ECONNREFUSED);
	raw_put(&match->world, &match->meeting, "ring-ref", "0", 1);
	assert_int_equal(connect_ours(match), -ECONNREFUSED);
}

/* It may be another's offer that was taken just now, so it takes a while. */
static void test_a_port_that_is_not_there(void **state)
{
	struct match *match = *state;

	serve(match);
	raw_put(&match->world, &match->meeting, "event-channel", "4294967295",
		10);
	assert_int_equal(connect_ours(match), 0);
	expect_end(match, -ECONNREFUSED, NULL);
}

static void test_a_server_that_is_gone(void **state)
{
	struct match *match = *state;

	serve(match);
	match->raw.page->server_live = RING_GONE;
	assert_int_equal(connect_ours(match), -ECONNREFUSED);
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

	serve(match);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		match->raw.page->left_order = lies[i][0];
		match->raw.page->right_order = lies[i][1];
		match->raw.page->client_live = RING_AWAITED;
		expect_refused(match, BAD_ORDERS);
	}
	match->raw.page->left_order = (uint16_t)orders[0];
	match->raw.page->right_order = (uint16_t)orders[1];
}

static void test_grants_that_are_none(void **state)
{
	static const uint32_t lies[] = { 0, 1, 5000, 0xffffffff };
	struct match *match = *state;
	uint32_t right;

	serve(match);
	right = match->raw.page->grants[1];
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		match->raw.page->grants[1] = lies[i];
		match->raw.page->client_live = RING_AWAITED;
		expect_refused(match, BAD_GRANTS);
	}
	/* Larger rings than were granted: what follows are zeros. */
	match->raw.page->grants[1] = right;
	match->raw.page->right_order = 16;
	match->raw.page->client_live = RING_AWAITED;
	expect_refused(match, BAD_GRANTS);
	match->raw.page->right_order = (uint16_t)orders[1];
}

/* A page that is granted to us, but not by the server. */
static void test_grants_of_another_domain(void **state)
{
	struct match *match = *state;
	const struct end_meeting other = { THIRD, CLIENT, "9" };
	const unsigned small[2] = { 10, 11 };
	struct raw third = { 0 };
	struct xen_count count;

	serve(match);
	raw_serve(&third, &match->world, &other, small);
	match->raw.page->grants[0] = third.ring_ref;
	expect_refused(match, BAD_GRANTS);
	assert_int_equal(xen_world_count(&match->world, CLIENT, &count), 0);
	assert_int_equal(count.maps, 0);
	raw_close(&third);
}

/* One page twice is the server's own loss. */
static void test_a_grant_twice(void **state)
{
	struct match *match = *state;

	serve(match);
	match->raw.page->grants[2] = match->raw.page->grants[1];
	assert_int_equal(connect_ours(match), 0);
	send_as_server(match, 8192);
	expect_bytes(match, 8192);
}

static void test_orders_changed_afterwards(void **state)
{
	struct match *match = *state;

	join_as_client(match);
	match->raw.page->left_order = 20;
	match->raw.page->right_order = 9;
	for (unsigned i = 0; i < 5; i++) {
		send_as_server(match, 5000);
		expect_bytes(match, 5000);
	}
	give(match, 4096);
	assert_int_equal(match->raw.page->left_prod, 4096);
	match->raw.page->left_order = (uint16_t)orders[0];
	match->raw.page->right_order = (uint16_t)orders[1];
}

/* ---- indices ---- */

static void test_a_server_that_runs_ahead(void **state)
{
	struct match *match = *state;

	join_as_client(match);
	match->raw.page->right_prod = 8193;
	raw_notify(&match->raw);
	expect_end(match, -EPROTO, RAN_AHEAD);
}

static void test_a_server_that_goes_back(void **state)
{
	struct match *match = *state;

	join_as_client(match);
	send_as_server(match, 10);
	expect_bytes(match, 10);
	match->raw.page->right_prod = 9;
	raw_notify(&match->raw);
	expect_end(match, -EPROTO, MOVED_BACK);
}

static void test_a_server_that_takes_what_is_not_there(void **state)
{
	struct match *match = *state;
	uint8_t *room;

	join_as_client(match);
	give(match, 10);
	match->raw.page->left_cons = 11;
	assert_int_equal(channel_reserve(match->end.channel, 4096, &room),
			 -EPROTO);
	assert_string_equal(match->end.channel->reason, RAN_AHEAD);
}

static void test_a_client_that_runs_ahead(void **state)
{
	struct match *match = *state;

	join_as_server(match);
	match->raw.page->left_prod = 4097;
	raw_notify(&match->raw);
	expect_end(match, -EPROTO, RAN_AHEAD);
}

static void test_a_client_that_goes_back(void **state)
{
	struct match *match = *state;

	join_as_server(match);
	match->raw.page->left_prod = 0xffffffff;
	raw_notify(&match->raw);
	expect_end(match, -EPROTO, MOVED_BACK);
}

static void test_a_client_that_takes_what_is_not_there(void **state)
{
	struct match *match = *state;
	uint8_t *room;

	join_as_server(match);
	give(match, 8000);
	match->raw.page->right_cons = 8001;
	assert_int_equal(channel_reserve(match->end.channel, 4000, &room),
			 -EPROTO);
	assert_string_equal(match->end.channel->reason, RAN_AHEAD);
}

/* A full ring, to the last byte, is no lie. */
static void test_a_full_ring_is_right(void **state)
{
	struct match *match = *state;

	join_as_client(match);
	send_as_server(match, 8192);
	expect_bytes(match, 8192);
}

static void test_our_own_index_is_never_believed(void **state)
{
	struct match *match = *state;

	join_as_client(match);
	send_as_server(match, 100);
	expect_bytes(match, 100);
	match->raw.page->right_cons = 0xdeadbeef;
	match->raw.page->left_prod = 0xdeadbeef;
	send_as_server(match, 100);
	expect_bytes(match, 100);
	give(match, 50);
	assert_int_equal(match->raw.page->right_cons, 200);
	assert_int_equal(match->raw.page->left_prod, 50);
}

/* ---- events and the live byte ---- */

static void test_a_storm_of_events(void **state)
{
	struct match *match = *state;
	unsigned n_ready;

	join_as_client(match);
	expect_bytes(match, 0);
	n_ready = match->end.n_ready;
	for (unsigned i = 0; i < 20000; i++)
		raw_notify(&match->raw);
	send_as_server(match, 10);
	expect_bytes(match, 10);
	/* However often it rings, there is one call a turn. */
	assert_true(match->end.n_ready - n_ready <= 2);
}

static void test_silence(void **state)
{
	struct match *match = *state;
	struct channel *channel;

	join_as_client(match);
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

	join_as_client(match);
	match->raw.page->server_live = RING_GONE;
	raw_notify(&match->raw);
	expect_end(match, -EPIPE, NULL);
	match->raw.page->server_live = RING_LIVE;
	send_as_server(match, 10);
	expect_end(match, -EPIPE, NULL);
}

/* Its pages stay ours until the other lets go, and nothing else does. */
static void test_pages_that_are_never_unmapped(void **state)
{
	struct match *match = *state;
	struct xen_count count;

	join_as_server(match);
	end_close(&match->end);
	assert_int_equal(xen_world_count(&match->world, SERVER, &count), 0);
	assert_int_equal(count.grants, 1 + 1 + 2);
	assert_int_equal(count.ports + count.handles, 0);
	assert_int_equal(match->raw.page->server_live, RING_GONE);
	raw_close(&match->raw);
	match->raw.page = NULL;
	expect_nothing_left(match, SERVER);
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
	match->raw.page->left_order = (uint16_t)orders[0];
	match->raw.page->right_order = (uint16_t)orders[1];
}

static void test_scribbled_on(void **state)
{
	struct match *match = *state;

	for (uint32_t seed = 1; seed <= 100; seed++) {
		if (seed % 2)
			join_as_client(match);
		else
			join_as_server(match);
		scribble(match, seed * 2654435761U);
		end_close(&match->end);
		raw_close(&match->raw);
		match->raw = (struct raw){ 0 };
		expect_nothing_left(match, SERVER);
		expect_nothing_left(match, CLIENT);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
