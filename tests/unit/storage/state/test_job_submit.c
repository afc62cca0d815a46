/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/status.h"
#include "storage/state/queue_inside.h"
#include "tests/unit/storage/state/job_world.h"

#define WAITING   HELIO__STORE__V1__JOB_STATE__JOB_STATE_WAITING
#define LEASED    HELIO__STORE__V1__JOB_STATE__JOB_STATE_LEASED
#define DONE      HELIO__STORE__V1__JOB_STATE__JOB_STATE_DONE
#define DEAD      HELIO__STORE__V1__JOB_STATE__JOB_STATE_DEAD
#define CANCELLED HELIO__STORE__V1__JOB_STATE__JOB_STATE_CANCELLED

/* How jobs come in, and in which order they go out. */

static void the_same_key_is_the_same_job(void **state)
{
	struct job_world *world = *state;
	Helio__Store__V1__SubmitRequest *in =
		SUBMIT(HAS(body, BYTES("one")), .key = TEXT("k"));
	uint64_t id;

	assert_int_equal(world_ask(world, "ann", in), STATUS_OK);
	assert_false(world->out.was_there);
	id = world->out.number;
	assert_int_equal(world_ask(world, "ann", in), STATUS_OK);
	assert_true(world->out.was_there);
	assert_int_equal(world->out.number, id);
	assert_int_equal(world->n_changes, 0);

	in->body = BYTES("two");
	assert_int_equal(world_ask(world, "ann", in), STATUS_ALREADY_EXISTS);
	in->body = BYTES("on");
	assert_int_equal(world_ask(world, "ann", in), STATUS_ALREADY_EXISTS);
}

static void keys_belong_to_a_submitter_and_a_queue(void **state)
{
	struct job_world *world = *state;
	Helio__Store__V1__SubmitRequest *in =
		SUBMIT(HAS(body, BYTES("one")), .key = TEXT("k"));
	uint64_t anns, bobs;

	world_queue(world, "other", NULL);
	assert_int_equal(world_ask(world, "ann", in), STATUS_OK);
	anns = world->out.number;
	assert_int_equal(world_ask(world, "bob", in), STATUS_OK);
	assert_false(world->out.was_there);
	bobs = world->out.number;
	in->queue = TEXT("other");
	assert_int_equal(world_ask(world, "ann", in), STATUS_OK);
	assert_false(world->out.was_there);
	assert_ptr_equal(
		queue_job_by_key(queue_lookup(&world->state, "q"), "ann", "k"),
		world_job(world, anns));
	assert_ptr_equal(
		queue_job_by_key(queue_lookup(&world->state, "q"), "bob", "k"),
		world_job(world, bobs));
	assert_null(
		queue_job_by_key(queue_lookup(&world->state, "q"), "cid", "k"));
}

/* Also done and late ones, for as long as they are known. */
static void a_key_is_known_as_long_as_its_job(void **state)
{
	struct job_world *world = *state;
	Helio__Store__V1__SubmitRequest *in = SUBMIT(
		HAS(body, BYTES("one")), .key = TEXT("k"), HAS(timeout_ms, 10));
	uint64_t id;

	assert_int_equal(world_ask(world, "ann", in), STATUS_OK);
	id = world->out.number;
	world_pass(world, 10, 100);
	assert_int_equal(world_job(world, id)->status.state, DEAD);
	in->has_timeout_ms = false;
	in->has_deadline_unix_ms = true;
	in->deadline_unix_ms = world->now;
	assert_int_equal(world_ask(world, "ann", in), STATUS_OK);
	assert_true(world->out.was_there);
	world_pass(world, UINT64_C(7) * 24 * 3600 * 1000, 100);
	assert_null(world_job(world, id));
	assert_int_equal(world_ask(world, "ann", in), STATUS_INVALID_ARGUMENT);
	in->has_deadline_unix_ms = false;
	assert_int_equal(world_ask(world, "ann", in), STATUS_OK);
	assert_false(world->out.was_there);
	assert_true(world->out.number > id);
}

