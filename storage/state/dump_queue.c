/* SPDX-License-Identifier: MIT */

#include <inttypes.h>

#include "base/buffer.h"
#include "storage/state/queue_inside.h"

static const char *text_of(const char *text)
{
	return text ? text : "-";
}

static void dump_value(const char *name, const struct value *value,
		       struct buffer *out)
{
	buffer_format(out, " %s=", name);
	for (size_t i = 0; value && i < value->n_bytes; i++)
		buffer_format(out, "%02x", value->bytes[i]);
}

static void dump_party(const char *name, const struct party *party,
		       struct buffer *out)
{
	if (party)
		buffer_format(out, " %s=%s/%s", name, party->principal,
			      party->account->durable_id);
}

static void dump_status(const struct job_status *status, struct buffer *out)
{
	buffer_format(out,
		      " state=%d attempts=%u not_before=%" PRIu64
		      " token=%" PRIu64,
		      (int)status->state, status->attempts, status->not_before,
		      status->token);
	dump_party("worker", status->worker, out);
	buffer_format(out,
		      " incarnation=%" PRIu64 " until=%" PRIu64
		      " progress=%u/%s error=%s",
		      status->worker_incarnation, status->lease_until,
		      status->progress_permille, text_of(status->progress),
		      text_of(status->error));
	dump_value("result", status->result, out);
	buffer_format(out,
		      " ended=%" PRIu64 " forget=%" PRIu64 " revision=%" PRIu64,
		      status->ended, status->forget, status->revision);
}

/* Ready or delayed depends on when somebody looked. */
static void dump_place(const struct job *job, struct buffer *out)
{
	const struct job_line *line = job->line;
	enum job_place where =
		job->where == JOB_DELAYED ? JOB_READY : job->where;

	buffer_format(out, " due=%" PRIu64 " where=%d", job->due, (int)where);
	if (line)
		buffer_format(out, " line=%s/%" PRIu64 "/%zu/%zu", line->key,
			      line->front ? line->front->id : 0, line->n_leased,
			      line->behind.n_nodes);
	buffer_format(out, " share=%" PRIu64 "/%" PRIu64 "/%zu",
		      job->share->n_open, job->share->n_bytes,
		      job->share->kept.n_nodes);
}

static void dump_job(const struct job *job, struct buffer *out)
{
	buffer_format(out,
		      "job %s %" PRIu64 " priority=%d attempts_max=%u"
		      " deadline=%" PRIu64 " submitted=%" PRIu64,
		      job->queue->name, job->id, job->priority,
		      job->attempts_max, job->deadline, job->submitted);
	dump_party("submitter", job->submitter, out);
	buffer_format(out, " type=%s key=%s bytes=%u",
		      text_of(job->content_type), text_of(job->key),
		      job->n_bytes);
	dump_value("body", job->body, out);
	dump_status(&job->status, out);
	dump_place(job, out);
	buffer_text(out, "\n");
}

static void dump_limits(const struct queue_limits *limits, struct buffer *out)
{
	buffer_format(out,
		      " lease=%" PRIu64 " attempts=%u backoff=%" PRIu64
		      "/%" PRIu64 " keep=%" PRIu64 "/%" PRIu64 " max=%" PRIu64
		      "/%" PRIu64 "/%" PRIu64 " paused=%d",
		      limits->lease_ms, limits->attempts_max,
		      limits->backoff_ms, limits->backoff_max_ms,
		      limits->keep_ms, limits->keep_dead_ms, limits->jobs_max,
		      limits->submitter_jobs_max, limits->bytes_max,
		      limits->is_paused);
}

static void dump_queue(const struct queue *queue, struct buffer *out)
{
	const struct job *job = NULL;

	buffer_format(out, "queue %s created=%" PRIu64, queue->name,
		      queue->created_revision);
	dump_party("owner", queue->owner, out);
	dump_limits(&queue->limits, out);
	buffer_format(out, " open=%" PRIu64 " bytes=%" PRIu64 " keys=%zu",
		      queue->n_open, queue->n_bytes, queue->by_key.n_nodes);
	for (unsigned i = 0; i < 6; i++)
		buffer_format(out, " %" PRIu64, queue->n_of_state[i]);
	buffer_text(out, "\n");
	while ((job = queue_next_job(queue, job ? job->id : 0)))
		dump_job(job, out);
}

void queue_dump(const struct state *state, struct buffer *out)
{
	struct order_node *node = order_first(&state->queues);

	for (; node; node = order_next(node))
		dump_queue(container_of(node, struct queue, node), out);
}
