/* SPDX-License-Identifier: MIT */

#include "storage/state/queue_inside.h"

typedef Helio__Store__V1__JobState job_state;
#define WAITING HELIO__STORE__V1__JOB_STATE__JOB_STATE_WAITING
#define LEASED  HELIO__STORE__V1__JOB_STATE__JOB_STATE_LEASED
#define DEAD    HELIO__STORE__V1__JOB_STATE__JOB_STATE_DEAD

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_number(const struct order_node *a,
			  const struct order_node *b)
{
	return compare(const_container_of(a, struct job, number)->id,
		       const_container_of(b, struct job, number)->id);
}

/* The higher priority first. */
static int compare_ready(const struct order_node *a, const struct order_node *b)
{
	const struct job *job_a = const_job_at_place(a),
			 *job_b = const_job_at_place(b);

	if (job_a->priority != job_b->priority)
		return job_a->priority > job_b->priority ? -1 : 1;
	return compare(job_a->id, job_b->id);
}

static int compare_delayed(const struct order_node *a,
			   const struct order_node *b)
{
	const struct job *job_a = const_job_at_place(a),
			 *job_b = const_job_at_place(b);
	int r = compare(job_a->status.not_before, job_b->status.not_before);

	return r ? r : compare(job_a->id, job_b->id);
}

/* All leases of a worker stand together, and of one of its lives. */
static int compare_leased(const struct order_node *a,
			  const struct order_node *b)
{
	const struct job *job_a = const_job_at_place(a),
			 *job_b = const_job_at_place(b);
	const struct job_status *of_a = &job_a->status, *of_b = &job_b->status;
	int r = compare((uintptr_t)of_a->worker->account,
			(uintptr_t)of_b->worker->account);

	if (!r)
		r = compare(of_a->worker_incarnation, of_b->worker_incarnation);
	return r ? r : compare(job_a->id, job_b->id);
}

static int compare_due(const struct order_node *a, const struct order_node *b)
{
	const struct job *job_a = const_job_at_due(a),
			 *job_b = const_job_at_due(b);
	int r = compare(job_a->due, job_b->due);

	return r ? r : compare(job_a->id, job_b->id);
}

void queue_init_places(struct queue *queue)
{
	order_init(&queue->jobs, compare_number);
	order_init(&queue->ready, compare_ready);
	order_init(&queue->delayed, compare_delayed);
	order_init(&queue->leased, compare_leased);
	order_init(&queue->due, compare_due);
	order_init(&queue->kept, compare_due);
}

/* ---- who waits ---- */

void job_let_in(struct job *job)
{
	struct queue *queue = job->queue;

	if (job->status.not_before > queue->state->unix_ms) {
		job->where = JOB_DELAYED;
		order_add(&queue->delayed, &job->place);
		queue_wake_by(queue, job->status.not_before);
	} else {
		job->where = JOB_READY;
		order_add(&queue->ready, &job->place);
	}
}

void job_let_out(struct job *job)
{
	struct queue *queue = job->queue;

	order_remove(job->where == JOB_READY ? &queue->ready : &queue->delayed,
		     &job->place);
	job->where = JOB_NOWHERE;
}

bool queue_advance(struct queue *queue, uint64_t now)
{
	for (unsigned i = 0; i < QUEUE_ADVANCE_MAX; i++) {
		struct job *job = job_at_place(order_first(&queue->delayed));

		if (!job || job->status.not_before > now)
			break;
		order_remove(&queue->delayed, &job->place);
		job->where = JOB_READY;
		order_add(&queue->ready, &job->place);
	}
	return queue->ready.n_nodes && !queue->limits.is_paused;
}

static void begin_waiting(struct job *job)
{
	if (!job->line) {
		job_let_in(job);
		return;
	}
	job->where = JOB_BEHIND;
	order_add(&job->line->behind, &job->place);
}

static void end_waiting(struct job *job)
{
	if (job->where == JOB_BEHIND) {
		order_remove(&job->line->behind, &job->place);
		job->where = JOB_NOWHERE;
		return;
	}
	if (job->line)
		job->line->front = NULL;
	job_let_out(job);
}

/* ---- by state ---- */

static void count(struct job *job, int by)
{
	struct queue *queue = job->queue;

	queue->n_of_state[job->status.state] += (uint64_t)by;
	if (job_has_ended(job))
		return;
	queue->n_open += (uint64_t)by;
	job->share->n_open += (uint64_t)by;
	job->share->party->account->n_jobs += (uint64_t)by;
}

static uint64_t due_of(const struct job *job)
{
	const struct job_status *status = &job->status;
	uint64_t deadline = job->deadline ? job->deadline : UINT64_MAX;

	if (status->state == WAITING)
		return deadline;
	if (status->state != LEASED)
		return status->forget;
	return status->lease_until < deadline ? status->lease_until : deadline;
}

static struct order *dues_of(struct job *job)
{
	return job->where == JOB_KEPT ? &job->queue->kept : &job->queue->due;
}

static void enter_place(struct job *job)
{
	switch (job->status.state) {
	case WAITING:
		begin_waiting(job);
		break;
	case LEASED:
		job->where = JOB_LEASED;
		order_add(&job->queue->leased, &job->place);
		if (job->line)
			job->line->n_leased++;
		break;
	case DEAD:
		job->where = JOB_NOWHERE;
		break;
	default:
		job->where = JOB_KEPT;
		order_add(&job->share->kept, &job->place);
	}
}

static void leave_place(struct job *job)
{
	switch (job->where) {
	case JOB_NOWHERE:
		break;
	case JOB_LEASED:
		order_remove(&job->queue->leased, &job->place);
		if (job->line)
			job->line->n_leased--;
		break;
	case JOB_KEPT:
		order_remove(&job->share->kept, &job->place);
		break;
	default:
		end_waiting(job);
	}
	job->where = JOB_NOWHERE;
}

void job_enter(struct job *job)
{
	job->due = due_of(job);
	enter_place(job);
	if (job->due != UINT64_MAX) {
		order_add(dues_of(job), &job->due_node);
		queue_wake_by(job->queue, job->due);
	}
	count(job, 1);
}

void job_leave(struct job *job)
{
	count(job, -1);
	if (job->due != UINT64_MAX)
		order_remove(dues_of(job), &job->due_node);
	leave_place(job);
}
