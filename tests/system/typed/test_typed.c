/* SPDX-License-Identifier: MIT */

/*
 * Typed calls end to end: what helio_generate() makes, the library, and the
 * switch.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/system/typed/scene.h"

enum { MANY = 1000 };

static void test_one_request_one_reply(void **state)
{
	Lab__V1__Pair pair = LAB__V1__PAIR__INIT;
	char note[] = "not today";
	struct scene scene;

	(void)state;
	scene_open(&scene, true);
	scene_add(&scene, 40, 2);
	wait_until(scene.n_good);
	assert_int_equal(scene.value, 42);
	assert_false(scene.is_from_bus);
	pair.note = note;
	lab__v1__desk__add(helio_client_service(scene.client), &pair,
			   scene_on_number, &scene);
	wait_until(scene.n_bad);
	assert_int_equal(scene.status, HELIO_FAILED_PRECONDITION);
	assert_string_equal(scene.reason, "not today");
	assert_string_equal(scene.details, "details");
	assert_true(scene.is_handed_over);
	assert_false(scene.is_from_bus);
	scene_close(&scene);
}

static void test_a_stream_of_replies(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, true);
	scene_count(&scene, MANY);
	wait_until(scene.n_ended);
	assert_int_equal(scene.status, HELIO_OK);
	assert_int_equal(scene.n_messages, MANY);
	assert_int_equal(scene.value, MANY);
	assert_true(scene.desk.time_left_ms == UINT32_MAX);
	scene_close(&scene);
}

static void test_a_stream_of_requests(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, true);
	scene_sum(&scene, 100 * MANY);
	wait_until(scene.n_ended);
	assert_int_equal(scene.status, HELIO_OK);
	assert_int_equal(scene.desk.n_messages, 100 * MANY);
	assert_int_equal(scene.value,
			 (int64_t)100 * MANY * (100 * MANY + 1) / 2);
	scene_close(&scene);
}

static void test_streams_both_ways(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, true);
	scene_twice(&scene, MANY);
	wait_until(scene.n_ended);
	assert_int_equal(scene.status, HELIO_OK);
	assert_int_equal(scene.n_messages, MANY);
	assert_int_equal(scene.value, 2 * MANY);
	scene_close(&scene);
}

static void test_a_thousand_at_once(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, true);
	for (int i = 0; i < MANY; i++)
		scene_hold(&scene, NULL);
	wait_until(scene.desk.n_held == MANY);
	for (int i = 0; i < MANY; i++) {
		Lab__V1__Number reply = LAB__V1__NUMBER__INIT;

		reply.value = i;
		assert_int_equal(
			lab__v1__desk__hold__reply(scene.desk.held[i], &reply),
			0);
		scene.desk.held[i] = NULL;
	}
	wait_until(scene.n_good + scene.n_bad == MANY);
	assert_int_equal(scene.n_good, MANY);
	scene_close(&scene);
}

/* It takes one message and no more; the others do not notice. */
static void test_an_unread_stream_delays_nobody(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, true);
	scene.pauses = true;
	scene_count(&scene, MANY);
	wait_until(scene.n_messages && scene.desk.counted > 10);
	for (int i = 0; i < 100; i++) {
		scene_add(&scene, i, 1);
		wait_until(scene.n_good == (unsigned)i + 1);
	}
	assert_true(scene.desk.counted < MANY / 2);
	assert_int_equal(scene.n_ended, 0);
	scene.pauses = false;
	helio_stream_resume(scene.stream);
	wait_until(scene.n_ended);
	assert_int_equal(scene.n_messages, MANY);
	scene_close(&scene);
}

/* Bytes of a stranger, by the opaque call. */
struct answer {
	unsigned n;
	unsigned status;
	char reason[128];
	uint8_t body[2048];
	size_t n_body;
};

static void on_answer(struct helio_call *call, const struct helio_reply *reply,
		      void *userdata)
{
	struct answer *answer = userdata;

	(void)call;
	answer->n++;
	answer->status = reply->status;
	snprintf(answer->reason, sizeof(answer->reason), "%s", reply->reason);
	answer->n_body = 0;
	if (!reply->message)
		return;
	answer->n_body = reply->message->n_body;
	assert_true(answer->n_body <= sizeof(answer->body));
	memcpy(answer->body, reply->message->body, answer->n_body);
}

static void ask(struct scene *scene, struct answer *answer, const char *method,
		const void *body, size_t n_body)
{
	char subject[128];

	snprintf(subject, sizeof(subject), "lab.v1.Desk.%s", method);
	answer->n = 0;
	assert_int_equal(helio_call_start(scene->a, subject, body, n_body, NULL,
					  on_answer, answer, NULL),
			 0);
	wait_until(answer->n);
}

