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
#include "helio/registry/v1/registry.pb-c.h"
#include "lab/v1/desk.helio.h"
#include "rpc/typed/server.h"
#include "rpc/typed/serving.h"
#include "tests/fault.h"
#include "tests/unit/rpc/streamer.h"

/* A server, and what it was told. */
struct lab {
	struct helio_server *server;
	unsigned n_ready;
	unsigned status;
	char reason[128];
	struct helio_serving *held;
	unsigned n_messages;
	unsigned n_finished;
	unsigned n_cancelled;
	unsigned n_drained;
};

static void on_ready(struct helio_server *server, unsigned status,
		     const char *reason, void *userdata)
{
	struct lab *lab = userdata;

	(void)server;
	lab->n_ready++;
	lab->status = status;
	snprintf(lab->reason, sizeof(lab->reason), "%s", reason);
}

static void on_drained(struct helio_server *server, void *userdata)
{
	struct lab *lab = userdata;

	lab->n_drained++;
	helio_server_free(server);
	lab->server = NULL;
}

static void hold(struct helio_serving *serving, const Lab__V1__Pair *request,
		 void *userdata)
{
	struct lab *lab = userdata;

	assert_non_null(request);
	lab->held = serving;
}

static void on_message(struct helio_serving *serving,
		       const Lab__V1__Number *number, void *userdata)
{
	struct lab *lab = userdata;

	(void)serving;
	(void)number;
	lab->n_messages++;
}

static void on_finish(struct helio_serving *serving, void *userdata)
{
	struct lab *lab = userdata;

	(void)serving;
	lab->n_finished++;
}

static void on_cancelled(struct helio_serving *serving, void *userdata)
{
	struct lab *lab = userdata;

	assert_int_equal(helio_serving_time_left_ms(serving), 0);
	assert_int_equal(helio_serving_send(serving, NULL), -EPIPE);
	lab->n_cancelled++;
}

static const struct lab__v1__desk__sum__requests requests = {
	.on_message = on_message,
	.on_finish = on_finish,
	.on_cancelled = on_cancelled,
};

/* Listens later. */
static void sum(struct helio_serving *serving, const Lab__V1__Number *null,
		void *userdata)
{
	struct lab *lab = userdata;

	assert_null(null);
	lab->held = serving;
}

static const struct lab__v1__desk__server methods = {
	.hold = hold,
	.sum = sum,
};

static uint64_t expect_serve(struct fake_switch *fake)
{
	struct received received;

	fake_expect(fake, FRAME_SERVE, &received);
	assert_string_equal(received.subject, "lab.v1.Desk");
	return received.frame.correlation;
}

static void open_server(struct fake_switch *fake, struct lab *lab)
{
	const struct helio_server_options options = {
		.on_ready = on_ready,
		.on_drained = on_drained,
		.userdata = lab,
	};

	*lab = (struct lab){ 0 };
	fake_connect(fake, NULL);
	assert_int_equal(lab__v1__desk__server__new(fake->bus, &methods,
						    &options, &lab->server),
			 0);
}

static void open_served(struct fake_switch *fake, struct lab *lab)
{
	open_server(fake, lab);
	fake_result(fake, expect_serve(fake), HELIO_OK, "\x0a\x03x7q");
	assert_int_equal(lab->n_ready, 1);
	assert_int_equal(lab->status, HELIO_OK);
}

static void close_server(struct fake_switch *fake, struct lab *lab)
{
	helio_server_free(lab->server);
	fake_close(fake);
}

static void call(struct fake_switch *fake, uint64_t id, uint8_t flags,
		 const char *subject, const char *body)
{
	struct frame frame = {
		.kind = FRAME_CALL,
		.flags = FRAME_WHOLE | flags,
		.correlation = id,
		.time_left_ms = flags ? 0 : 5000,
	};

	fake_send(fake, &frame, subject, body, strlen(body));
}

static void expect_refusal(struct fake_switch *fake, unsigned status,
			   const char *text)
{
	struct received received;

	fake_expect(fake, FRAME_REPLY, &received);
	assert_int_equal(received.frame.status, status);
	assert_int_equal(received.n_body, strlen(text));
	assert_memory_equal(received.body, text, strlen(text));
}

