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

/* Queues themselves: made, told to be otherwise, dropped; and due times. */

static unsigned create(struct job_world *world, const char *name,
		       Helio__Store__V1__QueueConfig *config)
{
	return WORLD_DO(world, "owner", judge_queue_create,
			REQUEST(CreateQueueRequest, create_queue_request,
				.name = TEXT(name), .config = config));
}

static unsigned change(struct job_world *world, const char *name,
		       Helio__Store__V1__QueueConfig *config)
{
	return WORLD_DO(world, "owner", judge_queue_change,
			REQUEST(ChangeQueueRequest, change_queue_request,
				.name = TEXT(name), .config = config));
}

static unsigned drop(struct job_world *world, const char *name)
{
	return WORLD_DO(world, "owner", judge_queue_drop,
			REQUEST(DropQueueRequest, drop_queue_request,
				.name = TEXT(name)));
}

static const struct queue *queue_of(const struct job_world *world,
				    const char *name)
{
	return queue_lookup(&world->state, name);
}

static void a_queue_is_made_once(void **state)
{
	struct job_world *world = *state;

	assert_int_equal(create(world, "a.b", CONFIG(HAS(lease_ms, 5))),
			 STATUS_OK);
	assert_false(world->out.was_there);
	assert_int_equal(create(world, "a.b", CONFIG(HAS(lease_ms, 5))),
			 STATUS_OK);
	assert_true(world->out.was_there);
	assert_int_equal(world->n_changes, 0);
	assert_int_equal(create(world, "a.b", CONFIG(HAS(lease_ms, 6))),
			 STATUS_ALREADY_EXISTS);
	/* What is absent is as store.proto says. */
	assert_int_equal(create(world, "q", CONFIG(HAS(lease_ms, 30000))),
			 STATUS_OK);
	assert_true(world->out.was_there);
}

static void what_is_no_queue_is_refused(void **state)
{
	struct job_world *world = *state;
	Helio__Store__V1__QueueConfig *const bad[] = {
		CONFIG(HAS(lease_ms, 0)),
		CONFIG(HAS(lease_ms, 24 * 3600 * 1000 + 1)),
		CONFIG(HAS(attempts_max, 0)),
		CONFIG(HAS(attempts_max, 1001)),
		CONFIG(HAS(backoff_ms, UINT64_MAX)),
		CONFIG(HAS(backoff_max_ms, UINT64_MAX)),
		CONFIG(HAS(keep_ms, UINT64_MAX)),
		CONFIG(HAS(keep_dead_ms, UINT64_MAX)),
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(create(world, "new", bad[i]),
				 STATUS_INVALID_ARGUMENT);
		assert_int_equal(change(world, "q", bad[i]),
				 STATUS_INVALID_ARGUMENT);
	}
	assert_int_equal(create(world, ".", NULL), STATUS_INVALID_ARGUMENT);
	assert_int_equal(create(world, NULL, NULL), STATUS_INVALID_ARGUMENT);
	assert_int_equal(change(world, "none", NULL), STATUS_NOT_FOUND);
	assert_int_equal(drop(world, "none"), STATUS_NOT_FOUND);
}

static void what_is_not_said_stays(void **state)
{
	struct job_world *world = *state;
	const struct queue *queue = queue_of(world, "q");

	assert_int_equal(change(world, "q", CONFIG(HAS(attempts_max, 9))),
			 STATUS_OK);
	assert_int_equal(change(world, "q", CONFIG(HAS(keep_ms, 7))),
			 STATUS_OK);
	assert_int_equal(queue->limits.attempts_max, 9);
	assert_int_equal(queue->limits.keep_ms, 7);
	assert_int_equal(queue->limits.lease_ms, 30000);
	assert_false(queue->config.has_lease_ms);
	assert_int_equal(change(world, "q", CONFIG(HAS(keep_ms, 7))),
			 STATUS_OK);
	assert_int_equal(world->n_changes, 0);
	world_commit(world);
	assert_int_equal(change(world, "q", CONFIG(HAS(keep_ms, 8))),
			 STATUS_OK);
	world_revert(world);
	assert_int_equal(queue->limits.keep_ms, 7);
}

static void who_is_told_to_pause_leases_nothing(void **state)
{
	struct job_world *world = *state;
	uint64_t id = world_submit(world, "ann", "q", "");
	struct queue *queue = queue_lookup(&world->state, "q");

	assert_true(queue_advance(queue, world->now));
	assert_int_equal(change(world, "q", CONFIG(HAS(is_paused, true))),
			 STATUS_OK);
	assert_false(queue_advance(queue, world->now));
	assert_int_equal(world_lease(world, "wim", "q"), 0);
	assert_int_equal(change(world, "q", CONFIG(HAS(is_paused, false))),
			 STATUS_OK);
	assert_int_equal(world_lease(world, "wim", "q"), id);
}

static void so_many_queues_and_no_more(void **state)
{
	struct job_world *world = *state;

	world->state.limits.party_things_max = 2;
	assert_int_equal(create(world, "second", NULL), STATUS_OK);
	assert_int_equal(create(world, "third", NULL),
			 STATUS_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(world->out.reason, "owner"));
	assert_int_equal(drop(world, "second"), STATUS_OK);
	assert_int_equal(create(world, "third", NULL), STATUS_OK);
}

/* ---- dropped ---- */

static unsigned n_told;

