/* SPDX-License-Identifier: MIT */

/*
 * The library and the switch, end to end: two clients of one heliod, in one
 * loop, over shared memory and over a stream.
 */

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "rpc/heliograph.h"
#include "tests/system/bus/switch_process.h"

enum { WAIT_MS = 10000 };

static const char policy[] = "deny  ** publish,subscribe,call secret.>\n"
			     "allow ** any test.>\n"
			     "allow ** group test.>\n"
			     "allow ** observe test.>\n";

static struct switch_process the_switch;

/* Two clients, and what their callbacks saw. */
struct scene {
	struct helio *a;
	struct helio *b;
	unsigned n;
	unsigned n_wrong;
	uint8_t *body;
	size_t n_body;
	unsigned n_gaps;
	char gap[32];
	unsigned n_replies;
	unsigned status;
	bool is_handed_over;
	size_t n_reply;
	unsigned n_cancelled;
	struct helio_request *request;
	unsigned n_refused;
	char reason[256];
	struct helio_ack ack;
	unsigned n_acks;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int soonest(int a_ms, int b_ms)
{
	if (a_ms < 0 || (b_ms >= 0 && b_ms < a_ms))
		return b_ms;
	return a_ms;
}

/* The loop that a program would write around two connections. */
static void turn(struct scene *scene)
{
	struct pollfd fds[2] = {
		{ .fd = helio_fd(scene->a), .events = POLLIN },
		{ .fd = helio_fd(scene->b), .events = POLLIN },
	};
	int wait_ms =
		soonest(helio_timeout_ms(scene->a), helio_timeout_ms(scene->b));

	assert_true(poll(fds, 2, soonest(wait_ms, 100)) >= 0);
	helio_dispatch(scene->a);
	helio_dispatch(scene->b);
}

#define wait_until(scene, condition)                               \
	do {                                                       \
		uint64_t end_ms_ = now_ms() + WAIT_MS;             \
		while (!(condition)) {                             \
			if (now_ms() > end_ms_)                    \
				fail_msg("never: %s", #condition); \
			turn(scene);                               \
		}                                                  \
	} while (0)

static void note_refused(struct helio *bus, unsigned status, const char *reason,
			 void *userdata)
{
	struct scene *scene = userdata;

	(void)bus;
	scene->n_refused++;
	scene->status = status;
	snprintf(scene->reason, sizeof(scene->reason), "%s", reason);
}

static void open_scene(struct scene *scene, void **state, uint32_t ring_bytes)
{
	const struct helio_options options = {
		.program = "test_bus",
		.ring_bytes = ring_bytes,
		.on_refused = note_refused,
		.userdata = scene,
	};
	const char *address = *state;

	*scene = (struct scene){ 0 };
	assert_int_equal(helio_open(address, &options, &scene->a), 0);
	assert_int_equal(helio_open(address, &options, &scene->b), 0);
	assert_int_equal(helio_connect_wait(scene->a, WAIT_MS), 0);
	assert_int_equal(helio_connect_wait(scene->b, WAIT_MS), 0);
}

static void close_scene(struct scene *scene)
{
	free(scene->body);
	helio_close(scene->a);
	helio_close(scene->b);
}

static void count_in_order(struct helio_subscription *subscription,
			   const struct helio_message *message, void *userdata)
{
	struct scene *scene = userdata;
	unsigned number;

	(void)subscription;
	memcpy(&number, message->body, sizeof(number));
	if (number != scene->n || message->n_body != sizeof(number) ||
	    strcmp(message->source, helio_principal(scene->a)) != 0)
		scene->n_wrong++;
	scene->n++;
}

static void note_gap(struct helio_subscription *subscription, uint64_t n_lost,
		     const char *reason, void *userdata)
{
	struct scene *scene = userdata;

	(void)subscription;
	(void)n_lost;
	scene->n_gaps++;
	snprintf(scene->gap, sizeof(scene->gap), "%s", reason);
}

static void publish_number(struct scene *scene, unsigned number)
{
	int r;

	while ((r = helio_publish(scene->a, "test.n", &number, sizeof(number),
				  NULL)) == -EAGAIN)
		turn(scene);
	assert_int_equal(r, 0);
}

/* The credit is far less than what is sent, so it must come back. */
static void test_every_message_in_order(void **state)
{
	const struct helio_subscribe_options options = {
		.credit_messages = 100,
		.queue_messages = 100000,
		.queue_bytes = 16 * 1024 * 1024,
		.on_gap = note_gap,
	};
	enum { N = 50000 };
	struct scene scene;

	open_scene(&scene, state, 16384);
	assert_int_equal(helio_subscribe_wait(scene.b, "test.>", &options,
					      count_in_order, &scene, WAIT_MS,
					      NULL),
			 0);
	for (unsigned i = 0; i < N; i++)
		publish_number(&scene, i);
	wait_until(&scene, scene.n + scene.n_gaps >= N);
	assert_int_equal(scene.n, N);
	assert_int_equal(scene.n_wrong, 0);
	close_scene(&scene);
}

static void keep_body(struct helio_subscription *subscription,
		      const struct helio_message *message, void *userdata)
{
	struct scene *scene = userdata;

	(void)subscription;
	free(scene->body);
	scene->body = malloc(message->n_body + 1);
	memcpy(scene->body, message->body, message->n_body);
	scene->n_body = message->n_body;
	scene->n++;
}

static void test_long_messages(void **state)
{
	static const uint32_t rings[] = { 4096, 65536, 0 };
	enum { N = 2000000 };
	uint8_t *body = malloc(N);

	for (size_t i = 0; i < N; i++)
		body[i] = (uint8_t)(i * 7 >> 5);
	for (size_t i = 0; i < sizeof(rings) / sizeof(*rings); i++) {
		struct helio_subscribe_options options = {
			.queue_bytes = 4 * 1024 * 1024,
		};
		struct scene scene;

		open_scene(&scene, state, rings[i]);
		assert_int_equal(helio_subscribe_wait(scene.b, "test.*",
						      &options, keep_body,
						      &scene, WAIT_MS, NULL),
				 0);
		assert_int_equal(
			helio_publish(scene.a, "test.long", body, N, NULL), 0);
		wait_until(&scene, scene.n == 1);
		assert_int_equal(scene.n_body, N);
		assert_memory_equal(scene.body, body, N);
		close_scene(&scene);
	}
	free(body);
}

static void note_ack(struct helio *bus, const struct helio_ack *ack,
		     void *userdata)
{
	struct scene *scene = userdata;

	(void)bus;
	scene->ack = *ack;
	scene->n_acks++;
}

static void test_acks_tell_who_took_it(void **state)
{
	struct scene scene;
	const struct helio_publish_options options = {
		.flags = HELIO_ACK_ROUTED,
		.on_ack = note_ack,
		.userdata = &scene,
	};

	open_scene(&scene, state, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(helio_subscribe_wait(scene.b, "test.ack", NULL,
						      keep_body, &scene,
						      WAIT_MS, NULL),
				 0);
	assert_int_equal(helio_publish_wait(scene.a, "test.ack", "x", 1,
					    &options, WAIT_MS),
			 0);
	assert_int_equal(scene.n_acks, 1);
	assert_int_equal(scene.ack.n_took, 3);
	assert_int_equal(scene.ack.n_refused, 0);
	wait_until(&scene, scene.n == 3);
	close_scene(&scene);
}

static void test_denied(void **state)
{
	struct scene scene;

	open_scene(&scene, state, 0);
	assert_int_equal(helio_publish(scene.a, "secret.plan", "x", 1, NULL),
			 0);
	wait_until(&scene, scene.n_refused == 1);
	assert_int_equal(scene.status, HELIO_PERMISSION_DENIED);
	assert_non_null(strstr(scene.reason, "10-test.policy"));
	assert_int_equal(helio_subscribe_wait(scene.a, "secret.>", NULL,
					      keep_body, &scene, WAIT_MS, NULL),
			 -EACCES);
	assert_non_null(strstr(helio_error(scene.a), "10-test.policy"));
	close_scene(&scene);
}

static void echo(struct helio_service *service, struct helio_request *request,
		 const struct helio_message *message, void *userdata)
{
	(void)service;
	(void)userdata;
	assert_int_equal(helio_respond(request, message->body, message->n_body),
			 0);
}

static void note_reply(struct helio_call *call, const struct helio_reply *reply,
		       void *userdata)
{
	struct scene *scene = userdata;

	(void)call;
	scene->n_replies++;
	scene->status = reply->status;
	scene->is_handed_over = reply->is_handed_over;
	scene->n_reply = reply->message ? reply->message->n_body : 0;
}

static void test_calls_are_answered(void **state)
{
	static const char *const methods[] = { "Echo" };
	const struct helio_serve_options options = {
		.methods = methods,
		.n_methods = 1,
	};
	static const size_t sizes[] = { 0, 1, 100, 70000, 1000000 };
	uint8_t *body = calloc(1, 1000000);
	struct scene scene;
	unsigned n = 0;

	open_scene(&scene, state, 0);
	assert_int_equal(helio_serve_wait(scene.b, "test.v1.Echo", &options,
					  echo, NULL, WAIT_MS, NULL),
			 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		assert_int_equal(helio_call_start(scene.a, "test.v1.Echo.Echo",
						  body, sizes[i], NULL,
						  note_reply, &scene, NULL),
				 0);
		n++;
		wait_until(&scene, scene.n_replies == n);
		assert_int_equal(scene.status, HELIO_OK);
		assert_int_equal(scene.n_reply, sizes[i]);
	}
	for (int i = 0; i < 1000; i++)
		assert_int_equal(helio_call_start(scene.a, "test.v1.Echo.Echo",
						  body, 10, NULL, note_reply,
						  &scene, NULL),
				 0);
	wait_until(&scene, scene.n_replies == n + 1000);
	assert_int_equal(scene.status, HELIO_OK);
	free(body);
	close_scene(&scene);
}

static void test_calls_that_fail(void **state)
{
	static const char *const methods[] = { "Echo" };
	const struct helio_serve_options options = {
		.methods = methods,
		.n_methods = 1,
	};
	struct helio_reply reply;
	struct scene scene;

	open_scene(&scene, state, 0);
	assert_int_equal(
		helio_call_wait(scene.a, "test.nobody", "", 0, NULL, &reply),
		0);
	assert_int_equal(reply.status, HELIO_UNAVAILABLE);
	assert_true(reply.is_from_bus);
	assert_false(reply.is_handed_over);
	assert_int_equal(helio_serve_wait(scene.b, "test.v1.Echo", &options,
					  echo, NULL, WAIT_MS, NULL),
			 0);
	assert_int_equal(helio_call_wait(scene.a, "test.v1.Echo.Other", "", 0,
					 NULL, &reply),
			 0);
	assert_int_equal(reply.status, HELIO_UNIMPLEMENTED);
	assert_int_equal(
		helio_call_wait(scene.a, "secret.call", "", 0, NULL, &reply),
		0);
	assert_int_equal(reply.status, HELIO_PERMISSION_DENIED);
	close_scene(&scene);
}

static void keep_request(struct helio_service *service,
			 struct helio_request *request,
			 const struct helio_message *message, void *userdata)
{
	struct scene *scene = userdata;

	(void)service;
	(void)message;
	helio_request_set_userdata(request, scene);
	scene->request = request;
}

static void note_cancelled(struct helio_request *request, void *userdata)
{
	struct scene *scene = userdata;

	assert_int_equal(helio_fail(request, HELIO_CANCELLED, ""), 0);
	scene->n_cancelled++;
	scene->request = NULL;
}

static void serve_slowly(struct scene *scene)
{
	const struct helio_serve_options options = {
		.on_cancelled = note_cancelled,
	};

	assert_int_equal(helio_serve_wait(scene->b, "test.slow", &options,
					  keep_request, scene, WAIT_MS, NULL),
			 0);
}

static void test_deadlines_and_cancels_reach_the_callee(void **state)
{
	const struct helio_call_options options = { .timeout_ms = 50 };
	struct helio_call *call;
	struct scene scene;

	open_scene(&scene, state, 0);
	serve_slowly(&scene);
	assert_int_equal(helio_call_start(scene.a, "test.slow", "", 0, &options,
					  note_reply, &scene, NULL),
			 0);
	wait_until(&scene, scene.n_replies && scene.n_cancelled);
	assert_int_equal(scene.status, HELIO_DEADLINE_EXCEEDED);
	assert_true(scene.is_handed_over);
	assert_int_equal(helio_call_start(scene.a, "test.slow", "", 0, NULL,
					  note_reply, &scene, &call),
			 0);
	wait_until(&scene, scene.request);
	helio_call_cancel(call);
	wait_until(&scene, scene.n_cancelled == 2);
	assert_int_equal(scene.n_replies, 1);
	close_scene(&scene);
}

static void test_a_dead_server_ends_its_calls(void **state)
{
	struct scene scene;

	open_scene(&scene, state, 0);
	serve_slowly(&scene);
	assert_int_equal(helio_call_start(scene.a, "test.slow", "", 0, NULL,
					  note_reply, &scene, NULL),
			 0);
	wait_until(&scene, scene.request);
	helio_close(scene.b);
	assert_int_equal(helio_open(*state, NULL, &scene.b), 0);
	wait_until(&scene, scene.n_replies);
	assert_int_equal(scene.status, HELIO_UNAVAILABLE);
	assert_true(scene.is_handed_over);
	close_scene(&scene);
}

static void test_waiting_calls_are_held(void **state)
{
	const struct helio_call_options options = { .is_waiting = true };
	struct scene scene;

	open_scene(&scene, state, 0);
	assert_int_equal(helio_call_start(scene.a, "test.later", "hold", 4,
					  &options, note_reply, &scene, NULL),
			 0);
	assert_int_equal(helio_flush_wait(scene.a, WAIT_MS), 0);
	assert_int_equal(scene.n_replies, 0);
	assert_int_equal(
		helio_serve(scene.b, "test.later", NULL, echo, NULL, NULL), 0);
	wait_until(&scene, scene.n_replies);
	assert_int_equal(scene.n_reply, 4);
	close_scene(&scene);
}

static void test_a_group_shares(void **state)
{
	const struct helio_subscribe_options options = { .group = "workers" };
	struct scene scene;

	open_scene(&scene, state, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(helio_subscribe_wait(scene.b, "test.work",
						      &options, keep_body,
						      &scene, WAIT_MS, NULL),
				 0);
	for (int i = 0; i < 99; i++)
		assert_int_equal(
			helio_publish(scene.a, "test.work", "x", 1, NULL), 0);
	assert_int_equal(helio_flush_wait(scene.a, WAIT_MS), 0);
	assert_int_equal(helio_flush_wait(scene.b, WAIT_MS), 0);
	assert_int_equal(scene.n, 99);
	close_scene(&scene);
}

/* The switch is killed and comes back: so do the subscriptions. */
static void test_the_switch_comes_back(void **state)
{
	const struct helio_subscribe_options options = { .on_gap = note_gap };
	struct scene scene;
	uint64_t back_ms;

	open_scene(&scene, state, 0);
	assert_int_equal(helio_subscribe_wait(scene.b, "test.n", &options,
					      count_in_order, &scene, WAIT_MS,
					      NULL),
			 0);
	publish_number(&scene, 0);
	wait_until(&scene, scene.n == 1);
	switch_process_stop(&the_switch, SIGKILL);
	wait_until(&scene, helio_state(scene.a) == HELIO_CONNECTING &&
				   helio_state(scene.b) == HELIO_CONNECTING);
	assert_int_equal(helio_publish(scene.a, "test.n", "", 0, NULL),
			 -ENOTCONN);
	switch_process_start(&the_switch);
	back_ms = now_ms();
	wait_until(&scene, helio_state(scene.a) == HELIO_CONNECTED &&
				   helio_state(scene.b) == HELIO_CONNECTED);
	assert_true(now_ms() - back_ms < 3000);
	assert_int_equal(scene.n_gaps, 1);
	assert_string_equal(scene.gap, "reconnect");
	publish_number(&scene, 1);
	wait_until(&scene, scene.n == 2);
	assert_int_equal(scene.n_wrong, 0);
	close_scene(&scene);
}

static void test_nobody_is_there(void **state)
{
	const struct helio_options options = { .no_reconnect = true };
	char address[256];
	struct helio *bus;

	snprintf(address, sizeof(address), "%s.nobody", (const char *)*state);
	assert_int_equal(helio_open(address, &options, &bus), -ENOENT);
	assert_int_equal(helio_open(address, NULL, &bus), 0);
	assert_int_equal(helio_connect_wait(bus, 100), -ETIMEDOUT);
	assert_string_not_equal(helio_error(bus), "");
	helio_close(bus);
	assert_int_equal(helio_open("nonsense", NULL, &bus), -EINVAL);
	assert_int_equal(helio_open("smoke:/tmp/x", NULL, &bus),
			 -EPROTONOSUPPORT);
}

static int run(const char *name, char *address)
{
#define over(test) cmocka_unit_test_prestate(test, address)
	const struct CMUnitTest tests[] = {
		over(test_every_message_in_order),
		over(test_long_messages),
		over(test_acks_tell_who_took_it),
		over(test_denied),
		over(test_calls_are_answered),
		over(test_calls_that_fail),
		over(test_deadlines_and_cancels_reach_the_callee),
		over(test_a_dead_server_ends_its_calls),
		over(test_waiting_calls_are_held),
		over(test_a_group_shares),
		over(test_the_switch_comes_back),
		over(test_nobody_is_there),
	};

	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
	int n_failed;

	switch_process_open(&the_switch, policy);
	n_failed = run("shm", the_switch.shm);
	n_failed += run("unix", the_switch.unix_stream);
	switch_process_close(&the_switch);
	return n_failed;
}
