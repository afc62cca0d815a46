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
#include "tests/fault.h"
#include "tests/unit/rpc/fake_switch.h"

static struct fake_switch fake;
static struct helio_client *client;

/* What closures were told. */
static unsigned n_told;
static unsigned status;
static bool is_from_bus;
static bool is_handed_over;
static char reason[128];
static unsigned n_writable;

static void note(const struct helio_reply *reply)
{
	n_told++;
	status = reply->status;
	is_from_bus = reply->is_from_bus;
	is_handed_over = reply->is_handed_over;
	snprintf(reason, sizeof(reason), "%s", reply->reason);
}

static void on_number(const Lab__V1__Number *number, void *userdata)
{
	(void)number;
	(void)userdata;
	note(helio_client_reply(client));
}

static int set_up(void **state)
{
	struct received received;

	(void)state;
	n_told = 0;
	n_writable = 0;
	fake_connect(&fake, NULL);
	assert_int_equal(
		helio_client_new(fake.bus, &lab__v1__desk__type, NULL, &client),
		0);
	fake_expect(&fake, FRAME_BIND, &received);
	fake_result(&fake, received.frame.correlation, 0, "");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	helio_client_free(client);
	fake_close(&fake);
	return 0;
}

static void add(uint32_t timeout_ms)
{
	const struct helio_invoke_options options = {
		.timeout_ms = timeout_ms,
	};
	Lab__V1__Pair pair = LAB__V1__PAIR__INIT;

	pair.a = 3;
	helio_client_next(client, &options);
	lab__v1__desk__add(helio_client_service(client), &pair, on_number,
			   NULL);
}

static uint64_t expect_call(const char *method, const char *body)
{
	struct received received;

	fake_expect(&fake, FRAME_CALL, &received);
	assert_string_equal(received.subject, method);
	assert_int_equal(received.frame.handle, 1);
	assert_int_equal(received.n_body, strlen(body));
	assert_memory_equal(received.body, body, strlen(body));
	return received.frame.correlation;
}

static uint64_t expect_add(void)
{
	return expect_call("Add", "\x08\x03");
}

static uint64_t expect_put(void)
{
	const struct helio_schema *schema = lab__v1__desk__type.schema;
	Helio__Registry__V1__PutRequest *put;
	struct received received;

	fake_expect(&fake, FRAME_CALL, &received);
	assert_string_equal(received.subject, "helio.registry.v1.Registry.Put");
	put = helio__registry__v1__put_request__unpack(NULL, received.n_body,
						       received.body);
	assert_non_null(put);
	assert_string_equal(put->package, "lab.v1");
	assert_int_equal(put->set.len, schema->n_set);
	helio__registry__v1__put_request__free_unpacked(put, NULL);
	return received.frame.correlation;
}

/* The origin is the bus, or a server. */
static void reply(uint64_t id, unsigned as, bool is_of_bus, const char *text)
{
	struct frame frame = {
		.kind = FRAME_REPLY,
		.flags = FRAME_WHOLE | FRAME_EXTENDED,
		.correlation = id,
		.status = (uint16_t)as,
		.origin = is_of_bus,
		.handed_over = !is_of_bus,
	};

	fake_send(&fake, &frame, NULL, text, strlen(text));
}

static void deny_knowledge(uint64_t id)
{
	reply(id, HELIO_NOT_FOUND, true, "not known");
}

static void expire(uint64_t after_ms)
{
	deadlines_expire(&fake.bus->deadlines,
			 clock_now_ns() + after_ms * NS_PER_MS);
	fake_turn(&fake);
}

static void test_it_is_put_once_for_all_calls(void **state)
{
	uint64_t first;
	uint64_t second;
	uint64_t put;

	(void)state;
	add(0);
	first = expect_add();
	add(0);
	second = expect_add();
	deny_knowledge(first);
	put = expect_put();
	deny_knowledge(second);
	fake_expect_nothing(&fake);
	assert_int_equal(n_told, 0);
	reply(put, HELIO_OK, false, "");
	first = expect_add();
	second = expect_add();
	reply(first, HELIO_OK, false, "");
	reply(second, HELIO_OK, false, "");
	assert_int_equal(n_told, 2);
	assert_int_equal(status, HELIO_OK);
	/* One that was under way meanwhile is made again without. */
	add(0);
	deny_knowledge(expect_add());
	reply(expect_add(), HELIO_OK, false, "");
	assert_int_equal(n_told, 3);
}