static void a_delayed_one_waits_for_its_time(void **state)
{
	struct job_world *world = *state;
	uint64_t id;

	assert_int_equal(world_ask(world, "ann", SUBMIT(HAS(delay_ms, 50))),
			 STATUS_OK);
	id = world->out.number;
	assert_int_equal(world_lease(world, "wim", "q"), 0);
	assert_int_equal(state_due(&world->state), world->now + 50);
	world_pass(world, 49, 100);
	assert_int_equal(world_lease(world, "wim", "q"), 0);
	world_pass(world, 1, 100);
	assert_int_equal(state_due(&world->state), UINT64_MAX);
	assert_int_equal(world_lease(world, "wim", "q"), id);
}

static void the_later_of_two_times_counts(void **state)
{
	struct job_world *world = *state;

	assert_int_equal(
		world_ask(world, "ann",
			  SUBMIT(HAS(delay_ms, 50),
				 HAS(not_before_unix_ms, world->now + 20))),
		STATUS_OK);
	assert_int_equal(world_job(world, world->out.number)->status.not_before,
			 world->now + 50);
	assert_int_equal(
		world_ask(world, "ann",
			  SUBMIT(HAS(delay_ms, 50),
				 HAS(not_before_unix_ms, world->now + 90))),
		STATUS_OK);
	assert_int_equal(world_job(world, world->out.number)->status.not_before,
			 world->now + 90);
}

static void a_late_one_is_dead(void **state)
{
	struct job_world *world = *state;
	const struct job *job;

	assert_int_equal(
		world_ask(world, "ann",
			  SUBMIT(HAS(timeout_ms, 50),
				 HAS(deadline_unix_ms, world->now + 40))),
		STATUS_OK);
	job = world_job(world, world->out.number);
	assert_int_equal(job->deadline, world->now + 40);
	world_pass(world, 39, 100);
	assert_int_equal(job->status.state, WAITING);
	world_pass(world, 1, 100);
	assert_int_equal(job->status.state, DEAD);
	assert_string_equal(job->status.error, "deadline");
	assert_int_equal(job->status.ended, world->now);
}

/* It was not made dead yet, and is not leased either. */
static void a_late_one_is_not_leased(void **state)
{
	struct job_world *world = *state;
	uint64_t id;

	assert_int_equal(world_ask(world, "ann", SUBMIT(HAS(timeout_ms, 50))),
			 STATUS_OK);
	id = world_submit(world, "ann", "q", "");
	world->now += 50;
	assert_int_equal(world_lease(world, "wim", "q"), id);
	assert_int_equal(world_lease(world, "wim", "q"), 0);
}

static void one_that_is_late_already_is_refused(void **state)
{
	struct job_world *world = *state;

	assert_int_equal(world_ask(world, "ann",
				   SUBMIT(HAS(deadline_unix_ms, world->now))),
			 STATUS_INVALID_ARGUMENT);
	assert_int_equal(world_ask(world, "ann", SUBMIT(HAS(timeout_ms, 0))),
			 STATUS_INVALID_ARGUMENT);
	assert_int_equal(
		world_ask(world, "ann", SUBMIT(HAS(deadline_unix_ms, 0))),
		STATUS_INVALID_ARGUMENT);
}

static void the_higher_priority_goes_first(void **state)
{
	static const int32_t priorities[] = { 0, INT32_MIN, 5, INT32_MAX, 5 };
	static const unsigned order[] = { 3, 2, 4, 0, 1 };
	struct job_world *world = *state;
	uint64_t ids[5];

	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(
			world_ask(world, "ann",
				  SUBMIT(HAS(priority, priorities[i]))),
			STATUS_OK);
		ids[i] = world->out.number;
	}
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(world_lease(world, "wim", "q"), ids[order[i]]);
}

/* ---- order keys ---- */

