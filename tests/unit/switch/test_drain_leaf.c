/* SPDX-License-Identifier: MIT */

/* A server below a leaf that drains, whoever wants it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/le.h"
#include "switch/drain.h"
#include "tests/unit/switch/fake_leaf.h"

/* a serves in the leaf, b and h call. */

enum { ID = 4 };

static struct registration *at(struct world *world)
{
	struct registration *registration = registration_lookup(&world->bus, 1);

	assert_non_null(registration);
	return registration;
}

static void expect_nobody(void)
{
	fake_call(&h, 1, 0, "svc");
	fake_expect_status(&h, 1, STATUS_UNAVAILABLE, false);
	fake_call(&b, 1, 0, "svc");
	fake_expect_status(&b, 1, STATUS_UNAVAILABLE, false);
	fake_expect_silence(&a);
}

static void send_drain(void)
{
	struct frame frame = { .kind = FRAME_DRAIN, .correlation = 9 };
	uint8_t body[4];

	le32_store(body, ID);
	fake_send(&a, &frame, "", body, sizeof(body));
}

static void drain_a(void)
{
	send_drain();
	fake_expect(&a, FRAME_RESULT, &got);
	assert_int_equal(got.frame.correlation, 9);
	assert_int_equal(got.frame.status, STATUS_OK);
}

static void expect_told(void)
{
	world_settle(&host);
	fake_expect(&a, FRAME_RESULT, &got);
	assert_int_equal(got.frame.correlation, FRAME_SWITCH_DRAWN | ID);
	assert_int_equal(got.frame.status, STATUS_OK);
}

static void the_server_wants_it(void **state)
{
	fake_serve(&a, ID, "svc", 10);
	drain_a();
	assert_true(at(&host)->is_draining);
	expect_nobody();
}

static void the_host_wants_it(void **state)
{
	fake_serve(&a, ID, "svc", 10);
	drain_by_order(at(&host));
	expect_told();
	expect_nobody();
}

static void the_leaf_wants_it(void **state)
{
	fake_serve(&a, ID, "svc", 10);
	drain_by_order(at(&leaf));
	expect_told();
	assert_true(at(&host)->is_draining);
	expect_nobody();
}

static void it_outlasts_the_uplink(void **state)
{
	fake_serve(&a, ID, "svc", 10);
	fake_leaf_lose();
	drain_a();
	fake_leaf_connect();
	expect_nobody();
	assert_int_equal(n_there, 2);
}

/* It is lost before the host has said a word. */
static void a_lost_answer_is_good(void **state)
{
	fake_serve(&a, ID, "svc", 10);
	leaf.beside = NULL;
	send_drain();
	fake_expect_silence(&a);
	fake_leaf_lose();
	fake_expect(&a, FRAME_RESULT, &got);
	assert_int_equal(got.frame.status, STATUS_OK);
	leaf.beside = &host;
	fake_leaf_connect();
	expect_nobody();
}

/* The host has given it away before it knew. */
static void what_was_handed_down_is_served(void **state)
{
	fake_serve(&a, ID, "svc", 10);
	fake_call(&h, 1, 0, "svc");
	fake_expect(&a, FRAME_CALL, &got);
	registration_drain(at(&leaf));
	fake_answer(&a, got.frame.correlation);
	fake_expect(&h, FRAME_REPLY, &got);
	fake_call(&h, 2, 0, "svc");
	fake_expect(&a, FRAME_CALL, &got);
}

#define TEST(name)                                              \
	cmocka_unit_test_setup_teardown(name, fake_leaf_set_up, \
					fake_leaf_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_server_wants_it),
		TEST(the_host_wants_it),
		TEST(the_leaf_wants_it),
		TEST(it_outlasts_the_uplink),
		TEST(a_lost_answer_is_good),
		TEST(what_was_handed_down_is_served),
	};

	return cmocka_run_group_tests_name("drain_leaf", tests, NULL, NULL);
}
