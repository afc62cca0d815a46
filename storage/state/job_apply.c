/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "storage/state/queue_inside.h"
#include "storage/state/undo.h"

/* What a step did to a job. */
struct job_undo {
	struct undo undo;
	struct job *job;
	struct job_status status; /* the one it had, if it was changed */
	uint64_t *counter;        /* what of the queue counts this, or NULL */
};

static struct job_undo *undo_of(struct undo *undo)
{
	return container_of(undo, struct job_undo, undo);
}

static void count(struct job_undo *undo, uint64_t *counter)
{
	undo->counter = counter;
	if (counter)
		++*counter;
}

static void take_back_count(struct job_undo *undo)
{
	if (undo->counter)
		--*undo->counter;
}

static struct job_undo *undo_new(void (*take_back)(struct state *state,
						   struct undo *undo),
				 void (*let_go)(struct state *state,
						struct undo *undo))
{
	struct job_undo *undo = calloc(1, sizeof(*undo));

	if (undo)
		undo->undo = (struct undo){ .take_back = take_back,
					    .let_go = let_go };
	return undo;
}

static const char *text_or_empty(const char *text)
{
	return text ? text : "";
}

/* ---- a new one ---- */

static void new_take_back(struct state *state, struct undo *undo)
{
	struct job_undo *mine = undo_of(undo);

	take_back_count(mine);
	job_remove(mine->job);
	job_free(mine->job);
	free(mine);
}

static void new_let_go(struct state *state, struct undo *undo)
{
	free(undo_of(undo));
}

/* In no order yet. */
static int make(struct queue *queue, const Helio__Store__V1__Step *step,
		const Helio__Store__V1__Job *in, struct job **ret_job)
{
	struct party *submitter;
	struct job *job;
	int r;

	submitter = party_get(queue->state, text_or_empty(step->principal),
			      text_or_empty(step->durable_id));
	if (!submitter)
		return -ENOMEM;
	job = job_new(queue, in, submitter);
	party_unref(queue->state, submitter);
	if (!job)
		return -ENOMEM;
	job->submitted = step->unix_ms;
	r = job_status_init(&job->status, queue->state, in, step->revision);
	if (r < 0) {
		job_free(job);
		return r;
	}
	*ret_job = job;
	return 0;
}

int queue_apply_job(struct state *state, const Helio__Store__V1__Step *step,
		    const Helio__Store__V1__Job *change)
{
	_cleanup_(freep) struct job_undo *undo = NULL;
	struct queue *queue = queue_lookup(state, text_or_empty(change->queue));
	int r;

	if (!queue || !change->id || queue_job(queue, change->id))
		return -EBADMSG;
	undo = undo_new(new_take_back, new_let_go);
	if (!undo)
		return -ENOMEM;
	r = make(queue, step, change, &undo->job);
	if (r < 0)
		return r;
	job_add(undo->job);
	count(undo, &queue->n_submitted);
	job_number_is_used(state, change->id);
	undo_add(state, &take_ptr(undo)->undo);
	return 0;
}

/* ---- one that is there ---- */

static void change_take_back(struct state *state, struct undo *undo)
{
	struct job_undo *mine = undo_of(undo);

	take_back_count(mine);
	job_swap_status(mine->job, &mine->status);
	job_status_deinit(&mine->status, state);
	free(mine);
}

static void change_let_go(struct state *state, struct undo *undo)
{
	struct job_undo *mine = undo_of(undo);

	job_status_deinit(&mine->status, state);
	free(mine);
}

/* That a worker failed is said by the worker, that it is late by the store. */
static uint64_t *counter_of(const struct job *job,
			    const struct job_status *before,
			    const Helio__Store__V1__Step *step)
{
	struct queue *queue = job->queue;
	const struct job_status *now = &job->status;

	if (before->state != HELIO__STORE__V1__JOB_STATE__JOB_STATE_LEASED)
		return NULL;
	if (now->state == HELIO__STORE__V1__JOB_STATE__JOB_STATE_DONE)
		return &queue->n_completed;
	if (now->state == HELIO__STORE__V1__JOB_STATE__JOB_STATE_LEASED ||
	    now->state == HELIO__STORE__V1__JOB_STATE__JOB_STATE_CANCELLED)
		return NULL;
	if (step->principal)
		return now->attempts == before->attempts ? &queue->n_failed
							 : NULL;
	return now->error && !strcmp(now->error, JOB_ERROR_LAPSED)
		       ? &queue->n_lapsed
		       : NULL;
}

int queue_apply_changed(struct state *state, const Helio__Store__V1__Step *step,
			const Helio__Store__V1__Job *change)
{
	_cleanup_(freep) struct job_undo *undo = NULL;
	struct queue *queue = queue_lookup(state, text_or_empty(change->queue));
	struct job *job = queue ? queue_job(queue, change->id) : NULL;
	int r;

	if (!job)
		return -EBADMSG;
	undo = undo_new(change_take_back, change_let_go);
	if (!undo)
		return -ENOMEM;
	r = job_status_init(&undo->status, state, change, step->revision);
	if (r < 0)
		return r;
	undo->job = job;
	job_swap_status(job, &undo->status);
	count(undo, counter_of(job, &undo->status, step));
	undo_add(state, &take_ptr(undo)->undo);
	return 0;
}

/* ---- one that is forgotten ---- */

static void gone_take_back(struct state *state, struct undo *undo)
{
	struct job_undo *mine = undo_of(undo);

	job_add(mine->job);
	free(mine);
}

static void gone_let_go(struct state *state, struct undo *undo)
{
	struct job_undo *mine = undo_of(undo);

	job_free(mine->job);
	free(mine);
}

int queue_apply_gone(struct state *state, const Helio__Store__V1__Step *step,
		     const Helio__Store__V1__JobGone *change)
{
	struct queue *queue = queue_lookup(state, text_or_empty(change->queue));
	struct job *job = queue ? queue_job(queue, change->id) : NULL;
	struct job_undo *undo;

	if (!job)
		return -EBADMSG;
	undo = undo_new(gone_take_back, gone_let_go);
	if (!undo)
		return -ENOMEM;
	undo->job = job;
	job_remove(job);
	undo_add(state, &undo->undo);
	return 0;
}
