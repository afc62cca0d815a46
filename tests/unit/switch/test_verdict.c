/* SPDX-License-Identifier: MIT */

/* Who may serve with which schema, and what is remembered of it. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tests/fault.h"
#include "tests/unit/switch/schema_stage.h"

/* Serving. */

static void serving_waits_for_the_registry(void **state)
{
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	fake_expect_silence(&b);
	fake_call(&a, 1, 0, BAR ".Get");
	fake_expect_refusal(&a, 1, STATUS_UNAVAILABLE, "nobody serves");
	oracle_answer(0, OLD, ANSWER_GOOD, NULL);
	fake_expect_served(&b, 1, STATUS_OK);
	fake_call(&a, 2, 0, BAR ".Get");
	fake_expect(&b, FRAME_CALL, &got);
}

/* Whoever guesses the number of the instance. */
static void nobody_is_called_before_it_is_served(void **state)
{
	char subject[64];

	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	snprintf(subject, sizeof(subject), "$inst.%llu." BAR ".Get",
		 (unsigned long long)world.bus.endpoints.n_instances);
	fake_call(&a, 1, 0, subject);
	fake_expect_refusal(&a, 1, STATUS_UNAVAILABLE, "no instance");
	fake_expect_silence(&b);
	oracle_answer(0, OLD, ANSWER_GOOD, NULL);
	fake_expect_served(&b, 1, STATUS_OK);
	fake_call(&a, 2, 0, subject);
	fake_expect(&b, FRAME_CALL, &got);
}

/* What the registry refused was never there. */
static void what_was_refused_has_no_method(void **state)
{
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	fake_serve_schema(&c, 1, BAR, "Get Put", NEW);
	oracle_answer(0, NEW, ANSWER_BAD, "it breaks FIELD_SAME_TYPE");
	fake_expect_served(&c, 1, STATUS_FAILED_PRECONDITION);
	fake_call(&a, 1, 0, BAR ".Put");
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.status, STATUS_UNIMPLEMENTED);
	assert_null(strstr((char *)got.body, "are gone"));
}

static void calls_that_wait_are_woken_by_the_answer(void **state)
{
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	fake_call(&a, 1, FRAME_WAIT, BAR ".Get");
	oracle_answer(0, OLD, ANSWER_GOOD, NULL);
	fake_expect_served(&b, 1, STATUS_OK);
	fake_expect(&b, FRAME_CALL, &got);
}

static void results_come_in_their_order(void **state)
{
	struct frame subscribe = { .kind = FRAME_SUBSCRIBE, .correlation = 3 };

	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	fake_serve_schema(&b, 2, "plain.v1.Bar", "Get", 0);
	fake_send(&b, &subscribe, "room.>", "\x08\x03", 2);
	fake_serve_schema(&b, 4, "foo.v2.Bar", "Get", NEW);
	schema_stage_send(&b, FRAME_SYNC, 5, 0);
	fake_expect_silence(&b);
	/* The others do not wait for it to work. */
	fake_call(&a, 1, 0, "plain.v1.Bar.Get");
	fake_expect(&b, FRAME_CALL, &got);
	oracle_answer(0, OLD, ANSWER_BAD, "it breaks FIELD_SAME_TYPE");
	fake_expect_served(&b, 1, STATUS_FAILED_PRECONDITION);
	fake_expect_served(&b, 2, STATUS_OK);
	fake_expect_served(&b, 3, STATUS_OK);
	fake_expect_silence(&b);
	oracle_answer(0, NEW, ANSWER_GOOD, NULL);
	fake_expect_served(&b, 4, STATUS_OK);
	fake_expect_served(&b, 5, STATUS_OK);
}

static void others_are_answered_meanwhile(void **state)
{
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	fake_serve_schema(&c, 1, "plain.v1.Bar", "Get", 0);
	fake_expect_served(&c, 1, STATUS_OK);
	oracle_answer(0, OLD, ANSWER_GOOD, NULL);
	fake_expect_served(&b, 1, STATUS_OK);
}

static void what_the_registry_says_is_told(void **state)
{
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	oracle_answer(0, OLD, ANSWER_NOT_FOUND, "it is not known");
	fake_expect(&b, FRAME_RESULT, &got);
	assert_int_equal(got.frame.status, STATUS_NOT_FOUND);
	assert_string_equal((char *)got.body, "it is not known");
	/* The server has put it there meanwhile. */
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	assert_int_equal(n_asked_ever, 2);
}

