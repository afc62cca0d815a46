/* SPDX-License-Identifier: MIT */

/* helio queue: which there are, and how they are set up. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/output.h"
#include "cli/queue_view.h"
#include "cli/stores.h"
#include "cli/table.h"

struct queue {
	struct common common;
	const char *name;
	uint64_t lease_ms; /* or STORES_UNSET, as the others */
	uint64_t attempts;
	uint64_t backoff_ms;
	uint64_t backoff_max_ms;
	uint64_t keep_ms;
	uint64_t keep_dead_ms;
	uint64_t jobs;
	uint64_t submitter_jobs;
	uint64_t bytes;
	bool is_paused;
	bool is_resumed;
};

static const struct column columns[] = {
	{ "QUEUE", "name", CELL_TEXT },
	{ "WAITING", "waiting", CELL_NUMBER },
	{ "DELAYED", "delayed", CELL_NUMBER },
	{ "LEASED", "leased", CELL_NUMBER },
	{ "DONE", "done", CELL_NUMBER },
	{ "DEAD", "dead", CELL_NUMBER },
	{ "CANCELLED", "cancelled", CELL_NUMBER },
	{ "BYTES", "bytes", CELL_BYTES },
	{ "WORKERS", "workers_waiting", CELL_NUMBER },
	{ "PAUSED", "paused", CELL_BOOL },
	{ "OWNER", "owner", CELL_TEXT },
};
#define N_COLUMNS (sizeof(columns) / sizeof(*columns))

static int add_queue(struct table *table, const Helio__Store__V1__Queue *queue)
{
	const struct cell cells[N_COLUMNS] = {
		cell_text(queue->name),
		cell_number(queue->waiting),
		cell_number(queue->delayed),
		cell_number(queue->leased),
		cell_number(queue->done),
		cell_number(queue->dead),
		cell_number(queue->cancelled),
		cell_number(queue->bytes),
		cell_number(queue->workers_waiting),
		cell_number(queue->config && queue->config->is_paused),
		cell_text(queue->owner),
	};

	return table_add(table, cells);
}

static int list_page(struct stores *stores, char **cursor, struct table *table)
{
	Helio__Store__V1__ListQueuesRequest request =
		HELIO__STORE__V1__LIST_QUEUES_REQUEST__INIT;
	const Helio__Store__V1__ListQueuesReply *page = NULL;
	int r;

	request.cursor = *cursor;
	r = STORES_CALL(stores, queues__list_queues, &request, &page);
	if (r != EXIT_OK)
		return r;
	for (size_t i = 0; i < page->n_queues; i++)
		if (add_queue(table, page->queues[i]) < 0)
			return session_complain("queue ls", -ENOMEM, NULL);
	free(*cursor);
	*cursor = page->next && *page->next ? strdup(page->next) : NULL;
	return EXIT_OK;
}

static int open_queues(struct stores *stores, const struct queue *queue,
		       const char *thing)
{
	return stores_open(stores, &queue->common,
			   &helio__store__v1__queues__type, thing, NULL);
}

static int run_ls(const void *settings)
{
	_cleanup_(stores_close) struct stores stores = { 0 };
	_cleanup_(table_deinit) struct table table;
	_cleanup_(freep) char *cursor = NULL;
	const struct queue *queue = settings;
	int r;

	table_init(&table, columns, N_COLUMNS);
	r = open_queues(&stores, queue, "queue ls");
	do {
		if (r == EXIT_OK)
			r = list_page(&stores, &cursor, &table);
	} while (r == EXIT_OK && cursor);
	if (r == EXIT_OK)
		table_write(&table, queue->common.format);
	return r;
}

/* ---- one of them ---- */

static int show(const struct queue *settings,
		const Helio__Store__V1__Queue *queue)
{
	if (!queue || !queue->name) {
		talk("%s: the store's answer has no queue", settings->name);
		return EXIT_INTERNAL;
	}
	queue_view(queue, settings->common.format);
	return EXIT_OK;
}

static int run_show(const void *settings)
{
	Helio__Store__V1__ShowQueueRequest request =
		HELIO__STORE__V1__SHOW_QUEUE_REQUEST__INIT;
	const Helio__Store__V1__ShowQueueReply *reply = NULL;
	_cleanup_(stores_close) struct stores stores = { 0 };
	const struct queue *queue = settings;
	int r = open_queues(&stores, queue, queue->name);

	request.name = stores_text(queue->name);
	if (r == EXIT_OK)
		r = STORES_CALL(&stores, queues__show, &request, &reply);
	if (r != EXIT_OK)
		return r;
	return show(queue, reply->queue);
}

