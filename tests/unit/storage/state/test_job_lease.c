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

/* Leases: given, extended, lost; and how work ends. */

/* A job that is leased, and its token. */
static uint64_t a_leased(struct job_world *world, uint64_t *ret_token)
{
	uint64_t id = world_submit(world, "ann", "q", "body");

	assert_int_equal(world_lease(world, "wim", "q"), id);
	*ret_token = world_token(world);
	return id;
}

static unsigned extend(struct job_world *world, uint64_t id, uint64_t token,
		       Helio__Store__V1__ExtendRequest *in)
{
	in->queue = TEXT("q");
	in->id = id;
	in->token = token;
	return WORLD_DO(world, "wim", judge_extend, in);
}

static unsigned fail_as(struct job_world *world, uint64_t id, uint64_t token,
			Helio__Store__V1__FailRequest *in)
{
	in->queue = TEXT("q");
	in->id = id;
	in->token = token;
	return WORLD_DO(world, "wim", judge_fail, in);
}

/* ---- given ---- */

/* Whoever else waits for the store does not wait for all of them. */
static void many_that_are_due_are_made_ready_in_turns(void **state)
{
	struct job_world *world = *state;
	struct queue *queue = queue_lookup(&world->state, "q");
	unsigned n = QUEUE_ADVANCE_MAX + 10;

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(
			world_ask(world, "ann", SUBMIT(HAS(delay_ms, 5))),
			STATUS_OK);
	assert_false(queue_advance(queue, world->now));
	assert_true(queue_advance(queue, world->now + 5));
	assert_int_equal(queue->ready.n_nodes, QUEUE_ADVANCE_MAX);
	assert_true(queue_due(&world->state) <= world->now + 5);
	world_pass(world, 5, 1024);
	assert_int_equal(queue->ready.n_nodes, n);
	assert_true(queue_due(&world->state) > world->now);
}

static void a_lease_is_whose_it_is(void **state)
{
	struct job_world *world = *state;
	uint64_t token, id = a_leased(world, &token);
	Helio__Store__V1__Job told;

	job_describe(world_job(world, id), false, &told);
	assert_int_equal(told.state, LEASED);
	assert_int_equal(told.attempts, 1);
	assert_int_equal(told.token, world->state.revision);
	assert_string_equal(told.worker, "vm/wim");
	assert_string_equal(told.worker_durable_id, "wim");
	assert_int_equal(told.worker_incarnation, 1);
	assert_int_equal(told.lease_until_unix_ms, world->now + 30000);
	assert_int_equal(world_lease(world, "wim", "q"), 0);
	assert_int_equal(world->n_changes, 0);
}

static void several_are_leased_at_once(void **state)
{
	struct job_world *world = *state;
	uint64_t ids[3];

	for (unsigned i = 0; i < 3; i++)
		ids[i] = world_submit(world, "ann", "q", "body");
	assert_int_equal(WORLD_DO(world, "wim", judge_lease,
				  LEASE(.queue = TEXT("q"), HAS(max, 64),
					HAS(lease_ms, 7))),
			 STATUS_OK);
	assert_int_equal(world->out.number, 3);
	for (unsigned i = 0; i < 3; i++) {
		const struct job_status *status =
			&world_job(world, ids[i])->status;

		assert_int_equal(world->changed[i], ids[i]);
		assert_int_equal(status->lease_until, world->now + 7);
		assert_int_equal(status->token, world->state.revision);
	}
}

static void no_more_is_leased_than_a_reply_holds(void **state)
{
	static char bytes[600 * 1024];
	const ProtobufCBinaryData body = { sizeof(bytes), (uint8_t *)bytes };
	struct job_world *world = *state;

	world->is_thorough = false;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(
			world_ask(world, "ann", SUBMIT(HAS(body, body))),
			STATUS_OK);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(
			WORLD_DO(world, "wim", judge_lease,
				 LEASE(.queue = TEXT("q"), HAS(max, 64))),
			STATUS_OK);
		assert_int_equal(world->out.number, 1);
	}
}

static void what_is_no_lease_is_refused(void **state)
{
	struct job_world *world = *state;
	Helio__Store__V1__LeaseRequest *const bad[] = {
		LEASE(HAS(max, 0)),
		LEASE(HAS(max, 65)),
		LEASE(HAS(lease_ms, 0)),
		LEASE(HAS(lease_ms, 24 * 3600 * 1000 + 1)),
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bad[i]->queue = TEXT("q");
		assert_int_equal(WORLD_DO(world, "wim", judge_lease, bad[i]),
				 STATUS_INVALID_ARGUMENT);
	}
}

