/* SPDX-License-Identifier: MIT */

/* To which server a call goes when schemas differ, or why to none. */

#include <errno.h>
#include <string.h>

#include "tests/unit/switch/schema_stage.h"

/* b serves the old schema, a has bound the new one. */
static void begin(void)
{
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	fake_bind(&a, 1, BAR, NEW, STATUS_OK);
}

static void a_call_waits_for_the_verdict(void **state)
{
	begin();
	fake_call_by(&a, 1, 0, 1, "Get");
	fake_call_by(&a, 2, 0, 1, "Get");
	fake_expect_silence(&a);
	fake_expect_silence(&b);
	stage_pass_ms(100);
	oracle_answer(NEW, OLD, ANSWER_GOOD, NULL);
	fake_expect(&b, FRAME_CALL, &got);
	assert_string_equal(got.subject, BAR ".Get");
	assert_string_equal((char *)got.body, "question");
	assert_int_equal(got.frame.time_left_ms, 1900);
	fake_answer(&b, got.frame.correlation);
	fake_expect(&a, FRAME_REPLY, &got);
	fake_expect(&b, FRAME_CALL, &got);
	assert_int_equal(n_asked_ever, 2);
	/* Known now, it goes at once, and on when the registry is away. */
	oracle_error = -ENOTCONN;
	fake_call_by(&a, 3, 0, 1, "Get");
	fake_expect(&b, FRAME_CALL, &got);
}

static void an_incompatible_call_names_both_sides(void **state)
{
	begin();
	fake_call_by(&a, 1, 0, 1, "Get");
	oracle_answer(NEW, OLD, ANSWER_BAD, "FIELD_SAME_TYPE foo.proto");
	fake_expect_refusal(&a, 1, STATUS_FAILED_PRECONDITION,
			    "schema of foo.v1.Bar, 02020202, does not fit that "
			    "of its servers, 01010101: FIELD_SAME_TYPE");
	fake_call_by(&a, 2, FRAME_WAIT, 1, "Get");
	fake_expect_refusal(&a, 2, STATUS_FAILED_PRECONDITION, "01010101");
	assert_int_equal(n_asked_ever, 2);
	fake_expect_silence(&b);
	/* It is a matter of schemas alone: by the subject anybody calls. */
	fake_call(&a, 3, 0, BAR ".Get");
	fake_expect(&b, FRAME_CALL, &got);
}

static void a_schema_that_is_not_known_is_asked_for_again(void **state)
{
	begin();
	fake_call_by(&a, 1, 0, 1, "Get");
	oracle_answer(NEW, OLD, ANSWER_NOT_FOUND, "02020202 is not known");
	fake_expect_refusal(
		&a, 1, STATUS_NOT_FOUND,
		"helio-registry cannot judge the caller's schema of "
		"foo.v1.Bar, 02020202, and that of its servers, 01010101: "
		"02020202 is not known");
	stage_pass_ms(1);
	fake_call_by(&a, 3, 0, 1, "Get");
	oracle_answer(NEW, OLD, ANSWER_GOOD, NULL);
	fake_expect(&b, FRAME_CALL, &got);
}

static void without_the_registry_equal_pairs_go_on(void **state)
{
	begin();
	fake_bind(&a, 2, BAR, OLD, STATUS_OK);
	fake_call_by(&a, 1, 0, 1, "Get");
	oracle_answer(NEW, OLD, ANSWER_AWAY, "nobody serves it");
	fake_expect_refusal(&a, 1, STATUS_UNAVAILABLE, "helio-registry");
	fake_call_by(&a, 2, 0, 1, "Get");
	fake_expect_refusal(&a, 2, STATUS_UNAVAILABLE, "helio-registry");
	fake_call_by(&a, 3, 0, 2, "Get");
	fake_expect(&b, FRAME_CALL, &got);
	assert_int_equal(n_asked, 0);
	stage_pass_ms(600);
	fake_call_by(&a, 4, 0, 1, "Get");
	oracle_answer(NEW, OLD, ANSWER_GOOD, NULL);
	fake_expect(&b, FRAME_CALL, &got);
}

static void a_call_may_wait_for_the_registry(void **state)
{
	begin();
	oracle_error = -ENOTCONN;
	fake_call_by(&a, 1, FRAME_WAIT, 1, "Get");
	stage_pass_ms(600);
	fake_expect_silence(&a);
	oracle_error = 0;
	stage_pass_ms(600);
	/* There is one question: this call has none of its own any more. */
	assert_int_equal(n_asked, 1);
	fake_expect_silence(&a);
	oracle_answer(NEW, OLD, ANSWER_AWAY, "no answer");
	/* Somebody serves it: no need to wait for the next try. */
	fake_serve_schema(&c, 1, "helio.registry.v1.Registry", "Judge", 0);
	fake_expect_served(&c, 1, STATUS_OK);
	oracle_answer(NEW, OLD, ANSWER_GOOD, NULL);
	fake_expect(&b, FRAME_CALL, &got);
}

