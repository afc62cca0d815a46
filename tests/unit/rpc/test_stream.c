/* SPDX-License-Identifier: MIT */

/* Calls with streams, seen from the caller. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/le.h"
#include "tests/fault.h"
#include "tests/unit/rpc/streamer.h"

enum { WINDOW_BYTES = 256 * 1024, IDLE_MS = 60000 };

static const struct helio_call_options no_options;
static const struct helio_call_options has_more = { .has_more = true };

static void test_replies_come_one_by_one(void **state)
{
	struct streamed streamed = { 0 };
	struct fake_switch fake;
	uint64_t id;

	(void)state;
	fake_connect(&fake, NULL);
	id = streamed_call(&fake, &streamed, no_options, "ask?");
	streamed_next(&fake, id, "one");
	streamed_next(&fake, id, "two");
	assert_int_equal(streamed.n_messages, 2);
	assert_string_equal(streamed.last, "two");
	assert_int_equal(streamed.n_ended, 0);
	streamed_reply(&fake, id, HELIO_OK, "");
	assert_int_equal(streamed.n_ended, 1);
	/* They crossed with the end. */
	streamed_next(&fake, id, "three");
	streamed_window(&fake, id, 10);
	assert_int_equal(streamed.n_messages, 2);
	assert_int_equal(helio_state(fake.bus), HELIO_CONNECTED);
	fake_close(&fake);
}

/* Without a deadline of its own it has none, not the one of other calls. */
static void test_a_stream_may_last(void **state)
{
	struct streamed streamed = { 0 };
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	streamed_call(&fake, &streamed, no_options, "");
	assert_int_equal(fake.bus->deadlines.n, 0);
	streamed_call(&fake, &streamed,
		      (struct helio_call_options){ .timeout_ms = 5 }, "");
	deadlines_expire(&fake.bus->deadlines, clock_now_ns() + NS_PER_S);
	assert_int_equal(streamed.status, HELIO_DEADLINE_EXCEEDED);
	fake_close(&fake);
}

static void test_credit_goes_back_by_halves(void **state)
{
	const struct helio_call_options options = {
		.window_bytes = WINDOW_BYTES,
	};
	struct streamed streamed = { 0 };
	struct fake_switch fake;
	const size_t n_frame = 16 * 1024;
	uint64_t id;

	(void)state;
	fake_connect(&fake, NULL);
	id = streamed_call(&fake, &streamed, options, "");
	for (int i = 0; i < 7; i++)
		streamed_fragment(&fake, id, FRAME_WHOLE, n_frame,
				  n_frame - FRAME_HEADER_MAX_BYTES);
	fake_expect_nothing(&fake);
	streamed_fragment(&fake, id, FRAME_WHOLE, n_frame,
			  n_frame - FRAME_HEADER_MAX_BYTES);
	assert_int_equal(streamed_expect_window(&fake, id), WINDOW_BYTES / 2);
	fake_close(&fake);
}

static void test_paused_gives_no_credit(void **state)
{
	struct streamed streamed = { 0 };
	struct fake_switch fake;
	const size_t n_frame = 60 * 1024;
	uint64_t id;

	(void)state;
	fake_connect(&fake, NULL);
	id = streamed_call(&fake, &streamed, no_options, "");
	helio_call_pause(streamed.call);
	for (int i = 0; i < 4; i++)
		streamed_fragment(&fake, id, FRAME_WHOLE, n_frame, n_frame);
	assert_int_equal(streamed.n_messages, 4);
	fake_expect_nothing(&fake);
	helio_call_resume(streamed.call);
	assert_int_equal(streamed_expect_window(&fake, id),
			 4 * (n_frame + FRAME_HEADER_MAX_BYTES));
	fake_close(&fake);
}

