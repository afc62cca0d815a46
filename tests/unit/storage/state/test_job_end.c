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

/* What ends jobs beside their workers; how long they are known; quotas. */

static uint64_t lease_token(struct job_world *world, uint64_t id)
{
	assert_int_equal(world_lease(world, "wim", "q"), id);
	return world_token(world);
}

static void be_dead(struct job_world *world, uint64_t id)
{
	uint64_t token = lease_token(world, id);

	assert_int_equal(WORLD_DO(world, "wim", judge_fail,
				  FAIL(.queue = TEXT("q"), .id = id,
				       .token = token, .is_final = 1)),
			 STATUS_OK);
}

static unsigned change(struct job_world *world,
		       Helio__Store__V1__QueueConfig *config)
{
	return WORLD_DO(world, "owner", judge_queue_change,
			REQUEST(ChangeQueueRequest, change_queue_request,
				.name = TEXT("q"), .config = config));
}

/* ---- cancelled ---- */

static void whoever_waits_or_works_may_be_cancelled(void **state)
{
	struct job_world *world = *state;
	uint64_t first = world_submit(world, "ann", "q", "");
	uint64_t second = world_submit(world, "ann", "q", ""), token;

	assert_int_equal(world_cancel(world, second), STATUS_OK);
	assert_int_equal(world->out.number, 0);
	token = lease_token(world, first);
	assert_int_equal(world_cancel(world, first), STATUS_OK);
	assert_int_equal(world->out.number, 0);
	assert_int_equal(world_job(world, first)->status.state, CANCELLED);
	assert_int_equal(world_complete(world, first, token), STATUS_ABORTED);
	assert_int_equal(world_fail(world, first, token, ""), STATUS_ABORTED);
	assert_int_equal(world_cancel(world, first), STATUS_OK);
	assert_int_equal(world->out.number, CANCELLED);
	assert_int_equal(world->n_changes, 0);
	assert_int_equal(world_lease(world, "wim", "q"), 0);
}

static void what_is_done_is_not_cancelled(void **state)
{
	struct job_world *world = *state;
	uint64_t id = world_submit(world, "ann", "q", "");

	assert_int_equal(world_complete(world, id, lease_token(world, id)),
			 STATUS_OK);
	assert_int_equal(world_cancel(world, id), STATUS_OK);
	assert_int_equal(world->out.number, DONE);
	assert_int_equal(world_job(world, id)->status.state, DONE);
}

static void others_jobs_are_not_seen(void **state)
{
	struct job_world *world = *state;
	uint64_t id = world_submit(world, "ann", "q", "");
	Helio__Store__V1__CancelRequest *in =
		CANCEL(.queue = TEXT("q"), .id = id);

	assert_int_equal(WORLD_DO(world, "bob", judge_cancel, in, true),
			 STATUS_NOT_FOUND);
	assert_int_equal(WORLD_DO(world, NULL, judge_cancel, in, true),
			 STATUS_NOT_FOUND);
	assert_int_equal(WORLD_DO(world, "ann", judge_cancel, in, true),
			 STATUS_OK);
	in->id = 12345;
	assert_int_equal(WORLD_DO(world, "ann", judge_cancel, in, true),
			 STATUS_NOT_FOUND);
}

/* ---- tried again ---- */

static void a_dead_one_waits_again(void **state)
{
	struct job_world *world = *state;
	uint64_t id = world_submit(world, "ann", "q", "");
	const struct job_status *status = &world_job(world, id)->status;

	be_dead(world, id);
	assert_int_equal(status->state, DEAD);
	assert_int_equal(world_retry(world, id), STATUS_OK);
	assert_false(world->out.was_there);
	assert_int_equal(status->state, WAITING);
	assert_int_equal(status->attempts, 0);
	assert_int_equal(status->ended, 0);
	assert_int_equal(world_retry(world, id), STATUS_OK);
	assert_true(world->out.was_there);
	assert_int_equal(world->n_changes, 0);
	world_pass(world, UINT64_C(8) * 24 * 3600 * 1000, 100);
	assert_int_equal(world_lease(world, "wim", "q"), id);
	assert_int_equal(world_complete(world, id, world_token(world)),
			 STATUS_OK);
	assert_int_equal(world_retry(world, id), STATUS_FAILED_PRECONDITION);
}

static void a_late_one_is_not_tried_again(void **state)
{
	struct job_world *world = *state;
	uint64_t id;

	assert_int_equal(world_ask(world, "ann", SUBMIT(HAS(timeout_ms, 10))),
			 STATUS_OK);
	id = world->out.number;
	assert_int_equal(world_cancel(world, id), STATUS_OK);
	world_pass(world, 10, 100);
	assert_int_equal(world_retry(world, id), STATUS_FAILED_PRECONDITION);
}

/* ---- known ---- */

