/* SPDX-License-Identifier: MIT */

#include "cli/jobs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/child.h"
#include "cli/environment.h"
#include "cli/session.h"

enum { REASON_BYTES = 128 };

struct job {
	struct list link; /* in jobs.waiting or .running */
	struct jobs *jobs;
	struct helio_request *request; /* ours until its end is told */
	struct child *child;           /* NULL while it waits */
	struct environment environment;
	char *body; /* owned until the child has it */
	size_t n_body;
	bool is_cancelled;
};

static struct job *job_free(struct job *job)
{
	if (!job)
		return NULL;
	list_unlink(&job->link);
	environment_deinit(&job->environment);
	free(job->body);
	free(job);
	return NULL;
}

DEFINE_CLEANUP(struct job *, job_free);

void jobs_init(struct jobs *jobs)
{
	list_init(&jobs->waiting);
	list_init(&jobs->running);
}

static void refuse(struct jobs *jobs, struct helio_request *request,
		   unsigned status, const char *reason)
{
	const struct job_end end = { .status = status, .reason = reason };

	jobs->on_end(request, &end, jobs->userdata);
}

/* What a command's end says when it is no answer. */
static unsigned status_of(const struct job *job,
			  const struct child_result *result,
			  char reason[REASON_BYTES])
{
	if (job->is_cancelled) {
		snprintf(reason, REASON_BYTES, "cancelled");
		return HELIO_CANCELLED;
	}
	if (result->is_late) {
		snprintf(reason, REASON_BYTES, "the command took too long");
		return HELIO_DEADLINE_EXCEEDED;
	}
	if (result->is_too_long) {
		snprintf(reason, REASON_BYTES, "the answer is too long");
		return HELIO_RESOURCE_EXHAUSTED;
	}
	if (result->signal) {
		snprintf(reason, REASON_BYTES, "the command was ended by %s",
			 strsignal(result->signal));
		return HELIO_ABORTED;
	}
	snprintf(reason, REASON_BYTES, "the command ended with %d",
		 result->exit_status);
	return result->exit_status ? HELIO_UNKNOWN : HELIO_OK;
}

static void start_waiting(struct jobs *jobs);

static void on_done(const struct child_result *result, void *userdata)
{
	struct job *job = userdata;
	struct jobs *jobs = job->jobs;
	char reason[REASON_BYTES];
	const struct job_end end = {
		.status = status_of(job, result, reason),
		.reason = reason,
		.output = result->output,
		.n_output = result->n_output,
	};

	jobs->on_end(job->request, &end, jobs->userdata);
	job_free(job);
	jobs->n_running--;
	start_waiting(jobs);
}

static int job_start(struct job *job)
{
	const struct child_start start = {
		.command = job->jobs->command,
		.environment = job->environment.at,
		.body = take_ptr(job->body),
		.n_body = job->n_body,
		/* 0 would be for ever. */
		.timeout_ms = helio_request_time_left_ms(job->request) ?: 1,
		.on_done = on_done,
		.userdata = job,
	};

	return child_start(job->jobs->uv, &start, &job->child);
}

static void start_waiting(struct jobs *jobs)
{
	struct list *link;

	while (jobs->n_running < jobs->n_max &&
	       (link = list_pop_front(&jobs->waiting))) {
		struct job *job = container_of(link, struct job, link);
		int r = job_start(job);

		if (r < 0) {
			session_complain(jobs->command, r, NULL);
			refuse(jobs, job->request, HELIO_UNAVAILABLE,
			       "the command could not be started");
			job_free(job);
			continue;
		}
		list_push_back(&jobs->running, &job->link);
		jobs->n_running++;
	}
}

static int job_new(struct jobs *jobs, struct helio_request *request,
		   const struct helio_message *message, struct job **ret_job)
{
	_cleanup_(job_freep) struct job *job = calloc(1, sizeof(*job));
	int r;

	if (!job)
		return -ENOMEM;
	list_init(&job->link);
	job->jobs = jobs;
	job->request = request;
	job->n_body = message->n_body;
	job->body = malloc(message->n_body + 1);
	if (!job->body)
		return -ENOMEM;
	if (message->n_body > 0)
		memcpy(job->body, message->body, message->n_body);
	r = environment_init(&job->environment, message);
	if (r < 0)
		return r;
	*ret_job = take_ptr(job);
	return 0;
}

void jobs_add(struct jobs *jobs, struct helio_request *request,
	      const struct helio_message *message)
{
	struct job *job;

	if (job_new(jobs, request, message, &job) < 0) {
		refuse(jobs, request, HELIO_RESOURCE_EXHAUSTED,
		       "no memory for the command");
		return;
	}
	helio_request_set_userdata(request, job);
	list_push_back(&jobs->waiting, &job->link);
	start_waiting(jobs);
}

void jobs_on_cancelled(struct helio_request *request, void *userdata)
{
	struct job *job = userdata;

	if (!job)
		return;
	job->is_cancelled = true;
	if (job->child) {
		child_end(job->child);
		return;
	}
	refuse(job->jobs, request, HELIO_CANCELLED, "cancelled");
	job_free(job);
}

static void abandon(struct list *list)
{
	struct list *link;

	while ((link = list_pop_front(list))) {
		struct job *job = container_of(link, struct job, link);

		if (job->child)
			child_free(job->child);
		job_free(job);
	}
}

void jobs_abandon(struct jobs *jobs)
{
	abandon(&jobs->waiting);
	abandon(&jobs->running);
	jobs->n_running = 0;
}
