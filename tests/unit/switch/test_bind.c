/* SPDX-License-Identifier: MIT */

/* Services that a client binds, and calls by their handles. */

#include <string.h>

#include "base/le.h"
#include "tests/unit/switch/schema_stage.h"

static void unbind(uint32_t handle, enum status status)
{
	struct frame frame = { .kind = FRAME_UNBIND, .correlation = 77 };
	uint8_t body[4];

	le32_store(body, handle);
	fake_send(&a, &frame, "", body, sizeof(body));
	fake_expect(&a, FRAME_RESULT, &got);
	assert_int_equal(got.frame.status, status);
}

static void the_switch_puts_the_subject_together(void **state)
{
	fake_serve_known(&b, 1, "foo.v1.Bar", "Get Put", OLD);
	fake_bind(&a, 5, "foo.v1.Bar", OLD, STATUS_OK);
	fake_call_by(&a, 9, 0, 5, "Put");
	fake_expect(&b, FRAME_CALL, &got);
	assert_string_equal(got.subject, "foo.v1.Bar.Put");
	assert_string_equal((char *)got.body, "question");
	assert_int_equal(got.frame.handle, 0);
	fake_answer(&b, got.frame.correlation);
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.correlation, 9);
	assert_string_equal((char *)got.body, "answer");
	assert_int_equal(n_asked, 0);
}

/* All in one write: what is bound must hold for the frame behind it. */
static void nobody_has_to_wait_for_the_result(void **state)
{
	Helio__Bus__V1__Bind bind = HELIO__BUS__V1__BIND__INIT;
	struct frame frames[3] = {
		{ .kind = FRAME_BIND, .correlation = 1 },
		{ .kind = FRAME_CALL,
		  .flags = FRAME_WHOLE,
		  .correlation = 2,
		  .handle = 5 },
		{ .kind = FRAME_UNBIND, .correlation = 3 },
	};
	static const char *const subjects[] = { "foo.v1.Bar", "Get", "" };
	uint8_t hash[SCHEMA_HASH_BYTES] = { 0 };
	uint8_t bytes[512];
	uint8_t body[64];
	size_t n = 0;

	fake_serve(&b, 1, "foo.v1.Bar.Get", 5);
	bind.has_handle = bind.has_schema_hash = 1;
	bind.handle = 5;
	bind.schema_hash.data = hash;
	bind.schema_hash.len = sizeof(hash);
	for (unsigned i = 0; i < 3; i++) {
		size_t n_body = 4;

		le32_store(body, 5);
		if (!i)
			n_body = helio__bus__v1__bind__pack(&bind, body);
		frames[i].n_subject = (uint16_t)strlen(subjects[i]);
		frame_set_body(&frames[i], n_body);
		n += frame_encode(&frames[i], bytes + n);
		memcpy(bytes + n, subjects[i], frames[i].n_subject);
		n += frames[i].n_subject;
		memcpy(bytes + n, body, n_body);
		n += n_body;
	}
	fake_send_bytes(&a, bytes, n);
	fake_expect(&b, FRAME_CALL, &got);
	assert_string_equal(got.subject, "foo.v1.Bar.Get");
	fake_expect(&a, FRAME_RESULT, &got);
	assert_int_equal(got.frame.status, STATUS_OK);
	fake_expect(&a, FRAME_RESULT, &got);
	assert_int_equal(got.frame.correlation, 3);
	assert_int_equal(got.frame.status, STATUS_OK);
}

static void what_cannot_be_bound_is_refused(void **state)
{
	Helio__Bus__V1__Bind bind = HELIO__BUS__V1__BIND__INIT;
	struct frame frame = { .kind = FRAME_BIND };
	char name[256];
	uint8_t body[64];

	fake_bind(&a, 0, "foo.v1.Bar", OLD, STATUS_INVALID_ARGUMENT);
	fake_bind(&a, 0x80000000, "foo.v1.Bar", OLD, STATUS_INVALID_ARGUMENT);
	fake_bind(&a, 1, "foo..Bar", OLD, STATUS_INVALID_ARGUMENT);
	fake_bind(&a, 1, "", OLD, STATUS_INVALID_ARGUMENT);
	fake_bind(&a, 1, "foo.*", OLD, STATUS_INVALID_ARGUMENT);
	fake_bind(&a, 1, "$inst.1.foo.v1.Bar", OLD, STATUS_INVALID_ARGUMENT);
	fake_bind(&a, 1, "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16", OLD,
		  STATUS_INVALID_ARGUMENT);
	memset(name, 'x', 254);
	name[254] = '\0';
	fake_bind(&a, 1, name, OLD, STATUS_INVALID_ARGUMENT);
	fake_bind(&a, 1, "foo.v1.Bar", OLD, STATUS_OK);
	fake_bind(&a, 1, "foo.v1.Bar", OLD, STATUS_ALREADY_EXISTS);

	bind.has_handle = bind.has_schema_hash = 1;
	bind.handle = 2;
	bind.schema_hash.data = (uint8_t *)name;
	bind.schema_hash.len = 31;
	fake_send(&a, &frame, "foo.v1.Bar", body,
		  helio__bus__v1__bind__pack(&bind, body));
	fake_expect(&a, FRAME_RESULT, &got);
	assert_int_equal(got.frame.status, STATUS_INVALID_ARGUMENT);
}

