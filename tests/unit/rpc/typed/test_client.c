/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "lab/v1/desk.helio.h"
#include "tests/fault.h"
#include "tests/unit/rpc/fake_switch.h"

/* What closures were told. */
struct told {
	struct helio_client *client;
	unsigned n;
	bool has_failed;
	int64_t value;
	unsigned status;
	bool is_from_bus;
	bool is_handed_over;
	char reason[128];
};

static void note(struct told *told, const struct helio_reply *reply)
{
	told->n++;
	told->status = reply->status;
	told->is_from_bus = reply->is_from_bus;
	told->is_handed_over = reply->is_handed_over;
	snprintf(told->reason, sizeof(told->reason), "%s", reply->reason);
}

static void on_number(const Lab__V1__Number *number, void *userdata)
{
	struct told *told = userdata;

	note(told, helio_client_reply(told->client));
	told->has_failed = !number;
	if (number)
		told->value = number->value;
}

static void open_client(struct fake_switch *fake, struct told *told,
			const struct helio_client_options *options)
{
	struct received received;

	*told = (struct told){ 0 };
	fake_connect(fake, NULL);
	assert_int_equal(helio_client_new(fake->bus, &lab__v1__desk__type,
					  options, &told->client),
			 0);
	fake_expect(fake, FRAME_BIND, &received);
	assert_string_equal(received.subject, "lab.v1.Desk");
	assert_memory_equal(received.body + 4, lab__v1__desk__type.schema->hash,
			    32);
	fake_result(fake, received.frame.correlation, 0, "");
}

static void close_client(struct fake_switch *fake, struct told *told)
{
	helio_client_free(told->client);
	fake_close(fake);
}

static void add(struct told *told)
{
	Lab__V1__Pair pair = LAB__V1__PAIR__INIT;

	pair.a = 3;
	lab__v1__desk__add(helio_client_service(told->client), &pair, on_number,
			   told);
}

/* The CALL of Add, and its id. */
static uint64_t expect_add(struct fake_switch *fake, struct received *received)
{
	fake_expect(fake, FRAME_CALL, received);
	assert_string_equal(received->subject, "Add");
	assert_int_equal(received->frame.handle, 1);
	assert_int_equal(received->n_body, 2);
	assert_memory_equal(received->body, "\x08\x03", 2);
	return received->frame.correlation;
}

static void reply(struct fake_switch *fake, uint64_t id, unsigned status,
		  bool is_handed_over, const char *text)
{
	struct frame frame = {
		.kind = FRAME_REPLY,
		.flags = FRAME_WHOLE | FRAME_EXTENDED,
		.correlation = id,
		.status = (uint16_t)status,
		.origin = status ? 1 : 0,
		.handed_over = is_handed_over,
	};

	fake_send(fake, &frame, NULL, text, strlen(text));
}

static void expire(struct fake_switch *fake, uint64_t after_ms)
{
	deadlines_expire(&fake->bus->deadlines,
			 clock_now_ns() + after_ms * NS_PER_MS);
	fake_turn(fake);
}

static void test_a_call_by_its_handle(void **state)
{
	struct received received;
	struct fake_switch fake;
	struct told told;
	uint64_t id;

	(void)state;
	open_client(&fake, &told, NULL);
	add(&told);
	id = expect_add(&fake, &received);
	assert_int_equal(received.frame.n_metadata, 0);
	reply(&fake, id, HELIO_OK, true, "\x08\x2a");
	assert_int_equal(told.n, 1);
	assert_int_equal(told.value, 42);
	assert_int_equal(told.status, HELIO_OK);
	close_client(&fake, &told);
}

static void test_a_call_that_fails(void **state)
{
	struct received received;
	struct fake_switch fake;
	struct told told;
	uint64_t id;

	(void)state;
	open_client(&fake, &told, NULL);
	add(&told);
	id = expect_add(&fake, &received);
	reply(&fake, id, HELIO_UNAVAILABLE, false, "nobody");
	/* Nothing is tried again unless it was asked for. */
	assert_int_equal(told.n, 1);
	assert_true(told.has_failed);
	assert_int_equal(told.status, HELIO_UNAVAILABLE);
	assert_true(told.is_from_bus);
	assert_false(told.is_handed_over);
	assert_string_equal(told.reason, "nobody");
	close_client(&fake, &told);
}

static void test_a_response_that_is_none(void **state)
{
	struct received received;
	struct fake_switch fake;
	struct told told;
	uint64_t id;

	(void)state;
	open_client(&fake, &told, NULL);
	add(&told);
	id = expect_add(&fake, &received);
	reply(&fake, id, HELIO_OK, true, "\x08");
	assert_true(told.has_failed);
	assert_int_equal(told.status, HELIO_INTERNAL);
	assert_string_equal(told.reason, "the response: malformed protobuf");
	close_client(&fake, &told);
}

