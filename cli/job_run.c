/* SPDX-License-Identifier: MIT */

#include "cli/job_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/child.h"
#include "cli/environment.h"
#include "cli/output.h"

/* The store's, with its end. */
enum { ERROR_BYTES = 1024, AGAIN_MS = 1000 };

struct run {
	struct list link; /* in job_runs.running */
	struct job_runs *runs;
	struct helio_work *work; /* NULL: it is lost, or settled */
	struct child *child;     /* NULL: it has ended */
	struct environment environment;
	struct helio_timer *timer; /* to say it once more */
	uint64_t id;
	char error[ERROR_BYTES];
};

void job_runs_init(struct job_runs *runs)
{
	list_init(&runs->running);
}

static void run_free(struct run *run)
{
	list_unlink(&run->link);
	helio_timer_cancel(run->timer);
	environment_deinit(&run->environment);
	free(run);
}

static void free_if_over(struct run *run)
{
	if (!run->work && !run->child)
		run_free(run);
}

void job_runs_deinit(struct job_runs *runs)
{
	struct list *link;

	while ((link = list_pop_front(&runs->running))) {
		struct run *run = container_of(link, struct run, link);

		if (run->child)
			child_free(run->child);
		run_free(run);
	}
}

void job_runs_stop(struct job_runs *runs)
{
	struct list *link;

	runs->is_giving_back = true;
	list_for_each (link, &runs->running) {
		struct run *run = container_of(link, struct run, link);

		if (run->child)
			child_end(run->child);
	}
}

/* ---- what came of it ---- */

static void fail(struct run *run, bool is_final);

static void on_again(struct helio *bus, void *userdata)
{
	struct run *run = userdata;

	run->timer = NULL;
	fail(run, false);
}

static void fail_later(struct run *run)
{
	if (!run->timer)
		(void)helio_timer_start(run->runs->bus, AGAIN_MS, on_again, run,
					&run->timer);
}

static void fail(struct run *run, bool is_final)
{
	const struct helio_work_failure failure = {
		.error = run->error,
		.is_final = is_final,
		.is_given_back = run->runs->is_giving_back && !is_final,
	};

	if (run->work && helio_work_fail(run->work, &failure) < 0)
		fail_later(run);
}

static void complete(struct run *run, const struct child_result *result)
{
	int r;

	if (result->is_too_long || result->n_output > JOB_RUN_RESULT_MAX) {
		snprintf(run->error, sizeof(run->error),
			 "the result is longer than %d bytes",
			 JOB_RUN_RESULT_MAX);
		fail(run, false);
		return;
	}
	r = helio_work_complete(run->work, result->output, result->n_output,
				NULL);
	if (r == 0)
		return;
	snprintf(run->error, sizeof(run->error), "%s", strerror(-r));
	fail(run, false);
}

/* The last of what it said on standard error that is text. */
static void set_error(struct run *run, const struct child_result *result)
{
	size_t n = result->n_errors;
	size_t n_kept;

	while (n > 0 && strchr("\r\n", result->errors[n - 1]))
		n--;
	n_kept = n < sizeof(run->error) - 1 ? n : sizeof(run->error) - 1;
	/* Not in the middle of a character. */
	while (n_kept > 0 &&
	       ((unsigned char)result->errors[n - n_kept] & 0xc0) == 0x80)
		n_kept--;
	memcpy(run->error, result->errors + n - n_kept, n_kept);
	run->error[n_kept] = '\0';
	if (n_kept > 0)
		return;
	if (result->signal)
		snprintf(run->error, sizeof(run->error),
			 "the command was ended by %s",
			 strsignal(result->signal));
	else
		snprintf(run->error, sizeof(run->error),
			 "the command ended with %d", result->exit_status);
}

static void on_done(const struct child_result *result, void *userdata)
{
	struct run *run = userdata;

	run->child = NULL;
	if (run->work && result->exit_status == 0 && !result->signal) {
		complete(run, result);
		return;
	}
	if (run->work) {
		set_error(run, result);
		fail(run,
		     !result->signal && result->exit_status == JOB_RUN_FINAL);
		return;
	}
	free_if_over(run);
}

void job_runs_settled(struct helio_work *work, unsigned status,
		      const char *reason)
{
	struct run *run = helio_work_userdata(work);

	if (status != HELIO_OK) {
		talk("%s/%" PRIu64 ": %s: %s", run->runs->queue, run->id,
		     helio_status_name(status), reason);
		if (!*run->error)
			snprintf(run->error, sizeof(run->error), "%s", reason);
		fail_later(run);
		return;
	}
	run->work = NULL;
	free_if_over(run);
}

void job_runs_lost(struct helio_work *work, const char *reason)
{
	struct run *run = helio_work_userdata(work);

	talk("%s/%" PRIu64 ": the lease is lost: %s", run->runs->queue, run->id,
	     reason);
	run->work = NULL;
	if (run->child)
		child_end(run->child);
	free_if_over(run);
}

/* ---- beginning ---- */

static int start(struct run *run, const struct helio_job *job)
{
	struct child_start child = {
		.command = run->runs->command,
		.body = malloc(job->n_body + 1),
		.n_body = job->n_body,
		.wants_errors = true,
		.on_done = on_done,
		.userdata = run,
	};
	int r;

	if (!child.body)
		return -ENOMEM;
	if (job->n_body)
		memcpy(child.body, job->body, job->n_body);
	r = environment_init_job(&run->environment, job);
	if (r < 0) {
		free(child.body);
		return r;
	}
	child.environment = run->environment.at;
	return child_start(run->runs->uv, &child, &run->child);
}

void job_runs_start(struct job_runs *runs, struct helio_work *work,
		    const struct helio_job *job)
{
	const struct helio_work_failure failure = { .is_given_back = true };
	struct run *run = calloc(1, sizeof(*run));
	int r;

	if (!run) {
		(void)helio_work_fail(work, &failure);
		return;
	}
	run->runs = runs;
	run->work = work;
	run->id = job->id;
	list_push_back(&runs->running, &run->link);
	helio_work_set_userdata(work, run);
	r = start(run, job);
	if (r == 0)
		return;
	run->child = NULL;
	snprintf(run->error, sizeof(run->error),
		 "the command could not be started: %s", strerror(-r));
	fail(run, false);
}