/* The registry does not know the schema: it is put there, and served again. */
static uint64_t expect_put(struct fake_switch *fake)
{
	const struct helio_schema *schema = lab__v1__desk__type.schema;
	Helio__Registry__V1__PutRequest *put;
	struct received received;

	fake_expect(fake, FRAME_CALL, &received);
	assert_string_equal(received.subject, "helio.registry.v1.Registry.Put");
	put = helio__registry__v1__put_request__unpack(NULL, received.n_body,
						       received.body);
	assert_non_null(put);
	assert_string_equal(put->package, "lab.v1");
	assert_int_equal(put->set.len, schema->n_set);
	assert_memory_equal(put->set.data, schema->set, schema->n_set);
	helio__registry__v1__put_request__free_unpacked(put, NULL);
	return received.frame.correlation;
}

static void test_a_schema_becomes_known(void **state)
{
	struct fake_switch fake;
	struct lab lab;

	(void)state;
	open_server(&fake, &lab);
	fake_result(&fake, expect_serve(&fake), HELIO_NOT_FOUND, "who?");
	streamed_reply(&fake, expect_put(&fake), HELIO_OK, "");
	fake_result(&fake, expect_serve(&fake), HELIO_OK, "");
	assert_int_equal(lab.n_ready, 1);
	assert_int_equal(lab.status, HELIO_OK);
	close_server(&fake, &lab);
}

/* A server that is there before the connection: SERVE comes before SYNC. */
static void test_a_schema_before_all_is_renewed(void **state)
{
	struct lab lab = { 0 };
	const struct helio_server_options options = { .on_ready = on_ready,
						      .userdata = &lab };
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_open(&fake, FAKE_RING_BYTES, NULL);
	assert_int_equal(lab__v1__desk__server__new(fake.bus, &methods,
						    &options, &lab.server),
			 0);
	fake_expect(&fake, FRAME_HELLO, &received);
	fake_welcome(&fake, FAKE_FRAGMENT_BYTES, MESSAGE_MAX_DEFAULT);
	fake_result(&fake, expect_serve(&fake), HELIO_NOT_FOUND, "who?");
	assert_int_equal(lab.n_ready, 0);
	fake_expect(&fake, FRAME_SYNC, &received);
	fake_result(&fake, received.frame.correlation, 0, "");
	deadlines_expire(&fake.bus->deadlines, clock_now_ns() + NS_PER_S);
	fake_result(&fake, expect_serve(&fake), HELIO_NOT_FOUND, "who?");
	streamed_reply(&fake, expect_put(&fake), HELIO_OK, "");
	fake_result(&fake, expect_serve(&fake), HELIO_OK, "");
	assert_int_equal(lab.n_ready, 1);
	assert_int_equal(lab.status, HELIO_OK);
	close_server(&fake, &lab);
}

static void test_a_registry_that_forgets(void **state)
{
	struct fake_switch fake;
	struct lab lab;

	(void)state;
	open_server(&fake, &lab);
	for (int i = 0; i < 3; i++) {
		fake_result(&fake, expect_serve(&fake), HELIO_NOT_FOUND,
			    "who?");
		assert_int_equal(lab.n_ready, 0);
		streamed_reply(&fake, expect_put(&fake), HELIO_OK, "");
	}
	fake_result(&fake, expect_serve(&fake), HELIO_NOT_FOUND, "who?");
	assert_int_equal(lab.n_ready, 1);
	assert_int_equal(lab.status, HELIO_NOT_FOUND);
	fake_expect_nothing(&fake);
	close_server(&fake, &lab);
}

static void test_a_schema_that_breaks_another(void **state)
{
	struct fake_switch fake;
	struct lab lab;

	(void)state;
	open_server(&fake, &lab);
	fake_result(&fake, expect_serve(&fake), HELIO_NOT_FOUND, "who?");
	streamed_reply(&fake, expect_put(&fake), HELIO_FAILED_PRECONDITION,
		       "FIELD_SAME_TYPE");
	assert_int_equal(lab.n_ready, 1);
	assert_int_equal(lab.status, HELIO_FAILED_PRECONDITION);
	assert_string_equal(lab.reason, "FIELD_SAME_TYPE");
	fake_expect_nothing(&fake);
	close_server(&fake, &lab);
}

