/* SPDX-License-Identifier: MIT */

/* Who gets a call, and what becomes of it. */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "switch/report.h"
#include "tests/unit/switch/stage.h"

/* a calls, b serves. */

static uint64_t expect_call(struct fake_peer *callee, const char *subject)
{
	fake_expect(callee, FRAME_CALL, &got);
	assert_string_equal(got.subject, subject);
	return got.frame.correlation;
}

/* The service svc with the methods x and y; its `$inst` subject of x. */
static void serve_methods(struct fake_peer *peer, uint32_t credit,
			  char instance[64])
{
	Helio__Bus__V1__Serve serve = HELIO__BUS__V1__SERVE__INIT;
	char x[] = "x";
	char y[] = "y";
	char *methods[] = { x, y };

	serve.has_id = serve.has_credit_calls = serve.has_credit_bytes = 1;
	serve.id = 1;
	serve.methods = methods;
	serve.n_methods = 2;
	serve.credit_calls = credit;
	serve.credit_bytes = 100000;
	fake_serve_with(peer, &serve, "svc", &got);
	assert_int_equal(got.frame.status, STATUS_OK);
	/* Served { 1: instance } */
	snprintf(instance, 64, "$inst.%.*s.svc.x", got.body[1],
		 (char *)got.body + 2);
}

static void an_instance_is_called_by_its_number(void **state)
{
	char of_b[64];
	char of_c[64];

	serve_methods(&b, 10, of_b);
	serve_methods(&c, 10, of_c);
	for (unsigned i = 0; i < 3; i++) {
		fake_call(&a, 1 + i, 0, of_c);
		expect_call(&c, of_c);
	}
	fake_expect_silence(&b);
	fake_call(&a, 9, 0, "$inst.999.svc.x");
	fake_expect_status(&a, 9, STATUS_UNAVAILABLE, false);
	fake_call(&a, 9, 0, "$inst.x");
	fake_expect_status(&a, 9, STATUS_INVALID_ARGUMENT, false);
	fake_call(&a, 9, 0, "$inst.99999999999999999999.svc.x");
	fake_expect_status(&a, 9, STATUS_INVALID_ARGUMENT, false);
}

static void a_missing_method_is_told_from_a_missing_service(void **state)
{
	char instance[64];

	serve_methods(&b, 10, instance);
	fake_call(&a, 1, 0, "svc.z");
	fake_expect_status(&a, 1, STATUS_UNIMPLEMENTED, false);
	fake_call(&a, 1, FRAME_WAIT, "svc.z");
	fake_expect_status(&a, 1, STATUS_UNIMPLEMENTED, false);
	fake_call(&a, 1, 0, "other.z");
	fake_expect_status(&a, 1, STATUS_UNAVAILABLE, false);
	/* Of the instance, too. */
	instance[strlen(instance) - 1] = 'z';
	fake_call(&a, 1, 0, instance);
	fake_expect_status(&a, 1, STATUS_UNIMPLEMENTED, false);
}

static void expect_failed(uint64_t n_calls, uint64_t n_failed)
{
	static struct report_service entries[4];
	struct report_page page = { .limit = 4, .principal = "vm:b" };

	assert_int_equal(report_services(&world.bus, &page, entries), 1);
	assert_int_equal(entries[0].service.calls, n_calls);
	assert_int_equal(entries[0].service.calls_failed, n_failed);
}

/* By the server itself, or because it does not answer. */
static void what_fails_is_counted(void **state)
{
	struct frame bad = { .kind = FRAME_REPLY,
			     .flags = FRAME_WHOLE | FRAME_EXTENDED,
			     .status = STATUS_ABORTED };

	fake_serve(&b, 1, "svc", 10);
	fake_call(&a, 1, 0, "svc");
	fake_answer(&b, expect_call(&b, "svc"));
	fake_expect(&a, FRAME_REPLY, &got);
	expect_failed(1, 0);
	fake_call(&a, 2, 0, "svc");
	bad.correlation = expect_call(&b, "svc");
	fake_send(&b, &bad, "", "no", 2);
	fake_expect(&a, FRAME_REPLY, &got);
	expect_failed(2, 1);
	fake_call(&a, 3, 0, "svc");
	expect_call(&b, "svc");
	world.now_ns += 2 * NS_PER_S;
	world_settle(&world);
	fake_expect_status(&a, 3, STATUS_DEADLINE_EXCEEDED, true);
	expect_failed(3, 2);
}