static void one_question_answers_many(void **state)
{
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	fake_serve_schema(&b, 2, BAR, "Get", OLD);
	fake_serve_schema(&c, 1, BAR, "Get", OLD);
	oracle_answer(0, OLD, ANSWER_GOOD, NULL);
	assert_int_equal(n_asked_ever, 1);
	fake_expect_served(&b, 1, STATUS_OK);
	fake_expect_served(&b, 2, STATUS_OK);
	fake_expect_served(&c, 1, STATUS_OK);
}

static void what_is_known_is_served_without_the_registry(void **state)
{
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	schema_stage_send(&b, FRAME_UNSERVE, 2, 1);
	fake_expect_served(&b, 2, STATUS_OK);
	/* For a moment it need not be asked at all, */
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	fake_expect_served(&b, 1, STATUS_OK);
	assert_int_equal(n_asked_ever, 1);
	/* later it is, but its silence does not matter, */
	stage_pass_ms(11000);
	fake_serve_schema(&c, 1, BAR, "Get", OLD);
	oracle_answer(0, OLD, ANSWER_AWAY, "no answer");
	fake_expect_served(&c, 1, STATUS_OK);
	fake_serve_schema(&c, 2, BAR, "Get", OLD);
	fake_expect_served(&c, 2, STATUS_OK);
	/* and a no of it does. */
	stage_pass_ms(1000);
	fake_serve_schema(&c, 3, BAR, "Get", OLD);
	oracle_answer(0, OLD, ANSWER_NOT_FOUND, "forgotten");
	fake_expect_served(&c, 3, STATUS_NOT_FOUND);
}

static void without_the_registry_nothing_new_is_served(void **state)
{
	oracle_error = -ENOTCONN;
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	fake_expect(&b, FRAME_RESULT, &got);
	assert_int_equal(got.frame.status, STATUS_UNAVAILABLE);
	assert_non_null(strstr((char *)got.body, "helio-registry"));
	/* It is not asked for a moment, and then it is. */
	oracle_error = 0;
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	fake_expect_served(&b, 1, STATUS_UNAVAILABLE);
	stage_pass_ms(600);
	fake_serve_known(&b, 1, BAR, "Get", OLD);
}

static void what_is_given_up_meanwhile_is_answered(void **state)
{
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	schema_stage_send(&b, FRAME_UNSERVE, 2, 1);
	fake_expect_served(&b, 1, STATUS_CANCELLED);
	fake_expect_served(&b, 2, STATUS_OK);
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	oracle_answer(0, OLD, ANSWER_GOOD, NULL);
	fake_expect_served(&b, 1, STATUS_OK);
}

static void a_server_may_die_before_the_answer(void **state)
{
	struct fake_peer d;

	fake_join(&world, "d", &d);
	fake_serve_schema(&d, 1, BAR, "Get", OLD);
	fake_serve_schema(&d, 2, BAR, "Get", OLD);
	fake_leave(&d);
	oracle_answer(0, OLD, ANSWER_GOOD, NULL);
	fake_call(&a, 1, 0, BAR ".Get");
	fake_expect_refusal(&a, 1, STATUS_UNAVAILABLE, "nobody serves");
}

static void what_policy_takes_back_meanwhile_is_answered(void **state)
{
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	stage_set_policy("deny vm:b serve foo.>\nallow ** any >\n");
	fake_expect_served(&b, 1, STATUS_PERMISSION_DENIED);
	oracle_answer(0, OLD, ANSWER_GOOD, NULL);
	fake_expect_silence(&b);
}

/* A name is taken by who may serve it, and by nobody who only comes first. */
static void nobody_asks_for_what_it_may_not_serve(void **state)
{
	stage_set_policy("deny vm:b serve foo.>\nallow ** any >\n");
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	fake_expect_served(&b, 1, STATUS_PERMISSION_DENIED);
	assert_int_equal(n_asked_ever, 0);
	fake_serve_known(&c, 1, BAR, "Get", NEW);
}

static void a_schema_is_of_methods_and_has_32_bytes(void **state)
{
	Helio__Bus__V1__Serve serve = HELIO__BUS__V1__SERVE__INIT;
	char *method = (char[]){ "Get" };

	serve.has_id = serve.has_schema_hash = 1;
	serve.id = 1;
	serve.schema_hash.data = (uint8_t *)method;
	serve.schema_hash.len = 3;
	serve.methods = &method;
	serve.n_methods = 1;
	fake_serve_with(&b, &serve, BAR, &got);
	assert_int_equal(got.frame.status, STATUS_INVALID_ARGUMENT);
	serve.n_methods = 0;
	serve.schema_hash.data = (uint8_t[SCHEMA_HASH_BYTES]){ 1 };
	serve.schema_hash.len = SCHEMA_HASH_BYTES;
	fake_serve_with(&b, &serve, BAR, &got);
	assert_int_equal(got.frame.status, STATUS_INVALID_ARGUMENT);
}