static void tokens_grow(void **state)
{
	struct job_world *world = *state;
	uint64_t token, before, id = a_leased(world, &before);

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(world_fail(world, id, before, "again"),
				 STATUS_OK);
		world_pass(world, 300000, 100);
		assert_int_equal(world_lease(world, "wim", "q"), id);
		token = world_token(world);
		assert_true(token > before);
		assert_int_equal(world_complete(world, id, before),
				 STATUS_ABORTED);
		before = token;
	}
}

/* ---- extended ---- */

static void a_lease_is_not_shortened_by_chance(void **state)
{
	struct job_world *world = *state;
	uint64_t token, id = a_leased(world, &token);
	uint64_t until = world->now + 100000;

	assert_int_equal(
		extend(world, id, token, EXTEND(HAS(lease_ms, 100000))),
		STATUS_OK);
	assert_int_equal(world->out.number, until);
	assert_int_equal(extend(world, id, token, EXTEND()), STATUS_OK);
	assert_int_equal(world->out.number, until);
	assert_int_equal(extend(world, id, token, EXTEND(HAS(lease_ms, 0))),
			 STATUS_OK);
	assert_int_equal(world->out.number, until);
	assert_int_equal(extend(world, id, token, EXTEND(HAS(lease_ms, 10))),
			 STATUS_OK);
	assert_int_equal(world->out.number, world->now + 10);
	assert_int_equal(extend(world, id, token, EXTEND()), STATUS_OK);
	assert_int_equal(world->out.number, world->now + 30000);
}

static void progress_is_kept_until_there_is_more(void **state)
{
	struct job_world *world = *state;
	uint64_t token, id = a_leased(world, &token);
	const struct job_status *status = &world_job(world, id)->status;

	assert_int_equal(extend(world, id, token,
				EXTEND(HAS(progress_permille, 400),
				       .progress = TEXT("almost"))),
			 STATUS_OK);
	assert_int_equal(extend(world, id, token, EXTEND()), STATUS_OK);
	assert_int_equal(status->progress_permille, 400);
	assert_string_equal(status->progress, "almost");
	assert_int_equal(world_fail(world, id, token, "no"), STATUS_OK);
	world_pass(world, 1000, 100);
	assert_int_equal(world_lease(world, "wim", "q"), id);
	assert_int_equal(status->progress_permille, 0);
	assert_null(status->progress);
}

static void what_is_no_progress_is_refused(void **state)
{
	static char text[258];
	struct job_world *world = *state;
	uint64_t token, id = a_leased(world, &token);
	Helio__Store__V1__ExtendRequest *const bad[] = {
		EXTEND(HAS(progress_permille, 1001)),
		EXTEND(.progress = text),
		EXTEND(.progress = TEXT("\xf8")),
		EXTEND(HAS(lease_ms, UINT64_MAX)),
	};

	memset(text, 'x', 257);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(extend(world, id, token, bad[i]),
				 STATUS_INVALID_ARGUMENT);
}

/* ---- lost ---- */

static void assert_refused(struct job_world *world, uint64_t id, uint64_t token)
{
	assert_int_equal(extend(world, id, token, EXTEND()), STATUS_ABORTED);
	assert_int_equal(world_complete(world, id, token), STATUS_ABORTED);
	assert_int_equal(world_fail(world, id, token, "no"), STATUS_ABORTED);
}

static void a_lease_lapses(void **state)
{
	struct job_world *world = *state;
	uint64_t token, id = a_leased(world, &token);
	const struct job_status *status = &world_job(world, id)->status;

	assert_int_equal(state_due(&world->state), world->now + 30000);
	world_pass(world, 29999, 100);
	assert_int_equal(status->state, LEASED);
	world->now++;
	assert_refused(world, id, token);
	world_pass(world, 0, 100);
	assert_int_equal(status->state, WAITING);
	assert_int_equal(status->attempts, 1);
	assert_string_equal(status->error, "the lease lapsed");
	assert_refused(world, id, token);
	assert_int_equal(world_lease(world, "wim", "q"), id);
	assert_int_equal(status->attempts, 2);
	assert_refused(world, id, token);
}