static void servers_take_turns(void **state)
{
	fake_serve(&b, 1, "svc", 10);
	fake_serve(&c, 1, "svc", 10);
	for (unsigned i = 0; i < 3; i++) {
		fake_call(&a, 1 + 2 * i, 0, "svc");
		fake_call(&a, 2 + 2 * i, 0, "svc");
		expect_call(&b, "svc");
		expect_call(&c, "svc");
	}
}

static void who_has_no_credit_is_passed_over(void **state)
{
	fake_serve(&b, 1, "svc", 1);
	fake_serve(&c, 1, "svc", 2);
	for (unsigned i = 0; i < 3; i++)
		fake_call(&a, 1 + i, 0, "svc");
	expect_call(&b, "svc");
	expect_call(&c, "svc");
	expect_call(&c, "svc");
	fake_call(&a, 4, 0, "svc");
	fake_expect_status(&a, 4, STATUS_RESOURCE_EXHAUSTED, false);
	fake_expect_silence(&b);
	fake_expect_silence(&c);
}

static void credit_releases_calls_that_wait(void **state)
{
	fake_serve(&b, 1, "svc", 0);
	fake_call(&a, 1, FRAME_WAIT, "svc");
	fake_call(&a, 2, FRAME_WAIT, "svc");
	fake_expect_silence(&b);
	world.now_ns += 400 * NS_PER_MS;
	fake_credit(&b, 1, 1, 1000);
	fake_answer(&b, expect_call(&b, "svc"));
	assert_int_equal(got.frame.time_left_ms, 600);
	fake_expect_silence(&b);
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.correlation, 1);
	fake_credit(&b, 1, 1, 1000);
	fake_answer(&b, expect_call(&b, "svc"));
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.correlation, 2);
}

/* Of the whole call, as if it had not waited. */
static void a_call_in_fragments_waits_and_costs_all_of_it(void **state)
{
	fake_serve(&b, 1, "svc", 0);
	fake_fragment(&a, FRAME_CALL, FRAME_FIRST | FRAME_WAIT, 1, "svc", 3000,
		      1000);
	fake_fragment(&a, FRAME_CALL, 0, 1, "", 0, 1000);
	fake_credit(&b, 1, 2, 2500);
	fake_expect_silence(&b);
	fake_credit(&b, 1, 0, 1000);
	expect_call(&b, "svc");
	assert_int_equal(got.frame.total_bytes, 3000);
	expect_call(&b, "");
	fake_fragment(&a, FRAME_CALL, FRAME_LAST, 1, "", 0, 1000);
	fake_answer(&b, expect_call(&b, ""));
	fake_expect(&a, FRAME_REPLY, &got);
	/* 441 bytes are left of the credit. */
	fake_fragment(&a, FRAME_CALL, FRAME_FIRST, 2, "svc", 500, 10);
	fake_expect_status(&a, 2, STATUS_RESOURCE_EXHAUSTED, false);
}

static void a_reply_in_fragments_ends_the_call_with_its_last(void **state)
{
	uint64_t id;

	fake_serve(&b, 1, "svc", 10);
	fake_call(&a, 1, 0, "svc");
	id = expect_call(&b, "svc");
	fake_fragment(&b, FRAME_REPLY, FRAME_FIRST, id, "", 30, 10);
	fake_fragment(&b, FRAME_REPLY, 0, id, "", 0, 10);
	assert_int_equal(world.bus.slots.n_slots, 1);
	fake_fragment(&b, FRAME_REPLY, FRAME_LAST, id, "", 0, 10);
	assert_int_equal(world.bus.slots.n_slots, 0);
	for (unsigned i = 0; i < 3; i++) {
		fake_expect(&a, FRAME_REPLY, &got);
		assert_int_equal(got.frame.correlation, 1);
		assert_int_equal(got.n_body, 10);
	}
	fake_expect_silence(&a);
}

