/* SPDX-License-Identifier: MIT */

#include <inttypes.h>
#include <string.h>

#include "storage/state/judge_inside.h"

/* ---- what is asked for ---- */

/* As keys of buckets are. */
static unsigned judge_key(const char *key, const char *what,
			  struct judgement *out)
{
	if (!key)
		return STATUS_OK;
	if (!state_is_key(key, JOB_KEY_MAX_BYTES))
		return judge_no(out, STATUS_INVALID_ARGUMENT,
				"%s: 1 to %d bytes of UTF-8 without control "
				"characters",
				what, JOB_KEY_MAX_BYTES);
	return STATUS_OK;
}

static unsigned judge_texts(const Helio__Store__V1__SubmitRequest *in,
			    struct judgement *out)
{
	unsigned status = judge_key(in->key, "key", out);

	if (status == STATUS_OK)
		status = judge_key(in->order_key, "order_key", out);
	if (status == STATUS_OK)
		status = judge_text(in->content_type, CONTENT_TYPE_MAX_BYTES,
				    "content_type", out);
	return status;
}

static unsigned judge_numbers(const Helio__Store__V1__SubmitRequest *in,
			      struct judgement *out)
{
	unsigned status = judge_number(in->body.len, 0, JOB_BODY_MAX_BYTES,
				       "bytes of body", out);

	if (status == STATUS_OK)
		status = judge_number(in->attempts_max, 0, JOB_ATTEMPTS_MAX,
				      "attempts_max", out);
	if (status == STATUS_OK)
		status = judge_number(in->delay_ms, 0, JOB_WAIT_MAX_MS,
				      "delay_ms", out);
	if (status == STATUS_OK)
		status = judge_number(in->timeout_ms, 0, JOB_WAIT_MAX_MS,
				      "timeout_ms", out);
	return status;
}

/* ---- a repeat ---- */

static bool has_body(const Helio__Store__V1__SubmitRequest *in,
		     ProtobufCBinaryData body)
{
	return in->body.len == body.len &&
	       (!body.len || !memcmp(in->body.data, body.data, body.len));
}

static unsigned judge_repeat(const Helio__Store__V1__SubmitRequest *in,
			     uint64_t id, ProtobufCBinaryData body,
			     struct judgement *out)
{
	if (!has_body(in, body))
		return judge_no(out, STATUS_ALREADY_EXISTS,
				"job %" PRIu64 " has this key, and another "
				"body",
				id);
	out->number = id;
	out->was_there = true;
	return STATUS_OK;
}

/* One that this transaction has submitted. */
static const Helio__Store__V1__Job *drafted(
	const struct draft *draft, const Helio__Store__V1__SubmitRequest *in)
{
	for (size_t i = 0; i < draft->step.n_changes; i++) {
		const Helio__Store__V1__Change *change = draft->step.changes[i];

		if (change->what_case == HELIO__STORE__V1__CHANGE__WHAT_JOB &&
		    change->job->key && !strcmp(change->job->key, in->key) &&
		    !strcmp(change->job->queue, in->queue))
			return change->job;
	}
	return NULL;
}

/* True: it is one, and `*ret_status` says what of it. */
static bool is_repeat(const struct draft *draft, const struct queue *queue,
		      const char *durable_id,
		      const Helio__Store__V1__SubmitRequest *in,
		      struct judgement *out, unsigned *ret_status)
{
	const Helio__Store__V1__Job *other;
	ProtobufCBinaryData body;
	struct job *job;

	if (!in->key)
		return false;
	other = drafted(draft, in);
	if (other) {
		*ret_status = judge_repeat(in, other->id, other->body, out);
		return true;
	}
	job = queue_job_by_key(queue, durable_id, in->key);
	if (!job)
		return false;
	body = (ProtobufCBinaryData){ .len = job->body->n_bytes,
				      .data = job->body->bytes };
	*ret_status = judge_repeat(in, job->id, body, out);
	return true;
}

