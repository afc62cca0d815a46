/* SPDX-License-Identifier: MIT */

/*
 * Typed calls end to end: what helio_generate() makes, the library, and the
 * switch.
 */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/system/bus/switch_process.h"
#include "tests/system/typed/desk.h"

enum { MANY = 1000 };

static const char policy[] = "allow ** any lab.>\n"
			     "allow ** any helio.>\n";

static struct switch_process the_switch;

/* A caller and a server, on a connection each. */
struct scene {
	struct helio *a;
	struct helio *b;
	struct helio_client *client;
	struct desk desk;
	/* What closures saw. */
	unsigned n_good;
	unsigned n_bad;
	unsigned status;
	int64_t value;
	bool is_from_bus;
	bool is_handed_over;
	char reason[256];
	char details[16];
	/* What streams saw. */
	struct helio_stream *stream;
	unsigned n_messages;
	unsigned n_ended;
	unsigned to_send;
	unsigned n_sent;
	bool pauses;
};

static struct helio *connect_to(const char *address)
{
	const struct helio_options options = { .program = "test_typed" };
	struct helio *bus;

	assert_int_equal(helio_open(address, &options, &bus), 0);
	assert_int_equal(helio_connect_wait(bus, WAIT_MS), 0);
	loop_add(bus);
	return bus;
}

static void disconnect(struct helio **bus)
{
	loop_remove(*bus);
	helio_close(*bus);
	*bus = NULL;
}

static void open_scene(struct scene *scene, bool is_served)
{
	*scene = (struct scene){ 0 };
	scene->a = connect_to(the_switch.shm);
	scene->b = connect_to(the_switch.shm);
	assert_int_equal(helio_client_new(scene->a, &lab__v1__desk__type, NULL,
					  &scene->client),
			 0);
	if (is_served)
		desk_open(&scene->desk, scene->b, 0);
}

static void close_scene(struct scene *scene)
{
	helio_client_free(scene->client);
	desk_close(&scene->desk);
	disconnect(&scene->a);
	if (scene->b)
		disconnect(&scene->b);
}

static void note_reply(struct scene *scene, const struct helio_reply *reply)
{
	scene->status = reply->status;
	scene->is_from_bus = reply->is_from_bus;
	scene->is_handed_over = reply->is_handed_over;
	snprintf(scene->reason, sizeof(scene->reason), "%s", reply->reason);
	snprintf(scene->details, sizeof(scene->details), "%.*s",
		 (int)reply->n_details,
		 reply->details ? (const char *)reply->details : "");
}

static void on_number(const Lab__V1__Number *number, void *userdata)
{
	struct scene *scene = userdata;

	note_reply(scene, helio_client_reply(scene->client));
	if (!number) {
		scene->n_bad++;
		return;
	}
	scene->n_good++;
	scene->value = number->value;
}

static void call_add(struct scene *scene, int64_t a, int64_t b)
{
	Lab__V1__Pair pair = LAB__V1__PAIR__INIT;

	pair.a = a;
	pair.b = b;
	lab__v1__desk__add(helio_client_service(scene->client), &pair,
			   on_number, scene);
}

static void call_hold(struct scene *scene,
		      const struct helio_invoke_options *options)
{
	Lab__V1__Pair pair = LAB__V1__PAIR__INIT;

	if (options)
		helio_client_next(scene->client, options);
	lab__v1__desk__hold(helio_client_service(scene->client), &pair,
			    on_number, scene);
}

static void on_message(struct helio_stream *stream,
		       const Lab__V1__Number *number, void *userdata)
{
	struct scene *scene = userdata;

	scene->n_messages++;
	scene->value = number->value;
	if (scene->pauses)
		helio_stream_pause(stream);
}

static void on_end(struct helio_stream *stream, const struct helio_reply *reply,
		   const Lab__V1__Number *response, void *userdata)
{
	struct scene *scene = userdata;

	(void)stream;
	scene->n_ended++;
	scene->stream = NULL;
	note_reply(scene, reply);
	if (response)
		scene->value = response->value;
}