static void a_handle_that_is_none_ends_the_call_alone(void **state)
{
	fake_call_by(&a, 1, 0, 5, "Get");
	fake_expect_refusal(&a, 1, STATUS_FAILED_PRECONDITION,
			    "nothing is bound to the handle 5");
	fake_call_by(&a, 2, FRAME_WAIT, 5, "Get");
	fake_expect_refusal(&a, 2, STATUS_FAILED_PRECONDITION, "handle 5");
	fake_expect_silence(&a);
}

static void only_the_method_is_the_subject(void **state)
{
	char method[256];

	fake_bind(&a, 5, "foo.v1.Bar", OLD, STATUS_OK);
	fake_call_by(&a, 1, 0, 5, "v1.Get");
	fake_expect_refusal(&a, 1, STATUS_INVALID_ARGUMENT, "its method");
	fake_call_by(&a, 2, 0, 5, "");
	fake_expect_refusal(&a, 2, STATUS_INVALID_ARGUMENT, "its method");
	memset(method, 'm', 245);
	method[245] = '\0';
	fake_call_by(&a, 3, 0, 5, method);
	fake_expect_refusal(&a, 3, STATUS_INVALID_ARGUMENT, "its method");
	method[244] = '\0';
	fake_call_by(&a, 4, 0, 5, method);
	fake_expect_refusal(&a, 4, STATUS_UNAVAILABLE, "nobody serves");
	fake_call_by(&a, 5, 0, 5, "G>t");
	fake_expect_refusal(&a, 5, STATUS_INVALID_ARGUMENT, "not a subject");
}

/* What the service adds to the subject must still fit into a frame. */
static void a_frame_that_would_be_too_long_is_refused(void **state)
{
	static const uint8_t body[FRAME_MAX_BYTES];
	struct frame frame = { .kind = FRAME_CALL,
			       .flags = FRAME_WHOLE,
			       .correlation = 1,
			       .handle = 5 };
	size_t n = FRAME_MAX_BYTES - FRAME_HEADER_BYTES - strlen("Get");

	fake_serve_known(&b, 1, "foo.v1.Bar", "Get", OLD);
	fake_bind(&a, 5, "foo.v1.Bar", OLD, STATUS_OK);
	fake_send(&a, &frame, "Get", body, n);
	fake_expect_refusal(&a, 1, STATUS_INVALID_ARGUMENT, "longer than");
	frame.correlation = 2;
	frame.handle = 5;
	fake_send(&a, &frame, "Get", body, n - strlen("foo.v1.Bar."));
	fake_expect(&b, FRAME_CALL, &got);
	assert_int_equal(got.frame.length, FRAME_MAX_BYTES);
}

static void an_unbound_handle_is_free_again(void **state)
{
	fake_bind(&a, 5, "foo.v1.Bar", OLD, STATUS_OK);
	fake_call_by(&a, 1, 0, 5, "Get");
	fake_expect_refusal(&a, 1, STATUS_UNAVAILABLE, "foo.v1.Bar.Get");
	unbind(6, STATUS_NOT_FOUND);
	unbind(5, STATUS_OK);
	unbind(5, STATUS_NOT_FOUND);
	fake_call_by(&a, 2, 0, 5, "Get");
	fake_expect_refusal(&a, 2, STATUS_FAILED_PRECONDITION, "handle 5");
	fake_bind(&a, 5, "foo.v2.Bar", OLD, STATUS_OK);
	fake_call_by(&a, 3, 0, 5, "Get");
	fake_expect_refusal(&a, 3, STATUS_UNAVAILABLE, "foo.v2.Bar.Get");
}

static void handles_are_their_channels_own(void **state)
{
	fake_bind(&a, 5, "foo.v1.Bar", OLD, STATUS_OK);
	fake_call_by(&c, 1, 0, 5, "Get");
	fake_expect_refusal(&c, 1, STATUS_FAILED_PRECONDITION, "handle 5");
}

static void bound_services_are_charged(void **state)
{
	stage_limit("vm:a", RESOURCE_SUBSCRIPTIONS, 2);
	fake_bind(&a, 1, "foo.v1.Bar", OLD, STATUS_OK);
	fake_bind(&a, 2, "foo.v1.Bar", NEW, STATUS_OK);
	fake_bind(&a, 3, "foo.v2.Bar", OLD, STATUS_RESOURCE_EXHAUSTED);
	unbind(2, STATUS_OK);
	fake_bind(&a, 3, "foo.v2.Bar", OLD, STATUS_OK);
	fake_subscribe(&a, 1, "x", 1, STATUS_RESOURCE_EXHAUSTED);
	world.bus.limits.subscriptions_max = 2;
	stage_limit("vm:a", RESOURCE_SUBSCRIPTIONS, 10);
	fake_bind(&a, 4, "foo.v3.Bar", OLD, STATUS_RESOURCE_EXHAUSTED);
	fake_subscribe(&a, 1, "x", 1, STATUS_RESOURCE_EXHAUSTED);
}