static void test_it_is_not_done_twice_for_one_call(void **state)
{
	(void)state;
	add(0);
	deny_knowledge(expect_add());
	reply(expect_put(), HELIO_OK, false, "");
	deny_knowledge(expect_add());
	assert_int_equal(n_told, 1);
	assert_int_equal(status, HELIO_NOT_FOUND);
	assert_string_equal(reason, "not known");
	fake_expect_nothing(&fake);
}

static void test_a_put_that_is_refused(void **state)
{
	(void)state;
	add(0);
	deny_knowledge(expect_add());
	reply(expect_put(), HELIO_PERMISSION_DENIED, false, "not yours");
	assert_int_equal(n_told, 1);
	assert_int_equal(status, HELIO_PERMISSION_DENIED);
	assert_string_equal(reason, "not yours");
	assert_true(is_from_bus);
	assert_false(is_handed_over);
	/* It is not asked again at once. */
	add(0);
	deny_knowledge(expect_add());
	assert_int_equal(n_told, 2);
	assert_int_equal(status, HELIO_PERMISSION_DENIED);
	assert_string_equal(reason, "not yours");
	fake_expect_nothing(&fake);
}

/* Whatever it says, this ends. */
static void test_a_registry_that_finds_nothing(void **state)
{
	(void)state;
	add(0);
	deny_knowledge(expect_add());
	reply(expect_put(), HELIO_NOT_FOUND, false, "what");
	assert_int_equal(n_told, 1);
	assert_int_equal(status, HELIO_NOT_FOUND);
	assert_string_equal(reason, "what");
}

static void test_the_registry_is_away(void **state)
{
	(void)state;
	add(0);
	deny_knowledge(expect_add());
	reply(expect_put(), HELIO_UNAVAILABLE, true, "nobody");
	assert_int_equal(n_told, 1);
	assert_int_equal(status, HELIO_UNAVAILABLE);
	assert_string_equal(reason, "nobody");
	/* That is not remembered. */
	add(0);
	deny_knowledge(expect_add());
	reply(expect_put(), HELIO_OK, false, "");
	reply(expect_add(), HELIO_OK, false, "");
	assert_int_equal(n_told, 2);
	assert_int_equal(status, HELIO_OK);
}

static void test_the_deadline_counts(void **state)
{
	(void)state;
	add(50);
	deny_knowledge(expect_add());
	expect_put();
	expire(60);
	assert_int_equal(n_told, 1);
	assert_int_equal(status, HELIO_DEADLINE_EXCEEDED);
	assert_false(is_handed_over);
}

static void test_what_a_server_does_not_find(void **state)
{
	(void)state;
	add(0);
	reply(expect_add(), HELIO_NOT_FOUND, false, "no such room");
	assert_int_equal(n_told, 1);
	assert_int_equal(status, HELIO_NOT_FOUND);
	fake_expect_nothing(&fake);
}

static void on_end(struct helio_stream *stream,
		   const struct helio_reply *end_reply,
		   const Lab__V1__Number *response, void *userdata)
{
	(void)response;
	(void)userdata;
	note(end_reply);
	helio_stream_cancel(stream);
}

static void on_writable(struct helio_stream *stream, void *userdata)
{
	(void)stream;
	(void)userdata;
	n_writable++;
}

static void count(void)
{
	static const struct lab__v1__desk__count__events events = {
		.on_end = on_end,
	};
	Lab__V1__Number number = LAB__V1__NUMBER__INIT;

	number.value = 9;
	assert_int_equal(lab__v1__desk__count__stream(client, &number, &events,
						      NULL, NULL),
			 0);
}

static struct helio_stream *sum(void)
{
	static const struct lab__v1__desk__sum__events events = {
		.on_writable = on_writable,
		.on_end = on_end,
	};
	struct helio_stream *stream;

