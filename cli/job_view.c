/* SPDX-License-Identifier: MIT */

#include "cli/job_view.h"

#include <inttypes.h>
#include <string.h>

#include "cli/json.h"
#include "cli/stores.h"
#include "cli/text.h"

const char *job_view_state(Helio__Store__V1__JobState state)
{
	switch (state) {
	case HELIO__STORE__V1__JOB_STATE__JOB_STATE_WAITING:
		return "waiting";
	case HELIO__STORE__V1__JOB_STATE__JOB_STATE_LEASED:
		return "leased";
	case HELIO__STORE__V1__JOB_STATE__JOB_STATE_DONE:
		return "done";
	case HELIO__STORE__V1__JOB_STATE__JOB_STATE_DEAD:
		return "dead";
	case HELIO__STORE__V1__JOB_STATE__JOB_STATE_CANCELLED:
		return "cancelled";
	default:
		return "unknown";
	}
}

static void json_priority(struct json *json, int32_t priority)
{
	char text[12];
	int n = snprintf(text, sizeof(text), "%" PRId32, priority);

	if (!priority)
		return;
	json_key(json, "priority");
	json_raw(json, text, (size_t)n);
}

static void json_submitted(struct json *json, const Helio__Store__V1__Job *job)
{
	if (job->has_body)
		json_bytes(json, "body", job->body.data, job->body.len);
	stores_json_text(json, "content_type", job->content_type);
	json_priority(json, job->priority);
	stores_json_text(json, "order_key", job->order_key);
	stores_json_text(json, "key", job->key);
	stores_json_limit(json, "deadline_unix_ms", job->deadline_unix_ms);
	stores_json_limit(json, "attempts_max", job->attempts_max);
	stores_json_text(json, "submitter", job->submitter);
	stores_json_text(json, "submitter_durable_id",
			 job->submitter_durable_id);
	stores_json_limit(json, "submitted_unix_ms", job->submitted_unix_ms);
}

static void json_lease(struct json *json, const Helio__Store__V1__Job *job)
{
	stores_json_limit(json, "token", job->token);
	stores_json_text(json, "worker", job->worker);
	stores_json_text(json, "worker_durable_id", job->worker_durable_id);
	stores_json_limit(json, "lease_until_unix_ms",
			  job->lease_until_unix_ms);
	stores_json_limit(json, "progress_permille", job->progress_permille);
	stores_json_text(json, "progress", job->progress);
}

void job_view_json(const Helio__Store__V1__Job *job, FILE *out)
{
	struct json json = { .out = out };

	json_open(&json, '{');
	stores_json_text(&json, "queue", job->queue);
	stores_json_number(&json, "id", job->id);
	stores_json_text(&json, "state", job_view_state(job->state));
	stores_json_number(&json, "attempts", job->attempts);
	json_submitted(&json, job);
	stores_json_limit(&json, "not_before_unix_ms", job->not_before_unix_ms);
	json_lease(&json, job);
	stores_json_text(&json, "error", job->error);
	if (job->has_result)
		json_bytes(&json, "result", job->result.data, job->result.len);
	stores_json_limit(&json, "ended_unix_ms", job->ended_unix_ms);
	stores_json_limit(&json, "revision", job->revision);
	stores_json_limit(&json, "forget_unix_ms", job->forget_unix_ms);
	json_close(&json, '}');
	fputc('\n', out);
}

static void show_bytes(const char *name, const ProtobufCBinaryData *bytes)
{
	printf("  %-18s ", name);
	stores_quote(stdout, bytes->data, bytes->len);
	fputc('\n', stdout);
}

static void show_attempts(const Helio__Store__V1__Job *job)
{
	printf("  %-18s %" PRIu32, "attempts", job->attempts);
	if (job->attempts_max)
		printf(" of %" PRIu32, job->attempts_max);
	fputc('\n', stdout);
}

static void show_progress(const Helio__Store__V1__Job *job)
{
	if (!job->progress_permille && !(job->progress && *job->progress))
		return;
	printf("  %-18s %" PRIu32 ".%" PRIu32 "%%", "progress",
	       job->progress_permille / 10, job->progress_permille % 10);
	if (job->progress && *job->progress) {
		fputc(' ', stdout);
		text_write_escaped(stdout, job->progress,
				   strlen(job->progress));
	}
	fputc('\n', stdout);
}

void job_view_text(const Helio__Store__V1__Job *job)
{
	const char *queue = job->queue ? job->queue : "";

	text_write_escaped(stdout, queue, strlen(queue));
	printf(" %" PRIu64 "\n", job->id);
	stores_show_text("state", job_view_state(job->state));
	show_attempts(job);
	if (job->priority)
		printf("  %-18s %" PRId32 "\n", "priority", job->priority);
	stores_show_text("key", job->key);
	stores_show_text("order key", job->order_key);
	stores_show_text("submitter", job->submitter);
	stores_show_time("submitted", job->submitted_unix_ms);
	stores_show_time("not before", job->not_before_unix_ms);
	stores_show_time("deadline", job->deadline_unix_ms);
	stores_show_text("worker", job->worker);
	stores_show_time("leased until", job->lease_until_unix_ms);
	show_progress(job);
	stores_show_text("error", job->error);
	stores_show_time("ended", job->ended_unix_ms);
	stores_show_time("forgotten", job->forget_unix_ms);
	stores_show_text("content type", job->content_type);
	if (job->has_body)
		show_bytes("body", &job->body);
	if (job->has_result)
		show_bytes("result", &job->result);
}