static void policy_judges_the_whole_subject(void **state)
{
	stage_set_policy("deny vm:a call foo.v1.Bar.Put\nallow ** any >\n");
	fake_serve_known(&b, 1, "foo.v1.Bar", "Get Put", OLD);
	fake_bind(&a, 5, "foo.v1.Bar", OLD, STATUS_OK);
	fake_call_by(&a, 1, 0, 5, "Put");
	fake_expect_refusal(&a, 1, STATUS_PERMISSION_DENIED, "test:1");
	fake_call_by(&a, 2, 0, 5, "Get");
	fake_expect(&b, FRAME_CALL, &got);
}

/* The leaf binds, and each of its programs may call by it or may not. */
static void a_leafs_programs_share_its_handles(void **state)
{
	stage_set_policy("deny vm:a/uid:2 call foo.>\n"
			 "allow vm:a uplink leaf\nallow ** any >\n");
	fake_announce(&a, 1, "uid:1");
	fake_announce(&a, 2, "uid:2");
	fake_serve_known(&b, 1, "foo.v1.Bar", "Get", OLD);
	fake_bind(&a, 5, "foo.v1.Bar", OLD, STATUS_OK);
	a.speaks_for = 2;
	fake_call_by(&a, 1, 0, 5, "Get");
	fake_expect_refusal(&a, 1, STATUS_PERMISSION_DENIED, "uid:2");
	a.speaks_for = 1;
	fake_call_by(&a, 2, 0, 5, "Get");
	fake_expect(&b, FRAME_CALL, &got);
	assert_string_equal(b.known[got.frame.source], "vm:a/uid:1");
}

static void a_handle_elsewhere_is_a_violation(void **state)
{
	struct frame frame = { .kind = FRAME_CALL,
			       .flags = FRAME_LAST,
			       .correlation = 1,
			       .handle = 5 };

	fake_bind(&a, 5, "foo.v1.Bar", OLD, STATUS_OK);
	fake_serve(&b, 1, "foo.v1.Bar.Get", 5);
	fake_fragment(&a, FRAME_CALL, FRAME_FIRST, 1, "foo.v1.Bar.Get", 20, 10);
	fake_expect(&b, FRAME_CALL, &got);
	fake_send(&a, &frame, "", "0123456789", 10);
	fake_expect_end(&a, "a handle where none is defined");
}

/* A batch of calls by several handles, each of which is looked up. */
static void fragments_go_on_under_the_id(void **state)
{
	struct frame first = { .kind = FRAME_CALL,
			       .flags = FRAME_FIRST | FRAME_EXTENDED,
			       .correlation = 1,
			       .handle = 5,
			       .total_bytes = 12 };
	struct frame last = { .kind = FRAME_CALL,
			      .flags = FRAME_LAST,
			      .correlation = 1 };

	fake_serve_known(&b, 1, "foo.v1.Bar", "Get", OLD);
	fake_bind(&a, 5, "foo.v1.Bar", OLD, STATUS_OK);
	fake_send(&a, &first, "Get", "question", 8);
	fake_expect(&b, FRAME_CALL, &got);
	assert_string_equal(got.subject, "foo.v1.Bar.Get");
	assert_int_equal(got.frame.total_bytes, 12);
	fake_send(&a, &last, "", "four", 4);
	fake_expect(&b, FRAME_CALL, &got);
	assert_string_equal((char *)got.body, "four");
	/* And one that is refused is thrown away to its end. */
	first.correlation = last.correlation = 2;
	first.handle = 6;
	first.n_subject = 0;
	fake_send(&a, &first, "Get", "question", 8);
	fake_expect_refusal(&a, 2, STATUS_FAILED_PRECONDITION, "handle 6");
	fake_send(&a, &last, "", "four", 4);
	fake_expect_silence(&a);
}

#define TEST(name)                                                 \
	cmocka_unit_test_setup_teardown(name, schema_stage_set_up, \
					stage_tear_down_three)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_switch_puts_the_subject_together),
		TEST(nobody_has_to_wait_for_the_result),
		TEST(what_cannot_be_bound_is_refused),
		TEST(a_handle_that_is_none_ends_the_call_alone),
		TEST(only_the_method_is_the_subject),
		TEST(a_frame_that_would_be_too_long_is_refused),
		TEST(an_unbound_handle_is_free_again),
		TEST(handles_are_their_channels_own),
		TEST(bound_services_are_charged),
		TEST(policy_judges_the_whole_subject),
		TEST(a_leafs_programs_share_its_handles),
		TEST(a_handle_elsewhere_is_a_violation),
		TEST(fragments_go_on_under_the_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
