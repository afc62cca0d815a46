/* SPDX-License-Identifier: MIT */

/* Calls with streams, seen from the service; and how it drains. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/le.h"
#include "tests/fault.h"
#include "tests/unit/rpc/streamer.h"

enum { WINDOW_BYTES = 256 * 1024 };

static void send_end(struct fake_switch *fake, uint64_t id)
{
	struct frame end = { .kind = FRAME_END, .correlation = id };

	fake_send(fake, &end, NULL, "", 0);
}

static void send_cancel(struct fake_switch *fake, uint64_t id)
{
	struct frame cancel = { .kind = FRAME_CANCEL, .correlation = id };

	fake_send(fake, &cancel, NULL, "", 0);
}

static void test_requests_come_one_by_one(void **state)
{
	struct streamed streamed = { 0 };
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	streamed_serve(&fake, &streamed);
	streamed_hand_over(&fake, SWITCH_ID(1), FRAME_MORE, 0);
	assert_int_equal(streamed_expect_window(&fake, SWITCH_ID(1)),
			 WINDOW_BYTES);
	assert_true(helio_request_has_more(streamed.request));
	assert_false(helio_request_is_stream(streamed.request));
	assert_true(helio_request_time_left_ms(streamed.request) == UINT32_MAX);
	streamed_next(&fake, SWITCH_ID(1), "one");
	streamed_next(&fake, SWITCH_ID(1), "two");
	assert_int_equal(streamed.n_messages, 2);
	send_end(&fake, SWITCH_ID(1));
	assert_int_equal(streamed.n_finished, 1);
	assert_int_equal(helio_request_send(streamed.request, "", 0), -EPIPE);
	assert_int_equal(helio_respond(streamed.request, "all", 3), 0);
	fake_expect(&fake, FRAME_REPLY, &received);
	assert_memory_equal(received.body, "all", 3);
	fake_close(&fake);
}

static void test_who_pauses_gets_nothing(void **state)
{
	struct streamed streamed = { .pauses = true };
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	streamed_serve(&fake, &streamed);
	streamed_hand_over(&fake, SWITCH_ID(1), FRAME_MORE, 0);
	fake_expect_nothing(&fake);
	helio_request_resume(streamed.request);
	assert_int_equal(streamed_expect_window(&fake, SWITCH_ID(1)),
			 WINDOW_BYTES);
	fake_close(&fake);
}

static void test_replies_are_sent_one_by_one(void **state)
{
	struct streamed streamed = { 0 };
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	streamed_serve(&fake, &streamed);
	streamed_hand_over(&fake, SWITCH_ID(1), FRAME_STREAM, 1);
	assert_int_equal(helio_request_send(streamed.request, "one", 3), 0);
	fake_expect(&fake, FRAME_NEXT, &received);
	assert_true(received.frame.correlation == SWITCH_ID(1));
	assert_memory_equal(received.body, "one", 3);
	/* The caller's room is 1 KiB: what is left goes in pieces. */
	assert_int_equal(
		helio_request_send(streamed.request, (char[2000]){ 0 }, 2000),
		0);
	fake_expect(&fake, FRAME_NEXT, &received);
	assert_int_equal(received.frame.length, 1024 - 35);
	assert_int_equal(helio_request_send(streamed.request, "", 0), -EAGAIN);
	streamed_window(&fake, SWITCH_ID(1), 4096);
	fake_expect(&fake, FRAME_NEXT, &received);
	assert_int_equal(received.frame.flags, FRAME_LAST);
	assert_int_equal(streamed.n_writable, 1);
	assert_int_equal(helio_respond(streamed.request, NULL, 0), 0);
	fake_expect(&fake, FRAME_REPLY, &received);
	assert_int_equal(received.n_body, 0);
	fake_close(&fake);
}