static void the_registry_itself_is_not_judged(void **state)
{
	fake_serve_schema(&b, 1, "helio.registry.v1.Registry", "Judge", OLD);
	fake_expect_served(&b, 1, STATUS_OK);
	fake_serve_schema(&b, 2, "helio.switch.v1.Switch", "Ping", OLD);
	fake_expect_served(&b, 2, STATUS_OK);
	assert_int_equal(n_asked_ever, 0);
	fake_bind(&a, 1, "helio.registry.v1.Registry", NEW, STATUS_OK);
	fake_call_by(&a, 1, 0, 1, "Judge");
	fake_expect(&b, FRAME_CALL, &got);
}

static void a_service_has_so_many_schemas_at_a_time(void **state)
{
	for (unsigned i = 1; i <= SERVICE_SCHEMAS_MAX; i++)
		fake_serve_known(&b, i, BAR, "Get", (uint8_t)i);
	fake_serve_schema(&b, 100, BAR, "Get", 100);
	fake_expect_served(&b, 100, STATUS_RESOURCE_EXHAUSTED);
	schema_stage_send(&b, FRAME_UNSERVE, 2, 7);
	fake_expect_served(&b, 2, STATUS_OK);
	fake_serve_known(&b, 100, BAR, "Get", 100);
}

/* Versions. */

static void a_missing_method_names_who_has_it(void **state)
{
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	fake_serve_known(&c, 1, "foo.v2.Bar", "Get Frob", 0);
	fake_bind(&a, 1, BAR, NEW, STATUS_OK);
	fake_call_by(&a, 1, 0, 1, "Frob");
	fake_expect_refusal(&a, 1, STATUS_UNIMPLEMENTED,
			    "has no method for foo.v1.Bar.Frob; schema "
			    "02020202 has it, which is the caller's; "
			    "foo.v2.Bar.Frob is served");
	/* One that was there says what it was. */
	fake_serve_known(&c, 2, BAR, "Get Frob", OTHER);
	schema_stage_send(&c, FRAME_UNSERVE, 3, 2);
	fake_expect_served(&c, 3, STATUS_OK);
	fake_call(&a, 2, 0, BAR ".Frob");
	fake_expect_refusal(&a, 2, STATUS_UNIMPLEMENTED,
			    "schema 03030303 has it, whose servers are gone");
	fake_call(&a, 3, 0, BAR ".Nix");
	fake_expect(&a, FRAME_REPLY, &got);
	assert_string_equal((char *)got.body,
			    "the service is there, but has no method for "
			    "foo.v1.Bar.Nix");
}

static void a_service_that_waits_to_be_judged_has_no_methods_yet(void **state)
{
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	fake_call(&a, 1, 0, BAR ".Frob");
	fake_expect_refusal(&a, 1, STATUS_UNAVAILABLE, "nobody serves");
	oracle_answer(0, OLD, ANSWER_GOOD, NULL);
	fake_expect_served(&b, 1, STATUS_OK);
	fake_call(&a, 2, 0, BAR ".Frob");
	fake_expect_refusal(&a, 2, STATUS_UNIMPLEMENTED, "no method");
}

/* Bounds. */

static void serve_and_unserve(struct fake_peer *peer, unsigned i)
{
	char name[32];

	snprintf(name, sizeof(name), "s%u.v1.Bar", i);
	fake_serve_schema(peer, 1, name, "Get", OLD);
	if (n_asked)
		oracle_answer(0, OLD, ANSWER_GOOD, NULL);
	fake_expect(peer, FRAME_RESULT, &got);
	if (got.frame.status)
		return;
	schema_stage_send(peer, FRAME_UNSERVE, 2, 1);
	fake_expect_served(peer, 2, STATUS_OK);
}

