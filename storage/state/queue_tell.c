/* SPDX-License-Identifier: MIT */

#include "storage/state/draft.h"
#include "storage/state/queue_inside.h"

/* Of a message: a field that is left out where it says nothing. */
#define TELL(out, field, with) \
	((out)->has_##field = ((with) != 0), (out)->field = (with))

enum { N_PRIORITIES = 64 };

static ProtobufCBinaryData bytes_of(const struct value *value)
{
	return (ProtobufCBinaryData){
		.len = value->n_bytes,
		.data = (uint8_t *)(uintptr_t)value->bytes,
	};
}

static void tell_worker(const struct job_status *status,
			Helio__Store__V1__Job *out)
{
	if (!status->worker)
		return;
	out->worker = status->worker->principal;
	out->worker_durable_id = status->worker->account->durable_id;
	TELL(out, worker_incarnation, status->worker_incarnation);
}

void job_status_describe(const struct job_status *status,
			 Helio__Store__V1__Job *out)
{
	TELL(out, state, status->state);
	TELL(out, attempts, status->attempts);
	TELL(out, not_before_unix_ms, status->not_before);
	TELL(out, token, status->token);
	tell_worker(status, out);
	TELL(out, lease_until_unix_ms, status->lease_until);
	TELL(out, progress_permille, status->progress_permille);
	out->progress = status->progress;
	out->error = status->error;
	out->has_result = status->result != NULL;
	if (status->result)
		out->result = bytes_of(status->result);
	TELL(out, ended_unix_ms, status->ended);
	TELL(out, forget_unix_ms, status->forget);
}

void job_describe(const struct job *job, bool is_brief,
		  Helio__Store__V1__Job *ret_job)
{
	Helio__Store__V1__Job out = HELIO__STORE__V1__JOB__INIT;

	out.queue = job->queue->name;
	TELL(&out, id, job->id);
	out.has_body = !is_brief;
	if (!is_brief)
		out.body = bytes_of(job->body);
	out.content_type = draft_text(job->content_type);
	TELL(&out, priority, job->priority);
	out.order_key = job->line ? job->line->key : NULL;
	out.key = draft_text(job->key);
	TELL(&out, deadline_unix_ms, job->deadline);
	TELL(&out, attempts_max, job->attempts_max);
	out.submitter = job->submitter->principal;
	out.submitter_durable_id = job->submitter->account->durable_id;
	TELL(&out, submitted_unix_ms, job->submitted);
	job_status_describe(&job->status, &out);
	if (is_brief) {
		out.has_result = false;
		out.result = (ProtobufCBinaryData){ 0 };
	}
	TELL(&out, revision, job->status.revision);
	*ret_job = out;
}

/* ---- queues ---- */

static int compare_lower(const void *key, const struct order_node *node)
{
	const struct job *job = key, *other = const_job_at_place(node);

	return job->priority > other->priority ? -1 : 1;
}

/* Of one priority the first is the oldest, by its id. */
static uint64_t oldest_of(const struct queue *queue)
{
	const struct job *job = job_at_place(order_first(&queue->ready));
	const struct job *oldest = job;

	for (unsigned n = 1; job && n < N_PRIORITIES; n++) {
		job = job_at_place(
			order_seek(&queue->ready, job, compare_lower));
		if (job && job->id < oldest->id)
			oldest = job;
	}
	return oldest ? oldest->submitted : 0;
}

static void tell_counts(const struct queue *queue, Helio__Store__V1__Queue *out)
{
	const uint64_t *n = queue->n_of_state;

	TELL(out, waiting, n[HELIO__STORE__V1__JOB_STATE__JOB_STATE_WAITING]);
	TELL(out, delayed, queue->delayed.n_nodes);
	TELL(out, leased, n[HELIO__STORE__V1__JOB_STATE__JOB_STATE_LEASED]);
	TELL(out, done, n[HELIO__STORE__V1__JOB_STATE__JOB_STATE_DONE]);
	TELL(out, dead, n[HELIO__STORE__V1__JOB_STATE__JOB_STATE_DEAD]);
	TELL(out, cancelled,
	     n[HELIO__STORE__V1__JOB_STATE__JOB_STATE_CANCELLED]);
	TELL(out, bytes, queue->n_bytes);
	TELL(out, oldest_unix_ms, oldest_of(queue));
	TELL(out, submitted, queue->n_submitted);
	TELL(out, completed, queue->n_completed);
	TELL(out, failed, queue->n_failed);
	TELL(out, lapsed, queue->n_lapsed);
}

void queue_describe(const struct queue *queue, Helio__Store__V1__Queue *ret)
{
	Helio__Store__V1__Queue out = HELIO__STORE__V1__QUEUE__INIT;

	out.name = draft_text(queue->name);
	out.config = (Helio__Store__V1__QueueConfig *)(uintptr_t)&queue->config;
	TELL(&out, created_revision, queue->created_revision);
	out.owner = queue->owner->principal;
	out.owner_durable_id = queue->owner->account->durable_id;
	tell_counts(queue, &out);
	*ret = out;
}