/* What was sent goes out before the end, of which the program knows nothing. */
static void test_the_end_waits_for_what_was_sent(void **state)
{
	struct streamed streamed = { 0 };
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	streamed_serve(&fake, &streamed);
	for (unsigned i = 1; i <= 2; i++) {
		streamed_hand_over(&fake, SWITCH_ID(i), FRAME_STREAM, 1);
		assert_int_equal(helio_respond(streamed.request,
					       (char[2000]){ 0 }, 2000),
				 0);
		fake_expect(&fake, FRAME_NEXT, &received);
		fake_expect_nothing(&fake);
	}
	send_cancel(&fake, SWITCH_ID(1));
	assert_int_equal(streamed.n_cancelled, 0);
	streamed_window(&fake, SWITCH_ID(2), 4096);
	fake_expect(&fake, FRAME_NEXT, &received);
	fake_expect(&fake, FRAME_REPLY, &received);
	assert_true(received.frame.correlation == SWITCH_ID(2));
	assert_int_equal(fake.bus->requests.n_nodes, 0);
	fake_close(&fake);
}

static void test_a_failure_overtakes_what_waits(void **state)
{
	struct streamed streamed = { 0 };
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	streamed_serve(&fake, &streamed);
	streamed_hand_over(&fake, SWITCH_ID(1), FRAME_STREAM, 1);
	assert_int_equal(
		helio_request_send(streamed.request, (char[2000]){ 0 }, 2000),
		0);
	fake_expect(&fake, FRAME_NEXT, &received);
	assert_int_equal(helio_fail_with(streamed.request, HELIO_ABORTED, "no",
					 "why", 3),
			 0);
	fake_expect(&fake, FRAME_REPLY, &received);
	assert_int_equal(received.frame.status, HELIO_ABORTED);
	assert_int_equal(received.frame.n_metadata, 5);
	assert_memory_equal(received.body - 5, "\x32\x03why", 5);
	streamed_window(&fake, SWITCH_ID(1), 4096);
	fake_expect_nothing(&fake);
	fake_close(&fake);
}

static void test_cancelled_in_the_middle(void **state)
{
	struct streamed streamed = { 0 };
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	streamed_serve(&fake, &streamed);
	streamed_hand_over(&fake, SWITCH_ID(1), FRAME_MORE | FRAME_STREAM, 0);
	fake_expect(&fake, FRAME_WINDOW, &received);
	streamed_fragment(&fake, SWITCH_ID(1), FRAME_FIRST, 300, 100);
	send_cancel(&fake, SWITCH_ID(1));
	assert_int_equal(streamed.n_cancelled, 1);
	assert_int_equal(fake.bus->assemblies.n_bytes, 0);
	streamed_fragment(&fake, SWITCH_ID(1), FRAME_LAST, 0, 200);
	assert_int_equal(helio_respond(streamed.request, NULL, 0), 0);
	fake_expect_nothing(&fake);
	fake_close(&fake);
}

static void test_answered_within_a_message(void **state)
{
	struct streamed streamed = { .cancels = true };
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	streamed_serve(&fake, &streamed);
	streamed_hand_over(&fake, SWITCH_ID(1), FRAME_MORE, 0);
	fake_expect(&fake, FRAME_WINDOW, &received);
	streamed_next(&fake, SWITCH_ID(1), "one");
	fake_expect(&fake, FRAME_REPLY, &received);
	assert_int_equal(received.frame.status, HELIO_ABORTED);
	streamed_next(&fake, SWITCH_ID(1), "crossed");
	send_end(&fake, SWITCH_ID(1));
	assert_int_equal(streamed.n_messages, 1);
	assert_int_equal(streamed.n_finished, 0);
	fake_close(&fake);
}

static void test_what_no_caller_may_do(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct streamed streamed = { .pauses = i == 3 };
		struct fake_switch fake;

		fake_connect(&fake, NULL);
		streamed_serve(&fake, &streamed);
		streamed_hand_over(&fake, SWITCH_ID(1),
				   i ? FRAME_MORE : FRAME_STREAM, 0);
		fake_turn(&fake);
		if (i == 0) {
			streamed_next(&fake, SWITCH_ID(1), "without MORE");
		} else if (i == 1) {
			send_end(&fake, SWITCH_ID(1));
			streamed_next(&fake, SWITCH_ID(1), "after the end");
		} else if (i == 2) {
			streamed_fragment(&fake, SWITCH_ID(1), FRAME_FIRST, 300,
					  100);
			send_end(&fake, SWITCH_ID(1));
		} else {
			streamed_next(&fake, SWITCH_ID(1), "without credit");
		}
		assert_true(fake_was_left(&fake));
		fake_close(&fake);
	}
}