static void tell(struct state *state, struct queue *queue)
{
	assert_string_equal(queue->name, "q");
	n_told++;
}

/* Nothing of it is found or charged any more, from the step on. */
static void a_queue_goes_with_its_jobs(void **state)
{
	struct job_world *world = *state;
	uint64_t id = world_submit(world, "ann", "q", "body");
	uint64_t second = world_submit(world, "bob", "q", "body");
	char *before;

	world->state.on_queue_dropped = tell;
	n_told = 0;
	assert_int_equal(world_lease(world, "wim", "q"), id);
	assert_int_equal(world_cancel(world, second), STATUS_OK);
	world_commit(world);
	before = world_dump(&world->state);
	assert_int_equal(drop(world, "q"), STATUS_OK);
	assert_null(queue_of(world, "q"));
	assert_int_equal(world->state.n_bytes, 0);
	assert_int_equal(account_lookup(&world->state, "ann")->n_jobs, 0);
	assert_int_equal(state_due(&world->state), UINT64_MAX);
	assert_int_equal(world_ask(world, "ann", SUBMIT()), STATUS_NOT_FOUND);
	world_queue(world, "q", NULL);
	world_submit(world, "ann", "q", "another");
	world_revert(world);
	assert_int_equal(n_told, 0);
	{
		char *after = world_dump(&world->state);

		assert_string_equal(after, before);
		free(after);
	}
	free(before);
	assert_int_equal(drop(world, "q"), STATUS_OK);
	world_commit(world);
	assert_int_equal(n_told, 1);
	assert_null(account_lookup(&world->state, "ann"));
}

static void a_large_one_is_freed_piece_by_piece(void **state)
{
	struct job_world *world = *state;
	unsigned n = 0;

	world->is_thorough = false;
	for (unsigned i = 0; i < 1000; i++)
		world_submit(world, "ann", "q", "body");
	assert_int_equal(drop(world, "q"), STATUS_OK);
	world_commit(world);
	assert_null(queue_of(world, "q"));
	assert_non_null(account_lookup(&world->state, "ann"));
	while (queue_sweep(&world->state, 100))
		n++;
	assert_in_range(n, 6, 8);
	assert_null(account_lookup(&world->state, "ann"));
}

/* ---- due ---- */

static void not_more_is_due_at_once_than_is_asked_for(void **state)
{
	struct job_world *world = *state;

	world_queue(world, "r", NULL);
	for (unsigned i = 0; i < 5; i++) {
		world_submit(world, "ann", "r", "");
		world_submit(world, "ann", "q", "");
		assert_true(world_lease(world, "wim", "q"));
		assert_true(world_lease(world, "wim", "r"));
	}
	world->now += 30000;
	world_begin(world, NULL, 0);
	assert_int_equal(
		state_draft_due(&world->state, world->now, 7, &world->draft),
		1);
	assert_int_equal(world->draft.step.n_changes, 7);
	draft_deinit(&world->draft);
	world_begin(world, NULL, 0);
	assert_int_equal(
		state_draft_due(&world->state, world->now, 1000, &world->draft),
		0);
	assert_int_equal(world->draft.step.n_changes, 10);
	draft_deinit(&world->draft);
	world_pass(world, 0, 3);
	assert_int_equal(queue_of(world, "q")->n_lapsed, 5);
	assert_int_equal(queue_of(world, "r")->n_lapsed, 5);
}

/* ---- told ---- */

static void a_queue_tells_how_it_is(void **state)
{
	struct job_world *world = *state;
	uint64_t ids[4], submitted = world->now;
	Helio__Store__V1__Queue told;

	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(
			world_ask(world, "ann", SUBMIT(HAS(priority, (int)i))),
			STATUS_OK);
		ids[i] = world->out.number;
		world->now++;
	}
	assert_int_equal(world_ask(world, "ann", SUBMIT(HAS(delay_ms, 9))),
			 STATUS_OK);
	assert_int_equal(world_lease(world, "wim", "q"), ids[3]);
	assert_int_equal(world_complete(world, ids[3], world_token(world)),
			 STATUS_OK);
	assert_int_equal(world_lease(world, "wim", "q"), ids[2]);
	queue_describe(queue_of(world, "q"), &told);
	assert_string_equal(told.name, "q");
	assert_string_equal(told.owner, "vm/owner");
	assert_string_equal(told.owner_durable_id, "owner");
	assert_int_equal(told.created_revision, 1);
	assert_int_equal(told.waiting, 3);
	assert_int_equal(told.delayed, 1);
	assert_int_equal(told.leased, 1);
	assert_int_equal(told.done, 1);
	assert_int_equal(told.bytes, 5 * JOB_BYTES);
	assert_int_equal(told.oldest_unix_ms, submitted);
	assert_int_equal(told.submitted, 5);
	assert_int_equal(told.completed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_queue_is_made_once),
		WORLD_TEST(what_is_no_queue_is_refused),
		WORLD_TEST(what_is_not_said_stays),
		WORLD_TEST(who_is_told_to_pause_leases_nothing),
		WORLD_TEST(so_many_queues_and_no_more),
		WORLD_TEST(a_queue_goes_with_its_jobs),
		WORLD_TEST(a_large_one_is_freed_piece_by_piece),
		WORLD_TEST(not_more_is_due_at_once_than_is_asked_for),
		WORLD_TEST(a_queue_tells_how_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
