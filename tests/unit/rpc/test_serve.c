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

#define SWITCH_ID(n) (FRAME_SWITCH_DRAWN | UINT64_C(1) << 32 | (n))

/* A service that keeps what it is asked. */
struct desk {
	unsigned n;
	unsigned n_cancelled;
	struct helio_request *requests[2000];
	char subject[64];
	char body[64];
};

static void note_request(struct helio_service *service,
			 struct helio_request *request,
			 const struct helio_message *message, void *userdata)
{
	struct desk *desk = userdata;

	(void)service;
	desk->requests[desk->n++] = request;
	snprintf(desk->subject, sizeof(desk->subject), "%s", message->subject);
	snprintf(desk->body, sizeof(desk->body), "%.*s", (int)message->n_body,
		 (const char *)message->body);
}

static void note_cancelled(struct helio_request *request, void *userdata)
{
	struct desk *desk = userdata;

	assert_non_null(request);
	if (desk)
		desk->n_cancelled++;
}

static struct helio_service *serve(struct fake_switch *fake, struct desk *desk,
				   uint32_t credit)
{
	static const char *const methods[] = { "Get", "Set" };
	const struct helio_serve_options options = {
		.methods = methods,
		.n_methods = 2,
		.credit_calls = credit,
		.on_cancelled = note_cancelled,
	};
	struct helio_service *service;
	Helio__Bus__V1__Serve *body;
	struct received received;

	assert_int_equal(helio_serve(fake->bus, "a.v1.B", &options,
				     note_request, desk, &service),
			 0);
	fake_expect(fake, FRAME_SERVE, &received);
	assert_string_equal(received.subject, "a.v1.B");
	body = helio__bus__v1__serve__unpack(NULL, received.n_body,
					     received.body);
	assert_non_null(body);
	assert_int_equal(body->id, 1);
	assert_int_equal(body->n_methods, 2);
	assert_string_equal(body->methods[1], "Set");
	assert_int_equal(body->credit_calls, credit ? credit : 1024);
	helio__bus__v1__serve__free_unpacked(body, NULL);
	assert_string_equal(helio_service_instance(service), "");
	fake_result(fake, received.frame.correlation, 0, "\x0a\x03x7q");
	return service;
}

static void call(struct fake_switch *fake, uint64_t id, const char *body)
{
	struct frame frame = {
		.kind = FRAME_CALL,
		.flags = FRAME_WHOLE,
		.correlation = id,
		.time_left_ms = 5000,
	};

	fake_send(fake, &frame, "a.v1.B.Get", body, strlen(body));
}

static void test_a_request_is_answered(void **state)
{
	struct received received;
	struct fake_switch fake;
	struct desk desk = { 0 };
	struct helio_service *service;
	uint32_t left_ms;

	(void)state;
	fake_connect(&fake, NULL);
	service = serve(&fake, &desk, 0);
	assert_string_equal(helio_service_instance(service),
			    "$inst.x7q.a.v1.B");
	call(&fake, SWITCH_ID(9), "ask?");
	assert_int_equal(desk.n, 1);
	assert_string_equal(desk.subject, "a.v1.B.Get");
	assert_string_equal(desk.body, "ask?");
	left_ms = helio_request_time_left_ms(desk.requests[0]);
	assert_true(left_ms > 4000 && left_ms <= 5000);
	assert_int_equal(helio_respond(desk.requests[0], "answer", 6), 0);
	fake_expect(&fake, FRAME_REPLY, &received);
	assert_int_equal(received.frame.flags, FRAME_WHOLE);
	assert_true(received.frame.correlation == SWITCH_ID(9));
	assert_int_equal(received.n_body, 6);
	assert_memory_equal(received.body, "answer", 6);
	fake_close(&fake);
}

/* It is served as soon as SERVE is answered, whatever is still to be renewed.
 */
static void test_a_request_while_renewing(void **state)
{
	struct received serve, sync, received;
	struct fake_switch fake;
	struct desk desk = { 0 };

	(void)state;
	fake_open(&fake, FAKE_RING_BYTES, NULL);
	assert_int_equal(helio_serve(fake.bus, "a.v1.B.Get", NULL, note_request,
				     &desk, NULL),
			 0);
	fake_expect(&fake, FRAME_HELLO, &received);
	fake_welcome(&fake, FAKE_FRAGMENT_BYTES, MESSAGE_MAX_DEFAULT);
	fake_expect(&fake, FRAME_SERVE, &serve);
	fake_expect(&fake, FRAME_SYNC, &sync);
	fake_result(&fake, serve.frame.correlation, 0, "");
	call(&fake, SWITCH_ID(1), "ask?");
	assert_int_equal(desk.n, 1);
	assert_int_equal(helio_respond(desk.requests[0], "answer", 6), 0);
	fake_expect(&fake, FRAME_REPLY, &received);
	fake_result(&fake, sync.frame.correlation, 0, "");
	assert_int_equal(helio_state(fake.bus), HELIO_CONNECTED);
	fake_close(&fake);
}