static void test_what_is_not_sent(void **state)
{
	Lab__V1__Number number = LAB__V1__NUMBER__INIT;
	struct fake_switch fake;
	struct told told;
	ProtobufCService *service;

	(void)state;
	open_client(&fake, &told, NULL);
	service = helio_client_service(told.client);
	/* Count has a stream. */
	lab__v1__desk__count(service, &number, on_number, &told);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.status, HELIO_UNIMPLEMENTED);
	service->invoke(service, 0, &number.base, (ProtobufCClosure)on_number,
			&told);
	assert_int_equal(told.n, 2);
	assert_int_equal(told.status, HELIO_INVALID_ARGUMENT);
	fake_expect_nothing(&fake);
	fake.end = channel_free(fake.end);
	fake_turn(&fake);
	add(&told);
	assert_int_equal(told.n, 3);
	assert_int_equal(told.status, HELIO_UNAVAILABLE);
	assert_false(told.is_handed_over);
	close_client(&fake, &told);
}

static void test_safe_tries(void **state)
{
	const struct helio_client_options options = {
		.invoke.retry = HELIO_RETRY_SAFE,
		.invoke.tries_max = 3,
	};
	struct received received;
	struct fake_switch fake;
	struct told told;

	(void)state;
	open_client(&fake, &told, &options);
	add(&told);
	for (unsigned i = 1; i <= 3; i++) {
		uint64_t id = expect_add(&fake, &received);

		assert_int_equal(told.n, 0);
		assert_true(received.frame.time_left_ms <= 30000);
		reply(&fake, id, HELIO_UNAVAILABLE, false, "nobody");
		expire(&fake, 400);
	}
	assert_int_equal(told.n, 1);
	assert_int_equal(told.status, HELIO_UNAVAILABLE);
	fake_expect_nothing(&fake);
	/* What was handed over may have been done. */
	add(&told);
	reply(&fake, expect_add(&fake, &received), HELIO_UNAVAILABLE, true,
	      "it died");
	assert_int_equal(told.n, 2);
	add(&told);
	reply(&fake, expect_add(&fake, &received), HELIO_ABORTED, false, "no");
	assert_int_equal(told.n, 3);
	close_client(&fake, &told);
}

/* What the options point to need not live until the second try. */
static void test_idempotent_tries(void **state)
{
	char traceparent[] = "00-ab-cd-01";
	struct helio_header header = { "a", "b", 1 };
	const struct helio_invoke_options again = {
		.retry = HELIO_RETRY_IDEMPOTENT,
		.traceparent = traceparent,
		.headers = &header,
		.n_headers = 1,
	};
	Lab__V1__Pair pair = LAB__V1__PAIR__INIT;
	uint8_t metadata[256];
	struct received received;
	struct fake_switch fake;
	struct told told;
	uint64_t id;

	(void)state;
	open_client(&fake, &told, NULL);
	helio_client_next(told.client, &again);
	add(&told);
	id = expect_add(&fake, &received);
	assert_int_equal(received.frame.n_metadata, 34 + 13 + 8);
	memcpy(metadata, received.body - 55, 55);
	traceparent[0] = 'x';
	header = (struct helio_header){ "gone", "gone", 4 };
	reply(&fake, id, HELIO_UNAVAILABLE, true, "it died");
	expire(&fake, 200);
	id = expect_add(&fake, &received);
	assert_int_equal(received.frame.n_metadata, 55);
	assert_memory_equal(received.body - 55, metadata, 55);
	reply(&fake, id, HELIO_OK, true, "");
	assert_int_equal(told.n, 1);
	assert_int_equal(told.status, HELIO_OK);
	/* Hold is not marked. */
	traceparent[0] = '0';
	header = (struct helio_header){ "a", "b", 1 };
	helio_client_next(told.client, &again);
	lab__v1__desk__hold(helio_client_service(told.client), &pair, on_number,
			    &told);
	fake_expect(&fake, FRAME_CALL, &received);
	assert_int_equal(received.frame.n_metadata, 13 + 8);
	reply(&fake, received.frame.correlation, HELIO_UNAVAILABLE, true, "");
	assert_int_equal(told.n, 2);
	/* And the next has what the client has. */
	add(&told);
	expect_add(&fake, &received);
	assert_int_equal(received.frame.n_metadata, 0);
	close_client(&fake, &told);
}

/* There is no time left for another. */
static void test_tries_end_with_the_deadline(void **state)
{
	const struct helio_client_options options = {
		.invoke.retry = HELIO_RETRY_SAFE,
		.invoke.timeout_ms = 40,
	};
	struct received received;
	struct fake_switch fake;
	struct told told;

	(void)state;
	open_client(&fake, &told, &options);
	add(&told);
	reply(&fake, expect_add(&fake, &received), HELIO_UNAVAILABLE, false,
	      "nobody");
	assert_int_equal(told.n, 1);
	close_client(&fake, &told);
}

