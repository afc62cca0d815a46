/* SPDX-License-Identifier: MIT */

#include "tests/unit/storage/state/job_world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/status.h"
#include "tests/fault.h"

void world_init(struct job_world *world, const struct state_limits *limits)
{
	*world = (struct job_world){ .now = 1000000 };
	assert_int_equal(state_init(&world->state, limits), 0);
}

static void forget_steps(struct job_world *world, uint64_t after)
{
	while (world->n_steps &&
	       world->steps[world->n_steps - 1].revision > after)
		free(world->steps[--world->n_steps].bytes);
}

void world_deinit(struct job_world *world)
{
	forget_steps(world, 0);
	free(world->steps);
	state_deinit(&world->state);
}

char *world_dump(const struct state *state)
{
	char *text = state_dump(state, false);

	assert_non_null(text);
	return text;
}

/* ---- one request ---- */

void world_begin(struct job_world *world, const char *name,
		 uint64_t incarnation)
{
	static char principal[64];
	struct caller caller = { NULL, NULL, 0 };

	if (name) {
		snprintf(principal, sizeof(principal), "vm/%s", name);
		caller = (struct caller){ principal, name, incarnation };
	}
	world->out = (struct judgement){ .number = 0 };
	draft_init(&world->draft, &world->state, world->now, &caller);
}

void world_arm(struct job_world *world, unsigned n)
{
	if (world->is_thorough)
		fault_arm(n);
}

bool world_was_hit(struct job_world *world)
{
	fault_disarm();
	if (!world->is_thorough || !fault_hit())
		return false;
	assert_int_equal(world->status, STATUS_RESOURCE_EXHAUSTED);
	draft_deinit(&world->draft);
	return true;
}

static void note_changed(struct job_world *world)
{
	const Helio__Store__V1__Step *step = &world->draft.step;

	world->n_changes = step->n_changes;
	world->n_changed = 0;
	for (size_t i = 0; i < step->n_changes; i++) {
		const Helio__Store__V1__Change *change = step->changes[i];

		if (change->what_case !=
		    HELIO__STORE__V1__CHANGE__WHAT_JOB_CHANGED)
			continue;
		assert_true(world->n_changed < WORLD_CHANGED_MAX);
		world->changed[world->n_changed++] = change->job_changed->id;
	}
}

static void keep_step(struct job_world *world, uint8_t *bytes, size_t n)
{
	size_t n_max = world->n_steps_max ? 2 * world->n_steps_max : 64;

	if (world->n_steps == world->n_steps_max) {
		world->steps = reallocarray(world->steps, n_max,
					    sizeof(*world->steps));
		assert_non_null(world->steps);
		world->n_steps_max = n_max;
	}
	world->steps[world->n_steps++] =
		(struct world_step){ bytes, n, world->draft.step.revision };
}

static void assert_is(const struct state *state, const char *before)
{
	char *now = world_dump(state);

	assert_string_equal(now, before);
	free(now);
	world_check(state);
}

/* Whatever fails: the state is as it was. */
static void try_without_memory(struct state *state,
			       const Helio__Store__V1__Step *step,
			       const char *before)
{
	for (unsigned n = 0;; n++) {
		int r;

		fault_arm(n);
		r = state_apply(state, step);
		fault_disarm();
		/* A map that cannot grow only gets slower. */
		assert_true(r == 0 || (fault_hit() && r == -ENOMEM));
		state_revert(state);
		assert_is(state, before);
		if (!fault_hit())
			break;
	}
}

/* The journal's last steps are not committed: nothing of them may go. */
static void try(struct job_world *world, const Helio__Store__V1__Step *step)
{
	char *before;

	if (world->state.committed != world->state.revision)
		return;
	before = world_dump(&world->state);
	try_without_memory(&world->state, step, before);
	free(before);
}

static void apply(struct job_world *world)
{
	const Helio__Store__V1__Step *draft = &world->draft.step;
	size_t n = helio__store__v1__step__get_packed_size(draft);
	uint8_t *bytes = malloc(n + 1);
	Helio__Store__V1__Step *step;

	assert_non_null(bytes);
	assert_int_equal(helio__store__v1__step__pack(draft, bytes), n);
	step = helio__store__v1__step__unpack(NULL, n, bytes);
	assert_non_null(step);
	if (world->is_thorough)
		try(world, step);
	assert_int_equal(state_apply(&world->state, step), 0);
	helio__store__v1__step__free_unpacked(step, NULL);
	keep_step(world, bytes, n);
}