static uint64_t submit_ordered(struct job_world *world, const char *order_key,
			       int32_t priority)
{
	assert_int_equal(world_ask(world, "ann",
				   SUBMIT(.order_key = TEXT(order_key),
					  HAS(priority, priority))),
			 STATUS_OK);
	return world->out.number;
}

static void one_at_a_time_for_an_order_key(void **state)
{
	struct job_world *world = *state;
	uint64_t a1 = submit_ordered(world, "a", 0);
	uint64_t a2 = submit_ordered(world, "a", 9);
	uint64_t b1 = submit_ordered(world, "b", 0);
	uint64_t token;

	assert_int_equal(world_lease(world, "wim", "q"), a1);
	token = world_token(world);
	assert_int_equal(world_lease(world, "wim", "q"), b1);
	assert_int_equal(world_lease(world, "wim", "q"), 0);
	assert_int_equal(world_complete(world, a1, token), STATUS_OK);
	assert_int_equal(world_lease(world, "wim", "q"), a2);
}

static void who_waits_after_a_failure_holds_back_the_others(void **state)
{
	struct job_world *world = *state;
	uint64_t first = submit_ordered(world, "a", 0);
	uint64_t second = submit_ordered(world, "a", 0);

	assert_int_equal(world_lease(world, "wim", "q"), first);
	assert_int_equal(
		world_fail(world, first, world_token(world), "it broke"),
		STATUS_OK);
	assert_int_equal(world_lease(world, "wim", "q"), 0);
	world_pass(world, 1000, 100);
	assert_int_equal(world_lease(world, "wim", "q"), first);
	assert_int_equal(world_lease(world, "wim", "q"), 0);
	assert_int_equal(world_cancel(world, first), STATUS_OK);
	assert_int_equal(world_lease(world, "wim", "q"), second);
}

static void a_dead_one_holds_back_nobody(void **state)
{
	struct job_world *world = *state;
	uint64_t first, second;

	assert_int_equal(
		world_ask(world, "ann",
			  SUBMIT(.order_key = TEXT("a"), HAS(delay_ms, 1000),
				 HAS(timeout_ms, 20))),
		STATUS_OK);
	first = world->out.number;
	second = submit_ordered(world, "a", 0);
	assert_int_equal(world_lease(world, "wim", "q"), 0);
	world_pass(world, 20, 100);
	assert_int_equal(world_job(world, first)->status.state, DEAD);
	assert_int_equal(world_lease(world, "wim", "q"), second);
}

/* It waits for the one that is leased, and goes before those behind. */
static void one_that_is_tried_again_stands_where_it_was(void **state)
{
	struct job_world *world = *state;
	uint64_t a1 = submit_ordered(world, "a", 0);
	uint64_t a2 = submit_ordered(world, "a", 0);
	uint64_t a3 = submit_ordered(world, "a", 0);

	assert_int_equal(world_cancel(world, a1), STATUS_OK);
	assert_int_equal(world_lease(world, "wim", "q"), a2);
	assert_int_equal(world_retry(world, a1), STATUS_OK);
	assert_int_equal(world_lease(world, "wim", "q"), 0);
	assert_int_equal(world_cancel(world, a2), STATUS_OK);
	assert_int_equal(world_lease(world, "wim", "q"), a1);
	assert_int_equal(world_cancel(world, a1), STATUS_OK);
	assert_int_equal(world_retry(world, a2), STATUS_OK);
	assert_int_equal(world_lease(world, "wim", "q"), a2);
	assert_int_equal(world_cancel(world, a2), STATUS_OK);
	assert_int_equal(world_lease(world, "wim", "q"), a3);
}

/* ---- what is refused ---- */

