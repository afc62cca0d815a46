/* SPDX-License-Identifier: MIT */

#include "storage/state/state.h"

#include <errno.h>

#include "storage/state/bucket.h"
#include "storage/state/draft.h"
#include "storage/state/queue.h"

/* Of dropped buckets and queues, freed with each commit. */
enum { SWEEP_MAX = 256 };

#define BYTES_MAX        (UINT64_C(1) << 30)
#define PARTY_BYTES_MAX  (UINT64_C(256) << 20)
#define PARTY_THINGS_MAX 64

static void set_limits(struct state *state, const struct state_limits *limits)
{
	if (limits)
		state->limits = *limits;
	if (!state->limits.bytes_max)
		state->limits.bytes_max = BYTES_MAX;
	if (!state->limits.party_bytes_max)
		state->limits.party_bytes_max = PARTY_BYTES_MAX;
	if (!state->limits.party_things_max)
		state->limits.party_things_max = PARTY_THINGS_MAX;
}

int state_init(struct state *state, const struct state_limits *limits)
{
	int r;

	*state = (struct state){ .next_job = 1, .next_outgoing = 1 };
	set_limits(state, limits);
	list_init(&state->outgoing);
	list_init(&state->dropped);
	list_init(&state->undos);
	queue_init_all(state);
	r = hash_key_draw(&state->key);
	if (!r)
		r = bucket_init_all(state);
	if (!r)
		r = map_init(&state->parties);
	if (!r)
		r = map_init(&state->accounts);
	if (!r)
		r = map_init(&state->outgoing_numbers);
	if (r)
		state_deinit(state);
	return r;
}

void state_deinit(struct state *state)
{
	if (!state->next_job)
		return;
	state_revert(state);
	bucket_free_all(state);
	queue_free_all(state);
	outgoing_free_all(state);
	map_deinit(&state->outgoing_numbers);
	map_deinit(&state->accounts);
	map_deinit(&state->parties);
	spares_deinit(&state->spare_versions);
	spares_deinit(&state->spare_steps);
	*state = (struct state){ 0 };
}

/* ---- steps ---- */

typedef const Helio__Store__V1__Step step_type;
typedef const Helio__Store__V1__Change change_type;

static int apply_bucket(struct state *state, step_type *step,
			change_type *change)
{
	return bucket_apply_set(state, step, change->bucket);
}

static int apply_bucket_dropped(struct state *state, step_type *step,
				change_type *change)
{
	return bucket_apply_drop(state, step, change->bucket_dropped);
}

static int apply_version(struct state *state, step_type *step,
			 change_type *change)
{
	return bucket_apply_version(state, step, change->version);
}

static int apply_queue(struct state *state, step_type *step,
		       change_type *change)
{
	return queue_apply_set(state, step, change->queue);
}

static int apply_queue_dropped(struct state *state, step_type *step,
			       change_type *change)
{
	return queue_apply_drop(state, step, change->queue_dropped);
}

static int apply_job(struct state *state, step_type *step, change_type *change)
{
	return queue_apply_job(state, step, change->job);
}

static int apply_job_changed(struct state *state, step_type *step,
			     change_type *change)
{
	return queue_apply_changed(state, step, change->job_changed);
}

static int apply_job_gone(struct state *state, step_type *step,
			  change_type *change)
{
	return queue_apply_gone(state, step, change->job_gone);
}

static int apply_outgoing(struct state *state, step_type *step,
			  change_type *change)
{
	if (change->outgoing->number != state->next_outgoing)
		return -EBADMSG;
	return outgoing_apply(state, change->outgoing, step->revision);
}

static int apply_outgoing_sent(struct state *state, step_type *step,
			       change_type *change)
{
	return outgoing_apply_sent(state, change->outgoing_sent);
}

static int apply_outgoing_key(struct state *state, step_type *step,
			      change_type *change)
{
	return outgoing_apply_key(state, change->outgoing_key);
}

static int (*const appliers[])(struct state *state, step_type *step,
			       change_type *change) = {
	[HELIO__STORE__V1__CHANGE__WHAT_BUCKET] = apply_bucket,
	[HELIO__STORE__V1__CHANGE__WHAT_BUCKET_DROPPED] = apply_bucket_dropped,
	[HELIO__STORE__V1__CHANGE__WHAT_VERSION] = apply_version,
	[HELIO__STORE__V1__CHANGE__WHAT_QUEUE] = apply_queue,
	[HELIO__STORE__V1__CHANGE__WHAT_QUEUE_DROPPED] = apply_queue_dropped,
	[HELIO__STORE__V1__CHANGE__WHAT_JOB] = apply_job,
	[HELIO__STORE__V1__CHANGE__WHAT_JOB_CHANGED] = apply_job_changed,
	[HELIO__STORE__V1__CHANGE__WHAT_JOB_GONE] = apply_job_gone,
	[HELIO__STORE__V1__CHANGE__WHAT_OUTGOING] = apply_outgoing,
	[HELIO__STORE__V1__CHANGE__WHAT_OUTGOING_SENT] = apply_outgoing_sent,
	[HELIO__STORE__V1__CHANGE__WHAT_OUTGOING_KEY] = apply_outgoing_key,
};

enum { N_APPLIERS = sizeof(appliers) / sizeof(appliers[0]) };

int state_apply_change(struct state *state, step_type *step,
		       change_type *change)
{
	unsigned what = (unsigned)change->what_case;

	if (what >= N_APPLIERS || !appliers[what])
		return -EBADMSG;
	return appliers[what](state, step, change);
}

int state_apply(struct state *state, const Helio__Store__V1__Step *step)
{
	int r = 0;

	if (step->revision != state->revision + 1 ||
	    step->unix_ms < state->unix_ms)
		return -EBADMSG;
	if (undo_begin(state) < 0)
		return -ENOMEM;
	for (size_t i = 0; !r && i < step->n_changes; i++)
		r = state_apply_change(state, step, step->changes[i]);
	undo_end(state);
	if (r) {
		undo_take_back(state);
		return r;
	}
	state->revision = step->revision;
	state->unix_ms = step->unix_ms;
	return 0;
}

void state_commit(struct state *state, uint64_t revision)
{
	while (state->committed < revision && !list_is_empty(&state->undos)) {
		state->committed++;
		undo_let_go(state);
		if (state->on_committed)
			state->on_committed(state, state->committed);
	}
	state_sweep(state, SWEEP_MAX);
}

bool state_sweep(struct state *state, size_t n_max)
{
	bool has_more = bucket_sweep(state, n_max);

	return queue_sweep(state, n_max) || has_more;
}

void state_revert(struct state *state)
{
	while (!list_is_empty(&state->undos))
		undo_take_back(state);
}

/* ---- time ---- */

uint64_t state_due(const struct state *state)
{
	uint64_t due = bucket_due(state);
	uint64_t queue = queue_due(state);

	return due < queue ? due : queue;
}

/* Each of both may have half of it, and what the other one leaves. */
int state_draft_due(struct state *state, uint64_t now, size_t n_max,
		    struct draft *draft)
{
	size_t n_before = draft->step.n_changes;
	bool has_more;
	int r;

	r = bucket_draft_due(state, now, (n_max + 1) / 2, draft);
	if (r < 0)
		return r;
	has_more = r > 0;
	n_max -= draft->step.n_changes - n_before;
	r = queue_draft_due(state, now, n_max, draft);
	return r < 0 ? r : has_more || r > 0;
}