void world_end(struct job_world *world)
{
	world->n_changes = 0;
	world->n_changed = 0;
	if (world->status == STATUS_OK)
		note_changed(world);
	if (world->n_changes)
		apply(world);
	draft_deinit(&world->draft);
	if (world->is_thorough)
		world_check(&world->state);
}

/* ---- time, and the disk ---- */

void world_pass(struct job_world *world, uint64_t ms, size_t n_max)
{
	int r;

	world->now += ms;
	do {
		world_begin(world, NULL, 0);
		r = state_draft_due(&world->state, world->now, n_max,
				    &world->draft);
		assert_true(r >= 0);
		assert_true(world->draft.step.n_changes <= n_max);
		world->status = STATUS_OK;
		world_end(world);
		assert_true(r == 0 || world->n_changes);
	} while (world->n_changes);
	assert_true(state_due(&world->state) > world->now);
}

void world_commit(struct job_world *world)
{
	state_commit(&world->state, world->state.revision);
}

void world_revert(struct job_world *world)
{
	state_revert(&world->state);
	forget_steps(world, world->state.committed);
}

/* ---- requests in few words ---- */

struct queue *world_queue(struct job_world *world, const char *name,
			  const Helio__Store__V1__QueueConfig *config)
{
	Helio__Store__V1__QueueConfig *with =
		(Helio__Store__V1__QueueConfig *)(uintptr_t)config;

	assert_int_equal(
		WORLD_DO(world, "owner", judge_queue_create,
			 REQUEST(CreateQueueRequest, create_queue_request,
				 .name = TEXT(name), .config = with)),
		STATUS_OK);
	assert_false(world->out.was_there);
	return queue_lookup(&world->state, name);
}

uint64_t world_submit(struct job_world *world, const char *who,
		      const char *queue, const char *body)
{
	Helio__Store__V1__SubmitRequest *in =
		SUBMIT(.queue = TEXT(queue), HAS(body, BYTES(body)));

	assert_int_equal(WORLD_DO(world, who, judge_submit, in), STATUS_OK);
	return world->out.number;
}

unsigned world_ask(struct job_world *world, const char *who,
		   Helio__Store__V1__SubmitRequest *in)
{
	if (!in->queue)
		in->queue = TEXT("q");
	return WORLD_DO(world, who, judge_submit, in);
}

uint64_t world_lease(struct job_world *world, const char *who,
		     const char *queue)
{
	assert_int_equal(
		WORLD_DO(world, who, judge_lease, LEASE(.queue = TEXT(queue))),
		STATUS_OK);
	assert_int_equal(world->out.number, world->n_changed);
	return world->n_changed ? world->changed[0] : 0;
}

unsigned world_complete(struct job_world *world, uint64_t id, uint64_t token)
{
	return WORLD_DO(world, "worker", judge_complete,
			COMPLETE(.queue = TEXT("q"), .id = id, .token = token));
}

unsigned world_fail(struct job_world *world, uint64_t id, uint64_t token,
		    const char *error)
{
	return WORLD_DO(world, "worker", judge_fail,
			FAIL(.queue = TEXT("q"), .id = id, .token = token,
			     .error = TEXT(error)));
}

unsigned world_cancel(struct job_world *world, uint64_t id)
{
	return WORLD_DO(world, "operator", judge_cancel,
			CANCEL(.queue = TEXT("q"), .id = id), false);
}

unsigned world_retry(struct job_world *world, uint64_t id)
{
	return WORLD_DO(world, "operator", judge_retry,
			REQUEST(RetryRequest, retry_request, .queue = TEXT("q"),
				.id = id));
}

struct job *world_job(const struct job_world *world, uint64_t id)
{
	struct queue *queue = queue_lookup(&world->state, "q");

	return queue ? queue_job(queue, id) : NULL;
}

int world_set_up(void **state)
{
	struct job_world *world = calloc(1, sizeof(*world));

	if (!world)
		return -1;
	world_init(world, NULL);
	world->is_thorough = true;
	world_queue(world, "q", NULL);
	world_commit(world);
	*state = world;
	return 0;
}

int world_tear_down(void **state)
{
	world_deinit(*state);
	free(*state);
	return 0;
}