static void a_call_that_waits_for_a_verdict_has_its_deadline(void **state)
{
	begin();
	fake_call_by(&a, 1, 0, 1, "Get");
	oracle_error = -ENOTCONN;
	fake_bind(&a, 3, BAR, OTHER, STATUS_OK);
	fake_call_by(&a, 2, FRAME_WAIT, 3, "Get");
	stage_pass_ms(2100);
	fake_expect_status(&a, 1, STATUS_DEADLINE_EXCEEDED, false);
	fake_expect_status(&a, 2, STATUS_DEADLINE_EXCEEDED, false);
	oracle_answer(NEW, OLD, ANSWER_GOOD, NULL);
	fake_expect_silence(&b);
}

static void a_call_that_waits_for_a_verdict_is_charged(void **state)
{
	begin();
	stage_limit("vm:a", RESOURCE_QUEUED_BYTES, 100);
	fake_call_by(&a, 1, 0, 1, "Get");
	fake_call_by(&a, 2, 0, 1, "Get");
	fake_expect_refusal(&a, 2, STATUS_RESOURCE_EXHAUSTED, "no room");
	oracle_answer(NEW, OLD, ANSWER_GOOD, NULL);
	fake_expect(&b, FRAME_CALL, &got);
	assert_int_equal(stage_account("vm:a")->used[RESOURCE_QUEUED_BYTES], 0);
}

static void a_call_that_waits_for_a_verdict_may_be_in_fragments(void **state)
{
	struct frame first = { .kind = FRAME_CALL,
			       .flags = FRAME_FIRST | FRAME_EXTENDED,
			       .correlation = 1,
			       .handle = 1,
			       .total_bytes = 12 };
	struct frame last = { .kind = FRAME_CALL,
			      .flags = FRAME_LAST,
			      .correlation = 1 };

	begin();
	fake_send(&a, &first, "Get", "question", 8);
	fake_send(&a, &last, "", "four", 4);
	oracle_answer(NEW, OLD, ANSWER_GOOD, NULL);
	fake_expect(&b, FRAME_CALL, &got);
	assert_string_equal((char *)got.body, "question");
	fake_expect(&b, FRAME_CALL, &got);
	assert_string_equal((char *)got.body, "four");
	/* And what is refused half way is taken to its end. */
	first.correlation = last.correlation = 2;
	first.n_subject = 0;
	fake_bind(&a, 3, BAR, OTHER, STATUS_OK);
	first.handle = 3;
	fake_send(&a, &first, "Get", "question", 8);
	oracle_answer(OTHER, OLD, ANSWER_BAD, "no");
	fake_expect_refusal(&a, 2, STATUS_FAILED_PRECONDITION, "no");
	fake_send(&a, &last, "", "four", 4);
	fake_expect_silence(&a);
}

static void policy_may_end_what_waits_for_a_verdict(void **state)
{
	begin();
	fake_call_by(&a, 1, 0, 1, "Get");
	stage_set_policy("deny vm:a call foo.>\nallow ** any >\n");
	fake_expect_refusal(&a, 1, STATUS_PERMISSION_DENIED, "test:1");
	oracle_answer(NEW, OLD, ANSWER_GOOD, NULL);
	fake_expect_silence(&b);
}

static void a_server_may_go_before_the_verdict(void **state)
{
	begin();
	fake_call_by(&a, 1, 0, 1, "Get");
	fake_call_by(&a, 2, FRAME_WAIT, 1, "Get");
	schema_stage_send(&b, FRAME_UNSERVE, 2, 1);
	fake_expect_served(&b, 2, STATUS_OK);
	oracle_answer(NEW, OLD, ANSWER_GOOD, NULL);
	fake_expect_refusal(&a, 1, STATUS_UNAVAILABLE, "nobody serves");
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	fake_expect_served(&b, 1, STATUS_OK);
	fake_expect(&b, FRAME_CALL, &got);
}

static void a_caller_may_go_before_the_verdict(void **state)
{
	struct fake_peer d;

	fake_serve_known(&b, 1, BAR, "Get", OLD);
	fake_join(&world, "d", &d);
	fake_bind(&d, 1, BAR, NEW, STATUS_OK);
	fake_call_by(&d, 1, 0, 1, "Get");
	fake_leave(&d);
	oracle_answer(NEW, OLD, ANSWER_GOOD, NULL);
	fake_expect_silence(&b);
}