static void test_the_registry_is_away(void **state)
{
	struct fake_switch fake;
	struct lab lab;

	(void)state;
	open_server(&fake, &lab);
	for (int i = 0; i < 3; i++) {
		fake_result(&fake, expect_serve(&fake), HELIO_UNAVAILABLE,
			    "helio-registry is away");
		/* That is told once. */
		assert_int_equal(lab.n_ready, 1);
		assert_int_equal(lab.status, HELIO_UNAVAILABLE);
		deadlines_expire(&fake.bus->deadlines,
				 clock_now_ns() + NS_PER_S);
	}
	fake_result(&fake, expect_serve(&fake), HELIO_NOT_FOUND, "who?");
	streamed_reply(&fake, expect_put(&fake), HELIO_UNAVAILABLE, "again");
	deadlines_expire(&fake.bus->deadlines, clock_now_ns() + 2 * NS_PER_S);
	fake_result(&fake, expect_serve(&fake), HELIO_OK, "");
	assert_int_equal(lab.n_ready, 2);
	assert_int_equal(lab.status, HELIO_OK);
	close_server(&fake, &lab);
}

static void test_freed_while_it_enrols(void **state)
{
	struct received received;
	struct fake_switch fake;
	struct lab lab;

	(void)state;
	open_server(&fake, &lab);
	fake_result(&fake, expect_serve(&fake), HELIO_NOT_FOUND, "who?");
	expect_put(&fake);
	helio_server_free(lab.server);
	fake_expect(&fake, FRAME_CANCEL, &received);
	fake_expect_nothing(&fake);
	fake_close(&fake);
}

static void test_methods_are_found(void **state)
{
	const Lab__V1__Pair other = LAB__V1__PAIR__INIT;
	struct received received;
	struct fake_switch fake;
	struct lab lab;

	(void)state;
	open_served(&fake, &lab);
	assert_string_equal(helio_server_instance(lab.server),
			    "$inst.x7q.lab.v1.Desk");
	call(&fake, SWITCH_ID(1), 0, "lab.v1.Desk.Hold", "");
	assert_int_equal(helio_serving_reply(lab.held, NULL), -EINVAL);
	assert_int_equal(helio_serving_reply(lab.held, &other.base), -EINVAL);
	assert_int_equal(helio_serving_send(lab.held, &other.base), -EINVAL);
	assert_int_equal(helio_serving_fail(lab.held, HELIO_ABORTED, "so"), 0);
	expect_refusal(&fake, HELIO_ABORTED, "so");
	call(&fake, SWITCH_ID(2), 0, "$inst.x7q.lab.v1.Desk.Hold", "");
	assert_int_equal(helio_serving_fail(lab.held, HELIO_ABORTED, NULL), 0);
	fake_expect(&fake, FRAME_REPLY, &received);
	call(&fake, SWITCH_ID(3), 0, "lab.v1.Desk.Add", "");
	expect_refusal(&fake, HELIO_UNIMPLEMENTED,
		       "the server does not implement the method");
	call(&fake, SWITCH_ID(4), 0, "lab.v1.Desk.Hole", "");
	expect_refusal(&fake, HELIO_UNIMPLEMENTED, "there is no such method");
	call(&fake, SWITCH_ID(5), FRAME_STREAM, "lab.v1.Desk.Hold", "");
	expect_refusal(&fake, HELIO_UNIMPLEMENTED,
		       "the method replies once, not with a stream");
	call(&fake, SWITCH_ID(6), 0, "lab.v1.Desk.Hold", "\x0a");
	expect_refusal(&fake, HELIO_INVALID_ARGUMENT,
		       "the request: malformed protobuf");
	close_server(&fake, &lab);
}

