/* SPDX-License-Identifier: MIT */

/* Servers that want to leave, and those that are there and do nothing. */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/le.h"
#include "switch/drain.h"
#include "switch/vigil.h"
#include "tests/unit/switch/fake_stream.h"
#include "tests/unit/switch/stage.h"

/* a calls, b and c serve. */

static void drain_as(struct fake_peer *peer, uint32_t id, enum status status)
{
	struct frame frame = { .kind = FRAME_DRAIN, .correlation = 9 };
	uint8_t body[4];

	le32_store(body, id);
	fake_send(peer, &frame, "", body, sizeof(body));
	fake_expect(peer, FRAME_RESULT, &got);
	assert_int_equal(got.frame.correlation, 9);
	assert_int_equal(got.frame.status, status);
}

static void serve_method(struct fake_peer *peer, const char *method)
{
	Helio__Bus__V1__Serve serve = HELIO__BUS__V1__SERVE__INIT;
	char name[8];
	char *methods[] = { name };

	snprintf(name, sizeof(name), "%s", method);
	serve.has_id = serve.has_credit_calls = serve.has_credit_bytes = 1;
	serve.id = 1;
	serve.methods = methods;
	serve.n_methods = 1;
	serve.credit_calls = 10;
	serve.credit_bytes = 100000;
	fake_serve_with(peer, &serve, "svc", &got);
	assert_int_equal(got.frame.status, STATUS_OK);
}

static uint64_t take_call(struct fake_peer *callee)
{
	fake_expect(callee, FRAME_CALL, &got);
	return got.frame.correlation;
}

/* The first that is registered in a world is 1. */
static struct registration *the_registration(void)
{
	struct registration *registration = registration_lookup(&world.bus, 1);

	assert_non_null(registration);
	return registration;
}

static void expect_state(const char *state)
{
	assert_string_equal(vigil_state(the_registration()), state);
}

static void the_others_get_what_is_new(void **state)
{
	uint64_t id;

	fake_serve(&b, 1, "svc", 10);
	fake_serve(&c, 1, "svc", 10);
	fake_call(&a, 1, 0, "svc");
	id = take_call(&b);
	drain_as(&b, 1, STATUS_OK);
	drain_as(&b, 1, STATUS_OK);
	for (unsigned i = 2; i < 6; i++) {
		fake_call(&a, i, 0, "svc");
		(void)take_call(&c);
	}
	fake_expect_silence(&b);
	/* What it has goes on. */
	fake_answer(&b, id);
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.correlation, 1);
	assert_int_equal(got.frame.status, STATUS_OK);
}

static void without_others_nobody_is_there(void **state)
{
	serve_method(&b, "x");
	drain_as(&b, 1, STATUS_OK);
	fake_call(&a, 1, 0, "svc.x");
	fake_expect_status(&a, 1, STATUS_UNAVAILABLE, false);
	fake_call(&a, 2, 0, "svc.y");
	fake_expect_status(&a, 2, STATUS_UNIMPLEMENTED, false);
	fake_call(&a, 3, 0, "$inst.1.svc.x");
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.status, STATUS_UNAVAILABLE);
	assert_string_equal((char *)got.body,
			    "no instance $inst.1.svc.x is there for new calls: "
			    "it is draining");
}

static void who_waits_waits_for_another(void **state)
{
	serve_method(&b, "x");
	drain_as(&b, 1, STATUS_OK);
	fake_call(&a, 1, FRAME_WAIT, "svc.x");
	fake_credit(&b, 1, 10, 100000);
	fake_expect_silence(&b);
	serve_method(&c, "x");
	fake_answer(&c, take_call(&c));
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.status, STATUS_OK);
}

static void it_ends_with_the_registration(void **state)
{
	struct frame frame = { .kind = FRAME_UNSERVE };
	static const uint8_t one[4] = { 1 };

	serve_method(&b, "x");
	serve_method(&c, "x");
	drain_as(&b, 1, STATUS_OK);
	fake_send(&b, &frame, "", one, sizeof(one));
	fake_expect(&b, FRAME_RESULT, &got);
	fake_call(&a, 1, 0, "svc.x");
	(void)take_call(&c);
	serve_method(&b, "x");
	fake_call(&a, 2, 0, "svc.x");
	fake_call(&a, 3, 0, "svc.x");
	(void)take_call(&c);
	(void)take_call(&b);
}

