/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "tests/fault.h"
#include "tests/unit/rpc/fake_switch.h"

/* How calls ended. */
struct ended {
	unsigned n;
	unsigned status;
	bool is_from_bus;
	bool is_handed_over;
	char reason[64];
	char body[64];
	size_t n_body;
};

static void note_reply(struct helio_call *call, const struct helio_reply *reply,
		       void *userdata)
{
	struct ended *ended = userdata;

	ended->n++;
	ended->status = reply->status;
	ended->is_from_bus = reply->is_from_bus;
	ended->is_handed_over = reply->is_handed_over;
	snprintf(ended->reason, sizeof(ended->reason), "%s", reply->reason);
	assert_int_equal(!reply->message, reply->status != 0);
	if (reply->message) {
		ended->n_body = reply->message->n_body;
		if (ended->n_body <= sizeof(ended->body))
			memcpy(ended->body, reply->message->body,
			       ended->n_body);
	}
	/* It is over already, so this does nothing. */
	helio_call_cancel(call);
}

static uint64_t start(struct fake_switch *fake, struct ended *ended,
		      const struct helio_call_options *options,
		      struct helio_call **ret_call)
{
	struct received received;

	assert_int_equal(helio_call_start(fake->bus, "a.v1.B.C", "ask?", 4,
					  options, note_reply, ended, ret_call),
			 0);
	fake_expect(fake, FRAME_CALL, &received);
	assert_string_equal(received.subject, "a.v1.B.C");
	assert_memory_equal(received.body, "ask?", 4);
	return received.frame.correlation;
}

static void test_a_call_and_its_reply(void **state)
{
	struct frame reply = { .kind = FRAME_REPLY, .flags = FRAME_WHOLE };
	struct fake_switch fake;
	struct ended ended = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	reply.correlation = start(&fake, &ended, NULL, NULL);
	fake_send(&fake, &reply, NULL, "answer", 6);
	assert_int_equal(ended.n, 1);
	assert_int_equal(ended.status, HELIO_OK);
	assert_false(ended.is_from_bus);
	assert_memory_equal(ended.body, "answer", 6);
	/* A second one is of a call that is over. */
	fake_send(&fake, &reply, NULL, "answer", 6);
	assert_int_equal(ended.n, 1);
	assert_int_equal(helio_state(fake.bus), HELIO_CONNECTED);
	fake_close(&fake);
}

static void test_options_are_told(void **state)
{
	const struct helio_call_options options = {
		.timeout_ms = 1234,
		.is_waiting = true,
		.room_kib = 5,
	};
	struct received received;
	struct fake_switch fake;
	struct ended ended = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(helio_call_start(fake.bus, "a", "", 0, &options,
					  note_reply, &ended, NULL),
			 0);
	fake_expect(&fake, FRAME_CALL, &received);
	assert_int_equal(received.frame.flags,
			 FRAME_WHOLE | FRAME_WAIT | FRAME_EXTENDED);
	assert_int_equal(received.frame.time_left_ms, 1234);
	assert_int_equal(received.frame.room_kib, 5);
	assert_true(received.frame.correlation > 0);
	assert_true(received.frame.correlation <= UINT32_MAX);
	fake_close(&fake);
	assert_int_equal(ended.n, 0);
}

static void test_a_bad_status(void **state)
{
	struct frame reply = {
		.kind = FRAME_REPLY,
		.flags = FRAME_WHOLE | FRAME_EXTENDED,
		.status = HELIO_UNAVAILABLE,
		.origin = 1,
	};
	struct fake_switch fake;
	struct ended ended = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	reply.correlation = start(&fake, &ended, NULL, NULL);
	fake_send(&fake, &reply, NULL, "nobody serves it", 16);
	assert_int_equal(ended.status, HELIO_UNAVAILABLE);
	assert_true(ended.is_from_bus);
	assert_false(ended.is_handed_over);
	assert_string_equal(ended.reason, "nobody serves it");
	fake_close(&fake);
}

static void test_a_reply_in_fragments(void **state)
{
	struct frame reply = {
		.kind = FRAME_REPLY,
		.flags = FRAME_FIRST | FRAME_EXTENDED,
		.total_bytes = 10,
	};
	struct fake_switch fake;
	struct ended ended = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	reply.correlation = start(&fake, &ended, NULL, NULL);
	fake_send(&fake, &reply, NULL, "12345", 5);
	reply.flags = FRAME_LAST;
	fake_send(&fake, &reply, NULL, "67890", 5);
	assert_int_equal(ended.n, 1);
	assert_int_equal(ended.n_body, 10);
	assert_memory_equal(ended.body, "1234567890", 10);
	fake_close(&fake);
}

