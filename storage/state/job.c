/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "storage/state/queue_inside.h"

static struct job *at_number(struct order_node *node)
{
	return node ? container_of(node, struct job, number) : NULL;
}

/* ---- found ---- */

static int compare_id(const void *key, const struct order_node *node)
{
	uint64_t id = *(const uint64_t *)key;
	uint64_t other = const_container_of(node, struct job, number)->id;

	return (id > other) - (id < other);
}

struct job *queue_job(const struct queue *queue, uint64_t id)
{
	struct job *job = at_number(order_seek(&queue->jobs, &id, compare_id));

	return job && job->id == id ? job : NULL;
}

struct job *queue_next_job(const struct queue *queue, uint64_t after)
{
	uint64_t id = after + 1;

	return id ? at_number(order_seek(&queue->jobs, &id, compare_id)) : NULL;
}

struct job *queue_job_by_key(const struct queue *queue, const char *durable_id,
			     const char *key)
{
	uint64_t hash = job_share_hash(queue, durable_id, key);
	struct map_node *node = map_lookup(&queue->by_key, hash);

	for (; node; node = map_next(node)) {
		struct job *job = container_of(node, struct job, key_node);
		const struct account *account = job->submitter->account;

		if (!strcmp(job->key, key) &&
		    !strcmp(account->durable_id, durable_id))
			return job;
	}
	return NULL;
}

/* ---- what changes ---- */

static size_t text_bytes(const char *text)
{
	return text ? strlen(text) : 0;
}

static int copy_text(const char *from, char **ret)
{
	size_t n = text_bytes(from) + 1;

	if (!from)
		return 0;
	*ret = malloc(n);
	if (!*ret)
		return -ENOMEM;
	memcpy(*ret, from, n);
	return 0;
}

/* What is on the heap; what came before a failure is freed by the caller. */
static int status_copy(struct job_status *status, struct state *state,
		       const Helio__Store__V1__Job *in)
{
	int r = copy_text(in->progress, &status->progress);

	if (!r)
		r = copy_text(in->error, &status->error);
	if (!r && in->has_result) {
		status->result = value_new(in->result.data, in->result.len);
		r = status->result ? 0 : -ENOMEM;
	}
	if (!r && in->worker) {
		status->worker =
			party_get(state, in->worker, in->worker_durable_id);
		r = status->worker ? 0 : -ENOMEM;
	}
	return r;
}

int job_status_init(struct job_status *status, struct state *state,
		    const Helio__Store__V1__Job *in, uint64_t revision)
{
	struct job_status new = {
		.state =
			in->has_state
				? in->state
				: HELIO__STORE__V1__JOB_STATE__JOB_STATE_WAITING,
		.attempts = in->attempts,
		.not_before = in->not_before_unix_ms,
		.token = in->token,
		.worker_incarnation = in->worker_incarnation,
		.lease_until = in->lease_until_unix_ms,
		.progress_permille = in->progress_permille,
		.ended = in->ended_unix_ms,
		.forget = in->forget_unix_ms,
		.revision = revision,
	};
	int r;

	if (new.state < HELIO__STORE__V1__JOB_STATE__JOB_STATE_WAITING ||
	    new.state > HELIO__STORE__V1__JOB_STATE__JOB_STATE_CANCELLED)
		return -EBADMSG;
	if (!in->worker != !in->worker_durable_id ||
	    (!in->worker &&
	     new.state == HELIO__STORE__V1__JOB_STATE__JOB_STATE_LEASED))
		return -EBADMSG;
	r = status_copy(&new, state, in);
	if (r < 0) {
		job_status_deinit(&new, state);
		return r;
	}
	*status = new;
	return 0;
}

void job_status_deinit(struct job_status *status, struct state *state)
{
	free(status->progress);
	free(status->error);
	value_free(status->result);
	party_unref(state, status->worker);
	*status = (struct job_status){ 0 };
}