static void on_writable(struct helio_stream *stream, void *userdata)
{
	struct scene *scene = userdata;
	Lab__V1__Number number = LAB__V1__NUMBER__INIT;

	while (scene->n_sent < scene->to_send) {
		int r;

		number.value = scene->n_sent + 1;
		r = helio_stream_send(stream, &number.base);
		if (r == -EAGAIN)
			return;
		assert_int_equal(r, 0);
		scene->n_sent++;
	}
	assert_int_equal(helio_stream_finish(stream), 0);
}

static void start_count(struct scene *scene, int64_t to)
{
	static const struct lab__v1__desk__count__events events = {
		.on_message = on_message,
		.on_end = on_end,
	};
	Lab__V1__Number number = LAB__V1__NUMBER__INIT;

	number.value = to;
	assert_int_equal(lab__v1__desk__count__stream(scene->client, &number,
						      &events, scene,
						      &scene->stream),
			 0);
}

static void start_sum(struct scene *scene, unsigned to)
{
	static const struct lab__v1__desk__sum__events events = {
		.on_writable = on_writable,
		.on_end = on_end,
	};

	scene->to_send = to;
	scene->n_sent = 0;
	assert_int_equal(lab__v1__desk__sum__stream(scene->client, &events,
						    scene, &scene->stream),
			 0);
	on_writable(scene->stream, scene);
}

static void start_twice(struct scene *scene, unsigned to)
{
	static const struct lab__v1__desk__twice__events events = {
		.on_message = on_message,
		.on_writable = on_writable,
		.on_end = on_end,
	};

	scene->to_send = to;
	scene->n_sent = 0;
	assert_int_equal(lab__v1__desk__twice__stream(scene->client, &events,
						      scene, &scene->stream),
			 0);
	on_writable(scene->stream, scene);
}

static void test_one_request_one_reply(void **state)
{
	Lab__V1__Pair pair = LAB__V1__PAIR__INIT;
	char note[] = "not today";
	struct scene scene;

	(void)state;
	open_scene(&scene, true);
	call_add(&scene, 40, 2);
	wait_until(scene.n_good);
	assert_int_equal(scene.value, 42);
	assert_false(scene.is_from_bus);
	pair.note = note;
	lab__v1__desk__add(helio_client_service(scene.client), &pair, on_number,
			   &scene);
	wait_until(scene.n_bad);
	assert_int_equal(scene.status, HELIO_FAILED_PRECONDITION);
	assert_string_equal(scene.reason, "not today");
	assert_string_equal(scene.details, "details");
	assert_true(scene.is_handed_over);
	assert_false(scene.is_from_bus);
	close_scene(&scene);
}

static void test_a_stream_of_replies(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, true);
	start_count(&scene, MANY);
	wait_until(scene.n_ended);
	assert_int_equal(scene.status, HELIO_OK);
	assert_int_equal(scene.n_messages, MANY);
	assert_int_equal(scene.value, MANY);
	assert_true(scene.desk.time_left_ms == UINT32_MAX);
	close_scene(&scene);
}

static void test_a_stream_of_requests(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, true);
	start_sum(&scene, 100 * MANY);
	wait_until(scene.n_ended);
	assert_int_equal(scene.status, HELIO_OK);
	assert_int_equal(scene.desk.n_messages, 100 * MANY);
	assert_int_equal(scene.value,
			 (int64_t)100 * MANY * (100 * MANY + 1) / 2);
	close_scene(&scene);
}

static void test_streams_both_ways(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, true);
	start_twice(&scene, MANY);
	wait_until(scene.n_ended);
	assert_int_equal(scene.status, HELIO_OK);
	assert_int_equal(scene.n_messages, MANY);
	assert_int_equal(scene.value, 2 * MANY);
	close_scene(&scene);
}

static void test_a_thousand_at_once(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, true);
	for (int i = 0; i < MANY; i++)
		call_hold(&scene, NULL);
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
	close_scene(&scene);
}

/* It takes one message and no more; the others do not notice. */
static void test_an_unread_stream_delays_nobody(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, true);
	scene.pauses = true;
	start_count(&scene, MANY);
	wait_until(scene.n_messages && scene.desk.counted > 10);
	for (int i = 0; i < 100; i++) {
		call_add(&scene, i, 1);
		wait_until(scene.n_good == (unsigned)i + 1);
	}
	assert_true(scene.desk.counted < MANY / 2);
	assert_int_equal(scene.n_ended, 0);
	scene.pauses = false;
	helio_stream_resume(scene.stream);
	wait_until(scene.n_ended);
	assert_int_equal(scene.n_messages, MANY);
	close_scene(&scene);
}