static void test_a_packed_reply(void **state)
{
	struct received received;
	struct fake_switch fake;
	struct lab lab;

	(void)state;
	open_served(&fake, &lab);
	call(&fake, SWITCH_ID(1), 0, "lab.v1.Desk.Hold", "");
	assert_int_equal(helio_serving_reply_packed(lab.held, "\x08\x05", 2),
			 0);
	fake_expect(&fake, FRAME_REPLY, &received);
	assert_int_equal(received.n_body, 2);
	assert_memory_equal(received.body, "\x08\x05", 2);
	call(&fake, SWITCH_ID(2), FRAME_MORE, "lab.v1.Desk.Sum", "");
	assert_int_equal(helio_serving_reply_packed(lab.held, NULL, 0), 0);
	fake_expect(&fake, FRAME_REPLY, &received);
	assert_int_equal(received.n_body, 0);
	close_server(&fake, &lab);
}

static void test_who_listens_late(void **state)
{
	struct frame end = {
		.kind = FRAME_END,
		.correlation = SWITCH_ID(1),
	};
	struct fake_switch fake;
	struct lab lab;

	(void)state;
	open_served(&fake, &lab);
	call(&fake, SWITCH_ID(1), FRAME_MORE, "lab.v1.Desk.Sum", "");
	fake_expect_nothing(&fake);
	lab__v1__desk__sum__listen(lab.held, &requests, &lab);
	assert_true(streamed_expect_window(&fake, SWITCH_ID(1)) > 65536);
	streamed_next(&fake, SWITCH_ID(1), "\x08\x01");
	fake_send(&fake, &end, NULL, "", 0);
	assert_int_equal(lab.n_messages, 1);
	assert_int_equal(lab.n_finished, 1);
	assert_int_equal(helio_serving_fail(lab.held, HELIO_ABORTED, ""), 0);
	expect_refusal(&fake, HELIO_ABORTED, "");
	/* It may have ended before anybody listened. */
	call(&fake, SWITCH_ID(2), FRAME_MORE, "lab.v1.Desk.Sum", "");
	end.correlation = SWITCH_ID(2);
	fake_send(&fake, &end, NULL, "", 0);
	assert_int_equal(lab.n_finished, 1);
	lab__v1__desk__sum__listen(lab.held, &requests, &lab);
	assert_int_equal(lab.n_finished, 2);
	assert_int_equal(helio_serving_fail(lab.held, HELIO_ABORTED, ""), 0);
	close_server(&fake, &lab);
}

static void test_a_bad_message_ends_the_call(void **state)
{
	struct received received;
	struct fake_switch fake;
	struct lab lab;

	(void)state;
	open_served(&fake, &lab);
	call(&fake, SWITCH_ID(1), FRAME_MORE, "lab.v1.Desk.Sum", "");
	lab__v1__desk__sum__listen(lab.held, &requests, &lab);
	fake_expect(&fake, FRAME_WINDOW, &received);
	streamed_next(&fake, SWITCH_ID(1), "\x08");
	expect_refusal(&fake, HELIO_INVALID_ARGUMENT,
		       "a message of the stream: malformed protobuf");
	assert_int_equal(lab.n_cancelled, 1);
	assert_int_equal(lab.n_messages, 0);
	streamed_next(&fake, SWITCH_ID(1), "\x08\x01");
	assert_int_equal(helio_serving_reply(lab.held, NULL), 0);
	fake_expect_nothing(&fake);
	close_server(&fake, &lab);
}

static void expect_health(struct fake_switch *fake, uint8_t kind,
			  const char *body)
{
	struct received received;

	fake_expect(fake, kind, &received);
	assert_int_equal(received.n_body, strlen(body));
	assert_memory_equal(received.body, body, strlen(body));
}

static void test_health_is_watched(void **state)
{
	struct received received;
	struct fake_switch fake;
	struct lab lab;

	(void)state;
	open_served(&fake, &lab);
	call(&fake, SWITCH_ID(1), 0, "lab.v1.Desk.$watch", "");
	expect_refusal(&fake, HELIO_UNIMPLEMENTED,
		       "the method replies with a stream");
	call(&fake, SWITCH_ID(2), FRAME_STREAM, "lab.v1.Desk.$watch", "");
	expect_health(&fake, FRAME_NEXT, "\x08\x01");
	assert_int_equal(helio_server_set_health(
				 lab.server, HELIO_HEALTH_NOT_SERVING, "ill"),
			 0);
	expect_health(&fake, FRAME_NEXT, "\x08\x02\x12\x03ill");
	/* Who watches keeps nobody from draining. */
	assert_int_equal(helio_server_drain(lab.server, NULL), 0);
	fake_expect(&fake, FRAME_DRAIN, &received);
	fake_result(&fake, received.frame.correlation, HELIO_OK, "");
	expect_health(&fake, FRAME_NEXT, "\x08\x03\x12\x03ill");
	fake_expect(&fake, FRAME_REPLY, &received);
	assert_int_equal(received.n_body, 0);
	fake_expect(&fake, FRAME_UNSERVE, &received);
	assert_int_equal(lab.n_drained, 1);
	close_server(&fake, &lab);
}

