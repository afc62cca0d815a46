/* SPDX-License-Identifier: MIT */

#include <inttypes.h>

#include "storage/state/judge_inside.h"

#define DONE HELIO__STORE__V1__JOB_STATE__JOB_STATE_DONE
#define DEAD HELIO__STORE__V1__JOB_STATE__JOB_STATE_DEAD

/* ---- complete ---- */

static bool was_completed(const struct draft *draft,
			  const Helio__Store__V1__CompleteRequest *in)
{
	struct judgement unused = { 0 };
	struct job *job = NULL;

	return judge_find_job(draft, in->queue, in->id, &unused, &job) ==
		       STATUS_OK &&
	       job->status.state == DONE && job->status.token == in->token;
}

static unsigned draft_done(struct draft *draft, struct job *job,
			   const Helio__Store__V1__CompleteRequest *in,
			   struct judgement *out)
{
	Helio__Store__V1__Job *change;
	unsigned status = STATUS_OK;

	if (in->has_result && in->result.len)
		status = judge_room_for_result(draft, job, in->result.len, out);
	if (status != STATUS_OK)
		return status;
	change = job_draft(draft, job);
	if (!change)
		return judge_no_memory(out);
	job_draft_end(draft, job, change, DONE);
	change->has_result = in->has_result;
	change->result = in->result;
	return STATUS_OK;
}

unsigned judge_complete(struct draft *draft,
			const Helio__Store__V1__CompleteRequest *in,
			struct judgement *out)
{
	struct job *job = NULL;
	unsigned status;

	if (in->has_result && in->result.len > JOB_RESULT_MAX_BYTES)
		return judge_no(out, STATUS_INVALID_ARGUMENT,
				"result: at most %d bytes",
				JOB_RESULT_MAX_BYTES);
	if (was_completed(draft, in)) {
		out->was_there = true;
		return STATUS_OK;
	}
	status = judge_find_leased(draft, in->queue, in->id, in->token, out,
				   &job);
	if (status == STATUS_OK)
		status = draft_done(draft, job, in, out);
	if (status == STATUS_OK && in->transaction)
		status = judge_transaction(draft, in->transaction, out);
	out->was_there = false;
	return status;
}

/* ---- failed ---- */

/* Doubled with each attempt, up to the most. */
static uint64_t backoff_ms(const struct job *job)
{
	const struct queue_limits *limits = &job->queue->limits;
	uint64_t ms = limits->backoff_ms;

	for (unsigned n = 1; n < job->status.attempts; n++) {
		if (ms >= limits->backoff_max_ms)
			break;
		ms *= 2;
	}
	return ms < limits->backoff_max_ms ? ms : limits->backoff_max_ms;
}

static uint64_t wait_ms(const struct job *job,
			const Helio__Store__V1__FailRequest *in)
{
	if (in->has_delay_ms)
		return in->delay_ms;
	return in->is_given_back ? 0 : backoff_ms(job);
}

static void draft_failed(const struct draft *draft, const struct job *job,
			 const Helio__Store__V1__FailRequest *in,
			 Helio__Store__V1__Job *change)
{
	uint64_t ms = wait_ms(job, in);

	if (in->is_given_back)
		change->attempts--;
	if (in->error)
		job_draft_error(change, in->error);
	if (in->is_final ||
	    (!in->is_given_back && change->attempts >= job_attempts_max(job)))
		job_draft_end(draft, job, change, DEAD);
	else
		job_draft_wait(change,
			       ms ? time_after(draft->step.unix_ms, ms) : 0);
}

static unsigned judge_failure(const Helio__Store__V1__FailRequest *in,
			      struct judgement *out)
{
	unsigned status =
		judge_text(in->error, JOB_ERROR_MAX_BYTES, "error", out);

	if (status == STATUS_OK)
		status = judge_number(in->delay_ms, 0, JOB_WAIT_MAX_MS,
				      "delay_ms", out);
	if (status == STATUS_OK && in->is_final && in->is_given_back)
		status = judge_no(out, STATUS_INVALID_ARGUMENT,
				  "it is final, or it is given back");
	return status;
}

unsigned judge_fail(struct draft *draft,
		    const Helio__Store__V1__FailRequest *in,
		    struct judgement *out)
{
	Helio__Store__V1__Job *change;
	struct job *job = NULL;
	unsigned status = judge_failure(in, out);

	if (status == STATUS_OK)
		status = judge_find_leased(draft, in->queue, in->id, in->token,
					   out, &job);
	if (status != STATUS_OK)
		return status;
	change = job_draft(draft, job);
	if (!change)
		return judge_no_memory(out);
	draft_failed(draft, job, in, change);
	out->number = change->state;
	return STATUS_OK;
}