static void test_calls_wait_for_a_server(void **state)
{
	const struct helio_invoke_options waiting = {
		.is_waiting = true,
		.timeout_ms = WAIT_MS,
		.retry = HELIO_RETRY_IDEMPOTENT,
	};
	struct scene scene;

	(void)state;
	open_scene(&scene, false);
	call_add(&scene, 1, 1);
	wait_until(scene.n_bad);
	assert_int_equal(scene.status, HELIO_UNAVAILABLE);
	assert_true(scene.is_from_bus);
	assert_false(scene.is_handed_over);
	for (int i = 0; i < MANY; i++) {
		helio_client_next(scene.client, &waiting);
		call_add(&scene, i, 1);
	}
	desk_open(&scene.desk, scene.b, 16);
	wait_until(scene.n_good >= 10);
	/* It is restarted, and what it has not answered is tried again. */
	desk_close(&scene.desk);
	desk_open(&scene.desk, scene.b, 16);
	wait_until(scene.n_good + scene.n_bad == MANY + 1);
	assert_int_equal(scene.n_bad, 1);
	close_scene(&scene);
}

static void test_safe_calls_are_tried_again(void **state)
{
	const struct helio_invoke_options again = {
		.retry = HELIO_RETRY_IDEMPOTENT,
		.tries_max = 20,
		.timeout_ms = WAIT_MS,
	};
	struct scene scene;

	(void)state;
	open_scene(&scene, false);
	helio_client_next(scene.client, &again);
	call_add(&scene, 1, 2);
	desk_open(&scene.desk, scene.b, 0);
	wait_until(scene.n_good);
	assert_int_equal(scene.value, 3);
	assert_int_equal(strlen(scene.desk.key), 32);
	close_scene(&scene);
}

static void test_draining_fails_no_call(void **state)
{
	struct helio *c = connect_to(the_switch.shm);
	struct desk other;
	struct scene scene;
	Lab__V1__Number reply = LAB__V1__NUMBER__INIT;

	(void)state;
	open_scene(&scene, true);
	call_hold(&scene, NULL);
	wait_until(scene.desk.n_held == 1);
	desk_open(&other, c, 0);
	assert_int_equal(helio_server_drain(scene.desk.server, NULL), 0);
	assert_int_equal(helio_flush_wait(scene.b, WAIT_MS), 0);
	for (int i = 0; i < 100; i++) {
		call_add(&scene, i, 1);
		loop_turn();
	}
	wait_until(scene.n_good == 100);
	assert_int_equal(other.n_calls, 100);
	assert_int_equal(scene.desk.n_drained, 0);
	assert_int_equal(lab__v1__desk__hold__reply(scene.desk.held[0], &reply),
			 0);
	scene.desk.n_held = 0;
	wait_until(scene.desk.n_drained);
	wait_until(scene.n_good == 101);
	assert_int_equal(scene.n_bad, 0);
	desk_close(&other);
	disconnect(&c);
	close_scene(&scene);
}

static void test_the_callee_dies_in_the_middle(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, true);
	scene.pauses = true;
	start_count(&scene, MANY);
	call_hold(&scene, NULL);
	wait_until(scene.n_messages && scene.desk.n_held);
	desk_close(&scene.desk);
	scene.desk.n_held = 0;
	disconnect(&scene.b);
	wait_until(scene.n_ended && scene.n_bad);
	assert_int_equal(scene.status, HELIO_UNAVAILABLE);
	assert_true(scene.is_handed_over);
	close_scene(&scene);
}

static void test_cancel_reaches_the_callee(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, true);
	scene.pauses = true;
	start_count(&scene, MANY);
	wait_until(scene.n_messages);
	helio_stream_cancel(scene.stream);
	wait_until(scene.desk.n_cancelled == 1);
	call_hold(&scene, NULL);
	wait_until(scene.desk.n_held == 1);
	scene.desk.n_held = 0;
	helio_client_free(scene.client);
	scene.client = NULL;
	wait_until(scene.desk.n_cancelled == 2);
	assert_int_equal(scene.n_ended + scene.n_bad, 0);
	close_scene(&scene);
}