/* ---- setting up ---- */

static void fill_times(const struct queue *queue,
		       Helio__Store__V1__QueueConfig *config)
{
	config->has_lease_ms = queue->lease_ms != STORES_UNSET;
	config->lease_ms = queue->lease_ms;
	config->has_backoff_ms = queue->backoff_ms != STORES_UNSET;
	config->backoff_ms = queue->backoff_ms;
	config->has_backoff_max_ms = queue->backoff_max_ms != STORES_UNSET;
	config->backoff_max_ms = queue->backoff_max_ms;
	config->has_keep_ms = queue->keep_ms != STORES_UNSET;
	config->keep_ms = queue->keep_ms;
	config->has_keep_dead_ms = queue->keep_dead_ms != STORES_UNSET;
	config->keep_dead_ms = queue->keep_dead_ms;
}

static int fill_config(const struct queue *queue,
		       Helio__Store__V1__QueueConfig *config)
{
	if (queue->is_paused && queue->is_resumed) {
		talk("%s: --paused or --resumed, not both", queue->name);
		return EXIT_USAGE;
	}
	fill_times(queue, config);
	config->has_attempts_max = queue->attempts != STORES_UNSET;
	config->attempts_max = queue->attempts > UINT32_MAX
				       ? UINT32_MAX
				       : (uint32_t)queue->attempts;
	config->has_jobs_max = queue->jobs != STORES_UNSET;
	config->jobs_max = queue->jobs;
	config->has_submitter_jobs_max = queue->submitter_jobs != STORES_UNSET;
	config->submitter_jobs_max = queue->submitter_jobs;
	config->has_bytes_max = queue->bytes != STORES_UNSET;
	config->bytes_max = queue->bytes;
	config->has_is_paused = queue->is_paused || queue->is_resumed;
	config->is_paused = queue->is_paused;
	return EXIT_OK;
}

/* How it is set up now; for people, no news is good news. */
static int tell(const struct queue *settings,
		const Helio__Store__V1__Queue *queue)
{
	return settings->common.format == FORMAT_JSON ? show(settings, queue)
						      : EXIT_OK;
}

static int run_create(const void *settings)
{
	Helio__Store__V1__CreateQueueRequest request =
		HELIO__STORE__V1__CREATE_QUEUE_REQUEST__INIT;
	Helio__Store__V1__QueueConfig config =
		HELIO__STORE__V1__QUEUE_CONFIG__INIT;
	const Helio__Store__V1__CreateQueueReply *reply = NULL;
	_cleanup_(stores_close) struct stores stores = { 0 };
	const struct queue *queue = settings;
	int r = fill_config(queue, &config);

	if (r == EXIT_OK)
		r = open_queues(&stores, queue, queue->name);
	request.name = stores_text(queue->name);
	request.config = &config;
	if (r == EXIT_OK)
		r = STORES_CALL(&stores, queues__create, &request, &reply);
	if (r != EXIT_OK)
		return r;
	if (reply->was_there)
		talk("%s: it was there already", queue->name);
	return tell(queue, reply->queue);
}

static int run_change(const void *settings)
{
	Helio__Store__V1__ChangeQueueRequest request =
		HELIO__STORE__V1__CHANGE_QUEUE_REQUEST__INIT;
	Helio__Store__V1__QueueConfig config =
		HELIO__STORE__V1__QUEUE_CONFIG__INIT;
	const Helio__Store__V1__ChangeQueueReply *reply = NULL;
	_cleanup_(stores_close) struct stores stores = { 0 };
	const struct queue *queue = settings;
	int r = fill_config(queue, &config);

	if (r == EXIT_OK)
		r = open_queues(&stores, queue, queue->name);
	request.name = stores_text(queue->name);
	request.config = &config;
	if (r == EXIT_OK)
		r = STORES_CALL(&stores, queues__change, &request, &reply);
	if (r != EXIT_OK)
		return r;
	return tell(queue, reply->queue);
}