static void a_reply_that_is_aborted_fails_the_call(void **state)
{
	struct frame abort = { .kind = FRAME_ABORT };
	uint64_t id;

	fake_serve(&b, 1, "svc", 10);
	fake_call(&a, 1, 0, "svc");
	id = abort.correlation = expect_call(&b, "svc");
	fake_fragment(&b, FRAME_REPLY, FRAME_FIRST, id, "", 30, 10);
	fake_expect(&a, FRAME_REPLY, &got);
	fake_send(&b, &abort, "", NULL, 0);
	fake_expect_status(&a, 1, STATUS_UNAVAILABLE, true);
}

static void a_reply_longer_than_the_room_ends_the_call(void **state)
{
	struct frame frame = { .kind = FRAME_CALL,
			       .flags = FRAME_WHOLE | FRAME_EXTENDED,
			       .correlation = 1,
			       .room_kib = 1 };
	struct frame reply = { .kind = FRAME_REPLY, .flags = FRAME_WHOLE };
	static uint8_t body[1025];
	uint64_t id;

	fake_serve(&b, 1, "svc", 10);
	fake_send(&a, &frame, "svc", "", 0);
	reply.correlation = expect_call(&b, "svc");
	fake_send(&b, &reply, "", body, 1025);
	fake_expect_status(&a, 1, STATUS_RESOURCE_EXHAUSTED, true);
	fake_expect(&b, FRAME_CANCEL, &got);

	fake_send(&a, &frame, "svc", "", 0);
	id = expect_call(&b, "svc");
	fake_fragment(&b, FRAME_REPLY, FRAME_FIRST, id, "", 1025, 10);
	fake_expect_status(&a, 1, STATUS_RESOURCE_EXHAUSTED, true);
	fake_expect(&b, FRAME_CANCEL, &got);
	/* The rest is taken and lost. */
	fake_fragment(&b, FRAME_REPLY, FRAME_LAST, id, "", 0, 1015);
	fake_expect_silence(&a);
	fake_expect_silence(&b);

	fake_send(&a, &frame, "svc", "", 0);
	reply.correlation = expect_call(&b, "svc");
	fake_send(&b, &reply, "", body, 1024);
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.n_body, 1024);
}

static void a_callee_that_unserves_fails_its_calls(void **state)
{
	struct frame unserve = { .kind = FRAME_UNSERVE };
	static const uint8_t one[4] = { 1 };

	fake_serve(&b, 1, "svc", 10);
	fake_fragment(&a, FRAME_CALL, FRAME_FIRST, 1, "svc", 30, 10);
	expect_call(&b, "svc");
	fake_send(&b, &unserve, "", one, sizeof(one));
	fake_expect_status(&a, 1, STATUS_UNAVAILABLE, true);
	fake_fragment(&a, FRAME_CALL, FRAME_LAST, 1, "", 0, 20);
	fake_expect_silence(&a);
	fake_expect(&b, FRAME_CANCEL, &got);
	fake_expect(&b, FRAME_RESULT, &got);
	fake_expect_silence(&b);
}

/* Its id is a subscription's when the answer comes, and that is no lie. */
static void a_late_reply_is_dropped_whoever_has_its_id(void **state)
{
	struct frame unserve = { .kind = FRAME_UNSERVE };
	static const uint8_t one[4] = { 1 };
	uint64_t id;

	fake_serve(&b, 1, "svc", 10);
	fake_call(&a, 1, 0, "svc");
	fake_expect(&b, FRAME_CALL, &got);
	id = got.frame.correlation;
	fake_send(&b, &unserve, "", one, sizeof(one));
	fake_expect_status(&a, 1, STATUS_UNAVAILABLE, true);
	fake_expect(&b, FRAME_CANCEL, &got);
	fake_expect(&b, FRAME_RESULT, &got);
	fake_subscribe(&b, 1, "x", 10, STATUS_OK);
	fake_answer(&b, id);
	fake_expect_silence(&b);
	fake_answer(&b, id + 1);
	fake_expect_end(&b, "a reply to a call that it never had");
}