/* The callee died in the middle: the bus answers as a whole. */
static void test_a_whole_reply_replaces_fragments(void **state)
{
	struct frame reply = {
		.kind = FRAME_REPLY,
		.flags = FRAME_FIRST | FRAME_EXTENDED,
		.total_bytes = 10,
	};
	struct fake_switch fake;
	struct ended ended = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	reply.correlation = start(&fake, &ended, NULL, NULL);
	fake_send(&fake, &reply, NULL, "12345", 5);
	reply.flags = FRAME_WHOLE | FRAME_EXTENDED;
	reply.status = HELIO_UNAVAILABLE;
	reply.origin = 1;
	reply.handed_over = 1;
	fake_send(&fake, &reply, NULL, "gone", 4);
	assert_int_equal(ended.n, 1);
	assert_true(ended.is_handed_over);
	assert_int_equal(fake.bus->assemblies.n_bytes, 0);
	fake_close(&fake);
}

static void test_cancel(void **state)
{
	struct frame reply = {
		.kind = FRAME_REPLY,
		.flags = FRAME_FIRST | FRAME_EXTENDED,
		.total_bytes = 10,
	};
	struct helio_call *call;
	struct received received;
	struct fake_switch fake;
	struct ended ended = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	reply.correlation = start(&fake, &ended, NULL, &call);
	fake_send(&fake, &reply, NULL, "12345", 5);
	helio_call_cancel(call);
	fake_expect(&fake, FRAME_CANCEL, &received);
	assert_int_equal(received.frame.correlation, reply.correlation);
	reply.flags = FRAME_LAST;
	fake_send(&fake, &reply, NULL, "67890", 5);
	assert_int_equal(ended.n, 0);
	assert_int_equal(helio_state(fake.bus), HELIO_CONNECTED);
	fake_close(&fake);
}

/* The switch is silent: the backstop ends it, and cancels. */
static void test_the_deadline_is_a_backstop(void **state)
{
	const struct helio_call_options options = { .timeout_ms = 1 };
	struct received received;
	struct fake_switch fake;
	struct ended ended = { 0 };
	uint64_t id;
	int left_ms;

	(void)state;
	fake_connect(&fake, NULL);
	id = start(&fake, &ended, &options, NULL);
	fake_turn(&fake);
	left_ms = helio_timeout_ms(fake.bus);
	assert_true(left_ms > 0 && left_ms <= 501);
	deadlines_expire(&fake.bus->deadlines, UINT64_MAX - 1);
	assert_int_equal(ended.n, 1);
	assert_int_equal(ended.status, HELIO_DEADLINE_EXCEEDED);
	fake_expect(&fake, FRAME_CANCEL, &received);
	assert_int_equal(received.frame.correlation, id);
	fake_turn(&fake);
	assert_int_equal(helio_timeout_ms(fake.bus), -1);
	fake_close(&fake);
}

static void test_a_lost_connection_ends_calls(void **state)
{
	struct fake_switch fake;
	struct ended ended = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	for (int i = 0; i < 1000; i++)
		start(&fake, &ended, NULL, NULL);
	fake.end = channel_free(fake.end);
	fake_turn(&fake);
	assert_int_equal(ended.n, 1000);
	assert_int_equal(ended.status, HELIO_UNAVAILABLE);
	assert_true(ended.is_handed_over);
	assert_int_equal(helio_call_start(fake.bus, "a", "", 0, NULL,
					  note_reply, &ended, NULL),
			 -ENOTCONN);
	fake_close(&fake);
}

/* Answered in another order than asked. */
static void test_many_calls(void **state)
{
	enum { N = 2000 };
	struct frame reply = { .kind = FRAME_REPLY, .flags = FRAME_WHOLE };
	static uint64_t ids[N];
	struct fake_switch fake;
	struct ended ended = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	for (int i = 0; i < N; i++)
		ids[i] = start(&fake, &ended, NULL, NULL);
	for (int i = 0; i < N; i++) {
		reply.correlation = ids[i * 7 % N];
		fake_send(&fake, &reply, NULL, "", 0);
	}
	assert_int_equal(ended.n, N);
	assert_int_equal(fake.bus->deadlines.n, 0);
	fake_close(&fake);
}

static void test_every_allocation_may_fail(void **state)
{
	(void)state;
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct helio_call *call = NULL;
		struct fake_switch fake;
		struct ended ended = { 0 };
		int r;

		fake_connect(&fake, NULL);
		fault_arm(n);
		r = helio_call_start(fake.bus, "a", "", 0, NULL, note_reply,
				     &ended, &call);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_int_equal(!call, fault_hit());
		fake_close(&fake);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_call_and_its_reply),
		cmocka_unit_test(test_options_are_told),
		cmocka_unit_test(test_a_bad_status),
		cmocka_unit_test(test_a_reply_in_fragments),
		cmocka_unit_test(test_a_whole_reply_replaces_fragments),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_the_deadline_is_a_backstop),
		cmocka_unit_test(test_a_lost_connection_ends_calls),
		cmocka_unit_test(test_many_calls),
		cmocka_unit_test(test_every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
