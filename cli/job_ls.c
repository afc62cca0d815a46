/* SPDX-License-Identifier: MIT */

/* helio job ls and show: how jobs stand. */

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/exit.h"
#include "cli/job.h"
#include "cli/job_view.h"
#include "cli/table.h"

static const struct column columns[] = {
	{ "ID", "id", CELL_NUMBER },
	{ "STATE", "state", CELL_TEXT },
	{ "ATTEMPTS", "attempts", CELL_NUMBER },
	{ "SUBMITTED", "submitted_unix_ms", CELL_TIME },
	{ "SUBMITTER", "submitter", CELL_TEXT },
	{ "WORKER", "worker", CELL_TEXT },
	{ "KEY", "key", CELL_TEXT },
	{ "ORDER", "order_key", CELL_TEXT },
	{ "ERROR", "error", CELL_TEXT },
};
#define N_COLUMNS (sizeof(columns) / sizeof(*columns))

static int add_job(struct table *table, const Helio__Store__V1__Job *job)
{
	const struct cell cells[N_COLUMNS] = {
		cell_number(job->id),
		cell_text(job_view_state(job->state)),
		cell_number(job->attempts),
		cell_number(job->submitted_unix_ms),
		cell_text(job->submitter),
		cell_text(job->worker),
		cell_text(job->key),
		cell_text(job->order_key),
		cell_text(job->error),
	};

	return table_add(table, cells);
}

static bool has_enough(const struct job_settings *job,
		       const struct table *table)
{
	return table->n_cells / N_COLUMNS >= job->limit;
}

/* *after is 0 behind the last page. */
static int list_page(struct stores *stores, const struct job_settings *job,
		     uint64_t *after, struct table *table)
{
	Helio__Store__V1__ListJobsRequest request =
		HELIO__STORE__V1__LIST_JOBS_REQUEST__INIT;
	const Helio__Store__V1__ListJobsReply *page = NULL;
	int r;

	request.queue = stores_text(job->queue);
	request.has_state = job->state != 0;
	request.state = (Helio__Store__V1__JobState)job->state;
	request.has_after = *after > 0;
	request.after = *after;
	request.has_is_brief = request.is_brief = true;
	r = STORES_CALL(stores, queues__list_jobs, &request, &page);
	if (r != EXIT_OK)
		return r;
	for (size_t i = 0; i < page->n_jobs && !has_enough(job, table); i++)
		if (add_job(table, page->jobs[i]) < 0)
			return stores_complain(job->queue, NULL, -ENOMEM, NULL);
	*after = page->next;
	return EXIT_OK;
}

static int run_ls(const void *settings)
{
	_cleanup_(stores_close) struct stores stores = { 0 };
	_cleanup_(table_deinit) struct table table;
	const struct job_settings *job = settings;
	uint64_t after = 0;
	int r;

	table_init(&table, columns, N_COLUMNS);
	r = job_open(&stores, job);
	do {
		if (r == EXIT_OK)
			r = list_page(&stores, job, &after, &table);
	} while (r == EXIT_OK && after > 0 && !has_enough(job, &table));
	if (r == EXIT_OK)
		table_write(&table, job->common.format);
	return r;
}

static int run_show(const void *settings)
{
	Helio__Store__V1__ShowJobRequest request =
		HELIO__STORE__V1__SHOW_JOB_REQUEST__INIT;
	_cleanup_(stores_close) struct stores stores = { 0 };
	const Helio__Store__V1__ShowJobReply *reply = NULL;
	const struct job_settings *job = settings;
	int r = job_which(job, &request.id);

	if (r == EXIT_OK)
		r = job_open(&stores, job);
	request.queue = stores_text(job->queue);
	request.has_id = !job->key;
	request.key = stores_text(job->key);
	if (r == EXIT_OK)
		r = STORES_CALL(&stores, queues__show_job, &request, &reply);
	if (r != EXIT_OK)
		return r;
	if (!reply->job)
		return stores_complain(job->queue, job_name(job),
				       HELIO_INTERNAL,
				       "the store's answer has no job");
	if (job->common.format == FORMAT_JSON)
		job_view_json(reply->job, stdout);
	else
		job_view_text(reply->job);
	return EXIT_OK;
}

static const struct option ls_options[] = {
	{ 's', "state", OPTION_CHOICE, offsetof(struct job_settings, state),
	  "any|waiting|leased|done|dead|cancelled", "only these" },
	{ 'n', "limit", OPTION_NUMBER, offsetof(struct job_settings, limit),
	  "N", "only the first N" },
	OPTION_ROWS_STORE,
};

static const struct option show_options[] = {
	JOB_ROW_KEY,
	OPTION_ROWS_STORE,
};

static const struct argument queue_arguments[] = {
	{ "QUEUE", OPTION_TEXT, offsetof(struct job_settings, queue), true,
	  NULL, "which" },
	ARGUMENT_END,
};

const struct command command_job_ls = {
	.name = "job ls",
	.summary = "list the jobs of a queue",
	.options = ls_options,
	.arguments = queue_arguments,
	.defaults = &job_defaults,
	.n_settings = sizeof(struct job_settings),
	.run = run_ls,
};

const struct command command_job_show = {
	.name = "job show",
	.summary = "show a job with its body and what came of it",
	.description = "Who may not work on the queue sees the jobs that he "
		       "submitted. A key is our own.",
	.options = show_options,
	.arguments = job_id_or_key_arguments,
	.defaults = &job_defaults,
	.n_settings = sizeof(struct job_settings),
	.run = run_show,
};
