/* SPDX-License-Identifier: MIT */

#include "storage/state/job_draft.h"

#include <errno.h>
#include <string.h>

#include "storage/state/queue_inside.h"

#define DEAD HELIO__STORE__V1__JOB_STATE__JOB_STATE_DEAD

static uint64_t text_bytes(const char *text)
{
	return text ? strlen(text) : 0;
}

uint64_t job_draft_bytes(const Helio__Store__V1__Job *in)
{
	return JOB_BYTES + in->body.len + text_bytes(in->content_type) +
	       text_bytes(in->key) + text_bytes(in->order_key);
}

unsigned job_attempts_max(const struct job *job)
{
	return job->attempts_max ? job->attempts_max
				 : job->queue->limits.attempts_max;
}

Helio__Store__V1__Job *job_draft(struct draft *draft, const struct job *job)
{
	Helio__Store__V1__Job *changed =
		arena_alloc(&draft->arena, sizeof(*changed));
	Helio__Store__V1__Change *change = changed ? draft_add(draft) : NULL;

	if (!change)
		return NULL;
	*changed = (Helio__Store__V1__Job)HELIO__STORE__V1__JOB__INIT;
	changed->queue = job->queue->name;
	changed->has_id = true;
	changed->id = job->id;
	job_status_describe(&job->status, changed);
	change->what_case = HELIO__STORE__V1__CHANGE__WHAT_JOB_CHANGED;
	change->job_changed = changed;
	return changed;
}

void job_draft_end(const struct draft *draft, const struct job *job,
		   Helio__Store__V1__Job *change,
		   Helio__Store__V1__JobState state)
{
	const struct queue_limits *limits = &job->queue->limits;
	uint64_t now = draft->step.unix_ms;

	change->state = state;
	change->has_ended_unix_ms = true;
	change->ended_unix_ms = now;
	change->has_forget_unix_ms = true;
	change->forget_unix_ms = time_after(
		now, state == DEAD ? limits->keep_dead_ms : limits->keep_ms);
}

void job_draft_wait(Helio__Store__V1__Job *change, uint64_t not_before)
{
	change->state = HELIO__STORE__V1__JOB_STATE__JOB_STATE_WAITING;
	change->has_not_before_unix_ms = not_before != 0;
	change->not_before_unix_ms = not_before;
	change->has_ended_unix_ms = false;
	change->has_forget_unix_ms = false;
	change->ended_unix_ms = 0;
	change->forget_unix_ms = 0;
}

void job_draft_error(Helio__Store__V1__Job *change, const char *error)
{
	change->error = draft_text(error);
}

int job_draft_late(struct draft *draft, const struct job *job)
{
	Helio__Store__V1__Job *change = job_draft(draft, job);

	if (!change)
		return -ENOMEM;
	job_draft_error(change, JOB_ERROR_DEADLINE);
	job_draft_end(draft, job, change, DEAD);
	return 0;
}

int job_draft_lapsed(struct draft *draft, const struct job *job)
{
	Helio__Store__V1__Job *change = job_draft(draft, job);

	if (!change)
		return -ENOMEM;
	job_draft_error(change, JOB_ERROR_LAPSED);
	if (change->attempts >= job_attempts_max(job))
		job_draft_end(draft, job, change, DEAD);
	else
		job_draft_wait(change, 0);
	return 0;
}

int job_draft_gone(struct draft *draft, const struct job *job)
{
	Helio__Store__V1__JobGone *gone =
		arena_alloc(&draft->arena, sizeof(*gone));
	Helio__Store__V1__Change *change = gone ? draft_add(draft) : NULL;

	if (!change)
		return -ENOMEM;
	*gone = (Helio__Store__V1__JobGone)HELIO__STORE__V1__JOB_GONE__INIT;
	gone->queue = job->queue->name;
	gone->has_id = true;
	gone->id = job->id;
	change->what_case = HELIO__STORE__V1__CHANGE__WHAT_JOB_GONE;
	change->job_gone = gone;
	return 0;
}