static void test_more_than_was_granted(void **state)
{
	struct streamed streamed = { 0 };
	struct fake_switch fake;
	const size_t n_frame = 60 * 1024;
	uint64_t id;

	(void)state;
	fake_connect(&fake, NULL);
	id = streamed_call(&fake, &streamed, no_options, "");
	helio_call_pause(streamed.call);
	for (int i = 0; i < 5; i++)
		streamed_fragment(&fake, id, FRAME_WHOLE, n_frame, n_frame);
	assert_int_equal(streamed.n_messages, 4);
	assert_true(fake_was_left(&fake));
	fake_close(&fake);
}

static void test_a_message_in_fragments(void **state)
{
	struct streamed streamed = { 0 };
	struct fake_switch fake;
	uint64_t id;

	(void)state;
	fake_connect(&fake, NULL);
	id = streamed_call(&fake, &streamed, no_options, "");
	streamed_fragment(&fake, id, FRAME_FIRST, 300, 100);
	streamed_fragment(&fake, id, 0, 0, 100);
	assert_int_equal(streamed.n_messages, 0);
	streamed_fragment(&fake, id, FRAME_LAST, 0, 100);
	assert_int_equal(streamed.n_messages, 1);
	assert_int_equal(streamed.n_bytes, 300);
	assert_int_equal(fake.bus->assemblies.n_bytes, 0);
	fake_close(&fake);
}

/* The callee died in the middle of one. */
/* What was put together is handed on; what stands in the channel is not. */
static void test_a_message_is_kept(void **state)
{
	struct streamed streamed = { .keeps = true };
	struct fake_switch fake;
	const uint8_t body[200] = { 0 };
	uint64_t id;

	(void)state;
	fake_connect(&fake, NULL);
	id = streamed_call(&fake, &streamed, no_options, "");
	assert_null(helio_call_keep(streamed.call));
	streamed_next(&fake, id, "whole");
	assert_null(streamed.kept);
	streamed.cancels = true;
	streamed_fragment(&fake, id, FRAME_FIRST, 200, 100);
	streamed_fragment(&fake, id, FRAME_LAST, 0, 100);
	assert_non_null(streamed.kept);
	fake_close(&fake);
	assert_memory_equal(streamed.kept_body, body, sizeof(body));
	free(streamed.kept);
}

static void test_a_bad_status_cuts_a_message(void **state)
{
	struct streamed streamed = { 0 };
	struct fake_switch fake;
	uint64_t id;

	(void)state;
	fake_connect(&fake, NULL);
	id = streamed_call(&fake, &streamed, no_options, "");
	streamed_fragment(&fake, id, FRAME_FIRST, 300, 100);
	streamed_reply(&fake, id, HELIO_UNAVAILABLE, "it died");
	assert_int_equal(streamed.n_ended, 1);
	assert_int_equal(streamed.status, HELIO_UNAVAILABLE);
	assert_string_equal(streamed.reason, "it died");
	assert_int_equal(fake.bus->assemblies.n_bytes, 0);
	fake_close(&fake);
}

static void test_what_no_stream_may_do(void **state)
{
	(void)state;
	for (int i = 0; i < 7; i++) {
		struct streamed streamed = { 0 };
		struct frame end = { .kind = FRAME_END };
		struct fake_switch fake;
		uint64_t id;

		fake_connect(&fake, NULL);
		id = streamed_call(&fake, &streamed,
				   i == 0 ? has_more : no_options, "");
		if (i == 0) {
			streamed_next(&fake, id, "of a call without STREAM");
		} else if (i == 1) {
			streamed_fragment(&fake, id, FRAME_FIRST, 300, 100);
			streamed_reply(&fake, id, HELIO_OK, "");
		} else if (i == 2) {
			streamed_fragment(&fake, id, FRAME_FIRST, 300, 100);
			streamed_next(&fake, id, "within another");
		} else if (i == 3) {
			streamed_fragment(&fake, id, FRAME_LAST, 0, 100);
		} else if (i == 4) {
			streamed_fragment(&fake, id, FRAME_FIRST,
					  MESSAGE_MAX_DEFAULT + 1, 100);
		} else if (i == 5) {
			end.correlation = id;
			fake_send(&fake, &end, NULL, "", 0);
		} else {
			struct frame window = { .kind = FRAME_WINDOW };

			fake_send(&fake, &window, NULL, "12345678", 8);
		}
		assert_true(fake_was_left(&fake));
		fake_close(&fake);
	}
}