static void test_a_request_fails(void **state)
{
	struct received received;
	struct fake_switch fake;
	struct desk desk = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	serve(&fake, &desk, 0);
	call(&fake, SWITCH_ID(1), "");
	assert_int_equal(helio_fail(desk.requests[0], HELIO_OK, ""), -EINVAL);
	assert_int_equal(
		helio_fail(desk.requests[0], HELIO_NOT_FOUND, "no such thing"),
		0);
	fake_expect(&fake, FRAME_REPLY, &received);
	assert_int_equal(received.frame.status, HELIO_NOT_FOUND);
	assert_int_equal(received.frame.origin, 0);
	assert_int_equal(received.n_body, 13);
	assert_memory_equal(received.body, "no such thing", 13);
	fake_close(&fake);
}

static void test_a_long_answer_is_cut(void **state)
{
	static uint8_t body[300000];
	struct received received;
	struct fake_switch fake;
	struct desk desk = { 0 };
	size_t n = 0;

	(void)state;
	fake_connect(&fake, NULL);
	serve(&fake, &desk, 0);
	call(&fake, SWITCH_ID(1), "");
	call(&fake, SWITCH_ID(2), "");
	assert_int_equal(helio_respond(desk.requests[0], body, sizeof(body)),
			 0);
	/* Another answer waits its turn, but is accepted. */
	assert_int_equal(helio_respond(desk.requests[1], "short", 5), 0);
	while (n < sizeof(body)) {
		fake_expect(&fake, FRAME_REPLY, &received);
		assert_true(received.frame.correlation == SWITCH_ID(1));
		n += received.n_body;
	}
	fake_expect(&fake, FRAME_REPLY, &received);
	assert_true(received.frame.correlation == SWITCH_ID(2));
	fake_close(&fake);
}

static void test_credit_goes_back_with_answers(void **state)
{
	struct received received;
	struct fake_switch fake;
	struct desk desk = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	serve(&fake, &desk, 4);
	for (uint32_t i = 0; i < 4; i++)
		call(&fake, SWITCH_ID(i), "");
	fake_expect_nothing(&fake);
	helio_respond(desk.requests[2], "", 0);
	fake_expect(&fake, FRAME_REPLY, &received);
	fake_expect_nothing(&fake);
	helio_respond(desk.requests[0], "", 0);
	fake_expect(&fake, FRAME_REPLY, &received);
	fake_expect(&fake, FRAME_CREDIT, &received);
	assert_int_equal(le32_load(received.body), 1);
	assert_int_equal(le32_load(received.body + 4), 2);
	fake_close(&fake);
}

static void test_cancelled(void **state)
{
	struct frame cancel = {
		.kind = FRAME_CANCEL,
		.correlation = SWITCH_ID(3),
	};
	struct fake_switch fake;
	struct desk desk = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	serve(&fake, &desk, 0);
	call(&fake, SWITCH_ID(3), "");
	helio_request_set_userdata(desk.requests[0], &desk);
	fake_send(&fake, &cancel, NULL, "", 0);
	assert_int_equal(desk.n_cancelled, 1);
	fake_send(&fake, &cancel, NULL, "", 0);
	assert_int_equal(desk.n_cancelled, 1);
	assert_int_equal(helio_request_time_left_ms(desk.requests[0]), 0);
	assert_int_equal(helio_respond(desk.requests[0], "late", 4), 0);
	fake_expect_nothing(&fake);
	fake_close(&fake);
}

static void test_a_call_is_cancelled_before_its_end(void **state)
{
	struct frame frame = {
		.kind = FRAME_CALL,
		.flags = FRAME_FIRST | FRAME_EXTENDED,
		.correlation = SWITCH_ID(3),
		.total_bytes = 8,
	};
	struct fake_switch fake;
	struct desk desk = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	serve(&fake, &desk, 0);
	fake_send(&fake, &frame, "a.v1.B.Get", "half", 4);
	frame = (struct frame){
		.kind = FRAME_CANCEL,
		.correlation = SWITCH_ID(3),
	};
	fake_send(&fake, &frame, NULL, "", 0);
	assert_int_equal(desk.n, 0);
	assert_int_equal(desk.n_cancelled, 0);
	assert_int_equal(fake.bus->assemblies.n_bytes, 0);
	fake_close(&fake);
}