static void never(struct helio_service *service, struct helio_request *request,
		  const struct helio_message *message, void *userdata)
{
	(void)service;
	(void)request;
	(void)message;
	(void)userdata;
	fail_msg("a stream came to a service that takes none");
}

static void test_a_service_without_streams(void **state)
{
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(
		helio_serve(fake.bus, "a.v1.B.C", NULL, never, NULL, NULL), 0);
	fake_expect(&fake, FRAME_SERVE, &received);
	fake_result(&fake, received.frame.correlation, 0, "");
	streamed_hand_over(&fake, SWITCH_ID(1), FRAME_MORE, 0);
	fake_expect(&fake, FRAME_REPLY, &received);
	assert_int_equal(received.frame.status, HELIO_UNIMPLEMENTED);
	fake_close(&fake);
}

/* Draining. */

/* Nothing fits any more, not even a header. */
static void fill_channel(struct helio_request *request)
{
	static const uint8_t body[3000];

	while (!helio_request_send(request, body, sizeof(body)))
		;
	while (!helio_request_send(request, "", 0))
		;
}

/* However long there is no memory for it. */
static void test_the_end_is_not_forgotten(void **state)
{
	struct streamed streamed = { 0 };
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	streamed_serve(&fake, &streamed);
	streamed_hand_over(&fake, SWITCH_ID(1), FRAME_STREAM, 4096);
	fill_channel(streamed.request);
	outbox_deinit(&fake.bus->outbox);
	outbox_init(&fake.bus->outbox);
	fault_arm(0);
	assert_int_equal(helio_respond(streamed.request, NULL, 0), 0);
	fault_disarm();
	assert_true(fault_hit());
	fault_arm(0);
	(void)helio_dispatch(fake.bus);
	fault_disarm();
	assert_true(fault_hit());
	do
		fake_recv(&fake, &received);
	while (received.frame.kind == FRAME_NEXT);
	assert_int_equal(received.frame.kind, FRAME_REPLY);
	fake_close(&fake);
}

static struct helio_request *held;

static void hold(struct helio_service *service, struct helio_request *request,
		 const struct helio_message *message, void *userdata)
{
	(void)service;
	(void)message;
	(void)userdata;
	held = request;
}

/* A refusal is taken, whatever waits: who makes it need not keep the call. */
static void test_a_refusal_is_always_taken(void **state)
{
	static const uint8_t body[600 * 1024];
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(
		helio_serve(fake.bus, "a.v1.B.C", NULL, hold, NULL, NULL), 0);
	fake_expect(&fake, FRAME_SERVE, &received);
	fake_result(&fake, received.frame.correlation, 0, "");
	for (unsigned i = 1; i <= 3; i++) {
		streamed_hand_over(&fake, SWITCH_ID(i), 0, 0);
		if (i < 3)
			assert_int_equal(
				helio_respond(held, body, sizeof(body)), 0);
	}
	assert_int_equal(helio_respond(held, body, sizeof(body)), -EAGAIN);
	assert_int_equal(helio_fail(held, HELIO_ABORTED, "no"), 0);
	do
		fake_expect(&fake, FRAME_REPLY, &received);
	while (received.frame.correlation != SWITCH_ID(3));
	assert_int_equal(received.frame.status, HELIO_ABORTED);
	assert_memory_equal(received.body, "no", 2);
	fake_close(&fake);
}

static unsigned n_draining, n_drained;

static void note_draining(struct helio_service *service, void *userdata)
{
	(void)service;
	(void)userdata;
	n_draining++;
}

static void note_drained(struct helio_service *service, void *userdata)
{
	(void)userdata;
	n_drained++;
	helio_unserve(service);
}

static struct helio_service *serve_to_drain(struct fake_switch *fake)
{
	const struct helio_serve_options options = {
		.on_draining = note_draining,
		.on_drained = note_drained,
	};
	struct helio_service *service;
	struct received received;

