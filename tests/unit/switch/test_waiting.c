/* SPDX-License-Identifier: MIT */

/* Calls that wait for a server's credit: who goes first, who stops whom. */

#include <stdio.h>

#include "tests/unit/switch/stage.h"

/* b serves svc; nothing is left of its credit in calls. */
static void serve_bytes(uint64_t n_bytes)
{
	Helio__Bus__V1__Serve serve = HELIO__BUS__V1__SERVE__INIT;

	serve.has_id = serve.has_credit_calls = serve.has_credit_bytes = 1;
	serve.id = 1;
	serve.credit_bytes = n_bytes;
	fake_serve_with(&b, &serve, "svc", &got);
	assert_int_equal(got.frame.status, STATUS_OK);
}

/* The frame is 35 bytes longer than the body. */
static void call(uint64_t id, uint8_t flags, size_t n_body)
{
	static const uint8_t body[1000];
	struct frame frame = { .kind = FRAME_CALL,
			       .flags = FRAME_WHOLE | flags,
			       .correlation = id };

	fake_send(&a, &frame, "svc", body, n_body);
}

/* One that says that it is much longer than its first fragment. */
static void call_dear(uint64_t id)
{
	fake_fragment(&a, FRAME_CALL, FRAME_FIRST | FRAME_WAIT, id, "svc", 5000,
		      10);
}

static void expect_call_of(size_t n_body)
{
	fake_expect(&b, FRAME_CALL, &got);
	assert_int_equal(got.n_body, n_body);
}

static void what_no_credit_covers_stops_nobody(void **state)
{
	serve_bytes(1000);
	call_dear(1);
	call(2, FRAME_WAIT, 100);
	fake_expect_silence(&b);
	fake_credit(&b, 1, 3, 0);
	expect_call_of(100);
	call(3, 0, 200);
	expect_call_of(200);
	fake_expect_silence(&a);
	fake_credit(&b, 1, 0, 5000);
	expect_call_of(10);
	assert_int_equal(got.frame.total_bytes, 5000);
}

/* Half of the most credit that there was is gathered for it. */
static void what_credit_will_cover_is_not_overtaken(void **state)
{
	serve_bytes(1000);
	fake_credit(&b, 1, 10, 0);
	call(1, 0, 700);
	expect_call_of(700);
	call(2, FRAME_WAIT, 400);
	call(3, FRAME_WAIT, 100);
	call(4, 0, 100);
	fake_expect_status(&a, 4, STATUS_RESOURCE_EXHAUSTED, false);
	fake_credit(&b, 1, 0, 100);
	fake_expect_silence(&b);
	fake_credit(&b, 1, 0, 635);
	expect_call_of(400);
	expect_call_of(100);
	call(5, 0, 50);
	expect_call_of(50);
}

/* It has enough for what another cannot take yet. */
static void another_server_takes_what_waits(void **state)
{
	serve_bytes(1000);
	fake_credit(&b, 1, 10, 0);
	call(1, 0, 700);
	expect_call_of(700);
	call(2, FRAME_WAIT, 400);
	fake_serve(&c, 1, "svc", 2);
	fake_expect(&c, FRAME_CALL, &got);
	assert_int_equal(got.n_body, 400);
	call(3, 0, 100);
	call(4, 0, 100);
	fake_expect(&c, FRAME_CALL, &got);
	expect_call_of(100);
}

/* However many there are, the next CREDIT sees those behind. */
static void those_that_are_passed_do_not_hide_the_rest(void **state)
{
	world.bus.limits.open_messages_max = 200;
	stage_limit("vm:a", RESOURCE_OPEN_MESSAGES, 200);
	serve_bytes(1000);
	for (unsigned i = 0; i < 100; i++)
		call_dear(1 + i);
	call(200, FRAME_WAIT, 100);
	fake_credit(&b, 1, 10, 0);
	fake_expect_silence(&b);
	fake_credit(&b, 1, 1, 0);
	expect_call_of(100);
	fake_expect_silence(&b);
}

enum { N_METHODS = 16, N_DEAR = 64 };

/* With credit for a short call to each, and for no long one. */
static void serve_methods(void)
{
	static char names[N_METHODS][4];
	char *methods[N_METHODS];
	Helio__Bus__V1__Serve serve = HELIO__BUS__V1__SERVE__INIT;

	for (unsigned i = 0; i < N_METHODS; i++) {
		snprintf(names[i], sizeof(names[i]), "m%02u", i);
		methods[i] = names[i];
	}
	serve.has_id = serve.has_credit_bytes = 1;
	serve.id = 1;
	serve.credit_bytes = 700;
	serve.methods = methods;
	serve.n_methods = N_METHODS;
	fake_serve_with(&b, &serve, "svc", &got);
	assert_int_equal(got.frame.status, STATUS_OK);
}

static void wait_at(unsigned method, uint64_t id, size_t n_body)
{
	static const uint8_t body[1000];
	struct frame frame = { .kind = FRAME_CALL,
			       .flags = FRAME_WHOLE | FRAME_WAIT,
			       .correlation = id };
	char subject[16];

	snprintf(subject, sizeof(subject), "svc.m%02u", method);
	fake_send(&a, &frame, subject, body, n_body);
}

static unsigned count_calls(void)
{
	unsigned n = 0;

	while (fake_next(&b, &got)) {
		assert_int_equal(got.frame.kind, FRAME_CALL);
		n++;
	}
	return n;
}

/* What it does not come to is the first that the next one looks at. */
static void a_credit_passes_so_many_and_the_next_goes_on(void **state)
{
	serve_methods();
	for (unsigned i = 0; i < N_METHODS; i++)
		for (unsigned j = 0; j <= N_DEAR; j++)
			wait_at(i, 1 + i * (N_DEAR + 1) + j,
				j < N_DEAR ? 1000 : 0);
	fake_credit(&b, 1, N_METHODS, 0);
	assert_int_equal(count_calls(), 0);
	fake_credit(&b, 1, 0, 1);
	assert_int_equal(count_calls(), N_METHODS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF_THREE(what_no_credit_covers_stops_nobody),
		TEST_OF_THREE(what_credit_will_cover_is_not_overtaken),
		TEST_OF_THREE(another_server_takes_what_waits),
		TEST_OF_THREE(those_that_are_passed_do_not_hide_the_rest),
		TEST_OF_THREE(a_credit_passes_so_many_and_the_next_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