static void test_unserve_fails_what_is_open(void **state)
{
	struct received received;
	struct fake_switch fake;
	struct desk desk = { 0 };
	struct helio_service *service;

	(void)state;
	fake_connect(&fake, NULL);
	service = serve(&fake, &desk, 0);
	call(&fake, SWITCH_ID(1), "");
	helio_unserve(service);
	fake_expect(&fake, FRAME_REPLY, &received);
	assert_int_equal(received.frame.status, HELIO_UNAVAILABLE);
	fake_expect(&fake, FRAME_UNSERVE, &received);
	fake_result(&fake, received.frame.correlation, 0, "");
	assert_int_equal(helio_respond(desk.requests[0], "late", 4), 0);
	fake_expect_nothing(&fake);
	fake_close(&fake);
}

static void test_a_lost_connection_orphans_requests(void **state)
{
	struct fake_switch fake;
	struct desk desk = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	serve(&fake, &desk, 0);
	for (uint32_t i = 0; i < 10; i++)
		call(&fake, SWITCH_ID(i), "");
	for (uint32_t i = 0; i < 10; i++)
		helio_request_set_userdata(desk.requests[i], &desk);
	fake.end = channel_free(fake.end);
	fake_turn(&fake);
	assert_int_equal(desk.n_cancelled, 10);
	assert_int_equal(helio_respond(desk.requests[3], "", 0), 0);
	fake_close(&fake);
}

static void test_the_same_id_twice_is_a_violation(void **state)
{
	struct fake_switch fake;
	struct desk desk = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	serve(&fake, &desk, 0);
	call(&fake, SWITCH_ID(1), "");
	call(&fake, SWITCH_ID(1), "");
	assert_int_equal(desk.n, 1);
	assert_true(fake_was_left(&fake));
	fake_close(&fake);
}

static void test_bad_metadata_is_refused(void **state)
{
	struct frame frame = {
		.kind = FRAME_CALL,
		.flags = FRAME_WHOLE,
		.correlation = SWITCH_ID(1),
		.n_subject = 1,
		.n_metadata = 2,
	};
	struct received received;
	struct fake_switch fake;
	struct desk desk = { 0 };
	uint8_t bytes[64];
	size_t n;

	(void)state;
	fake_connect(&fake, NULL);
	serve(&fake, &desk, 0);
	frame_set_body(&frame, 0);
	n = frame_encode(&frame, bytes);
	memcpy(bytes + n, "a\xff\xff", 3);
	fake_send_bytes(&fake, bytes, frame.length);
	assert_int_equal(desk.n, 0);
	fake_expect(&fake, FRAME_REPLY, &received);
	assert_int_equal(received.frame.status, HELIO_INVALID_ARGUMENT);
	fake_close(&fake);
}

static void test_a_call_below_2_63_is_a_violation(void **state)
{
	struct fake_switch fake;
	struct desk desk = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	serve(&fake, &desk, 0);
	call(&fake, SWITCH_ID(1) & ~FRAME_SWITCH_DRAWN, "");
	assert_true(fake_was_left(&fake));
	fake_close(&fake);
}

static void test_bad_names_are_refused(void **state)
{
	static const char *const methods[] = { "Get.It" };
	const struct helio_serve_options options = {
		.methods = methods,
		.n_methods = 1,
	};
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(
		helio_serve(fake.bus, "a.*", NULL, note_request, NULL, NULL),
		-EINVAL);
	assert_int_equal(
		helio_serve(fake.bus, "a", &options, note_request, NULL, NULL),
		-EINVAL);
	fake_close(&fake);
}

static void test_every_allocation_may_fail(void **state)
{
	static const char *const methods[] = { "Get" };
	const struct helio_serve_options options = {
		.methods = methods,
		.n_methods = 1,
	};

	(void)state;
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct helio_service *service = NULL;
		struct fake_switch fake;
		int r;

		fake_connect(&fake, NULL);
		fault_arm(n);
		r = helio_serve(fake.bus, "a", &options, note_request, NULL,
				&service);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_int_equal(!service, fault_hit());
		fake_close(&fake);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request_is_answered),
		cmocka_unit_test(test_a_request_while_renewing),
		cmocka_unit_test(test_a_request_fails),
		cmocka_unit_test(test_a_long_answer_is_cut),
		cmocka_unit_test(test_credit_goes_back_with_answers),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_a_call_is_cancelled_before_its_end),
		cmocka_unit_test(test_unserve_fails_what_is_open),
		cmocka_unit_test(test_a_lost_connection_orphans_requests),
		cmocka_unit_test(test_the_same_id_twice_is_a_violation),
		cmocka_unit_test(test_bad_metadata_is_refused),
		cmocka_unit_test(test_a_call_below_2_63_is_a_violation),
		cmocka_unit_test(test_bad_names_are_refused),
		cmocka_unit_test(test_every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