	n_draining = 0;
	n_drained = 0;
	assert_int_equal(helio_serve(fake->bus, "a.v1.B.C", &options, hold,
				     NULL, &service),
			 0);
	fake_expect(fake, FRAME_SERVE, &received);
	fake_result(fake, received.frame.correlation, 0, "");
	streamed_hand_over(fake, SWITCH_ID(1), 0, 0);
	return service;
}

static void expect_the_end(struct fake_switch *fake)
{
	struct received received;

	assert_int_equal(n_draining, 1);
	assert_int_equal(n_drained, 0);
	assert_int_equal(helio_respond(held, "", 0), 0);
	fake_expect(fake, FRAME_REPLY, &received);
	fake_expect(fake, FRAME_UNSERVE, &received);
	assert_int_equal(n_drained, 1);
	fake_result(fake, received.frame.correlation, 0, "");
}

static void test_drain(void **state)
{
	struct helio_service *service;
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	service = serve_to_drain(&fake);
	assert_int_equal(helio_drain(service, NULL), 0);
	fake_expect(&fake, FRAME_DRAIN, &received);
	assert_int_equal(received.n_body, 4);
	assert_int_equal(le32_load(received.body), 1);
	assert_int_equal(n_draining, 0);
	fake_result(&fake, received.frame.correlation, 0, "");
	expect_the_end(&fake);
	fake_close(&fake);
}

/* Who wants to leave leaves, whatever the switch says. */
static void test_a_refused_drain_ends_as_well(void **state)
{
	struct helio_service *service;
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	service = serve_to_drain(&fake);
	assert_int_equal(helio_drain(service, NULL), 0);
	fake_expect(&fake, FRAME_DRAIN, &received);
	fake_result(&fake, received.frame.correlation, HELIO_UNAVAILABLE,
		    "the host is away");
	assert_string_equal(helio_error(fake.bus), "the host is away");
	expect_the_end(&fake);
	fake_close(&fake);
}

static void test_an_operator_drains(void **state)
{
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	serve_to_drain(&fake);
	fake_result(&fake, FRAME_SWITCH_DRAWN | 1, 0, "");
	expect_the_end(&fake);
	fake_close(&fake);
}

static void test_draining_what_is_not_there(void **state)
{
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	serve_to_drain(&fake);
	fake_result(&fake, FRAME_SWITCH_DRAWN | 2, 0, "");
	assert_true(fake_was_left(&fake));
	fake_close(&fake);
}

/* Bindings, and serving with a schema. */

static const uint8_t hash[32] = "of a schema, which has 32 bytes";

static void test_bind_and_call(void **state)
{
	static const uint8_t zeros[FRAME_MAX_BYTES];
	struct helio_call_options options = { .timeout_ms = 1 };
	struct helio_binding *binding;
	struct received received;
	struct fake_switch fake;
	size_t n_body;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(helio_bind(fake.bus, "a..b", hash, &binding), -EINVAL);
	assert_int_equal(helio_bind(fake.bus, "a.v1.B", hash, &binding), 0);
	fake_expect(&fake, FRAME_BIND, &received);
	assert_string_equal(received.subject, "a.v1.B");
	assert_int_equal(received.n_body, 2 + 2 + 32);
	assert_memory_equal(received.body + 4, hash, 32);
	options.binding = binding;
	assert_int_equal(helio_call_start(fake.bus, "B.C", "", 0, &options,
					  NULL, NULL, NULL),
			 -EINVAL);
	assert_int_equal(helio_call_start(fake.bus, "C", "", 0, &options, NULL,
					  NULL, NULL),
			 0);
	fake_expect(&fake, FRAME_CALL, &received);
	assert_int_equal(received.frame.handle, 1);
	assert_string_equal(received.subject, "C");
	/* What the switch puts before the method has room in its frame. */
	n_body = helio_fragment_max(fake.bus, "C");
	assert_int_equal(helio_call_start(fake.bus, "C", zeros, n_body,
					  &options, NULL, NULL, NULL),
			 0);
	fake_expect(&fake, FRAME_CALL, &received);
	assert_int_equal(received.frame.flags, FRAME_FIRST | FRAME_EXTENDED);
	assert_true(received.frame.length + 256 <=
		    n_body + FRAME_HEADER_BYTES + 1);
	fake_expect(&fake, FRAME_CALL, &received);
	assert_int_equal(received.frame.flags, FRAME_LAST);
	helio_unbind(binding);
	fake_expect(&fake, FRAME_UNBIND, &received);
	assert_int_equal(le32_load(received.body), 1);
	fake_close(&fake);
}