static void test_one_instance_alone(void **state)
{
	const struct helio_invoke_options alone = {
		.instance = "$inst.7.lab.v1.Desk",
		.is_waiting = true,
		.timeout_ms = 77,
	};
	struct received received;
	struct fake_switch fake;
	struct told told;

	(void)state;
	open_client(&fake, &told, NULL);
	helio_client_next(told.client, &alone);
	add(&told);
	fake_expect(&fake, FRAME_CALL, &received);
	assert_string_equal(received.subject, "$inst.7.lab.v1.Desk.Add");
	assert_int_equal(received.frame.handle, 0);
	assert_true(received.frame.flags & FRAME_WAIT);
	assert_true(received.frame.time_left_ms <= 77);
	close_client(&fake, &told);
	assert_int_equal(told.n, 0);
}

static void on_message(struct helio_stream *stream,
		       const Lab__V1__Number *number, void *userdata)
{
	struct told *told = userdata;

	(void)stream;
	told->value += number->value;
}

static void on_end(struct helio_stream *stream,
		   const struct helio_reply *end_reply,
		   const Lab__V1__Number *response, void *userdata)
{
	struct told *told = userdata;

	note(told, end_reply);
	assert_null(response);
	assert_int_equal(helio_stream_finish(stream), -EPIPE);
	helio_stream_pause(stream);
	helio_stream_cancel(stream);
}

static uint64_t count(struct fake_switch *fake, struct told *told)
{
	static const struct lab__v1__desk__count__events events = {
		.on_message = on_message,
		.on_end = on_end,
	};
	Lab__V1__Number number = LAB__V1__NUMBER__INIT;
	struct received received;

	assert_int_equal(lab__v1__desk__count__stream(told->client, &number,
						      &events, told, NULL),
			 0);
	fake_expect(fake, FRAME_CALL, &received);
	assert_string_equal(received.subject, "Count");
	return received.frame.correlation;
}

static void next(struct fake_switch *fake, uint64_t id, const char *text)
{
	struct frame frame = {
		.kind = FRAME_NEXT,
		.flags = FRAME_WHOLE,
		.correlation = id,
	};

	fake_send(fake, &frame, NULL, text, strlen(text));
}

static void test_a_stream(void **state)
{
	struct fake_switch fake;
	struct told told;
	uint64_t id;

	(void)state;
	open_client(&fake, &told, NULL);
	id = count(&fake, &told);
	next(&fake, id, "\x08\x05");
	next(&fake, id, "\x08\x06");
	assert_int_equal(told.value, 11);
	reply(&fake, id, HELIO_OK, true, "");
	assert_int_equal(told.n, 1);
	assert_int_equal(told.status, HELIO_OK);
	close_client(&fake, &told);
}

static void test_a_message_that_is_none(void **state)
{
	struct received received;
	struct fake_switch fake;
	struct told told;
	uint64_t id;

	(void)state;
	open_client(&fake, &told, NULL);
	id = count(&fake, &told);
	next(&fake, id, "\x08");
	assert_int_equal(told.n, 1);
	assert_int_equal(told.status, HELIO_INTERNAL);
	assert_string_equal(told.reason,
			    "a message of the stream: malformed protobuf");
	fake_expect(&fake, FRAME_CANCEL, &received);
	close_client(&fake, &told);
}

static void test_freed_with_calls(void **state)
{
	struct received received;
	struct fake_switch fake;
	struct told told;

	(void)state;
	open_client(&fake, &told, NULL);
	add(&told);
	expect_add(&fake, &received);
	count(&fake, &told);
	helio_client_free(told.client);
	fake_expect(&fake, FRAME_CANCEL, &received);
	fake_expect(&fake, FRAME_CANCEL, &received);
	fake_expect(&fake, FRAME_UNBIND, &received);
	fake_close(&fake);
	assert_int_equal(told.n, 0);
}

static void test_every_allocation_may_fail(void **state)
{
	(void)state;
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct helio_client *client = NULL;
		struct fake_switch fake;
		int r;

		fake_connect(&fake, NULL);
		fault_arm(n);
		r = helio_client_new(fake.bus, &lab__v1__desk__type, NULL,
				     &client);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_int_equal(!client, fault_hit());
		helio_client_free(client);
		fake_close(&fake);
	}
}

/* Whatever fails, the closure is called once. */
static void test_a_call_without_memory(void **state)
{
	(void)state;
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct fake_switch fake;
		struct told told;

		open_client(&fake, &told, NULL);
		fault_arm(n);
		add(&told);
		fault_disarm();
		assert_int_equal(told.n, fault_hit());
		if (fault_hit())
			assert_int_equal(told.status, HELIO_RESOURCE_EXHAUSTED);
		close_client(&fake, &told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_call_by_its_handle),
		cmocka_unit_test(test_a_call_that_fails),
		cmocka_unit_test(test_a_response_that_is_none),
		cmocka_unit_test(test_what_is_not_sent),
		cmocka_unit_test(test_safe_tries),
		cmocka_unit_test(test_idempotent_tries),
		cmocka_unit_test(test_tries_end_with_the_deadline),
		cmocka_unit_test(test_one_instance_alone),
		cmocka_unit_test(test_a_stream),
		cmocka_unit_test(test_a_message_that_is_none),
		cmocka_unit_test(test_freed_with_calls),
		cmocka_unit_test(test_every_allocation_may_fail),
		cmocka_unit_test(test_a_call_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