/* Three servers of two schemas: turns are taken by those that fit. */
static void those_that_fit_take_turns(void **state)
{
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	fake_serve_known(&b, 2, BAR, "Get", OLD);
	fake_serve_known(&c, 1, BAR, "Get", NEW);
	fake_bind(&a, 1, BAR, OLD, STATUS_OK);
	fake_call_by(&a, 1, 0, 1, "Get");
	fake_expect(&b, FRAME_CALL, &got);
	assert_int_equal(got.frame.correlation >> 32 & INT32_MAX, 1);
	/* The other schema was asked about, while nobody waited for it. */
	fake_call_by(&a, 2, 0, 1, "Get");
	fake_expect(&b, FRAME_CALL, &got);
	assert_int_equal(got.frame.correlation >> 32 & INT32_MAX, 2);
	oracle_answer(OLD, NEW, ANSWER_GOOD, NULL);
	fake_call_by(&a, 3, 0, 1, "Get");
	fake_expect(&c, FRAME_CALL, &got);
	fake_call_by(&a, 4, 0, 1, "Get");
	fake_expect(&b, FRAME_CALL, &got);
	assert_int_equal(got.frame.correlation >> 32 & INT32_MAX, 1);
	/* Who tells no schema takes any. */
	for (unsigned i = 0; i < 3; i++)
		fake_call(&a, 5 + i, 0, BAR ".Get");
	fake_expect(&b, FRAME_CALL, &got);
	fake_expect(&b, FRAME_CALL, &got);
	fake_expect(&c, FRAME_CALL, &got);
}

static void what_does_not_fit_gets_no_turn(void **state)
{
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	fake_serve_known(&c, 1, BAR, "Get", NEW);
	fake_bind(&a, 1, BAR, OLD, STATUS_OK);
	fake_call_by(&a, 1, 0, 1, "Get");
	oracle_answer(OLD, NEW, ANSWER_BAD, "no");
	for (unsigned i = 2; i < 6; i++)
		fake_call_by(&a, i, 0, 1, "Get");
	for (unsigned i = 1; i < 6; i++)
		fake_expect(&b, FRAME_CALL, &got);
	fake_expect_silence(&c);
	/* When the one that fits is gone, the other is no help. */
	schema_stage_send(&b, FRAME_UNSERVE, 2, 1);
	for (unsigned i = 1; i < 6; i++)
		fake_expect_status(&a, i, STATUS_UNAVAILABLE, true);
	fake_call_by(&a, 9, 0, 1, "Get");
	fake_expect_refusal(&a, 9, STATUS_FAILED_PRECONDITION, "02020202");
}

static void a_server_without_a_schema_takes_all(void **state)
{
	fake_serve_known(&b, 1, BAR, "Get", 0);
	fake_bind(&a, 1, BAR, OLD, STATUS_OK);
	fake_call_by(&a, 1, 0, 1, "Get");
	fake_expect(&b, FRAME_CALL, &got);
	assert_int_equal(n_asked_ever, 0);
}

/* What waits for the one is no claim on the other. */
static void a_busy_server_keeps_nothing_from_another(void **state)
{
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	fake_bind(&a, 1, BAR, OLD, STATUS_OK);
	for (unsigned i = 1; i <= 100; i++)
		fake_call_by(&a, i, 0, 1, "Get");
	fake_call_by(&a, 101, FRAME_WAIT, 1, "Get");
	fake_call_by(&a, 102, 0, 1, "Get");
	fake_expect_refusal(&a, 102, STATUS_RESOURCE_EXHAUSTED, "busy");
	fake_serve_schema(&c, 1, BAR, "Get", NEW);
	oracle_answer(0, NEW, ANSWER_GOOD, NULL);
	fake_expect_served(&c, 1, STATUS_OK);
	/* It waits for the new one's verdict, and then for the old one. */
	oracle_answer(OLD, NEW, ANSWER_BAD, "no");
	fake_expect_silence(&c);
	fake_call(&a, 103, 0, BAR ".Get");
	fake_expect(&c, FRAME_CALL, &got);
	fake_credit(&c, 1, 1, 1000);
	fake_expect_silence(&c);
	for (unsigned i = 1; i <= 100; i++)
		fake_expect(&b, FRAME_CALL, &got);
	fake_expect_silence(&b);
	fake_credit(&b, 1, 1, 1000);
	fake_expect(&b, FRAME_CALL, &got);
}

