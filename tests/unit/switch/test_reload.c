/* SPDX-License-Identifier: MIT */

/* Another policy: what it forbids ends, and nothing else. */

#include <string.h>

#include "base/le.h"
#include "tests/unit/switch/stage.h"

static void another_policy_ends_what_it_forbids(void **state)
{
	unsigned n_results = 0;
	uint64_t ids = 0;

	fake_subscribe(&b, 3, "secret.x", 10, STATUS_OK);
	fake_subscribe(&b, 4, "public", 10, STATUS_OK);
	fake_serve(&b, 5, "secret.svc", 10);
	fake_call(&a, 1, 0, "secret.svc");
	fake_expect(&b, FRAME_CALL, &got);
	stage_set_policy("deny vm:b any secret.>\nallow ** any >\n");
	while (fake_next(&b, &got)) {
		if (got.frame.kind == FRAME_CANCEL)
			continue;
		assert_int_equal(got.frame.kind, FRAME_RESULT);
		assert_int_equal(got.frame.status, STATUS_PERMISSION_DENIED);
		ids |= got.frame.correlation;
		n_results++;
	}
	/* 3 and 5 with bit 63; the order between them is nobody's matter. */
	assert_int_equal(n_results, 2);
	assert_int_equal(ids, FRAME_SWITCH_DRAWN | (3 | 5));
	fake_expect_status(&a, 1, STATUS_UNAVAILABLE, true);
	fake_publish(&a, "secret.x", "m");
	fake_publish(&a, "public", "m");
	fake_expect_message(&b, "public", "m");
	fake_expect_silence(&b);
}

static void expect_denied_by_line_1(enum frame_kind kind, uint64_t id)
{
	fake_expect(&a, kind, &got);
	assert_int_equal(got.frame.correlation, id);
	assert_int_equal(got.frame.status, STATUS_PERMISSION_DENIED);
	assert_int_equal(got.frame.origin, ORIGIN_BUS);
	assert_non_null(strstr((char *)got.body, "denied by test:1"));
}

/* a's, and not b's. */
static void another_policy_ends_what_waits_and_what_has_begun(void **state)
{
	fake_subscribe(&c, 1, "x", 10, STATUS_OK);
	fake_serve(&c, 2, "svc", 10);
	fake_call(&a, 1, FRAME_WAIT, "none");
	fake_fragment(&a, FRAME_MESSAGE, FRAME_FIRST, 2, "x", 30, 10);
	fake_fragment(&a, FRAME_CALL, FRAME_FIRST, 3, "svc", 30, 10);
	fake_fragment(&b, FRAME_MESSAGE, FRAME_FIRST, 2, "x", 30, 10);
	fake_call(&b, 1, FRAME_WAIT, "none");
	fake_expect(&c, FRAME_MESSAGE, &got);
	fake_expect(&c, FRAME_CALL, &got);
	fake_expect(&c, FRAME_MESSAGE, &got);

	stage_set_policy("deny vm:a publish,call >\nallow ** any >\n");
	expect_denied_by_line_1(FRAME_REFUSED, 2);
	expect_denied_by_line_1(FRAME_REPLY, 3);
	expect_denied_by_line_1(FRAME_REPLY, 1);
	fake_expect(&c, FRAME_ABORT, &got);
	fake_expect(&c, FRAME_CANCEL, &got);
	/* The rest is thrown away, and the ids are free again. */
	fake_fragment(&a, FRAME_MESSAGE, FRAME_LAST, 2, "", 0, 20);
	fake_fragment(&a, FRAME_CALL, FRAME_LAST, 3, "", 0, 20);
	fake_expect_silence(&a);
	fake_expect_silence(&c);
	fake_fragment(&b, FRAME_MESSAGE, FRAME_LAST, 2, "", 0, 20);
	fake_expect(&c, FRAME_MESSAGE, &got);
	fake_serve(&c, 3, "none", 10);
	fake_expect(&c, FRAME_CALL, &got);
	fake_expect_silence(&c);
	assert_int_equal(world.bus.slots.n_slots, 1);
}

/* Judged by the subject in it, as when it came. */
static void a_call_to_one_instance_is_judged_too(void **state)
{
	fake_serve(&c, 2, "svc", 10);
	fake_fragment(&a, FRAME_CALL, FRAME_FIRST, 3, "$inst.1.svc", 30, 10);
	stage_set_policy("deny vm:a call other\nallow ** any >\n");
	fake_expect_silence(&a);
	stage_set_policy("deny vm:a call svc\nallow ** any >\n");
	expect_denied_by_line_1(FRAME_REPLY, 3);
}

/* REFUSED answers for the ack of the log too, which may count it. */
static void what_a_log_had_the_beginning_of_is_refused(void **state)
{
	Helio__Bus__V1__Subscribe options = HELIO__BUS__V1__SUBSCRIBE__INIT;
	struct frame first = { .kind = FRAME_MESSAGE,
			       .flags = FRAME_FIRST | FRAME_EXTENDED |
					FRAME_ACK_STORED,
			       .correlation = 5,
			       .total_bytes = 30 };
	struct frame ack = { .kind = FRAME_ACK };
	uint8_t entry[24] = { 0 };
	char log[] = "log";

	options.has_id = options.has_credit_messages = 1;
	options.has_credit_bytes = 1;
	options.id = 7;
	options.capture = log;
	options.credit_messages = 100;
	options.credit_bytes = 100000;
	fake_subscribe_with(&b, &options, "x", STATUS_OK);
	fake_send(&a, &first, "x", "0123456789", 10);
	fake_expect(&b, FRAME_MESSAGE, &got);
	stage_set_policy("deny vm:a publish x\nallow ** any,capture >\n");
	expect_denied_by_line_1(FRAME_REFUSED, 5);
	fake_expect(&b, FRAME_ABORT, &got);
	assert_int_equal(world.bus.slots.n_slots, 0);
	le64_store(entry, UINT64_C(7) << 32);
	entry[8] = 1;
	entry[14] = 1;
	fake_send(&b, &ack, "log", entry, sizeof(entry));
	fake_expect_silence(&b);
	fake_expect_silence(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF_THREE(another_policy_ends_what_it_forbids),
		TEST_OF_THREE(
			another_policy_ends_what_waits_and_what_has_begun),
		TEST_OF_THREE(a_call_to_one_instance_is_judged_too),
		TEST_OF_THREE(what_a_log_had_the_beginning_of_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
