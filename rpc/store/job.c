/* SPDX-License-Identifier: MIT */

#include "rpc/store/job.h"

static const char *text_of(const char *text)
{
	return text ? text : "";
}

struct helio_job job_view(const Helio__Store__V1__Job *from)
{
	return (struct helio_job){
		.queue = text_of(from->queue),
		.id = from->id,
		.body = from->body.data,
		.n_body = from->body.len,
		.content_type = text_of(from->content_type),
		.priority = from->priority,
		.order_key = text_of(from->order_key),
		.key = text_of(from->key),
		.deadline_unix_ms = from->deadline_unix_ms,
		.submitter = text_of(from->submitter),
		.submitter_durable_id = text_of(from->submitter_durable_id),
		.submitted_unix_ms = from->submitted_unix_ms,
		.state = (enum helio_job_state)from->state,
		.attempts = from->attempts,
		.attempts_max = from->attempts_max,
		.token = from->token,
		.worker = text_of(from->worker),
		.progress_permille = from->progress_permille,
		.progress = text_of(from->progress),
		.error = text_of(from->error),
		.result = from->result.data,
		.n_result = from->result.len,
		.ended_unix_ms = from->ended_unix_ms,
	};
}