	assert_int_equal(
		lab__v1__desk__sum__stream(client, &events, NULL, &stream), 0);
	return stream;
}

static void test_a_stream_of_replies(void **state)
{
	(void)state;
	count();
	deny_knowledge(expect_call("Count", "\x08\x09"));
	reply(expect_put(), HELIO_OK, false, "");
	reply(expect_call("Count", "\x08\x09"), HELIO_OK, false, "");
	assert_int_equal(n_told, 1);
	assert_int_equal(status, HELIO_OK);
	count();
	deny_knowledge(expect_call("Count", "\x08\x09"));
	deny_knowledge(expect_call("Count", "\x08\x09"));
	assert_int_equal(n_told, 2);
	assert_int_equal(status, HELIO_NOT_FOUND);
}

static void test_a_stream_of_requests(void **state)
{
	Lab__V1__Number number = LAB__V1__NUMBER__INIT;
	struct helio_stream *stream = sum();
	uint64_t put;

	(void)state;
	assert_int_equal(helio_stream_send(stream, &number.base), -EAGAIN);
	deny_knowledge(expect_call("Sum", ""));
	put = expect_put();
	assert_int_equal(helio_stream_send(stream, &number.base), -EAGAIN);
	reply(put, HELIO_OK, false, "");
	assert_int_equal(n_writable, 1);
	reply(expect_call("Sum", ""), HELIO_OK, false, "");
	assert_int_equal(n_told, 1);
}

static void test_a_stream_that_ended_while_it_waited(void **state)
{
	Lab__V1__Number number = LAB__V1__NUMBER__INIT;
	struct helio_stream *stream = sum();
	struct received received;
	uint64_t put;

	(void)state;
	deny_knowledge(expect_call("Sum", ""));
	put = expect_put();
	assert_int_equal(helio_stream_finish(stream), 0);
	assert_int_equal(helio_stream_send(stream, &number.base), -EPIPE);
	assert_int_equal(helio_stream_finish(stream), -EPIPE);
	reply(put, HELIO_OK, false, "");
	expect_call("Sum", "");
	fake_expect(&fake, FRAME_END, &received);
	assert_int_equal(n_told, 0);
}

static void test_a_stream_that_is_refused(void **state)
{
	(void)state;
	count();
	deny_knowledge(expect_call("Count", "\x08\x09"));
	reply(expect_put(), HELIO_FAILED_PRECONDITION, false, "it breaks");
	assert_int_equal(n_told, 1);
	assert_int_equal(status, HELIO_FAILED_PRECONDITION);
	assert_string_equal(reason, "it breaks");
}

/* The client, with all that waits, is freed by tear_down(). */
static void test_freed_while_it_waits(void **state)
{
	struct helio_stream *stream;

	(void)state;
	add(0);
	deny_knowledge(expect_add());
	expect_put();
	count();
	deny_knowledge(expect_call("Count", "\x08\x09"));
	stream = sum();
	deny_knowledge(expect_call("Sum", ""));
	helio_stream_cancel(stream);
	assert_int_equal(n_told, 0);
}

/* Whatever fails, the closure is called once. */
static void test_without_memory(void **state)
{
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		uint64_t id;

		tear_down(state);
		set_up(state);
		add(0);
		id = expect_add();
		fault_arm(n);
		deny_knowledge(id);
		fault_disarm();
		if (!fault_hit() && !n_told)
			reply(expect_put(), HELIO_UNAUTHENTICATED, false, "");
		assert_true(n_told <= 1);
	}
	assert_int_equal(n_told, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_it_is_put_once_for_all_calls),
		TEST(test_it_is_not_done_twice_for_one_call),
		TEST(test_a_put_that_is_refused),
		TEST(test_a_registry_that_finds_nothing),
		TEST(test_the_registry_is_away),
		TEST(test_the_deadline_counts),
		TEST(test_what_a_server_does_not_find),
		TEST(test_a_stream_of_replies),
		TEST(test_a_stream_of_requests),
		TEST(test_a_stream_that_ended_while_it_waited),
		TEST(test_a_stream_that_is_refused),
		TEST(test_freed_while_it_waits),
		TEST(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