static void test_cancel_within_a_message(void **state)
{
	struct streamed streamed = { .cancels = true };
	struct received received;
	struct fake_switch fake;
	uint64_t id;

	(void)state;
	fake_connect(&fake, NULL);
	id = streamed_call(&fake, &streamed, no_options, "");
	streamed_fragment(&fake, id, FRAME_FIRST, 300, 100);
	streamed_fragment(&fake, id, FRAME_LAST, 0, 200);
	assert_int_equal(streamed.n_messages, 1);
	fake_expect(&fake, FRAME_CANCEL, &received);
	assert_true(received.frame.correlation == id);
	streamed_next(&fake, id, "crossed");
	assert_int_equal(streamed.n_messages, 1);
	assert_int_equal(streamed.n_ended, 0);
	fake_close(&fake);
}

static void test_requests_wait_for_credit(void **state)
{
	struct streamed streamed = { 0 };
	struct received received;
	struct fake_switch fake;
	uint64_t id;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(helio_call_start(fake.bus, "a", "body", 4, &has_more,
					  NULL, NULL, NULL),
			 -EINVAL);
	id = streamed_call(&fake, &streamed, has_more, "");
	assert_int_equal(helio_call_send(streamed.call, "one", 3), -EAGAIN);
	fake_expect_nothing(&fake);
	streamed_window(&fake, id, 100);
	assert_int_equal(streamed.n_writable, 1);
	assert_int_equal(helio_call_send(streamed.call, "one", 3), 0);
	fake_expect(&fake, FRAME_NEXT, &received);
	assert_int_equal(received.frame.flags, FRAME_WHOLE);
	assert_true(received.frame.correlation == id);
	assert_int_equal(received.frame.n_subject, 0);
	assert_memory_equal(received.body, "one", 3);
	assert_int_equal(helio_call_finish(streamed.call), 0);
	assert_int_equal(helio_call_finish(streamed.call), -EPIPE);
	assert_int_equal(helio_call_send(streamed.call, "", 0), -EPIPE);
	fake_expect(&fake, FRAME_END, &received);
	streamed_reply(&fake, id, HELIO_OK, "all");
	assert_int_equal(streamed.n_ended, 1);
	fake_close(&fake);
}

/* The callee may grant whatever it likes: no switch errs in passing it on. */
static void test_all_credit_that_there_is(void **state)
{
	struct streamed streamed = { 0 };
	struct received received;
	struct fake_switch fake;
	uint64_t id;

	(void)state;
	fake_connect(&fake, NULL);
	id = streamed_call(&fake, &streamed, has_more, "");
	streamed_window(&fake, id, UINT64_MAX);
	streamed_window(&fake, id, UINT64_MAX);
	assert_int_equal(helio_state(fake.bus), HELIO_CONNECTED);
	assert_int_equal(helio_call_send(streamed.call, "one", 3), 0);
	fake_expect(&fake, FRAME_NEXT, &received);
	fake_close(&fake);
}

/* The rest goes as credit comes, and the end after it. */
static void test_a_request_longer_than_the_credit(void **state)
{
	static const uint8_t body[10000];
	struct streamed streamed = { 0 };
	struct received received;
	struct fake_switch fake;
	size_t n_body = 0;
	uint64_t id;

	(void)state;
	fake_connect(&fake, NULL);
	id = streamed_call(&fake, &streamed, has_more, "");
	streamed_window(&fake, id, 1000);
	assert_int_equal(helio_call_send(streamed.call, body, sizeof(body)), 0);
	assert_int_equal(helio_call_send(streamed.call, "", 0), -EAGAIN);
	assert_int_equal(helio_call_finish(streamed.call), 0);
	fake_expect(&fake, FRAME_NEXT, &received);
	assert_int_equal(received.frame.length, 1000);
	assert_int_equal(received.frame.total_bytes, sizeof(body));
	n_body += received.n_body;
	fake_expect_nothing(&fake);
	streamed_window(&fake, id, 1 << 20);
	while (n_body < sizeof(body)) {
		fake_expect(&fake, FRAME_NEXT, &received);
		assert_true(received.frame.length <= FAKE_FRAGMENT_BYTES);
		n_body += received.n_body;
	}
	assert_int_equal(received.frame.flags, FRAME_LAST);
	fake_expect(&fake, FRAME_END, &received);
	assert_int_equal(streamed.n_writable, 0);
	fake_close(&fake);
}