/* It has granted 1 KiB, and takes no news beyond that. */
static void test_who_takes_no_news_keeps_nobody(void **state)
{
	struct frame watch = { .kind = FRAME_CALL,
			       .flags = FRAME_WHOLE | FRAME_STREAM |
					FRAME_EXTENDED,
			       .correlation = SWITCH_ID(1),
			       .room_kib = 1 };
	struct received received;
	struct fake_switch fake;
	char text[900];
	struct lab lab;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	open_served(&fake, &lab);
	fake_send(&fake, &watch, "lab.v1.Desk.$watch", "", 0);
	expect_health(&fake, FRAME_NEXT, "\x08\x01");
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(
			helio_server_set_health(lab.server,
						HELIO_HEALTH_NOT_SERVING, text),
			0);
	assert_int_equal(helio_server_drain(lab.server, NULL), 0);
	do
		fake_recv(&fake, &received);
	while (received.frame.kind == FRAME_NEXT);
	assert_int_equal(received.frame.kind, FRAME_DRAIN);
	fake_result(&fake, received.frame.correlation, HELIO_OK, "");
	expect_refusal(&fake, HELIO_UNAVAILABLE, "the service is draining");
	fake_expect(&fake, FRAME_UNSERVE, &received);
	assert_int_equal(lab.n_drained, 1);
	close_server(&fake, &lab);
}

/* The news is longer than what needs no memory. */
static void test_news_without_memory_end_the_watch(void **state)
{
	struct fake_switch fake;
	static char text[5000];
	struct lab lab;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	open_served(&fake, &lab);
	call(&fake, SWITCH_ID(1), FRAME_STREAM, "lab.v1.Desk.$watch", "");
	expect_health(&fake, FRAME_NEXT, "\x08\x01");
	fault_arm(0);
	assert_int_equal(helio_server_set_health(
				 lab.server, HELIO_HEALTH_NOT_SERVING, text),
			 0);
	fault_disarm();
	assert_true(fault_hit());
	expect_refusal(&fake, HELIO_RESOURCE_EXHAUSTED,
		       "its health cannot be sent");
	close_server(&fake, &lab);
}

static void hold_and_end(struct fake_switch *fake, struct lab *lab, uint64_t i,
			 uint64_t ns)
{
	call(fake, SWITCH_ID(i), 0, "lab.v1.Desk.Hold", "");
	lab->held->started_ns -= ns;
	assert_int_equal(helio_serving_fail(lab->held, HELIO_ABORTED, "so"), 0);
	expect_refusal(fake, HELIO_ABORTED, "so");
}

/* Each at first, then some; one that takes long counts for itself. */
static void test_calls_are_timed(void **state)
{
	const struct method_stats *stats;
	struct fake_switch fake;
	uint64_t before_ns;
	struct lab lab;

	(void)state;
	open_served(&fake, &lab);
	stats = &lab.server->stats[server_find_method(lab.server, "Hold")];
	for (unsigned i = 1; i <= 64; i++)
		hold_and_end(&fake, &lab, i, NS_PER_MS);
	assert_int_equal(stats->n_calls, 64);
	assert_int_equal(stats->n_pending, 0);
	assert_true(stats->total_ns >= 64 * NS_PER_MS);
	assert_true(stats->longest_ns >= NS_PER_MS);
	before_ns = stats->total_ns;
	for (unsigned i = 65; i <= 72; i++)
		hold_and_end(&fake, &lab, i, NS_PER_MS);
	assert_true(stats->total_ns - before_ns >= 8 * NS_PER_MS);
	for (unsigned i = 73; i <= 80; i++) {
		before_ns = stats->total_ns;
		hold_and_end(&fake, &lab, i, 3600 * NS_PER_S);
		assert_true(stats->total_ns - before_ns >= 3599 * NS_PER_S);
		assert_true(stats->total_ns - before_ns < 3700 * NS_PER_S);
	}
	assert_true(stats->longest_ns >= 3599 * NS_PER_S);
	close_server(&fake, &lab);
}

