/* SPDX-License-Identifier: MIT */

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"
#include "storage/state/judge_inside.h"

#define WAITING   HELIO__STORE__V1__JOB_STATE__JOB_STATE_WAITING
#define LEASED    HELIO__STORE__V1__JOB_STATE__JOB_STATE_LEASED
#define DONE      HELIO__STORE__V1__JOB_STATE__JOB_STATE_DONE
#define CANCELLED HELIO__STORE__V1__JOB_STATE__JOB_STATE_CANCELLED

/* ---- what is asked for ---- */

unsigned judge_text(const char *text, size_t n_max, const char *what,
		    struct judgement *out)
{
	size_t n = text ? strlen(text) : 0;

	if (n > n_max)
		return judge_no(out, STATUS_INVALID_ARGUMENT,
				"%s: at most %zu bytes", what, n_max);
	if (!utf8_is_valid(text ? text : "", n))
		return judge_no(out, STATUS_INVALID_ARGUMENT,
				"%s: it is not UTF-8", what);
	return STATUS_OK;
}

unsigned judge_number(uint64_t value, uint64_t min, uint64_t max,
		      const char *what, struct judgement *out)
{
	if (value >= min && value <= max)
		return STATUS_OK;
	return judge_no(out, STATUS_INVALID_ARGUMENT,
			"%s: between %" PRIu64 " and %" PRIu64, what, min, max);
}

/* ---- found ---- */

unsigned judge_find_queue(const struct draft *draft, const char *name,
			  struct judgement *out, struct queue **ret_queue)
{
	struct queue *queue;

	if (!name || !state_is_name(name))
		return judge_no(out, STATUS_INVALID_ARGUMENT,
				"this is no name of a queue");
	queue = queue_lookup(draft->state, name);
	if (!queue)
		return judge_no(out, STATUS_NOT_FOUND, "there is no queue %s",
				name);
	*ret_queue = queue;
	return STATUS_OK;
}

unsigned judge_find_job(const struct draft *draft, const char *name,
			uint64_t id, struct judgement *out,
			struct job **ret_job)
{
	struct queue *queue = NULL;
	unsigned status = judge_find_queue(draft, name, out, &queue);
	struct job *job;

	if (status != STATUS_OK)
		return status;
	job = queue_job(queue, id);
	if (!job)
		return judge_no(out, STATUS_NOT_FOUND,
				"there is no job %" PRIu64 " in %s", id, name);
	*ret_job = job;
	return STATUS_OK;
}

unsigned judge_find_leased(const struct draft *draft, const char *name,
			   uint64_t id, uint64_t token, struct judgement *out,
			   struct job **ret_job)
{
	struct job *job = NULL;
	unsigned status = judge_find_job(draft, name, id, out, &job);

	if (status != STATUS_OK)
		return status;
	if (job->status.state != LEASED)
		return judge_no(out, STATUS_ABORTED,
				"job %" PRIu64 " is not leased any more", id);
	if (job->status.token != token)
		return judge_no(out, STATUS_ABORTED,
				"job %" PRIu64 " is another's: its token is "
				"not %" PRIu64,
				id, token);
	if (job->due <= draft->step.unix_ms)
		return judge_no(out, STATUS_ABORTED,
				"the lease of job %" PRIu64 " is over", id);
	*ret_job = job;
	return STATUS_OK;
}

/* ---- ended by others than its worker ---- */

static bool is_own(const struct draft *draft, const struct job *job)
{
	return draft->step.durable_id &&
	       !strcmp(job->submitter->account->durable_id,
		       draft->step.durable_id);
}

unsigned judge_cancel(struct draft *draft,
		      const Helio__Store__V1__CancelRequest *in, bool only_own,
		      struct judgement *out)
{
	Helio__Store__V1__Job *change;
	struct job *job = NULL;
	unsigned status = judge_find_job(draft, in->queue, in->id, out, &job);

	if (status != STATUS_OK)
		return status;
	if (only_own && !is_own(draft, job))
		return judge_no(out, STATUS_NOT_FOUND,
				"there is no job %" PRIu64 " in %s", in->id,
				in->queue);
	out->number = 0;
	if (job_has_ended(job)) {
		out->number = job->status.state;
		return STATUS_OK;
	}
	change = job_draft(draft, job);
	if (!change)
		return judge_no_memory(out);
	job_draft_end(draft, job, change, CANCELLED);
	return STATUS_OK;
}

unsigned judge_retry(struct draft *draft,
		     const Helio__Store__V1__RetryRequest *in,
		     struct judgement *out)
{
	Helio__Store__V1__Job *change;
	struct job *job = NULL;
	unsigned status = judge_find_job(draft, in->queue, in->id, out, &job);

	if (status != STATUS_OK)
		return status;
	out->was_there = !job_has_ended(job);
	if (out->was_there)
		return STATUS_OK;
	if (job->status.state == DONE)
		return judge_no(out, STATUS_FAILED_PRECONDITION,
				"job %" PRIu64 " is done", in->id);
	if (job->deadline && job->deadline <= draft->step.unix_ms)
		return judge_no(out, STATUS_FAILED_PRECONDITION,
				"the deadline of job %" PRIu64 " is over",
				in->id);
	status = judge_count(draft, job->queue,
			     job->submitter->account->durable_id, out);
	if (status != STATUS_OK)
		return status;
	change = job_draft(draft, job);
	if (!change)
		return judge_no_memory(out);
	job_draft_wait(change, 0);
	change->has_attempts = false;
	change->attempts = 0;
	return STATUS_OK;
}