/* A channel in which so many frames find room in one piece. */
static const struct channel_ops *wide_ops;
static unsigned n_wide;

static int make_narrow_room(struct channel *channel, size_t n)
{
	int r;

	if (n > 1000 && !n_wide)
		return -EMSGSIZE;
	n_wide -= n > 1000;
	r = wide_ops->make_room(channel, n);
	if (!r)
		channel->n_out = n;
	return r;
}

/* Without memory for what lies over the seam the rest is not forgotten. */
static void test_half_a_message_is_followed_by_the_other(void **state)
{
	static const uint8_t body[10000];
	struct streamed streamed = { 0 };
	struct channel_ops narrow_ops;
	struct received received;
	struct fake_switch fake;
	size_t n_body = 0;
	uint64_t id;

	(void)state;
	fake_connect(&fake, NULL);
	id = streamed_call(&fake, &streamed, has_more, "");
	streamed_window(&fake, id, 1 << 20);
	wide_ops = fake.bus->channel->ops;
	narrow_ops = *wide_ops;
	narrow_ops.make_room = make_narrow_room;
	fake.bus->channel->ops = &narrow_ops;
	fake.bus->channel->n_out = 0;
	n_wide = 1;
	outbox_deinit(&fake.bus->outbox);
	outbox_init(&fake.bus->outbox);
	fault_arm(0);
	assert_int_equal(helio_call_send(streamed.call, body, sizeof(body)), 0);
	fault_disarm();
	assert_true(fault_hit());
	do {
		fake_expect(&fake, FRAME_NEXT, &received);
		n_body += received.n_body;
	} while (!(received.frame.flags & FRAME_LAST));
	assert_int_equal(n_body, sizeof(body));
	fake.bus->channel->ops = wide_ops;
	fake_close(&fake);
}

/* The channel is full, though there is credit. */
static void test_a_full_channel(void **state)
{
	static const uint8_t body[3000];
	struct streamed streamed = { 0 };
	struct received received;
	struct fake_switch fake;
	unsigned n = 0, n_seen = 0;
	uint64_t id;
	int r;

	(void)state;
	fake_connect(&fake, NULL);
	id = streamed_call(&fake, &streamed, has_more, "");
	streamed_window(&fake, id, 1 << 30);
	while (!(r = helio_call_send(streamed.call, body, sizeof(body))))
		n++;
	assert_int_equal(r, -EAGAIN);
	assert_true(n > 10 && n < 100);
	assert_int_equal(streamed.n_writable, 0);
	for (; n_seen < n; n_seen++) {
		fake_expect(&fake, FRAME_NEXT, &received);
		assert_int_equal(received.n_body, sizeof(body));
	}
	fake_turn(&fake);
	assert_true(streamed.n_writable > 0);
	assert_int_equal(helio_call_send(streamed.call, body, sizeof(body)), 0);
	fake_close(&fake);
}

static void test_signs_of_life(void **state)
{
	struct streamed streamed = { 0 };
	struct fake_switch fake;
	uint64_t id;

	(void)state;
	fake_connect(&fake, NULL);
	flows_keep_alive(fake.bus, IDLE_MS);
	id = streamed_call(&fake, &streamed, no_options, "");
	deadlines_expire(&fake.bus->deadlines,
			 clock_now_ns() + IDLE_MS / 3 * NS_PER_MS - NS_PER_S);
	fake_expect_nothing(&fake);
	deadlines_expire(&fake.bus->deadlines,
			 clock_now_ns() + IDLE_MS / 3 * NS_PER_MS);
	assert_int_equal(streamed_expect_window(&fake, id), 0);
	helio_call_cancel(streamed.call);
	assert_int_equal(fake.bus->deadlines.n, 0);
	fake_close(&fake);
}