static void who_lets_it_lapse_too_often_has_it_dead(void **state)
{
	struct job_world *world = *state;
	uint64_t token, id = a_leased(world, &token);

	for (unsigned i = 2; i <= 5; i++) {
		world_pass(world, 30000, 100);
		assert_int_equal(world_lease(world, "wim", "q"), id);
	}
	world_pass(world, 30000, 100);
	assert_int_equal(world_job(world, id)->status.state, DEAD);
	assert_int_equal(world_lease(world, "wim", "q"), 0);
	assert_int_equal(world_job(world, id)->queue->n_lapsed, 5);
}

static void a_lease_is_void_at_the_deadline(void **state)
{
	struct job_world *world = *state;
	uint64_t id, token;

	assert_int_equal(world_ask(world, "ann", SUBMIT(HAS(timeout_ms, 100))),
			 STATUS_OK);
	id = world->out.number;
	assert_int_equal(world_lease(world, "wim", "q"), id);
	token = world_token(world);
	world->now += 100;
	assert_refused(world, id, token);
	world_pass(world, 0, 100);
	assert_int_equal(world_job(world, id)->status.state, DEAD);
	assert_string_equal(world_job(world, id)->status.error, "deadline");
	assert_refused(world, id, token);
}

static unsigned down(struct job_world *world, const char *who,
		     uint64_t incarnation, size_t n_max)
{
	world_begin(world, NULL, 0);
	world->status =
		judge_worker_down(&world->draft, who, incarnation, n_max);
	world_end(world);
	return world->status;
}

static void a_worker_that_is_gone_has_no_leases(void **state)
{
	struct job_world *world = *state;
	uint64_t token, id = a_leased(world, &token), anothers;
	uint64_t token2, second = a_leased(world, &token2);

	anothers = world_submit(world, "ann", "q", "body");
	assert_int_equal(world_lease(world, "wanda", "q"), anothers);
	assert_int_equal(down(world, "nobody", 0, 100), STATUS_OK);
	assert_int_equal(down(world, "wim", 2, 100), STATUS_OK);
	assert_int_equal(world->n_changes, 0);
	assert_int_equal(down(world, "wim", 1, 1), STATUS_OK);
	assert_int_equal(world->n_changes, 1);
	assert_int_equal(down(world, "wim", 0, 100), STATUS_OK);
	assert_int_equal(world->n_changes, 1);
	assert_int_equal(down(world, "wim", 0, 100), STATUS_OK);
	assert_int_equal(world->n_changes, 0);
	assert_refused(world, id, token);
	assert_refused(world, second, token2);
	assert_int_equal(world_job(world, anothers)->status.state, LEASED);
	assert_int_equal(world_job(world, id)->queue->n_lapsed, 2);
}

/* ---- done ---- */

static void who_says_it_twice_did_it_once(void **state)
{
	struct job_world *world = *state;
	uint64_t token, id = a_leased(world, &token);
	uint64_t revision;

	assert_int_equal(world_complete(world, id, token + 1), STATUS_ABORTED);
	assert_int_equal(world_complete(world, id, token), STATUS_OK);
	assert_false(world->out.was_there);
	revision = world->state.revision;
	assert_int_equal(world_complete(world, id, token), STATUS_OK);
	assert_true(world->out.was_there);
	assert_int_equal(world->state.revision, revision);
	assert_int_equal(world_complete(world, id, token + 1), STATUS_ABORTED);
	assert_int_equal(world_job(world, id)->queue->n_completed, 1);
}

static void a_result_is_kept_with_it(void **state)
{
	static char bytes[JOB_RESULT_MAX_BYTES + 1];
	struct job_world *world = *state;
	uint64_t token, id = a_leased(world, &token);
	Helio__Store__V1__CompleteRequest *in =
		COMPLETE(.queue = TEXT("q"), .id = id, .token = token,
			 .has_result = 1);
	Helio__Store__V1__Job told;

	in->result.data = (uint8_t *)bytes;
	in->result.len = sizeof(bytes);
	assert_int_equal(WORLD_DO(world, "wim", judge_complete, in),
			 STATUS_INVALID_ARGUMENT);
	in->result.len--;
	assert_int_equal(WORLD_DO(world, "wim", judge_complete, in), STATUS_OK);
	job_describe(world_job(world, id), false, &told);
	assert_int_equal(told.state, DONE);
	assert_int_equal(told.result.len, JOB_RESULT_MAX_BYTES);
	assert_int_equal(told.ended_unix_ms, world->now);
	assert_int_equal(world_job(world, id)->n_bytes,
			 JOB_BYTES + 4 + JOB_RESULT_MAX_BYTES);
}

/* ---- failed ---- */