static void test_freed_with_calls(void **state)
{
	struct fake_switch fake;
	struct lab lab;

	(void)state;
	open_served(&fake, &lab);
	call(&fake, SWITCH_ID(1), 0, "lab.v1.Desk.Hold", "");
	call(&fake, SWITCH_ID(2), FRAME_STREAM, "lab.v1.Desk.$watch", "");
	expect_health(&fake, FRAME_NEXT, "\x08\x01");
	helio_server_free(lab.server);
	expect_refusal(&fake, HELIO_UNAVAILABLE, "the service is gone");
	expect_refusal(&fake, HELIO_UNAVAILABLE, "the service is gone");
	assert_int_equal(helio_serving_time_left_ms(lab.held), 0);
	assert_int_equal(helio_serving_fail(lab.held, HELIO_ABORTED, ""), 0);
	fake_close(&fake);
}

static void free_within(struct helio_serving *serving,
			const Lab__V1__Pair *request, void *userdata)
{
	struct lab *lab = userdata;

	assert_non_null(request);
	helio_server_free(lab->server);
	lab->server = NULL;
	if (lab->n_messages)
		assert_int_equal(helio_serving_fail(serving, HELIO_ABORTED, ""),
				 0);
	else
		lab->held = serving;
}

/* By one of its methods, which has answered its call, or answers it later. */
static void test_freed_by_a_method(void **state)
{
	static const struct lab__v1__desk__server freeing = {
		.hold = free_within,
	};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct lab lab = { .n_messages = i };
		const struct helio_server_options options = {
			.userdata = &lab,
		};
		struct fake_switch fake;

		fake_connect(&fake, NULL);
		assert_int_equal(lab__v1__desk__server__new(fake.bus, &freeing,
							    &options,
							    &lab.server),
				 0);
		fake_result(&fake, expect_serve(&fake), HELIO_OK,
			    "\x0a\x03x7q");
		call(&fake, SWITCH_ID(1), 0, "lab.v1.Desk.Hold", "");
		assert_null(lab.server);
		expect_refusal(&fake, HELIO_UNAVAILABLE, "the service is gone");
		if (lab.held)
			assert_int_equal(
				helio_serving_fail(lab.held, HELIO_ABORTED, ""),
				0);
		fake_close(&fake);
	}
}

static void test_every_allocation_may_fail(void **state)
{
	const struct helio_server_options options = {
		.program = "lab",
		.version = "1",
	};

	(void)state;
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct helio_server *server = NULL;
		struct fake_switch fake;
		int r;

		fake_connect(&fake, NULL);
		fault_arm(n);
		r = lab__v1__desk__server__new(fake.bus, &methods, &options,
					       &server);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_int_equal(!server, fault_hit());
		helio_server_free(server);
		fake_close(&fake);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_schema_becomes_known),
		cmocka_unit_test(test_a_schema_before_all_is_renewed),
		cmocka_unit_test(test_a_registry_that_forgets),
		cmocka_unit_test(test_a_schema_that_breaks_another),
		cmocka_unit_test(test_the_registry_is_away),
		cmocka_unit_test(test_freed_while_it_enrols),
		cmocka_unit_test(test_methods_are_found),
		cmocka_unit_test(test_a_packed_reply),
		cmocka_unit_test(test_who_listens_late),
		cmocka_unit_test(test_a_bad_message_ends_the_call),
		cmocka_unit_test(test_health_is_watched),
		cmocka_unit_test(test_who_takes_no_news_keeps_nobody),
		cmocka_unit_test(test_news_without_memory_end_the_watch),
		cmocka_unit_test(test_calls_are_timed),
		cmocka_unit_test(test_freed_with_calls),
		cmocka_unit_test(test_freed_by_a_method),
		cmocka_unit_test(test_every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
