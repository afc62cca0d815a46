/* SPDX-License-Identifier: MIT */

#include <inttypes.h>

#include "storage/state/judge_inside.h"

/* Jobs that one request makes room with. */
enum { GONE_MAX = 4096 };

/*
 * What a draft has done to a queue so far. Of the jobs that are kept it has let
 * go those up to last_any, and of the caller's those up to last_own.
 */
struct judge_room {
	struct judge_room *next;
	const struct queue *queue;
	uint64_t n_new_jobs, n_new_bytes, n_gone_bytes;
	const struct job *last_any, *last_own; /* or NULL */
};

/* What is asked for, and by whom. */
struct ask {
	struct draft *draft;
	struct judge_room *room;
	const struct job_share *share; /* the caller's, or NULL */
	uint64_t n_bytes;
};

struct quota {
	const char *name;
	const char *owner_kind, *owner;
	uint64_t used, max;
};

static struct judge_room *room_lookup(const struct draft *draft,
				      const struct queue *queue)
{
	struct judge_room *room = draft->rooms;

	while (room && room->queue != queue)
		room = room->next;
	return room;
}

static struct judge_room *room_get(struct draft *draft,
				   const struct queue *queue)
{
	struct judge_room *room = room_lookup(draft, queue);

	if (room)
		return room;
	room = arena_alloc(&draft->arena, sizeof(*room));
	if (!room)
		return NULL;
	room->queue = queue;
	room->next = draft->rooms;
	draft->rooms = room;
	return room;
}

static const char *caller_of(const struct draft *draft)
{
	return draft->step.durable_id ? draft->step.durable_id : "";
}

/* ---- what is used ---- */

static struct quota of_party(const struct ask *ask)
{
	const struct draft *draft = ask->draft;
	const char *id = caller_of(draft);
	const struct account *account = account_lookup(draft->state, id);
	uint64_t used = account ? account->n_bytes : 0;

	return (struct quota){ "party_bytes_max", "of ", id,
			       used + draft->n_new_bytes - draft->n_own_gone,
			       draft->state->limits.party_bytes_max };
}

static struct quota of_queue(const struct ask *ask)
{
	const struct judge_room *room = ask->room;
	const struct queue *queue = room->queue;

	return (struct quota){ "bytes_max", "of queue ", queue->name,
			       queue->n_bytes + room->n_new_bytes -
				       room->n_gone_bytes,
			       queue->limits.bytes_max };
}

static struct quota of_state(const struct ask *ask)
{
	const struct draft *draft = ask->draft;

	return (struct quota){ "bytes_max", "of the store", "",
			       draft->state->n_bytes + draft->n_new_bytes -
				       draft->n_gone_bytes,
			       draft->state->limits.bytes_max };
}

static bool is_short(const struct ask *ask, struct quota quota)
{
	return quota.used > quota.max || ask->n_bytes > quota.max - quota.used;
}

/* For results. */
static struct quota with_eighth(struct quota quota)
{
	quota.max = time_after(quota.max, quota.max / 8 + JOB_RESULT_MAX_BYTES);
	return quota;
}

/* ---- who goes ---- */

static bool is_up_to(const struct job *job, const struct job *last)
{
	return last && (job->due < last->due ||
			(job->due == last->due && job->id <= last->id));
}

static bool has_gone(const struct ask *ask, const struct job *job)
{
	return is_up_to(job, ask->room->last_any) ||
	       (job->share == ask->share && is_up_to(job, ask->room->last_own));
}

static unsigned let_go(const struct ask *ask, const struct job *job,
		       struct judgement *out)
{
	struct draft *draft = ask->draft;

	if (job_draft_gone(draft, job) < 0)
		return judge_no_memory(out);
	ask->room->n_gone_bytes += job->n_bytes;
	draft->n_gone_bytes += job->n_bytes;
	if (job->share == ask->share)
		draft->n_own_gone += job->n_bytes;
	draft->n_gone++;
	return STATUS_OK;
}