/* ---- made ---- */

size_t job_bytes(const struct job *job)
{
	const struct job_status *status = &job->status;

	return JOB_BYTES + job->body->n_bytes + text_bytes(job->content_type) +
	       text_bytes(job->key) + (job->line ? strlen(job->line->key) : 0) +
	       text_bytes(status->progress) + text_bytes(status->error) +
	       (status->result ? status->result->n_bytes : 0);
}

static const char *put_text(char **at, const char *text)
{
	char *put = *at;
	size_t n;

	if (!text)
		return NULL;
	n = strlen(text) + 1;
	memcpy(put, text, n);
	*at += n;
	return put;
}

/* What it refers to; what came before a failure is freed by the caller. */
static int refer(struct job *job, const Helio__Store__V1__Job *in)
{
	job->body = value_new(in->body.data, in->has_body ? in->body.len : 0);
	if (!job->body)
		return -ENOMEM;
	job->share = job_share_get(job->queue, job->submitter);
	if (!job->share)
		return -ENOMEM;
	if (in->order_key) {
		job->line = job_line_get(job->queue, in->order_key);
		if (!job->line)
			return -ENOMEM;
	}
	return 0;
}

DEFINE_CLEANUP(struct job *, job_free);

struct job *job_new(struct queue *queue, const Helio__Store__V1__Job *in,
		    struct party *submitter)
{
	_cleanup_(job_freep) struct job *job = NULL;
	size_t n_texts = text_bytes(in->content_type) + text_bytes(in->key);
	char *at;

	job = calloc(1, sizeof(*job) + n_texts + 2);
	if (!job)
		return NULL;
	job->queue = queue;
	job->id = in->id;
	job->priority = in->priority;
	job->deadline = in->deadline_unix_ms;
	job->attempts_max = in->attempts_max;
	job->submitter = party_ref(submitter);
	list_init(&job->followers);
	at = job->texts;
	job->content_type = put_text(&at, in->content_type);
	job->key = put_text(&at, in->key);
	if (refer(job, in) < 0)
		return NULL;
	return take_ptr(job);
}

struct job *job_free(struct job *job)
{
	struct queue *queue;

	if (!job)
		return NULL;
	queue = job->queue;
	while (list_pop_front(&job->followers))
		;
	if (job->line)
		job_line_unref(queue, job->line);
	if (job->share)
		job_share_unref(queue, job->share);
	job_status_deinit(&job->status, queue->state);
	value_free(job->body);
	party_unref(queue->state, job->submitter);
	free(job);
	return NULL;
}

/* ---- in its queue ---- */

static void charge(struct job *job, int64_t n_bytes)
{
	job->n_bytes += (uint32_t)n_bytes;
	job->share->n_bytes += (uint64_t)n_bytes;
	job->queue->n_bytes += (uint64_t)n_bytes;
	party_charge(job->queue->state, job->submitter, n_bytes);
}

void job_add(struct job *job)
{
	struct queue *queue = job->queue;

	order_add(&queue->jobs, &job->number);
	if (job->key)
		map_add(&queue->by_key, &job->key_node,
			job_share_hash(queue,
				       job->submitter->account->durable_id,
				       job->key));
	charge(job, (int64_t)job_bytes(job));
	job_enter(job);
	job_line_settle(job->line);
}

void job_remove(struct job *job)
{
	struct queue *queue = job->queue;

	job_leave(job);
	job_line_settle(job->line);
	charge(job, -(int64_t)job->n_bytes);
	if (job->key)
		map_remove(&queue->by_key, &job->key_node);
	order_remove(&queue->jobs, &job->number);
}

void job_swap_status(struct job *job, struct job_status *status)
{
	struct job_status before = job->status;

	job_leave(job);
	job->status = *status;
	*status = before;
	charge(job, (int64_t)job_bytes(job) - (int64_t)job->n_bytes);
	job_enter(job);
	job_line_settle(job->line);
}