static int run_drop(const void *settings)
{
	Helio__Store__V1__DropQueueRequest request =
		HELIO__STORE__V1__DROP_QUEUE_REQUEST__INIT;
	const Helio__Store__V1__DropQueueReply *reply = NULL;
	_cleanup_(stores_close) struct stores stores = { 0 };
	const struct queue *queue = settings;
	int r = open_queues(&stores, queue, queue->name);

	if (r != EXIT_OK)
		return r;
	request.name = stores_text(queue->name);
	return STORES_CALL(&stores, queues__drop, &request, &reply);
}

/* ---- tables ---- */

static const struct queue defaults = {
	.common.timeout_ms = TIMEOUT_DEFAULT_MS,
	.lease_ms = STORES_UNSET,
	.attempts = STORES_UNSET,
	.backoff_ms = STORES_UNSET,
	.backoff_max_ms = STORES_UNSET,
	.keep_ms = STORES_UNSET,
	.keep_dead_ms = STORES_UNSET,
	.jobs = STORES_UNSET,
	.submitter_jobs = STORES_UNSET,
	.bytes = STORES_UNSET,
};

static const struct option options[] = { OPTION_ROWS_STORE };

static const struct option config_options[] = {
	{ 0, "lease", OPTION_SPAN, offsetof(struct queue, lease_ms), "TIME",
	  "how long a worker has a job, unless it says or renews (30s)" },
	{ 0, "attempts", OPTION_NUMBER, offsetof(struct queue, attempts), "N",
	  "how often a job is tried before it is dead (5)" },
	{ 0, "backoff", OPTION_SPAN, offsetof(struct queue, backoff_ms), "TIME",
	  "the wait after the first failure, doubled each time (1s)" },
	{ 0, "backoff-max", OPTION_SPAN, offsetof(struct queue, backoff_max_ms),
	  "TIME", "the longest of them (5min)" },
	{ 0, "keep", OPTION_SPAN, offsetof(struct queue, keep_ms), "TIME",
	  "how long a job that has ended is known (1h)" },
	{ 0, "keep-dead", OPTION_SPAN, offsetof(struct queue, keep_dead_ms),
	  "TIME", "how long a dead one is (7d)" },
	{ 0, "jobs", OPTION_NUMBER, offsetof(struct queue, jobs), "N",
	  "jobs that have not ended (2000000)" },
	{ 0, "submitter-jobs", OPTION_NUMBER,
	  offsetof(struct queue, submitter_jobs), "N",
	  "the same of one submitter (1000000)" },
	{ 0, "bytes", OPTION_BYTES, offsetof(struct queue, bytes), "BYTES",
	  "of all jobs (512M)" },
	{ 0, "paused", OPTION_FLAG, offsetof(struct queue, is_paused), NULL,
	  "no job is given to a worker" },
	{ 0, "resumed", OPTION_FLAG, offsetof(struct queue, is_resumed), NULL,
	  "they are given again" },
	OPTION_ROWS_STORE,
};

static const struct argument name_arguments[] = {
	{ "QUEUE", OPTION_TEXT, offsetof(struct queue, name), true, NULL,
	  "its name: letters, digits, `-` and `_`, with dots between" },
	ARGUMENT_END,
};

const struct command command_queue_ls = {
	.name = "queue ls",
	.summary = "list the queues that we may submit to or work on",
	.options = options,
	.defaults = &defaults,
	.n_settings = sizeof(struct queue),
	.run = run_ls,
};

const struct command command_queue_create = {
	.name = "queue create",
	.summary = "make a queue of jobs",
	.description = "That it is there already, set up in the same way, is "
		       "fine.",
	.options = config_options,
	.arguments = name_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct queue),
	.run = run_create,
};

const struct command command_queue_show = {
	.name = "queue show",
	.summary = "show how a queue is set up, and how it stands",
	.options = options,
	.arguments = name_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct queue),
	.run = run_show,
};

const struct command command_queue_change = {
	.name = "queue change",
	.summary = "set up a queue anew",
	.description = "What is not given stays as it is.",
	.options = config_options,
	.arguments = name_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct queue),
	.run = run_change,
};

const struct command command_queue_drop = {
	.name = "queue drop",
	.summary = "delete a queue with all its jobs",
	.options = options,
	.arguments = name_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct queue),
	.run = run_drop,
};