static void test_deadlines_travel_and_shrink(void **state)
{
	const struct helio_invoke_options soon = { .timeout_ms = 300 };
	struct scene scene;

	(void)state;
	open_scene(&scene, true);
	call_hold(&scene, &soon);
	wait_until(scene.desk.n_held);
	assert_true(scene.desk.time_left_ms > 0);
	assert_true(scene.desk.time_left_ms <= 300);
	scene.desk.n_held = 0;
	wait_until(scene.n_bad);
	assert_int_equal(scene.status, HELIO_DEADLINE_EXCEEDED);
	wait_until(scene.desk.n_cancelled);
	close_scene(&scene);
}

/* The switch is gone and comes back: the client binds, the server serves. */
static void test_the_switch_restarts(void **state)
{
	const struct helio_invoke_options waiting = { .is_waiting = true };
	struct scene scene;

	(void)state;
	open_scene(&scene, true);
	switch_process_stop(&the_switch, SIGKILL);
	wait_until(helio_state(scene.a) != HELIO_CONNECTED);
	call_add(&scene, 1, 1);
	assert_int_equal(scene.n_bad, 1);
	assert_int_equal(scene.status, HELIO_UNAVAILABLE);
	assert_false(scene.is_handed_over);
	switch_process_start(&the_switch);
	wait_until(helio_state(scene.a) == HELIO_CONNECTED);
	helio_client_next(scene.client, &waiting);
	call_add(&scene, 20, 1);
	wait_until(scene.n_good);
	assert_int_equal(scene.value, 21);
	close_scene(&scene);
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
	open_scene(&scene, true);
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
	close_scene(&scene);
}

static void test_what_every_instance_has(void **state)
{
	struct answer answer = { 0 };
	struct scene scene;
	char text[2049];

	(void)state;
	open_scene(&scene, true);
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
	close_scene(&scene);
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
	open_scene(&scene, false);
	assert_int_equal(helio_server_new_for(scene.b, &lab__v1__desk__type,
					      &object.base, NULL,
					      &scene.desk.server),
			 0);
	assert_int_equal(helio_server_wait(scene.desk.server, WAIT_MS), 0);
	call_add(&scene, 6, 7);
	wait_until(scene.n_good);
	assert_int_equal(scene.value, 42);
	call_add(&scene, -1, 7);
	wait_until(scene.n_bad == 1);
	assert_int_equal(scene.status, HELIO_INTERNAL);
	call_hold(&scene, NULL);
	wait_until(scene.n_bad == 2);
	assert_int_equal(scene.status, HELIO_ABORTED);
	start_count(&scene, 3);
	wait_until(scene.n_ended);
	assert_int_equal(scene.status, HELIO_UNIMPLEMENTED);
	close_scene(&scene);
}

/* No registry is asked: what is equal goes together. */
static int open_switch(void **state)
{
	char path[128];
	FILE *file;

	(void)state;
	switch_process_open(&the_switch, policy);
	snprintf(path, sizeof(path), "%s/config/heliod.conf",
		 the_switch.folder);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs("schemas equal\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	switch_process_stop(&the_switch, SIGTERM);
	switch_process_start(&the_switch);
	return 0;
}

static int close_switch(void **state)
{
	(void)state;
	switch_process_close(&the_switch);
	return 0;
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
		cmocka_unit_test(test_calls_wait_for_a_server),
		cmocka_unit_test(test_safe_calls_are_tried_again),
		cmocka_unit_test(test_draining_fails_no_call),
		cmocka_unit_test(test_the_callee_dies_in_the_middle),
		cmocka_unit_test(test_cancel_reaches_the_callee),
		cmocka_unit_test(test_deadlines_travel_and_shrink),
		cmocka_unit_test(test_what_is_no_request),
		cmocka_unit_test(test_what_every_instance_has),
		cmocka_unit_test(test_a_service_of_protobuf_c),
		cmocka_unit_test(test_the_switch_restarts),
	};

	return cmocka_run_group_tests(tests, open_switch, close_switch);
}