static void test_a_lost_connection(void **state)
{
	struct streamed streamed = { 0 };
	struct fake_switch fake;
	uint64_t id;

	(void)state;
	fake_connect(&fake, NULL);
	streamed_call(&fake, &streamed, no_options, "");
	id = streamed_call(&fake, &streamed, has_more, "");
	streamed_window(&fake, id, 100);
	assert_int_equal(helio_call_send(streamed.call, (char[200]){ 0 }, 200),
			 0);
	fake.end = channel_free(fake.end);
	fake_turn(&fake);
	assert_int_equal(streamed.n_ended, 2);
	assert_int_equal(streamed.status, HELIO_UNAVAILABLE);
	fake_close(&fake);
}

static void test_details_of_a_status(void **state)
{
	static const uint8_t metadata[] = { 0x32, 3, 'w', 'h', 'y', 'n', 'o' };
	struct frame frame = {
		.kind = FRAME_REPLY,
		.flags = FRAME_WHOLE | FRAME_EXTENDED,
		.status = HELIO_ABORTED,
		.n_metadata = 5,
	};
	struct streamed streamed = { 0 };
	uint8_t bytes[FRAME_HEADER_MAX_BYTES + sizeof(metadata)];
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	frame.correlation = streamed_call(&fake, &streamed, no_options, "");
	frame_set_body(&frame, 2);
	memcpy(bytes + frame_encode(&frame, bytes), metadata, sizeof(metadata));
	fake_send_bytes(&fake, bytes, sizeof(bytes));
	assert_int_equal(streamed.status, HELIO_ABORTED);
	assert_string_equal(streamed.reason, "no");
	assert_string_equal(streamed.details, "why");
	fake_close(&fake);
}

static void ignore_next(struct helio_call *call, const void *body,
			size_t n_body, void *userdata)
{
	(void)call;
	(void)body;
	(void)n_body;
	(void)userdata;
}

static void ignore_reply(struct helio_call *call,
			 const struct helio_reply *reply, void *userdata)
{
	(void)call;
	(void)reply;
	(void)userdata;
}

static void test_every_allocation_may_fail(void **state)
{
	const struct helio_call_options options = {
		.on_next = ignore_next,
		.has_more = true,
		.timeout_ms = 1000,
	};

	(void)state;
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct helio_call *call = NULL;
		struct fake_switch fake;
		int r;

		fake_connect(&fake, NULL);
		flows_keep_alive(fake.bus, IDLE_MS);
		fault_arm(n);
		r = helio_call_start(fake.bus, "a", "", 0, &options,
				     ignore_reply, NULL, &call);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_int_equal(!call, fault_hit());
		fake_close(&fake);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies_come_one_by_one),
		cmocka_unit_test(test_a_stream_may_last),
		cmocka_unit_test(test_credit_goes_back_by_halves),
		cmocka_unit_test(test_paused_gives_no_credit),
		cmocka_unit_test(test_more_than_was_granted),
		cmocka_unit_test(test_a_message_in_fragments),
		cmocka_unit_test(test_a_message_is_kept),
		cmocka_unit_test(test_a_bad_status_cuts_a_message),
		cmocka_unit_test(test_what_no_stream_may_do),
		cmocka_unit_test(test_cancel_within_a_message),
		cmocka_unit_test(test_requests_wait_for_credit),
		cmocka_unit_test(test_all_credit_that_there_is),
		cmocka_unit_test(test_a_request_longer_than_the_credit),
		cmocka_unit_test(test_half_a_message_is_followed_by_the_other),
		cmocka_unit_test(test_a_full_channel),
		cmocka_unit_test(test_signs_of_life),
		cmocka_unit_test(test_a_lost_connection),
		cmocka_unit_test(test_details_of_a_status),
		cmocka_unit_test(test_every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