/* ---- a new one ---- */

static uint64_t not_before(const struct draft *draft,
			   const Helio__Store__V1__SubmitRequest *in)
{
	uint64_t now = draft->step.unix_ms, when = in->not_before_unix_ms;
	uint64_t later = time_after(now, in->delay_ms);

	if (in->has_delay_ms && later > when)
		when = later;
	return when > now ? when : 0;
}

/* The sooner, if it has both; 0: none. */
static uint64_t deadline(const struct draft *draft,
			 const Helio__Store__V1__SubmitRequest *in)
{
	uint64_t when = in->has_deadline_unix_ms ? in->deadline_unix_ms : 0;
	uint64_t after = time_after(draft->step.unix_ms, in->timeout_ms);

	if (in->has_timeout_ms && (!in->has_deadline_unix_ms || after < when))
		when = after;
	return when;
}

static bool is_late(const struct draft *draft,
		    const Helio__Store__V1__SubmitRequest *in)
{
	return (in->has_deadline_unix_ms || in->has_timeout_ms) &&
	       deadline(draft, in) <= draft->step.unix_ms;
}

#define SAY(out, field, with) \
	((out)->has_##field = ((with) != 0), (out)->field = (with))

static void describe(const struct draft *draft,
		     const Helio__Store__V1__SubmitRequest *in,
		     Helio__Store__V1__Job *job)
{
	*job = (Helio__Store__V1__Job)HELIO__STORE__V1__JOB__INIT;
	job->queue = in->queue;
	job->has_id = true;
	job->id = draft->next_job;
	job->has_body = in->has_body;
	job->body = in->body;
	job->content_type = in->content_type;
	SAY(job, priority, in->priority);
	job->order_key = in->order_key;
	job->key = in->key;
	SAY(job, deadline_unix_ms, deadline(draft, in));
	SAY(job, attempts_max, in->attempts_max);
	SAY(job, not_before_unix_ms, not_before(draft, in));
}

static unsigned draft_job(struct draft *draft, Helio__Store__V1__Job *job,
			  struct judgement *out)
{
	Helio__Store__V1__Change *change = draft_add(draft);

	if (!change)
		return judge_no_memory(out);
	change->what_case = HELIO__STORE__V1__CHANGE__WHAT_JOB;
	change->job = job;
	draft->next_job++;
	out->number = job->id;
	out->was_there = false;
	return STATUS_OK;
}

static unsigned judge_new(struct draft *draft, const struct queue *queue,
			  const char *durable_id,
			  const Helio__Store__V1__SubmitRequest *in,
			  struct judgement *out)
{
	Helio__Store__V1__Job *job = arena_alloc(&draft->arena, sizeof(*job));
	unsigned status;

	if (!job)
		return judge_no_memory(out);
	if (is_late(draft, in))
		return judge_no(out, STATUS_INVALID_ARGUMENT,
				"its deadline is over");
	describe(draft, in, job);
	status = judge_count(draft, queue, durable_id, out);
	if (status == STATUS_OK)
		status = judge_room(draft, queue, job_draft_bytes(job), out);
	return status == STATUS_OK ? draft_job(draft, job, out) : status;
}

unsigned judge_submit(struct draft *draft,
		      const Helio__Store__V1__SubmitRequest *in,
		      struct judgement *out)
{
	const char *durable_id =
		draft->step.durable_id ? draft->step.durable_id : "";
	struct queue *queue = NULL;
	unsigned status = judge_find_queue(draft, in->queue, out, &queue);

	if (status == STATUS_OK)
		status = judge_texts(in, out);
	if (status == STATUS_OK)
		status = judge_numbers(in, out);
	if (status != STATUS_OK)
		return status;
	if (is_repeat(draft, queue, durable_id, in, out, &status))
		return status;
	return judge_new(draft, queue, durable_id, in, out);
}