static void who_has_ended_is_known_for_a_while(void **state)
{
	struct job_world *world = *state;
	uint64_t id = world_submit(world, "ann", "q", "");
	uint64_t dead = world_submit(world, "ann", "q", "");
	uint64_t later;

	assert_int_equal(change(world, CONFIG(HAS(keep_ms, 100),
					      HAS(keep_dead_ms, 200))),
			 STATUS_OK);
	assert_int_equal(world_cancel(world, id), STATUS_OK);
	be_dead(world, dead);
	/* What it is told now is not for those that have ended. */
	assert_int_equal(change(world, CONFIG(HAS(keep_ms, 10))), STATUS_OK);
	later = world_submit(world, "ann", "q", "");
	assert_int_equal(world_cancel(world, later), STATUS_OK);
	world_pass(world, 10, 100);
	assert_null(world_job(world, later));
	world_pass(world, 89, 100);
	assert_non_null(world_job(world, id));
	world_pass(world, 1, 100);
	assert_null(world_job(world, id));
	world_pass(world, 99, 100);
	assert_non_null(world_job(world, dead));
	world_pass(world, 1, 100);
	assert_null(world_job(world, dead));
	assert_int_equal(state_due(&world->state), UINT64_MAX);
	assert_int_equal(world->state.n_bytes, 0);
}

/* A poison job is tried, waits, and is dead: the others are done meanwhile. */
static void a_poison_job_harms_no_other(void **state)
{
	struct job_world *world = *state;
	unsigned n_done = 0;
	uint64_t poison;

	assert_int_equal(world_ask(world, "ann", SUBMIT(HAS(priority, 100))),
			 STATUS_OK);
	poison = world->out.number;
	for (unsigned i = 0; i < 20; i++)
		world_submit(world, "bob", "q", "good");
	for (unsigned i = 0; i < 25; i++) {
		uint64_t id = world_lease(world, "wim", "q");

		assert_true(id != 0);
		n_done += id != poison;
		if (id == poison)
			world_fail(world, id, world_token(world), "poison");
		else
			world_complete(world, id, world_token(world));
		world_pass(world, 10000, 100);
	}
	assert_int_equal(n_done, 20);
	assert_int_equal(world_job(world, poison)->status.state, DEAD);
	assert_int_equal(world_job(world, poison)->status.attempts, 5);
}

/* ---- quotas ---- */

static void assert_says(const struct job_world *world, const char *quota,
			const char *owner, const char *used)
{
	assert_non_null(strstr(world->out.reason, quota));
	assert_non_null(strstr(world->out.reason, owner));
	assert_non_null(strstr(world->out.reason, used));
}

static void so_many_jobs_and_no_more(void **state)
{
	struct job_world *world = *state;
	uint64_t id = world_submit(world, "ann", "q", "");

	assert_int_equal(change(world, CONFIG(HAS(jobs_max, 3),
					      HAS(submitter_jobs_max, 2))),
			 STATUS_OK);
	world_submit(world, "ann", "q", "");
	assert_int_equal(world_ask(world, "ann", SUBMIT()),
			 STATUS_RESOURCE_EXHAUSTED);
	assert_says(world, "submitter_jobs_max", "ann", "2");
	world_submit(world, "bob", "q", "");
	assert_int_equal(world_ask(world, "bob", SUBMIT()),
			 STATUS_RESOURCE_EXHAUSTED);
	assert_says(world, "jobs_max", "queue q", "3");
	/* Those that have ended do not count, until they are tried again. */
	assert_int_equal(world_cancel(world, id), STATUS_OK);
	world_submit(world, "ann", "q", "");
	assert_int_equal(world_retry(world, id), STATUS_RESOURCE_EXHAUSTED);
}

static void so_many_bytes_and_no_more(void **state)
{
	struct job_world *world = *state;

	assert_int_equal(change(world, CONFIG(HAS(bytes_max, 1000))),
			 STATUS_OK);
	world_submit(world, "ann", "q", "");
	world_submit(world, "bob", "q", "");
	assert_int_equal(world_ask(world, "ann", SUBMIT()),
			 STATUS_RESOURCE_EXHAUSTED);
	assert_says(world, "bytes_max", "queue q", "768");
}

static void the_store_has_so_many_bytes(void **state)
{
	struct job_world *world = *state;

	world->state.limits.bytes_max = 1000;
	world_submit(world, "ann", "q", "");
	world_submit(world, "bob", "q", "");
	assert_int_equal(world_ask(world, "ann", SUBMIT()),
			 STATUS_RESOURCE_EXHAUSTED);
	assert_says(world, "bytes_max", "store", "768");
	world->state.limits.bytes_max = 10000;
	world->state.limits.party_bytes_max = 500;
	assert_int_equal(world_ask(world, "ann", SUBMIT()),
			 STATUS_RESOURCE_EXHAUSTED);
	assert_says(world, "party_bytes_max", "ann", "384");
	assert_int_equal(world_ask(world, "cid", SUBMIT()), STATUS_OK);
}

