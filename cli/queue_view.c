/* SPDX-License-Identifier: MIT */

#include "cli/queue_view.h"

#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/stores.h"
#include "cli/text.h"

static void write_config_of(const Helio__Store__V1__QueueConfig *config)
{
	stores_show_ms("lease", config->lease_ms);
	stores_show_limit("attempts", config->attempts_max);
	stores_show_ms("backoff", config->backoff_ms);
	stores_show_ms("backoff max", config->backoff_max_ms);
	stores_show_ms("kept", config->keep_ms);
	stores_show_ms("kept, dead", config->keep_dead_ms);
	stores_show_limit("jobs max", config->jobs_max);
	stores_show_limit("of one submitter", config->submitter_jobs_max);
	stores_show_limit("bytes max", config->bytes_max);
	stores_show_text("paused", config->is_paused ? "yes" : NULL);
}

static void write_text_of(const Helio__Store__V1__Queue *queue)
{
	text_write_escaped(stdout, queue->name, strlen(queue->name));
	fputc('\n', stdout);
	stores_show_number("waiting", queue->waiting);
	stores_show_number("delayed", queue->delayed);
	stores_show_number("leased", queue->leased);
	stores_show_number("done", queue->done);
	stores_show_number("dead", queue->dead);
	stores_show_number("cancelled", queue->cancelled);
	stores_show_number("bytes", queue->bytes);
	stores_show_time("oldest", queue->oldest_unix_ms);
	stores_show_number("workers waiting", queue->workers_waiting);
	stores_show_number("submitted", queue->submitted);
	stores_show_number("completed", queue->completed);
	stores_show_number("failed", queue->failed);
	stores_show_number("lapsed", queue->lapsed);
	stores_show_text("owner", queue->owner);
	if (queue->config)
		write_config_of(queue->config);
}

static void json_config(struct json *json,
			const Helio__Store__V1__QueueConfig *config)
{
	json_key(json, "config");
	json_open(json, '{');
	stores_json_limit(json, "lease_ms", config->lease_ms);
	stores_json_limit(json, "attempts_max", config->attempts_max);
	stores_json_limit(json, "backoff_ms", config->backoff_ms);
	stores_json_limit(json, "backoff_max_ms", config->backoff_max_ms);
	stores_json_limit(json, "keep_ms", config->keep_ms);
	stores_json_limit(json, "keep_dead_ms", config->keep_dead_ms);
	stores_json_limit(json, "jobs_max", config->jobs_max);
	stores_json_limit(json, "submitter_jobs_max",
			  config->submitter_jobs_max);
	stores_json_limit(json, "bytes_max", config->bytes_max);
	json_key(json, "is_paused");
	json_bool(json, config->is_paused);
	json_close(json, '}');
}

static void json_counts(struct json *json, const Helio__Store__V1__Queue *queue)
{
	stores_json_number(json, "waiting", queue->waiting);
	stores_json_number(json, "delayed", queue->delayed);
	stores_json_number(json, "leased", queue->leased);
	stores_json_number(json, "done", queue->done);
	stores_json_number(json, "dead", queue->dead);
	stores_json_number(json, "cancelled", queue->cancelled);
	stores_json_number(json, "bytes", queue->bytes);
	stores_json_number(json, "oldest_unix_ms", queue->oldest_unix_ms);
	stores_json_number(json, "workers_waiting", queue->workers_waiting);
	stores_json_number(json, "submitted", queue->submitted);
	stores_json_number(json, "completed", queue->completed);
	stores_json_number(json, "failed", queue->failed);
	stores_json_number(json, "lapsed", queue->lapsed);
}

static void write_json_of(const Helio__Store__V1__Queue *queue)
{
	struct json json = { .out = stdout };

	json_open(&json, '{');
	stores_json_text(&json, "name", queue->name);
	json_counts(&json, queue);
	stores_json_number(&json, "created_revision", queue->created_revision);
	stores_json_text(&json, "owner", queue->owner);
	stores_json_text(&json, "owner_durable_id", queue->owner_durable_id);
	if (queue->config)
		json_config(&json, queue->config);
	json_close(&json, '}');
	fputc('\n', stdout);
}

void queue_view(const Helio__Store__V1__Queue *queue, int format)
{
	if (format == FORMAT_JSON)
		write_json_of(queue);
	else
		write_text_of(queue);
}
