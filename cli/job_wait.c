/* SPDX-License-Identifier: MIT */

/* helio job wait: until a job has ended, and what came of it. */

#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/exit.h"
#include "cli/job.h"
#include "cli/job_view.h"
#include "cli/loop.h"
#include "cli/output.h"
#include "cli/text.h"
#include "rpc/heliograph-store.h"

struct waiter {
	const struct job_settings *settings;
	struct loop loop;
};

DEFINE_CLEANUP(struct helio_job_await *, helio_job_await_free);

static void write_json(const struct helio_job *job)
{
	Helio__Store__V1__Job message = HELIO__STORE__V1__JOB__INIT;

	message.queue = stores_text(job->queue);
	message.id = job->id;
	message.state = (Helio__Store__V1__JobState)job->state;
	message.attempts = job->attempts;
	message.key = stores_text(job->key);
	message.order_key = stores_text(job->order_key);
	message.content_type = stores_text(job->content_type);
	message.priority = job->priority;
	message.submitter = stores_text(job->submitter);
	message.submitter_durable_id = stores_text(job->submitter_durable_id);
	message.submitted_unix_ms = job->submitted_unix_ms;
	message.worker = stores_text(job->worker);
	message.token = job->token;
	message.progress_permille = job->progress_permille;
	message.progress = stores_text(job->progress);
	message.error = stores_text(job->error);
	message.has_result = job->state == HELIO_JOB_DONE;
	message.result.len = job->n_result;
	message.result.data = (uint8_t *)stores_text(job->result);
	message.ended_unix_ms = job->ended_unix_ms;
	job_view_json(&message, stdout);
}

static void write_result(const struct waiter *waiter,
			 const struct helio_job *job)
{
	if (waiter->settings->common.format == FORMAT_JSON) {
		write_json(job);
		return;
	}
	if (waiter->settings->is_raw || !isatty(STDOUT_FILENO)) {
		if (job->n_result)
			fwrite(job->result, 1, job->n_result, stdout);
		return;
	}
	text_write_escaped(stdout, job->result, job->n_result);
	fputc('\n', stdout);
}

static int code_of(const struct waiter *waiter, const struct helio_job *job)
{
	const struct job_settings *settings = waiter->settings;

	if (job->state == HELIO_JOB_DONE)
		return EXIT_OK;
	talk("%s/%s: %s%s%s", settings->queue, job_name(settings),
	     job_view_state((Helio__Store__V1__JobState)job->state),
	     *job->error ? ": " : "", job->error);
	return EXIT_NEGATIVE;
}

static void on_ended(struct helio_job_await *await, unsigned status,
		     const char *reason, const struct helio_job *job,
		     void *userdata)
{
	struct waiter *waiter = userdata;
	const struct job_settings *settings = waiter->settings;

	if (!job) {
		loop_end(&waiter->loop,
			 stores_complain(settings->queue, job_name(settings),
					 (int)status, reason));
		return;
	}
	write_result(waiter, job);
	loop_end(&waiter->loop, code_of(waiter, job));
}

static int wait_for_end(struct waiter *waiter, struct helio *bus, uint64_t id)
{
	_cleanup_(helio_job_await_freep) struct helio_job_await *await = NULL;
	const struct job_settings *settings = waiter->settings;
	int r = loop_init(&waiter->loop, bus, EXIT_INTERRUPTED);

	if (r == 0)
		r = helio_job_await(bus, settings->queue, id, settings->key,
				    settings->is_waiting, on_ended, waiter,
				    &await);
	if (r < 0)
		return stores_complain(settings->queue, job_name(settings), r,
				       NULL);
	loop_end_after(&waiter->loop, settings->common.timeout_ms);
	r = loop_run(&waiter->loop);
	if (r != LOOP_LATE)
		return r;
	talk("%s/%s: it has not ended yet", settings->queue,
	     job_name(settings));
	return EXIT_UNAVAILABLE;
}

static int run(const void *settings)
{
	_cleanup_(session_close) struct session session = { 0 };
	struct waiter waiter = { .settings = settings };
	uint64_t id;
	int r = job_which(settings, &id);

	if (r == EXIT_OK)
		r = session_open(&session, &waiter.settings->common, true);
	if (r == EXIT_OK)
		r = wait_for_end(&waiter, session.bus, id);
	loop_deinit(&waiter.loop);
	return r;
}

static const struct option options[] = {
	JOB_ROW_KEY,
	{ 0, "raw", OPTION_FLAG, offsetof(struct job_settings, is_raw), NULL,
	  "the result as it is, even on a terminal" },
	{ 'w', "wait", OPTION_FLAG, offsetof(struct job_settings, is_waiting),
	  NULL, "for the store, too, if it is not there yet" },
	OPTION_ROW_TIMEOUT("give up after this time (never)"),
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

static const struct job_settings defaults = { 0 };

const struct command command_job_wait = {
	.name = "job wait",
	.summary = "wait until a job has ended, and write its result",
	.description =
		"The bytes of the result are written as they are; on a "
		"terminal, what could drive it is escaped. When the connection "
		"or the store is lost it waits on. The exit status is 1 when "
		"the job is dead or cancelled, which standard error tells.",
	.options = options,
	.arguments = job_id_or_key_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct job_settings),
	.run = run,
};