/* The submitter's own are forgotten, the oldest first; no dead ones. */
static void what_has_ended_makes_room(void **state)
{
	struct job_world *world = *state;
	uint64_t ids[3], bobs = world_submit(world, "bob", "q", "");

	world->state.limits.party_bytes_max = 3 * 384;
	for (unsigned i = 0; i < 3; i++)
		ids[i] = world_submit(world, "ann", "q", "");
	assert_int_equal(world_cancel(world, bobs), STATUS_OK);
	be_dead(world, ids[0]);
	assert_int_equal(world_ask(world, "ann", SUBMIT()),
			 STATUS_RESOURCE_EXHAUSTED);
	world->now++;
	assert_int_equal(world_cancel(world, ids[2]), STATUS_OK);
	world->now++;
	assert_int_equal(world_cancel(world, ids[1]), STATUS_OK);
	world_submit(world, "ann", "q", "");
	assert_null(world_job(world, ids[2]));
	assert_non_null(world_job(world, ids[1]));
	assert_non_null(world_job(world, bobs));
	world_submit(world, "ann", "q", "");
	assert_null(world_job(world, ids[1]));
	assert_int_equal(world_ask(world, "ann", SUBMIT()),
			 STATUS_RESOURCE_EXHAUSTED);
	assert_non_null(world_job(world, ids[0]));
}

/* What all share: whoever's is the oldest. */
static void a_full_queue_forgets_the_oldest(void **state)
{
	struct job_world *world = *state;
	uint64_t bobs = world_submit(world, "bob", "q", "");
	uint64_t anns = world_submit(world, "ann", "q", "");

	assert_int_equal(world_cancel(world, bobs), STATUS_OK);
	world->now++;
	assert_int_equal(world_cancel(world, anns), STATUS_OK);
	assert_int_equal(change(world, CONFIG(HAS(bytes_max, 2 * 384))),
			 STATUS_OK);
	world_submit(world, "ann", "q", "");
	assert_null(world_job(world, bobs));
	assert_non_null(world_job(world, anns));
	world_submit(world, "cid", "q", "");
	assert_null(world_job(world, anns));
}

/* Its own first, then whoever's is left: nobody twice. */
static void what_is_short_twice_is_counted_once(void **state)
{
	struct job_world *world = *state;
	uint64_t ids[3];

	ids[0] = world_submit(world, "ann", "q", "");
	ids[1] = world_submit(world, "ann", "q", "");
	ids[2] = world_submit(world, "bob", "q", "");
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(world_cancel(world, ids[i]), STATUS_OK);
		world->now++;
	}
	world->state.limits.party_bytes_max = 2 * 384;
	assert_int_equal(change(world, CONFIG(HAS(bytes_max, 2 * 384))),
			 STATUS_OK);
	world_submit(world, "ann", "q", "");
	assert_null(world_job(world, ids[0]));
	assert_null(world_job(world, ids[1]));
	assert_non_null(world_job(world, ids[2]));
}

static void results_have_room_where_jobs_have_none(void **state)
{
	static char bytes[JOB_RESULT_MAX_BYTES];
	struct job_world *world = *state;
	uint64_t ids[2];
	Helio__Store__V1__CompleteRequest *in =
		COMPLETE(.queue = TEXT("q"), .has_result = 1,
			 .result = { sizeof(bytes), (uint8_t *)bytes });

	ids[0] = world_submit(world, "ann", "q", "");
	ids[1] = world_submit(world, "ann", "q", "");
	assert_int_equal(change(world, CONFIG(HAS(bytes_max, 2 * 384))),
			 STATUS_OK);
	world->state.limits.party_bytes_max = 2 * 384;
	for (unsigned i = 0; i < 2; i++) {
		in->id = ids[i];
		in->token = lease_token(world, ids[i]);
		assert_int_equal(WORLD_DO(world, "wim", judge_complete, in),
				 STATUS_OK);
	}
	assert_null(world_job(world, ids[0]));
	assert_int_equal(world_job(world, ids[1])->status.state, DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(whoever_waits_or_works_may_be_cancelled),
		WORLD_TEST(what_is_done_is_not_cancelled),
		WORLD_TEST(others_jobs_are_not_seen),
		WORLD_TEST(a_dead_one_waits_again),
		WORLD_TEST(a_late_one_is_not_tried_again),
		WORLD_TEST(who_has_ended_is_known_for_a_while),
		WORLD_TEST(a_poison_job_harms_no_other),
		WORLD_TEST(so_many_jobs_and_no_more),
		WORLD_TEST(so_many_bytes_and_no_more),
		WORLD_TEST(the_store_has_so_many_bytes),
		WORLD_TEST(what_has_ended_makes_room),
		WORLD_TEST(a_full_queue_forgets_the_oldest),
		WORLD_TEST(what_is_short_twice_is_counted_once),
		WORLD_TEST(results_have_room_where_jobs_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