static void a_call_is_answered_through_its_slot(void **state)
{
	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_serve(&b, 4, "svc.x", 10);
	fake_call(&a, 77, 0, "svc.x");
	fake_expect(&b, FRAME_CALL, &got);
	assert_string_equal((char *)got.body, "question");
	assert_int_equal(got.frame.correlation,
			 FRAME_SWITCH_DRAWN | UINT64_C(4) << 32);
	assert_int_equal(got.frame.time_left_ms, 1000);
	fake_answer(&b, got.frame.correlation);
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.correlation, 77);
	assert_string_equal((char *)got.body, "answer");
	fake_answer(&b, FRAME_SWITCH_DRAWN | UINT64_C(4) << 32);
	fake_expect_silence(&a);
	fake_expect_silence(&b);
	fake_answer(&b, FRAME_SWITCH_DRAWN | UINT64_C(4) << 32 | 9);
	fake_expect_end(&b, "a reply to a call that it never had");
	fake_leave(&a);
	fake_leave(&b);
}

static void a_call_that_nobody_serves_fails_at_once_or_waits(void **state)
{
	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_call(&a, 1, 0, "svc.x");
	fake_expect_status(&a, 1, STATUS_UNAVAILABLE, false);
	fake_call(&a, 2, FRAME_WAIT, "svc.x");
	fake_expect_silence(&a);
	fake_serve(&b, 4, "svc.x", 10);
	fake_expect(&b, FRAME_CALL, &got);
	fake_answer(&b, got.frame.correlation);
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.correlation, 2);
	fake_call(&a, 3, FRAME_WAIT, "svc.y");
	world.now_ns += 2 * NS_PER_S;
	world_settle(&world);
	fake_expect_status(&a, 3, STATUS_DEADLINE_EXCEEDED, false);
	fake_leave(&a);
	fake_leave(&b);
}

static void a_callee_that_dies_fails_its_calls(void **state)
{
	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_serve(&b, 4, "svc.x", 10);
	fake_call(&a, 1, 0, "svc.x");
	fake_leave(&b);
	fake_expect_status(&a, 1, STATUS_UNAVAILABLE, true);
	fake_leave(&a);
}

static void cancel_and_deadline_reach_the_callee(void **state)
{
	struct frame cancel = { .kind = FRAME_CANCEL, .correlation = 1 };
	uint64_t id;

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_serve(&b, 4, "svc.x", 10);
	fake_call(&a, 1, 0, "svc.x");
	fake_expect(&b, FRAME_CALL, &got);
	id = got.frame.correlation;
	fake_send(&a, &cancel, "", NULL, 0);
	fake_expect(&b, FRAME_CANCEL, &got);
	assert_int_equal(got.frame.correlation, id);
	fake_call(&a, 2, 0, "svc.x");
	fake_expect(&b, FRAME_CALL, &got);
	world.now_ns += 2 * NS_PER_S;
	world_settle(&world);
	fake_expect(&b, FRAME_CANCEL, &got);
	fake_expect_status(&a, 2, STATUS_DEADLINE_EXCEEDED, true);
	fake_answer(&b, id);
	fake_expect_silence(&a);
	fake_leave(&a);
	fake_leave(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF_THREE(an_instance_is_called_by_its_number),
		TEST_OF_THREE(a_missing_method_is_told_from_a_missing_service),
		TEST_OF_THREE(what_fails_is_counted),
		TEST_OF_THREE(servers_take_turns),
		TEST_OF_THREE(who_has_no_credit_is_passed_over),
		TEST_OF_THREE(credit_releases_calls_that_wait),
		TEST_OF_THREE(a_call_in_fragments_waits_and_costs_all_of_it),
		TEST_OF_THREE(a_reply_in_fragments_ends_the_call_with_its_last),
		TEST_OF_THREE(a_reply_that_is_aborted_fails_the_call),
		TEST_OF_THREE(a_reply_longer_than_the_room_ends_the_call),
		TEST_OF_THREE(a_callee_that_unserves_fails_its_calls),
		TEST_OF_THREE(a_late_reply_is_dropped_whoever_has_its_id),
		TEST_ALONE(a_call_is_answered_through_its_slot),
		TEST_ALONE(a_call_that_nobody_serves_fails_at_once_or_waits),
		TEST_ALONE(a_callee_that_dies_fails_its_calls),
		TEST_ALONE(cancel_and_deadline_reach_the_callee),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