static void a_call_that_waits_gets_the_first_that_fits(void **state)
{
	fake_bind(&a, 1, BAR, NEW, STATUS_OK);
	fake_call_by(&a, 1, FRAME_WAIT, 1, "Get");
	fake_call_by(&a, 2, FRAME_WAIT, 1, "Get");
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	oracle_answer(0, OLD, ANSWER_GOOD, NULL);
	fake_expect_served(&b, 1, STATUS_OK);
	fake_expect_silence(&b);
	fake_serve_schema(&c, 1, BAR, "Get", 0);
	fake_expect_served(&c, 1, STATUS_OK);
	oracle_answer(NEW, OLD, ANSWER_BAD, "no");
	fake_expect(&c, FRAME_CALL, &got);
	fake_expect(&c, FRAME_CALL, &got);
	fake_expect_silence(&b);
}

/* With no hope left it is told why, and not only that time is over. */
static void a_call_that_waits_is_told_who_came(void **state)
{
	fake_bind(&a, 1, BAR, NEW, STATUS_OK);
	fake_call_by(&a, 1, FRAME_WAIT, 1, "Get");
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	oracle_answer(0, OLD, ANSWER_GOOD, NULL);
	fake_expect_served(&b, 1, STATUS_OK);
	oracle_answer(NEW, OLD, ANSWER_BAD, "FIELD_SAME_TYPE");
	fake_expect_refusal(&a, 1, STATUS_FAILED_PRECONDITION,
			    "FIELD_SAME_TYPE");
}

static void where_only_equal_ones_fit_nobody_is_asked(void **state)
{
	world.bus.verdicts.is_equal_only = true;
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	fake_expect_served(&b, 1, STATUS_OK);
	fake_bind(&a, 1, BAR, NEW, STATUS_OK);
	fake_bind(&a, 2, BAR, OLD, STATUS_OK);
	fake_call_by(&a, 1, 0, 1, "Get");
	fake_expect_refusal(&a, 1, STATUS_FAILED_PRECONDITION, "not equal");
	fake_call_by(&a, 2, 0, 2, "Get");
	fake_expect(&b, FRAME_CALL, &got);
	assert_int_equal(n_asked_ever, 0);
}

/* What the registry said holds when it is asked again. */
static void the_setting_may_change_while_it_runs(void **state)
{
	begin();
	fake_call_by(&a, 1, 0, 1, "Get");
	oracle_answer(NEW, OLD, ANSWER_GOOD, NULL);
	fake_expect(&b, FRAME_CALL, &got);
	oracle_error = -ENOTCONN;
	fake_bind(&a, 2, BAR, OTHER, STATUS_OK);
	fake_call_by(&a, 2, FRAME_WAIT, 2, "Get");
	fake_expect_silence(&a);
	verdicts_set_equal_only(&world.bus.verdicts, true);
	world_settle(&world);
	fake_expect_refusal(&a, 2, STATUS_FAILED_PRECONDITION, "not equal");
	fake_call_by(&a, 3, 0, 1, "Get");
	fake_expect_refusal(&a, 3, STATUS_FAILED_PRECONDITION, "not equal");
	verdicts_set_equal_only(&world.bus.verdicts, false);
	fake_call_by(&a, 4, 0, 1, "Get");
	fake_expect(&b, FRAME_CALL, &got);
}

#define TEST(name)                                                 \
	cmocka_unit_test_setup_teardown(name, schema_stage_set_up, \
					stage_tear_down_three)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_call_waits_for_the_verdict),
		TEST(an_incompatible_call_names_both_sides),
		TEST(a_schema_that_is_not_known_is_asked_for_again),
		TEST(without_the_registry_equal_pairs_go_on),
		TEST(a_call_may_wait_for_the_registry),
		TEST(a_call_that_waits_for_a_verdict_has_its_deadline),
		TEST(a_call_that_waits_for_a_verdict_is_charged),
		TEST(a_call_that_waits_for_a_verdict_may_be_in_fragments),
		TEST(policy_may_end_what_waits_for_a_verdict),
		TEST(a_server_may_go_before_the_verdict),
		TEST(a_caller_may_go_before_the_verdict),
		TEST(those_that_fit_take_turns),
		TEST(what_does_not_fit_gets_no_turn),
		TEST(a_server_without_a_schema_takes_all),
		TEST(a_busy_server_keeps_nothing_from_another),
		TEST(a_call_that_waits_gets_the_first_that_fits),
		TEST(a_call_that_waits_is_told_who_came),
		TEST(where_only_equal_ones_fit_nobody_is_asked),
		TEST(the_setting_may_change_while_it_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
