/* SPDX-License-Identifier: MIT */

#include <string.h>

#include "storage/state/judge_inside.h"

#define LEASED HELIO__STORE__V1__JOB_STATE__JOB_STATE_LEASED

enum {
	PERMILLE_MAX = 1000,
	/* Bodies in one reply, unless one job has more. */
	LEASE_BODIES_BYTES = 1024 * 1024,
	/* Jobs that are late and still ready are passed over, so many. */
	LEASE_LATE_MAX = 256,
};

/* ---- given ---- */

static char *text_or_empty(char *text)
{
	return text ? text : (char *)(uintptr_t) "";
}

static int draft_lease(struct draft *draft, const struct job *job,
		       uint64_t until)
{
	Helio__Store__V1__Job *change = job_draft(draft, job);

	if (!change)
		return -1;
	change->state = LEASED;
	change->has_attempts = true;
	change->attempts++;
	change->has_token = true;
	change->token = draft->step.revision;
	change->worker = text_or_empty(draft->step.principal);
	change->worker_durable_id = text_or_empty(draft->step.durable_id);
	change->has_worker_incarnation = draft->incarnation != 0;
	change->worker_incarnation = draft->incarnation;
	change->has_lease_until_unix_ms = true;
	change->lease_until_unix_ms = until;
	change->has_progress_permille = false;
	change->progress_permille = 0;
	change->progress = NULL;
	return 0;
}

static bool is_late(const struct job *job, uint64_t now)
{
	return job->deadline && job->deadline <= now;
}

/* The next one that is not late, from this one on. */
static const struct job *next_ready(struct order_node *node, uint64_t now)
{
	for (unsigned n = 0; node && n < LEASE_LATE_MAX; n++) {
		if (!is_late(job_at_place(node), now))
			return job_at_place(node);
		node = order_next(node);
	}
	return NULL;
}

/* How many, or -1: no memory. */
static int draft_leases(struct draft *draft, struct queue *queue, unsigned max,
			uint64_t until)
{
	uint64_t now = draft->step.unix_ms;
	const struct job *job = next_ready(order_first(&queue->ready), now);
	size_t n_bytes = 0;
	unsigned n = 0;

	for (; job && n < max; n++) {
		n_bytes += job->body->n_bytes;
		if (n && n_bytes > LEASE_BODIES_BYTES)
			break;
		if (draft_lease(draft, job, until) < 0)
			return -1;
		job = next_ready(order_next(&job->place), now);
	}
	return (int)n;
}

unsigned judge_lease(struct draft *draft,
		     const Helio__Store__V1__LeaseRequest *in,
		     struct judgement *out)
{
	unsigned max = in->has_max ? in->max : 1;
	struct queue *queue = NULL;
	uint64_t lease_ms;
	unsigned status = judge_find_queue(draft, in->queue, out, &queue);
	int n;

	if (status == STATUS_OK)
		status = judge_number(max, 1, QUEUE_LEASES_MAX, "max", out);
	if (status != STATUS_OK)
		return status;
	lease_ms = in->has_lease_ms ? in->lease_ms : queue->limits.lease_ms;
	status = judge_number(lease_ms, 1, LEASE_MAX_MS, "lease_ms", out);
	if (status != STATUS_OK)
		return status;
	out->number = 0;
	if (!queue_advance(queue, draft->step.unix_ms))
		return STATUS_OK;
	n = draft_leases(draft, queue, max,
			 time_after(draft->step.unix_ms, lease_ms));
	if (n < 0)
		return judge_no_memory(out);
	out->number = (uint64_t)n;
	return STATUS_OK;
}

/* ---- extended ---- */

static uint64_t extended(const struct draft *draft, const struct job *job,
			 const Helio__Store__V1__ExtendRequest *in)
{
	uint64_t now = draft->step.unix_ms, until = job->status.lease_until;
	uint64_t longer = time_after(now, job->queue->limits.lease_ms);

	if (!in->has_lease_ms)
		return longer > until ? longer : until;
	return in->lease_ms ? time_after(now, in->lease_ms) : until;
}

static unsigned judge_progress(const Helio__Store__V1__ExtendRequest *in,
			       struct judgement *out)
{
	unsigned status =
		judge_number(in->lease_ms, 0, LEASE_MAX_MS, "lease_ms", out);

	if (status == STATUS_OK)
		status = judge_number(in->progress_permille, 0, PERMILLE_MAX,
				      "progress_permille", out);
	if (status == STATUS_OK)
		status = judge_text(in->progress, JOB_PROGRESS_MAX_BYTES,
				    "progress", out);
	return status;
}

unsigned judge_extend(struct draft *draft,
		      const Helio__Store__V1__ExtendRequest *in,
		      struct judgement *out)
{
	Helio__Store__V1__Job *change;
	struct job *job = NULL;
	unsigned status = judge_progress(in, out);

	if (status == STATUS_OK)
		status = judge_find_leased(draft, in->queue, in->id, in->token,
					   out, &job);
	if (status != STATUS_OK)
		return status;
	change = job_draft(draft, job);
	if (!change)
		return judge_no_memory(out);
	change->lease_until_unix_ms = extended(draft, job, in);
	if (in->has_progress_permille) {
		change->has_progress_permille = true;
		change->progress_permille = in->progress_permille;
	}
	if (in->progress)
		change->progress = in->progress;
	out->number = change->lease_until_unix_ms;
	return STATUS_OK;
}

/* ---- lost ---- */

struct worker {
	const struct account *account;
	uint64_t incarnation; /* 0: any */
};

/* How the first lease of a worker, and of one of its lives, stands. */
static int compare_worker(const void *key, const struct order_node *node)
{
	const struct worker *worker = key;
	const struct job_status *status = &const_job_at_place(node)->status;
	uintptr_t mine = (uintptr_t)worker->account;
	uintptr_t its = (uintptr_t)status->worker->account;

	if (mine != its)
		return mine < its ? -1 : 1;
	return worker->incarnation <= status->worker_incarnation ? -1 : 1;
}

static bool is_of(const struct job *job, const struct worker *worker)
{
	return job->status.worker->account == worker->account &&
	       (!worker->incarnation ||
		job->status.worker_incarnation == worker->incarnation);
}

static bool end_leases(struct draft *draft, const struct queue *queue,
		       const struct worker *worker, size_t *n_left)
{
	const struct job *job = job_at_place(
		order_seek(&queue->leased, worker, compare_worker));

	for (; job && *n_left && is_of(job, worker); --*n_left) {
		int r = is_late(job, draft->step.unix_ms)
				? job_draft_late(draft, job)
				: job_draft_lapsed(draft, job);

		if (r < 0)
			return false;
		job = job_at_place(order_next(&job->place));
	}
	return true;
}

unsigned judge_worker_down(struct draft *draft, const char *durable_id,
			   uint64_t incarnation, size_t n_max)
{
	struct worker worker = { account_lookup(draft->state, durable_id),
				 incarnation };
	struct order_node *node = order_first(&draft->state->queues);

	if (!worker.account)
		return STATUS_OK;
	for (; node; node = order_next(node))
		if (!end_leases(draft, container_of(node, struct queue, node),
				&worker, &n_max))
			return STATUS_RESOURCE_EXHAUSTED;
	return STATUS_OK;
}
