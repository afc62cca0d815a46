/* SPDX-License-Identifier: MIT */

/* Many questions to the registry: whose turn it is, and who waits for whom. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/switch/schema_stage.h"

static int set_up(void **state)
{
	schema_stage_set_up(state);
	/* Always the same, and such that no two of a test are one asker. */
	world.bus.verdicts.docket.key = (struct hash_key){ .k0 = 1, .k1 = 2 };
	return 0;
}

static void serve_nth(struct fake_peer *peer, unsigned i)
{
	char name[32];

	snprintf(name, sizeof(name), "s%u.v1.Bar", i);
	fake_serve_schema(peer, i, name, "Get", OLD);
}

static void serve_many(struct fake_peer *peer, unsigned first, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		serve_nth(peer, first + i);
}

/* Which of those the last question is about. */
static unsigned last_asked(void)
{
	unsigned i = 0;

	assert_true(n_asked > 0);
	assert_int_equal(
		sscanf(asked[n_asked - 1]->server->name, "s%u.v1.Bar", &i), 1);
	return i;
}

static void say_good(void)
{
	oracle_answer(0, OLD, ANSWER_GOOD, NULL);
}

static void of_one_a_few_are_asked_at_a_time(void **state)
{
	serve_many(&b, 1, 100);
	assert_int_equal(n_asked, QUESTIONS_OF_ONE_MAX);
	for (unsigned i = 1; i <= 100; i++) {
		say_good();
		fake_expect_served(&b, i, STATUS_OK);
	}
	assert_int_equal(n_asked_ever, 100);
	assert_int_equal(n_asked, 0);
}

static void others_do_not_wait_for_it(void **state)
{
	serve_many(&b, 1, 100);
	serve_nth(&c, 200);
	assert_int_equal(n_asked, QUESTIONS_OF_ONE_MAX + 1);
	assert_int_equal(last_asked(), 200);
	verdict_answer(asked[--n_asked], ANSWER_GOOD, NULL);
	world_settle(&world);
	fake_expect_served(&c, 200, STATUS_OK);
	fake_expect_silence(&b);
	while (n_asked)
		say_good();
}

/* More than may be asked at a time: each that waits has its turn. */
static void askers_take_turns(void **state)
{
	enum { N_PEERS = QUESTIONS_OF_ALL_MAX / QUESTIONS_OF_ONE_MAX + 2 };
	struct fake_peer peers[N_PEERS];
	char name[16];

	for (unsigned i = 0; i < N_PEERS; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		fake_join(&world, name, &peers[i]);
		serve_many(&peers[i], 100 * i + 1, 10);
	}
	assert_int_equal(n_asked, QUESTIONS_OF_ALL_MAX);
	/* The first twelve have four each, so the turn of each comes. */
	for (unsigned i = 0; i < 2; i++) {
		say_good();
		assert_int_equal(last_asked() / 100, i ? N_PEERS - 2 : 0);
	}
	say_good();
	assert_int_equal(last_asked() / 100, N_PEERS - 1);
	while (n_asked)
		say_good();
	assert_int_equal(n_asked_ever, N_PEERS * 10);
	for (unsigned i = 0; i < N_PEERS; i++)
		fake_leave(&peers[i]);
}

static void who_waits_with_too_much_is_refused(void **state)
{
	unsigned n = QUESTIONS_OF_ONE_MAX + QUESTIONS_WAITING_MAX;

	serve_many(&b, 1, n + 1);
	while (n_asked)
		say_good();
	for (unsigned i = 1; i <= n; i++)
		fake_expect_served(&b, i, STATUS_OK);
	fake_expect(&b, FRAME_RESULT, &got);
	assert_int_equal(got.frame.status, STATUS_UNAVAILABLE);
	assert_non_null(strstr((char *)got.body, "too often"));
	assert_int_equal(n_asked_ever, n);
}

/* What a stranger has asked for first is no reason to wait behind it. */
static void what_another_waits_for_is_asked_in_ones_own_name(void **state)
{
	serve_many(&b, 1, 100);
	serve_nth(&c, 100);
	assert_int_equal(n_asked, QUESTIONS_OF_ONE_MAX + 1);
	assert_int_equal(last_asked(), 100);
	verdict_answer(asked[--n_asked], ANSWER_GOOD, NULL);
	world_settle(&world);
	fake_expect_served(&c, 100, STATUS_OK);
	while (n_asked)
		say_good();
	for (unsigned i = 1; i <= 100; i++)
		fake_expect_served(&b, i, STATUS_OK);
	assert_int_equal(n_asked_ever, 100);
}

static void what_nobody_waits_for_is_not_asked(void **state)
{
	struct fake_peer d;

	fake_join(&world, "d", &d);
	serve_many(&d, 1, 100);
	fake_leave(&d);
	while (n_asked)
		say_good();
	assert_int_equal(n_asked_ever, QUESTIONS_OF_ONE_MAX);
	assert_int_equal(world.bus.verdicts.docket.n_asked, 0);
	assert_true(list_is_empty(&world.bus.verdicts.docket.turns));
}

static void all_that_waits_learns_that_it_is_away(void **state)
{
	serve_many(&b, 1, 10);
	fake_bind(&a, 1, BAR, NEW, STATUS_OK);
	oracle_answer(0, OLD, ANSWER_AWAY, "no answer");
	/* Four were asked, and the others wait no longer. */
	assert_int_equal(n_asked, QUESTIONS_OF_ONE_MAX - 1);
	assert_true(list_is_empty(&world.bus.verdicts.docket.turns));
	while (n_asked)
		say_good();
	fake_expect_served(&b, 1, STATUS_UNAVAILABLE);
	for (unsigned i = 2; i <= QUESTIONS_OF_ONE_MAX; i++)
		fake_expect_served(&b, i, STATUS_OK);
	for (unsigned i = QUESTIONS_OF_ONE_MAX + 1; i <= 10; i++)
		fake_expect_served(&b, i, STATUS_UNAVAILABLE);
	assert_int_equal(n_asked_ever, QUESTIONS_OF_ONE_MAX);
}

