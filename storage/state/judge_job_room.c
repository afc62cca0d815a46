/* SPDX-License-Identifier: MIT */

#include <inttypes.h>
#include <string.h>

#include "storage/state/judge_inside.h"

/* Jobs that one request makes room with. */
enum { GONE_MAX = 4096 };

/* One quota: what is used of it, by what the draft makes of it so far. */
struct quota {
	const char *name;
	const char *owner_kind, *owner;
	uint64_t used, max;
};

struct room {
	struct draft *draft;
	const struct queue *queue;
	const struct job_share *share; /* NULL: it has nothing here */
	uint64_t n_bytes;              /* wanted */
	struct quota of_party, of_queue, of_state;
	const struct job *last_own; /* the last of the share that went */
	bool has_gone;              /* some went before, by this draft */
	unsigned n_gone;
};

/* ---- what is used ---- */

static bool is_in(const struct queue *queue, const char *name)
{
	return name && !strcmp(queue->name, name);
}

static void count_new(struct room *room, const Helio__Store__V1__Job *job)
{
	const char *durable_id = room->draft->step.durable_id;
	uint64_t n_bytes = job_draft_bytes(job);

	room->of_state.used += n_bytes;
	if (is_in(room->queue, job->queue))
		room->of_queue.used += n_bytes;
	if (durable_id && !strcmp(durable_id, room->of_party.owner))
		room->of_party.used += n_bytes;
}

static void count_gone(struct room *room, const struct job *job)
{
	const struct job_share *share = job->share;

	room->of_state.used -= job->n_bytes;
	if (job->queue == room->queue)
		room->of_queue.used -= job->n_bytes;
	if (!strcmp(share->party->account->durable_id, room->of_party.owner))
		room->of_party.used -= job->n_bytes;
}

static void count_drafted(struct room *room,
			  const Helio__Store__V1__JobGone *gone)
{
	const struct queue *queue =
		queue_lookup(room->draft->state, gone->queue);

	room->has_gone = true;
	count_gone(room, queue_job(queue, gone->id));
}

/* What the draft has done already: other jobs of one transaction. */
static void count_draft(struct room *room)
{
	const Helio__Store__V1__Step *step = &room->draft->step;

	for (size_t i = 0; i < step->n_changes; i++) {
		const Helio__Store__V1__Change *change = step->changes[i];

		if (change->what_case == HELIO__STORE__V1__CHANGE__WHAT_JOB)
			count_new(room, change->job);
		if (change->what_case ==
		    HELIO__STORE__V1__CHANGE__WHAT_JOB_GONE)
			count_drafted(room, change->job_gone);
	}
}

static void room_init(struct room *room, struct draft *draft,
		      const struct queue *queue, const char *durable_id,
		      uint64_t n_bytes)
{
	const struct state *state = draft->state;
	const struct account *account = account_lookup(state, durable_id);

	*room = (struct room){
		.draft = draft,
		.queue = queue,
		.share = job_share_lookup(queue, durable_id),
		.n_bytes = n_bytes,
		.of_party = { "party_bytes_max", "of ", durable_id,
			      account ? account->n_bytes : 0,
			      state->limits.party_bytes_max },
		.of_queue = { "bytes_max", "of queue ", queue->name,
			      queue->n_bytes, queue->limits.bytes_max },
		.of_state = { "bytes_max", "of the store", "", state->n_bytes,
			      state->limits.bytes_max },
	};
	count_draft(room);
}

/* ---- who goes ---- */

static bool is_short(const struct room *room, const struct quota *quota)
{
	return quota->used > quota->max ||
	       room->n_bytes > quota->max - quota->used;
}

static bool is_drafted(const struct room *room, const struct job *job)
{
	const Helio__Store__V1__Step *step = &room->draft->step;

	for (size_t i = 0; i < step->n_changes; i++) {
		const Helio__Store__V1__Change *change = step->changes[i];

		if (change->what_case ==
			    HELIO__STORE__V1__CHANGE__WHAT_JOB_GONE &&
		    change->job_gone->id == job->id)
			return true;
	}
	return false;
}

/* The share's go in the order in which they stand in queue.kept too. */
static bool has_gone(const struct room *room, const struct job *job)
{
	const struct job *last = room->last_own;

	if (last && job->share == room->share &&
	    (job->due < last->due ||
	     (job->due == last->due && job->id <= last->id)))
		return true;
	return room->has_gone && is_drafted(room, job);
}