static void what_is_no_job_is_refused(void **state)
{
	static char text[1025], bytes[JOB_BODY_MAX_BYTES + 1];
	const ProtobufCBinaryData body = { sizeof(bytes), (uint8_t *)bytes };
	struct job_world *world = *state;
	Helio__Store__V1__SubmitRequest *const bad[] = {
		SUBMIT(.key = TEXT("")),
		SUBMIT(.key = text),
		SUBMIT(.key = TEXT("a\nb")),
		SUBMIT(.order_key = TEXT("a\xff")),
		SUBMIT(.order_key = text),
		SUBMIT(.content_type = text),
		SUBMIT(.content_type = TEXT("\xc0")),
		SUBMIT(HAS(body, body)),
		SUBMIT(HAS(attempts_max, 1001)),
		SUBMIT(HAS(delay_ms, UINT64_MAX)),
		SUBMIT(HAS(timeout_ms, UINT64_MAX)),
		SUBMIT(.queue = TEXT(".")),
	};

	memset(text, 'x', 1024);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(world_ask(world, "ann", bad[i]),
				 STATUS_INVALID_ARGUMENT);
		assert_true(strlen(world->out.reason) > 0);
	}
	assert_int_equal(world_ask(world, "ann", SUBMIT(.queue = TEXT("none"))),
			 STATUS_NOT_FOUND);
	assert_non_null(strstr(world->out.reason, "none"));
}

static void a_body_may_be_as_large_as_that(void **state)
{
	static char bytes[JOB_BODY_MAX_BYTES];
	const ProtobufCBinaryData body = { sizeof(bytes), (uint8_t *)bytes };
	struct job_world *world = *state;

	world->is_thorough = false;
	assert_int_equal(world_ask(world, "ann", SUBMIT(HAS(body, body))),
			 STATUS_OK);
}

static void a_job_is_told_as_it_was_submitted(void **state)
{
	struct job_world *world = *state;
	Helio__Store__V1__Job told;

	assert_int_equal(
		world_ask(world, "ann",
			  SUBMIT(HAS(body, BYTES("body")),
				 .content_type = TEXT("text/plain"),
				 .key = TEXT("k"), .order_key = TEXT("o"),
				 HAS(priority, -3), HAS(attempts_max, 7),
				 HAS(timeout_ms, 100))),
		STATUS_OK);
	job_describe(world_job(world, world->out.number), false, &told);
	assert_string_equal(told.queue, "q");
	assert_int_equal(told.id, world->out.number);
	assert_int_equal(told.body.len, 4);
	assert_memory_equal(told.body.data, "body", 4);
	assert_string_equal(told.content_type, "text/plain");
	assert_string_equal(told.key, "k");
	assert_string_equal(told.order_key, "o");
	assert_int_equal(told.priority, -3);
	assert_int_equal(told.attempts_max, 7);
	assert_int_equal(told.deadline_unix_ms, world->now + 100);
	assert_string_equal(told.submitter, "vm/ann");
	assert_string_equal(told.submitter_durable_id, "ann");
	assert_int_equal(told.submitted_unix_ms, world->now);
	assert_int_equal(told.state, WAITING);
	assert_int_equal(told.revision, world->state.revision);
	assert_false(told.has_token);
	job_describe(world_job(world, world->out.number), true, &told);
	assert_false(told.has_body);
	assert_false(told.has_result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(the_same_key_is_the_same_job),
		WORLD_TEST(keys_belong_to_a_submitter_and_a_queue),
		WORLD_TEST(a_key_is_known_as_long_as_its_job),
		WORLD_TEST(a_delayed_one_waits_for_its_time),
		WORLD_TEST(the_later_of_two_times_counts),
		WORLD_TEST(a_late_one_is_dead),
		WORLD_TEST(a_late_one_is_not_leased),
		WORLD_TEST(one_that_is_late_already_is_refused),
		WORLD_TEST(the_higher_priority_goes_first),
		WORLD_TEST(one_at_a_time_for_an_order_key),
		WORLD_TEST(who_waits_after_a_failure_holds_back_the_others),
		WORLD_TEST(a_dead_one_holds_back_nobody),
		WORLD_TEST(one_that_is_tried_again_stands_where_it_was),
		WORLD_TEST(what_is_no_job_is_refused),
		WORLD_TEST(a_body_may_be_as_large_as_that),
		WORLD_TEST(a_job_is_told_as_it_was_submitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