static void what_cannot_be_asked_any_more_is_told(void **state)
{
	serve_many(&b, 1, 10);
	oracle_error = -ENOTCONN;
	say_good();
	fake_expect_served(&b, 1, STATUS_OK);
	while (n_asked)
		say_good();
	for (unsigned i = 2; i <= QUESTIONS_OF_ONE_MAX; i++)
		fake_expect_served(&b, i, STATUS_OK);
	for (unsigned i = QUESTIONS_OF_ONE_MAX + 1; i <= 10; i++)
		fake_expect_served(&b, i, STATUS_UNAVAILABLE);
}

/* It answers others: so it is there, and this one question is too hard. */
static void one_that_takes_long_for_one_is_not_away(void **state)
{
	struct verdict *hard;

	serve_nth(&b, 1);
	hard = asked[--n_asked];
	stage_pass_ms(1000);
	serve_nth(&c, 2);
	say_good();
	fake_expect_served(&c, 2, STATUS_OK);
	stage_pass_ms(1000);
	verdict_answer(hard, ANSWER_LATE, "no answer in time");
	world_settle(&world);
	fake_expect(&b, FRAME_RESULT, &got);
	assert_int_equal(got.frame.status, STATUS_UNAVAILABLE);
	assert_string_equal((char *)got.body, "no answer in time");
	serve_nth(&c, 3);
	say_good();
	fake_expect_served(&c, 3, STATUS_OK);
}

static void one_that_answers_nobody_is_away(void **state)
{
	serve_nth(&b, 1);
	stage_pass_ms(1000);
	oracle_answer(0, OLD, ANSWER_LATE, "no answer in time");
	fake_expect_served(&b, 1, STATUS_UNAVAILABLE);
	serve_nth(&c, 3);
	fake_expect_served(&c, 3, STATUS_UNAVAILABLE);
	assert_int_equal(n_asked_ever, 1);
}

/* What it cannot say of two schemas is nothing to others. */
static void two_that_cannot_be_judged_are_alone(void **state)
{
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	fake_bind(&a, 1, BAR, NEW, STATUS_OK);
	fake_bind(&c, 1, BAR, OTHER, STATUS_OK);
	fake_call_by(&a, 1, 0, 1, "Get");
	oracle_answer(NEW, OLD, ANSWER_FAILED, "a file is damaged");
	fake_expect_refusal(&a, 1, STATUS_UNAVAILABLE,
			    "helio-registry has not judged the caller's schema "
			    "of foo.v1.Bar, 02020202, and that of its servers, "
			    "01010101: a file is damaged");
	fake_call_by(&c, 1, 0, 1, "Get");
	oracle_answer(OTHER, OLD, ANSWER_GOOD, NULL);
	fake_expect(&b, FRAME_CALL, &got);
	/* For a moment it is not asked again, and who may wait does. */
	fake_call_by(&a, 2, 0, 1, "Get");
	fake_expect_refusal(&a, 2, STATUS_UNAVAILABLE, "a file is damaged");
	fake_call_by(&a, 3, FRAME_WAIT, 1, "Get");
	fake_expect_silence(&a);
	assert_int_equal(n_asked, 0);
	stage_pass_ms(600);
	oracle_answer(NEW, OLD, ANSWER_GOOD, NULL);
	fake_expect(&b, FRAME_CALL, &got);
}

/* What took 10 s for nothing is not asked again for as long. */
static void what_takes_long_is_asked_seldom(void **state)
{
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	fake_bind(&a, 1, BAR, NEW, STATUS_OK);
	fake_call_by(&a, 1, 0, 1, "Get");
	stage_pass_ms(1900);
	fake_call_by(&a, 2, 0, 1, "Get");
	stage_pass_ms(1000);
	oracle_answer(NEW, OLD, ANSWER_FAILED, "slow");
	fake_expect_status(&a, 1, STATUS_DEADLINE_EXCEEDED, false);
	fake_expect_refusal(&a, 2, STATUS_UNAVAILABLE, "slow");
	stage_pass_ms(2800);
	fake_call_by(&a, 3, 0, 1, "Get");
	fake_expect_refusal(&a, 3, STATUS_UNAVAILABLE, "slow");
	stage_pass_ms(200);
	fake_call_by(&a, 4, 0, 1, "Get");
	assert_int_equal(n_asked, 1);
	oracle_answer(NEW, OLD, ANSWER_GOOD, NULL);
	fake_expect(&b, FRAME_CALL, &got);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up, stage_tear_down_three)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_one_a_few_are_asked_at_a_time),
		TEST(others_do_not_wait_for_it),
		TEST(askers_take_turns),
		TEST(who_waits_with_too_much_is_refused),
		TEST(what_another_waits_for_is_asked_in_ones_own_name),
		TEST(what_nobody_waits_for_is_not_asked),
		TEST(all_that_waits_learns_that_it_is_away),
		TEST(what_cannot_be_asked_any_more_is_told),
		TEST(one_that_takes_long_for_one_is_not_away),
		TEST(one_that_answers_nobody_is_away),
		TEST(two_that_cannot_be_judged_are_alone),
		TEST(what_takes_long_is_asked_seldom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