static unsigned let_go(struct room *room, const struct job *job,
		       struct judgement *out)
{
	if (job_draft_gone(room->draft, job) < 0)
		return judge_no_memory(out);
	count_gone(room, job);
	room->n_gone++;
	return STATUS_OK;
}

/* The submitter's own. */
static unsigned let_own_go(struct room *room, struct judgement *out)
{
	struct order_node *node =
		room->share ? order_first(&room->share->kept) : NULL;
	unsigned status = STATUS_OK;

	while (node && status == STATUS_OK && room->n_gone < GONE_MAX &&
	       is_short(room, &room->of_party)) {
		const struct job *job = job_at_place(node);

		node = order_next(node);
		if (has_gone(room, job))
			continue;
		status = let_go(room, job, out);
		room->last_own = job;
	}
	return status;
}

/* Anybody's, for what all have in common. */
static unsigned let_any_go(struct room *room, struct judgement *out)
{
	struct order_node *node = order_first(&room->queue->kept);
	unsigned status = STATUS_OK;

	while (node && status == STATUS_OK && room->n_gone < GONE_MAX &&
	       (is_short(room, &room->of_queue) ||
		is_short(room, &room->of_state))) {
		const struct job *job = job_at_due(node);

		node = order_next(node);
		if (!has_gone(room, job))
			status = let_go(room, job, out);
	}
	return status;
}

/* ---- whether it fits ---- */

static unsigned judge_one(const struct room *room, const struct quota *quota,
			  struct judgement *out)
{
	if (!is_short(room, quota))
		return STATUS_OK;
	return judge_no(out, STATUS_RESOURCE_EXHAUSTED,
			"%s %s%s is %" PRIu64 ", of which %" PRIu64
			" are used: there is no room for %" PRIu64,
			quota->name, quota->owner_kind, quota->owner,
			quota->max, quota->used, room->n_bytes);
}

static unsigned judge_shared(struct room *room, struct judgement *out)
{
	unsigned status = let_any_go(room, out);

	if (status == STATUS_OK)
		status = judge_one(room, &room->of_queue, out);
	if (status == STATUS_OK)
		status = judge_one(room, &room->of_state, out);
	return status;
}

unsigned judge_room(struct draft *draft, const struct queue *queue,
		    const char *durable_id, uint64_t n_bytes,
		    struct judgement *out)
{
	struct room room;
	unsigned status;

	room_init(&room, draft, queue, durable_id, n_bytes);
	status = let_own_go(&room, out);
	if (status == STATUS_OK)
		status = judge_one(&room, &room.of_party, out);
	return status == STATUS_OK ? judge_shared(&room, out) : status;
}

static void add_eighth(struct quota *quota)
{
	quota->max =
		time_after(quota->max, quota->max / 8 + JOB_RESULT_MAX_BYTES);
}

unsigned judge_room_for_result(struct draft *draft, const struct job *job,
			       uint64_t n_bytes, struct judgement *out)
{
	struct room room;

	room_init(&room, draft, job->queue, job->submitter->account->durable_id,
		  n_bytes);
	add_eighth(&room.of_queue);
	add_eighth(&room.of_state);
	return judge_shared(&room, out);
}

/* ---- counts ---- */

/* Jobs that this transaction has submitted to it. */
static uint64_t n_drafted(const struct draft *draft, const struct queue *queue)
{
	uint64_t n = 0;

	for (size_t i = 0; i < draft->step.n_changes; i++) {
		const Helio__Store__V1__Change *change = draft->step.changes[i];

		n += change->what_case == HELIO__STORE__V1__CHANGE__WHAT_JOB &&
		     is_in(queue, change->job->queue);
	}
	return n;
}

unsigned judge_count(const struct draft *draft, const struct queue *queue,
		     const char *durable_id, struct judgement *out)
{
	const struct job_share *share = job_share_lookup(queue, durable_id);
	const struct queue_limits *limits = &queue->limits;
	uint64_t n = n_drafted(draft, queue);
	uint64_t n_own = n + (share ? share->n_open : 0);

	if (n_own >= limits->submitter_jobs_max)
		return judge_no(out, STATUS_RESOURCE_EXHAUSTED,
				"submitter_jobs_max of queue %s is %" PRIu64
				": %s has %" PRIu64 " there",
				queue->name, limits->submitter_jobs_max,
				durable_id, n_own);
	n += queue->n_open;
	if (n >= limits->jobs_max)
		return judge_no(out, STATUS_RESOURCE_EXHAUSTED,
				"jobs_max of queue %s is %" PRIu64
				": it has %" PRIu64,
				queue->name, limits->jobs_max, n);
	return STATUS_OK;
}