/* The caller's own. */
static unsigned let_own_go(const struct ask *ask, struct judgement *out)
{
	const struct job *last = ask->room->last_own;
	struct order_node *node = NULL;
	unsigned status = STATUS_OK;

	if (ask->share)
		node = last ? order_next(&last->place)
			    : order_first(&ask->share->kept);
	for (; node && status == STATUS_OK && ask->draft->n_gone < GONE_MAX;
	     node = order_next(node)) {
		const struct job *job = job_at_place(node);

		if (!is_short(ask, of_party(ask)))
			break;
		if (has_gone(ask, job))
			continue;
		status = let_go(ask, job, out);
		ask->room->last_own = job;
	}
	return status;
}

/* Anybody's, for what all have in common. */
static unsigned let_any_go(const struct ask *ask, bool is_result,
			   struct judgement *out)
{
	const struct job *last = ask->room->last_any;
	struct order_node *node = last ? order_next(&last->due_node)
				       : order_first(&ask->room->queue->kept);
	unsigned status = STATUS_OK;

	for (; node && status == STATUS_OK && ask->draft->n_gone < GONE_MAX;
	     node = order_next(node)) {
		struct quota queue = of_queue(ask), state = of_state(ask);
		const struct job *job = job_at_due(node);

		if (!is_short(ask, is_result ? with_eighth(queue) : queue) &&
		    !is_short(ask, is_result ? with_eighth(state) : state))
			break;
		if (!has_gone(ask, job))
			status = let_go(ask, job, out);
		ask->room->last_any = job;
	}
	return status;
}

/* ---- whether it fits ---- */

static unsigned judge_one(const struct ask *ask, struct quota quota,
			  struct judgement *out)
{
	if (!is_short(ask, quota))
		return STATUS_OK;
	return judge_no(out, STATUS_RESOURCE_EXHAUSTED,
			"%s %s%s is %" PRIu64 ", of which %" PRIu64
			" are used: there is no room for %" PRIu64,
			quota.name, quota.owner_kind, quota.owner, quota.max,
			quota.used, ask->n_bytes);
}

static unsigned judge_own(const struct ask *ask, struct judgement *out)
{
	unsigned status = let_own_go(ask, out);

	return status == STATUS_OK ? judge_one(ask, of_party(ask), out)
				   : status;
}

static unsigned judge_shared(const struct ask *ask, bool is_result,
			     struct judgement *out)
{
	struct quota quota;
	unsigned status = let_any_go(ask, is_result, out);

	quota = of_queue(ask);
	if (status == STATUS_OK)
		status = judge_one(ask, is_result ? with_eighth(quota) : quota,
				   out);
	quota = of_state(ask);
	if (status == STATUS_OK)
		status = judge_one(ask, is_result ? with_eighth(quota) : quota,
				   out);
	return status;
}

static bool ask_init(struct ask *ask, struct draft *draft,
		     const struct queue *queue, uint64_t n_bytes)
{
	*ask = (struct ask){
		.draft = draft,
		.room = room_get(draft, queue),
		.share = job_share_lookup(queue, caller_of(draft)),
		.n_bytes = n_bytes,
	};
	return ask->room;
}

unsigned judge_room(struct draft *draft, const struct queue *queue,
		    uint64_t n_bytes, struct judgement *out)
{
	struct ask ask;
	unsigned status;

	if (!ask_init(&ask, draft, queue, n_bytes))
		return judge_no_memory(out);
	status = judge_own(&ask, out);
	if (status == STATUS_OK)
		status = judge_shared(&ask, false, out);
	if (status != STATUS_OK)
		return status;
	ask.room->n_new_jobs++;
	ask.room->n_new_bytes += n_bytes;
	draft->n_new_bytes += n_bytes;
	return STATUS_OK;
}

unsigned judge_room_for_result(struct draft *draft, const struct job *job,
			       uint64_t n_bytes, struct judgement *out)
{
	struct ask ask;

	if (!ask_init(&ask, draft, job->queue, n_bytes))
		return judge_no_memory(out);
	return judge_shared(&ask, true, out);
}

/* ---- counts ---- */

unsigned judge_count(const struct draft *draft, const struct queue *queue,
		     const char *durable_id, struct judgement *out)
{
	const struct job_share *share = job_share_lookup(queue, durable_id);
	const struct judge_room *room = room_lookup(draft, queue);
	const struct queue_limits *limits = &queue->limits;
	uint64_t n = room ? room->n_new_jobs : 0;
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