static void who_asks_too_often_is_not_asked_for(void **state)
{
	size_t n;

	stage_pass_ms(1000);
	for (unsigned i = 0; i < QUESTIONS_BURST; i++)
		serve_and_unserve(&b, i);
	assert_int_equal(n_asked_ever, QUESTIONS_BURST);
	serve_and_unserve(&b, QUESTIONS_BURST);
	assert_int_equal(got.frame.status, STATUS_UNAVAILABLE);
	assert_int_equal(n_asked_ever, QUESTIONS_BURST);
	/* Others are, and what is known is served all the same. */
	serve_and_unserve(&c, QUESTIONS_BURST);
	assert_int_equal(n_asked_ever, QUESTIONS_BURST + 1);
	stage_pass_ms(100);
	n = n_asked_ever;
	for (unsigned i = 0; i < 20; i++)
		serve_and_unserve(&b, 2 * QUESTIONS_BURST + i);
	assert_int_equal(n_asked_ever - n, QUESTIONS_PER_SECOND / 10);
	serve_and_unserve(&b, QUESTIONS_BURST - 1);
	assert_int_equal(got.frame.status, STATUS_OK);
}

static void one_who_asks_much_loses_what_it_asked_for(void **state)
{
	serve_and_unserve(&c, 0);
	for (unsigned i = 0; i < VERDICTS_OF_ONE_MAX; i++)
		serve_and_unserve(&b, 1 + i);
	assert_int_equal(world.bus.verdicts.by_pair.n_nodes,
			 VERDICTS_OF_ONE_MAX + 1);
	stage_pass_ms(1000);
	for (unsigned i = 0; i < 10; i++)
		serve_and_unserve(&b, 5000 + i);
	assert_int_equal(world.bus.verdicts.by_pair.n_nodes,
			 VERDICTS_OF_ONE_MAX + 1);
	/* What another has asked for is known as before. */
	oracle_error = -ENOTCONN;
	stage_pass_ms(11000);
	serve_and_unserve(&c, 0);
	assert_int_equal(got.frame.status, STATUS_OK);
	serve_and_unserve(&b, 1);
	assert_int_equal(got.frame.status, STATUS_UNAVAILABLE);
}

/* Memory. */

/* All of it once: whatever fails, nothing is left when the peer goes. */
static void go_through(unsigned n)
{
	struct fake_peer d;

	fake_join(&world, "d", &d);
	fault_arm(n);
	fake_serve_schema(&d, 1, BAR, "Get Put", OLD);
	fake_serve_schema(&d, 2, "foo.v2.Bar", "Get", OLD);
	while (n_asked)
		verdict_answer(asked[--n_asked], ANSWER_GOOD, "");
	fake_bind_quietly(&d, 1, BAR, NEW);
	fake_call_by(&d, 1, 0, 1, "Get");
	fake_call_by(&d, 2, FRAME_WAIT, 1, "Get");
	while (n_asked)
		verdict_answer(asked[--n_asked], ANSWER_BAD, "no");
	fault_disarm();
	fake_leave(&d);
	while (!list_is_empty(&world.bus.verdicts.all))
		verdict_forget(container_of(world.bus.verdicts.all.next,
					    struct verdict, link));
}

static void without_memory_nothing_is_left(void **state)
{
	unsigned n = 0;

	do
		go_through(n++);
	while (fault_hit());
	assert_true(n > 20);
}

#define TEST(name)                                                 \
	cmocka_unit_test_setup_teardown(name, schema_stage_set_up, \
					stage_tear_down_three)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(serving_waits_for_the_registry),
		TEST(nobody_is_called_before_it_is_served),
		TEST(what_was_refused_has_no_method),
		TEST(calls_that_wait_are_woken_by_the_answer),
		TEST(results_come_in_their_order),
		TEST(others_are_answered_meanwhile),
		TEST(what_the_registry_says_is_told),
		TEST(one_question_answers_many),
		TEST(what_is_known_is_served_without_the_registry),
		TEST(without_the_registry_nothing_new_is_served),
		TEST(what_is_given_up_meanwhile_is_answered),
		TEST(a_server_may_die_before_the_answer),
		TEST(what_policy_takes_back_meanwhile_is_answered),
		TEST(nobody_asks_for_what_it_may_not_serve),
		TEST(a_schema_is_of_methods_and_has_32_bytes),
		TEST(the_registry_itself_is_not_judged),
		TEST(a_service_has_so_many_schemas_at_a_time),
		TEST(a_missing_method_names_who_has_it),
		TEST(a_service_that_waits_to_be_judged_has_no_methods_yet),
		TEST(who_asks_too_often_is_not_asked_for),
		TEST(one_who_asks_much_loses_what_it_asked_for),
		TEST(without_memory_nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