static void a_wait_doubles_up_to_the_most(void **state)
{
	static const uint64_t waits[] = { 1000, 2000, 3000, 3000 };
	struct job_world *world = *state;
	uint64_t id;

	world_queue(world, "r", CONFIG(HAS(backoff_max_ms, 3000)));
	id = world_submit(world, "ann", "r", "body");
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(world_lease(world, "wim", "r"), id);
		assert_int_equal(WORLD_DO(world, "wim", judge_fail,
					  FAIL(.queue = TEXT("r"), .id = id,
					       .token = world_token(world))),
				 STATUS_OK);
		assert_int_equal(world->out.number, WAITING);
		assert_int_equal(state_due(&world->state),
				 world->now + waits[i]);
		world_pass(world, waits[i], 100);
	}
	assert_int_equal(world_lease(world, "wim", "r"), id);
	assert_int_equal(WORLD_DO(world, "wim", judge_fail,
				  FAIL(.queue = TEXT("r"), .id = id,
				       .token = world_token(world))),
			 STATUS_OK);
	assert_int_equal(world->out.number, DEAD);
}

static void a_job_has_attempts_of_its_own(void **state)
{
	struct job_world *world = *state;
	uint64_t id;

	assert_int_equal(world_ask(world, "ann", SUBMIT(HAS(attempts_max, 1))),
			 STATUS_OK);
	id = world->out.number;
	assert_int_equal(world_lease(world, "wim", "q"), id);
	assert_int_equal(world_fail(world, id, world_token(world), "no"),
			 STATUS_OK);
	assert_int_equal(world_job(world, id)->status.state, DEAD);
	assert_string_equal(world_job(world, id)->status.error, "no");
}

static void a_worker_may_say_how_it_goes_on(void **state)
{
	struct job_world *world = *state;
	uint64_t token, id = a_leased(world, &token);
	const struct job_status *status = &world_job(world, id)->status;

	assert_int_equal(fail_as(world, id, token, FAIL(HAS(delay_ms, 7))),
			 STATUS_OK);
	assert_int_equal(status->not_before, world->now + 7);
	world_pass(world, 7, 100);
	assert_int_equal(world_lease(world, "wim", "q"), id);
	assert_int_equal(fail_as(world, id, world_token(world),
				 FAIL(HAS(is_given_back, true))),
			 STATUS_OK);
	assert_int_equal(status->attempts, 1);
	assert_int_equal(status->not_before, 0);
	assert_int_equal(world_lease(world, "wim", "q"), id);
	assert_int_equal(fail_as(world, id, world_token(world),
				 FAIL(HAS(is_final, true))),
			 STATUS_OK);
	assert_int_equal(status->state, DEAD);
	assert_int_equal(world_job(world, id)->queue->n_failed, 2);
}

static void what_is_no_failure_is_refused(void **state)
{
	static char text[1026];
	struct job_world *world = *state;
	uint64_t token, id = a_leased(world, &token);
	Helio__Store__V1__FailRequest *const bad[] = {
		FAIL(.error = text),
		FAIL(.error = TEXT("\xff")),
		FAIL(HAS(is_final, true), HAS(is_given_back, true)),
		FAIL(HAS(delay_ms, UINT64_MAX)),
	};

	memset(text, 'x', 1025);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(fail_as(world, id, token, bad[i]),
				 STATUS_INVALID_ARGUMENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_lease_is_whose_it_is),
		WORLD_TEST(many_that_are_due_are_made_ready_in_turns),
		WORLD_TEST(several_are_leased_at_once),
		WORLD_TEST(no_more_is_leased_than_a_reply_holds),
		WORLD_TEST(what_is_no_lease_is_refused),
		WORLD_TEST(tokens_grow),
		WORLD_TEST(a_lease_is_not_shortened_by_chance),
		WORLD_TEST(progress_is_kept_until_there_is_more),
		WORLD_TEST(what_is_no_progress_is_refused),
		WORLD_TEST(a_lease_lapses),
		WORLD_TEST(who_lets_it_lapse_too_often_has_it_dead),
		WORLD_TEST(a_lease_is_void_at_the_deadline),
		WORLD_TEST(a_worker_that_is_gone_has_no_leases),
		WORLD_TEST(who_says_it_twice_did_it_once),
		WORLD_TEST(a_result_is_kept_with_it),
		WORLD_TEST(a_wait_doubles_up_to_the_most),
		WORLD_TEST(a_job_has_attempts_of_its_own),
		WORLD_TEST(a_worker_may_say_how_it_goes_on),
		WORLD_TEST(what_is_no_failure_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