static void test_what_is_no_request(void **state)
{
	struct answer answer = { 0 };
	struct scene scene;

	(void)state;
	scene_open(&scene, true);
	ask(&scene, &answer, "Add", "\x0a\xff", 2);
	assert_int_equal(answer.status, HELIO_INVALID_ARGUMENT);
	assert_string_equal(answer.reason, "the request: malformed protobuf");
	ask(&scene, &answer, "Add", "\x1a\x02\xc3\x28", 4);
	assert_int_equal(answer.status, HELIO_INVALID_ARGUMENT);
	assert_string_equal(answer.reason, "the request: protobuf with a "
					   "string that is not UTF-8");
	ask(&scene, &answer, "Sum", "", 0);
	assert_int_equal(answer.status, HELIO_UNIMPLEMENTED);
	assert_string_equal(answer.reason,
			    "the method takes a stream of requests");
	ask(&scene, &answer, "Nothing", "", 0);
	assert_int_equal(answer.status, HELIO_UNIMPLEMENTED);
	assert_int_equal(scene.desk.n_calls, 0);
	ask(&scene, &answer, "Add", "", 0);
	assert_int_equal(answer.status, HELIO_OK);
	scene_close(&scene);
}

static void test_what_every_instance_has(void **state)
{
	struct answer answer = { 0 };
	struct scene scene;
	char text[2049];

	(void)state;
	scene_open(&scene, true);
	ask(&scene, &answer, "$ping", "", 0);
	assert_int_equal(answer.status, HELIO_OK);
	snprintf(text, sizeof(text), "%.*s", (int)answer.n_body - 2,
		 (const char *)answer.body + 2);
	assert_string_equal(text, helio_server_instance(scene.desk.server));
	ask(&scene, &answer, "$check", "", 0);
	assert_memory_equal(answer.body, "\x08\x01", 2);
	assert_int_equal(helio_server_set_health(scene.desk.server,
						 HELIO_HEALTH_NOT_SERVING,
						 "the disk is full"),
			 0);
	ask(&scene, &answer, "$check", "", 0);
	assert_int_equal(answer.n_body, 2 + 2 + 16);
	assert_memory_equal(answer.body, "\x08\x02\x12\x10the disk is full",
			    20);
	ask(&scene, &answer, "Add", "", 0);
	ask(&scene, &answer, "$stats", "", 0);
	assert_int_equal(answer.status, HELIO_OK);
	assert_memory_equal(answer.body + 2,
			    "\x0a\x03"
			    "Add\x10\x01\x18",
			    8);
	ask(&scene, &answer, "$info", "", 0);
	assert_int_equal(answer.status, HELIO_OK);
	assert_memory_equal(answer.body, "\x0a\x0blab.v1.Desk", 13);
	ask(&scene, &answer, "$nothing", "", 0);
	assert_int_equal(answer.status, HELIO_UNIMPLEMENTED);
	scene_close(&scene);
}

/* What protoc-c makes of a service, served as it stands. */
static void object_add(Lab__V1__Desk_Service *service,
		       const Lab__V1__Pair *request,
		       Lab__V1__Number_Closure closure, void *closure_data)
{
	Lab__V1__Number reply = LAB__V1__NUMBER__INIT;

	(void)service;
	reply.value = request->a * request->b;
	closure(request->a < 0 ? NULL : &reply, closure_data);
}

static void object_hold(Lab__V1__Desk_Service *service,
			const Lab__V1__Pair *request,
			Lab__V1__Number_Closure closure, void *closure_data)
{
	(void)service;
	(void)request;
	(void)closure;
	assert_int_equal(helio_serving_fail(closure_data, HELIO_ABORTED, "so"),
			 0);
}

static void test_a_service_of_protobuf_c(void **state)
{
	Lab__V1__Desk_Service object = { 0 };
	struct scene scene;

	(void)state;
	lab__v1__desk__init(&object, NULL);
	object.add = object_add;
	object.hold = object_hold;
	scene_open(&scene, false);
	assert_int_equal(helio_server_new_for(scene.b, &lab__v1__desk__type,
					      &object.base, NULL,
					      &scene.desk.server),
			 0);
	assert_int_equal(helio_server_wait(scene.desk.server, WAIT_MS), 0);
	scene_add(&scene, 6, 7);
	wait_until(scene.n_good);
	assert_int_equal(scene.value, 42);
	scene_add(&scene, -1, 7);
	wait_until(scene.n_bad == 1);
	assert_int_equal(scene.status, HELIO_INTERNAL);
	scene_hold(&scene, NULL);
	wait_until(scene.n_bad == 2);
	assert_int_equal(scene.status, HELIO_ABORTED);
	scene_count(&scene, 3);
	wait_until(scene.n_ended);
	assert_int_equal(scene.status, HELIO_UNIMPLEMENTED);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_request_one_reply),
		cmocka_unit_test(test_a_stream_of_replies),
		cmocka_unit_test(test_a_stream_of_requests),
		cmocka_unit_test(test_streams_both_ways),
		cmocka_unit_test(test_a_thousand_at_once),
		cmocka_unit_test(test_an_unread_stream_delays_nobody),
		cmocka_unit_test(test_what_is_no_request),
		cmocka_unit_test(test_what_every_instance_has),
		cmocka_unit_test(test_a_service_of_protobuf_c),
	};

	return cmocka_run_group_tests(tests, scene_open_switch,
				      scene_close_switch);
}