/* With the connection its calls are over, whether there is another or not. */
static void test_drained_by_the_end_of_the_switch(void **state)
{
	struct helio_service *service;
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	service = serve_to_drain(&fake);
	assert_int_equal(helio_drain(service, NULL), 0);
	fake_expect(&fake, FRAME_DRAIN, &received);
	fake.end = channel_free(fake.end);
	fake_turn(&fake);
	assert_int_equal(n_draining, 1);
	assert_int_equal(n_drained, 1);
	assert_int_equal(helio_respond(held, "", 0), 0);
	fake_close(&fake);
}

static void note_status(struct helio *bus, unsigned status, const char *reason,
			void *userdata)
{
	(void)bus;
	(void)reason;
	(void)userdata;
	n_draining = status;
	n_drained++;
}

static void test_serve_again(void **state)
{
	const struct helio_serve_options options = {
		.schema_hash = hash,
		.on_ready = note_status,
	};
	struct helio_service *service;
	struct received received;
	struct fake_switch fake;

	(void)state;
	n_drained = 0;
	fake_connect(&fake, NULL);
	assert_int_equal(helio_serve(fake.bus, "a.v1.B", &options, never, NULL,
				     &service),
			 0);
	for (unsigned i = 1; i <= 2; i++) {
		fake_expect(&fake, FRAME_SERVE, &received);
		assert_memory_equal(received.body + 4, hash, 32);
		fake_result(&fake, received.frame.correlation, HELIO_NOT_FOUND,
			    "who?");
		assert_int_equal(n_drained, i);
		helio_serve_again(service);
	}
	fake_expect(&fake, FRAME_SERVE, &received);
	fake_result(&fake, received.frame.correlation, 0, "");
	assert_int_equal(n_drained, 3);
	assert_int_equal(n_draining, HELIO_OK);
	helio_serve_again(service);
	fake_expect_nothing(&fake);
	fake_close(&fake);
}

static void count_timer(struct helio *bus, void *userdata)
{
	unsigned *n = userdata;

	(void)bus;
	++*n;
}

static void test_timers(void **state)
{
	struct helio_timer *cancelled;
	struct fake_switch fake;
	unsigned n = 0;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(
		helio_timer_start(fake.bus, 1000, count_timer, &n, NULL), 0);
	assert_int_equal(
		helio_timer_start(fake.bus, 1000, count_timer, &n, &cancelled),
		0);
	helio_timer_cancel(cancelled);
	fake_turn(&fake);
	assert_true(helio_timeout_ms(fake.bus) > 900);
	assert_int_equal(n, 0);
	deadlines_expire(&fake.bus->deadlines, UINT64_MAX - 1);
	assert_int_equal(n, 1);
	assert_int_equal(
		helio_timer_start(fake.bus, 1000, count_timer, &n, NULL), 0);
	fake_close(&fake);
	assert_int_equal(n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_come_one_by_one),
		cmocka_unit_test(test_who_pauses_gets_nothing),
		cmocka_unit_test(test_replies_are_sent_one_by_one),
		cmocka_unit_test(test_the_end_waits_for_what_was_sent),
		cmocka_unit_test(test_a_failure_overtakes_what_waits),
		cmocka_unit_test(test_cancelled_in_the_middle),
		cmocka_unit_test(test_answered_within_a_message),
		cmocka_unit_test(test_what_no_caller_may_do),
		cmocka_unit_test(test_a_service_without_streams),
		cmocka_unit_test(test_the_end_is_not_forgotten),
		cmocka_unit_test(test_a_refusal_is_always_taken),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_a_refused_drain_ends_as_well),
		cmocka_unit_test(test_drained_by_the_end_of_the_switch),
		cmocka_unit_test(test_an_operator_drains),
		cmocka_unit_test(test_draining_what_is_not_there),
		cmocka_unit_test(test_bind_and_call),
		cmocka_unit_test(test_serve_again),
		cmocka_unit_test(test_timers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