static void what_is_no_registration_does_not_drain(void **state)
{
	struct frame frame = { .kind = FRAME_DRAIN, .correlation = 8 };

	fake_subscribe(&b, 1, "x", 1, STATUS_OK);
	drain_as(&b, 1, STATUS_NOT_FOUND);
	drain_as(&b, 2, STATUS_NOT_FOUND);
	fake_serve(&b, 3, "svc", 10);
	fake_send(&b, &frame, "", "\3\0\0", 3);
	fake_expect(&b, FRAME_RESULT, &got);
	assert_int_equal(got.frame.status, STATUS_NOT_FOUND);
	fake_call(&a, 1, 0, "svc");
	(void)take_call(&b);
}

static void an_operator_may_want_it(void **state)
{
	fake_serve(&b, 5, "svc", 10);
	expect_state("serving");
	drain_by_order(the_registration());
	drain_by_order(the_registration());
	world_settle(&world);
	fake_expect(&b, FRAME_RESULT, &got);
	assert_int_equal(got.frame.correlation, FRAME_SWITCH_DRAWN | 5);
	assert_int_equal(got.frame.status, STATUS_OK);
	fake_expect_silence(&b);
	expect_state("draining");
	fake_call(&a, 1, 0, "svc");
	fake_expect_status(&a, 1, STATUS_UNAVAILABLE, false);
}

static void wait_s(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		world.now_ns += NS_PER_S;
		world_settle(&world);
	}
}

static void call_for_an_hour(uint64_t id, uint8_t flags)
{
	struct frame frame = { .kind = FRAME_CALL,
			       .flags = FRAME_WHOLE | flags,
			       .correlation = id,
			       .time_left_ms = 3600 * 1000 };

	fake_send(&a, &frame, "svc", "", 0);
	(void)take_call(&b);
}

static void who_answers_nothing_is_stuck(void **state)
{
	fake_serve(&b, 1, "svc", 2);
	wait_s(60);
	expect_state("serving");
	fake_expect_silence(&b);
	call_for_an_hour(1, 0);
	expect_state("serving");
	wait_s(9);
	expect_state("serving");
	wait_s(1);
	expect_state("stuck");
	/* It was asked once, and is as good as new when it answers. */
	fake_expect(&b, FRAME_PING, &got);
	fake_expect_silence(&b);
	fake_credit(&b, 7, 0, 0);
	expect_state("serving");
}

static void who_answers_a_ping_is_at_work(void **state)
{
	struct frame pong = { .kind = FRAME_PONG };
	unsigned n_pings = 0;

	fake_serve(&b, 1, "svc", 1);
	call_for_an_hour(1, 0);
	for (unsigned i = 0; i < 60; i++) {
		wait_s(1);
		if (fake_next(&b, &got)) {
			assert_int_equal(got.frame.kind, FRAME_PING);
			fake_send(&b, &pong, "", NULL, 0);
			n_pings++;
		}
		expect_state("busy");
	}
	assert_in_range(n_pings, 5, 15);
}

/* Nothing to say is not nothing done. */
static void a_quiet_stream_is_no_sign(void **state)
{
	fake_serve(&b, 1, "svc", 10);
	call_for_an_hour(1, FRAME_STREAM);
	for (unsigned i = 0; i < 10; i++) {
		wait_s(30);
		fake_grant(&a, 1, 0);
	}
	expect_state("serving");
	fake_expect_silence(&b);
	call_for_an_hour(2, 0);
	expect_state("serving");
	wait_s(10);
	expect_state("stuck");
}

static void who_takes_no_calls_at_all_is_stuck(void **state)
{
	fake_serve(&b, 1, "svc", 0);
	expect_state("busy");
	wait_s(11);
	expect_state("stuck");
	fake_credit(&b, 1, 1, 1000);
	expect_state("serving");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF_THREE(the_others_get_what_is_new),
		TEST_OF_THREE(without_others_nobody_is_there),
		TEST_OF_THREE(who_waits_waits_for_another),
		TEST_OF_THREE(it_ends_with_the_registration),
		TEST_OF_THREE(what_is_no_registration_does_not_drain),
		TEST_OF_THREE(an_operator_may_want_it),
		TEST_OF_THREE(who_answers_nothing_is_stuck),
		TEST_OF_THREE(who_answers_a_ping_is_at_work),
		TEST_OF_THREE(a_quiet_stream_is_no_sign),
		TEST_OF_THREE(who_takes_no_calls_at_all_is_stuck),
	};

	return cmocka_run_group_tests_name("drain", tests, NULL, NULL);
}
