/* SPDX-License-Identifier: MIT */

/* helio reply: serve a subject with a fixed answer, an echo, or a command. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "cli/child.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/exit.h"
#include "cli/input.h"
#include "cli/loop.h"
#include "cli/output.h"
#include "cli/session.h"

/* Requests that the switch may hand us at once; those beyond --jobs wait. */
enum { CALLS_MAX = 256, JOBS_DEFAULT = 4, REASON_BYTES = 128 };

struct reply {
	struct common common;
	const char *subject;
	const char *body;
	const char *command;
	bool is_echo;
	uint64_t count; /* 0: no end */
	uint64_t n_jobs;
};

struct responder {
	const struct reply *reply;
	struct loop *loop;
	struct input input;  /* the answer, if it is none of the others */
	struct list waiting; /* jobs without a child yet */
	struct list running;
	uint64_t n_running;
	uint64_t n_answered;
};

/** One request that a command answers. */
struct job {
	struct list link; /* in responder.waiting or .running */
	struct responder *responder;
	struct helio_request *request; /* ours until it is answered */
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

static void count_answer(struct responder *responder)
{
	responder->n_answered++;
	if (responder->n_answered == responder->reply->count)
		loop_end(responder->loop, EXIT_OK);
}

static void answer(struct responder *responder, struct helio_request *request,
		   const void *body, size_t n)
{
	int r = helio_respond(request, body, n);

	if (r < 0)
		session_complain("the answer", r, NULL);
	count_answer(responder);
}

static void refuse(struct responder *responder, struct helio_request *request,
		   unsigned status, const char *reason)
{
	int r = helio_fail(request, status, reason);

	if (r < 0)
		session_complain("the answer", r, NULL);
	count_answer(responder);
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

static void start_waiting(struct responder *responder);

static void on_done(const struct child_result *result, void *userdata)
{
	struct job *job = userdata;
	struct responder *responder = job->responder;
	char reason[REASON_BYTES];
	unsigned status = status_of(job, result, reason);

	if (status == HELIO_OK)
		answer(responder, job->request, result->output,
		       result->n_output);
	else
		refuse(responder, job->request, status, reason);
	job_free(job);
	responder->n_running--;
	start_waiting(responder);
}

static int job_start(struct job *job)
{
	struct responder *responder = job->responder;
	struct child_start start = {
		.command = responder->reply->command,
		.environment = job->environment.at,
		.body = take_ptr(job->body),
		.n_body = job->n_body,
		.timeout_ms = helio_request_time_left_ms(job->request),
		.on_done = on_done,
		.userdata = job,
	};

	return child_start(&responder->loop->uv, &start, &job->child);
}

static void start_waiting(struct responder *responder)
{
	struct list *link;

	while (responder->n_running < responder->reply->n_jobs &&
	       (link = list_pop_front(&responder->waiting))) {
		struct job *job = container_of(link, struct job, link);
		int r = job_start(job);

		if (r < 0) {
			session_complain(responder->reply->command, r, NULL);
			refuse(responder, job->request, HELIO_UNAVAILABLE,
			       "the command could not be started");
			job_free(job);
			continue;
		}
		list_push_back(&responder->running, &job->link);
		responder->n_running++;
	}
}

static int job_new(struct responder *responder, struct helio_request *request,
		   const struct helio_message *message, struct job **ret_job)
{
	_cleanup_(job_freep) struct job *job = calloc(1, sizeof(*job));
	int r;

	if (!job)
		return -ENOMEM;
	job->link = LIST_INIT(job->link);
	job->responder = responder;
	job->request = request;
	job->n_body = message->n_body;
	job->body = malloc(message->n_body + 1);
	if (!job->body)
		return -ENOMEM;
	memcpy(job->body, message->body, message->n_body);
	r = environment_init(&job->environment, message);
	if (r < 0)
		return r;
	*ret_job = take_ptr(job);
	return 0;
}

static void on_cancelled(struct helio_request *request, void *userdata)
{
	struct job *job = userdata;

	if (!job)
		return;
	job->is_cancelled = true;
	if (job->child) {
		child_end(job->child);
		return;
	}
	refuse(job->responder, request, HELIO_CANCELLED, "cancelled");
	job_free(job);
}

static void run_command(struct responder *responder,
			struct helio_request *request,
			const struct helio_message *message)
{
	struct job *job;

	if (job_new(responder, request, message, &job) < 0) {
		refuse(responder, request, HELIO_RESOURCE_EXHAUSTED,
		       "no memory for the command");
		return;
	}
	helio_request_set_userdata(request, job);
	list_push_back(&responder->waiting, &job->link);
	start_waiting(responder);
}

static void on_request(struct helio_service *service,
		       struct helio_request *request,
		       const struct helio_message *message, void *userdata)
{
	struct responder *responder = userdata;
	const struct reply *reply = responder->reply;

	if (reply->command)
		run_command(responder, request, message);
	else if (reply->is_echo)
		answer(responder, request, message->body, message->n_body);
	else if (reply->body)
		answer(responder, request, reply->body, strlen(reply->body));
	else
		answer(responder, request, responder->input.bytes,
		       responder->input.n);
}

static void on_ready(struct helio *bus, unsigned status, const char *reason,
		     void *userdata)
{
	struct responder *responder = userdata;

	if (status == HELIO_OK)
		talk("serving %s", responder->reply->subject);
	else
		loop_end(responder->loop,
			 session_complain("serve", (int)status, reason));
}

static void abandon(struct list *jobs)
{
	struct list *link;

	while ((link = list_pop_front(jobs))) {
		struct job *job = container_of(link, struct job, link);

		if (job->child)
			child_free(job->child);
		job_free(job);
	}
}

static int serve(struct responder *responder, struct session *session)
{
	const struct reply *reply = responder->reply;
	struct helio_serve_options options = {
		.credit_calls = CALLS_MAX,
		.on_cancelled = on_cancelled,
		.on_ready = on_ready,
	};
	struct helio_service *service;
	int r;

	r = helio_serve(session->bus, reply->subject, &options, on_request,
			responder, &service);
	if (r < 0)
		return session_complain(reply->subject, r,
					r == -EINVAL ? "not a subject" : NULL);
	loop_end_after(responder->loop, reply->common.timeout_ms);
	r = loop_run(responder->loop);
	abandon(&responder->waiting);
	abandon(&responder->running);
	/* The last answers are still on their way. */
	if (r == EXIT_OK)
		helio_flush_wait(session->bus, TIMEOUT_DEFAULT_MS);
	return r == LOOP_LATE ? EXIT_UNAVAILABLE : r;
}

static int connect_and_serve(struct responder *responder)
{
	const struct reply *reply = responder->reply;
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(loop_deinit) struct loop loop = { 0 };
	int r;

	r = session_open(&session, &reply->common, true);
	if (r != EXIT_OK)
		return r;
	r = loop_init(&loop, session.bus,
		      reply->count ? EXIT_INTERRUPTED : EXIT_OK);
	if (r < 0)
		return session_complain("reply", r, NULL);
	responder->loop = &loop;
	return serve(responder, &session);
}

/* The one answer for all, if neither a command nor an echo gives it. */
static int read_answer(struct responder *responder)
{
	const struct reply *reply = responder->reply;
	int r;

	if (!!reply->command + !!reply->body + reply->is_echo > 1) {
		talk("reply: one of BODY, --command and --echo");
		return EXIT_USAGE;
	}
	if (reply->n_jobs == 0) {
		talk("reply: --jobs is at least 1");
		return EXIT_USAGE;
	}
	if (reply->command || reply->body || reply->is_echo)
		return EXIT_OK;
	r = input_all(&responder->input);
	return r < 0 ? session_complain("standard input", r, NULL) : EXIT_OK;
}

static void responder_deinit(struct responder *responder)
{
	abandon(&responder->waiting);
	abandon(&responder->running);
	input_deinit(&responder->input);
}

static int run(const void *settings)
{
	_cleanup_(responder_deinit) struct responder responder = {
		.reply = settings,
		.waiting = LIST_INIT(responder.waiting),
		.running = LIST_INIT(responder.running),
	};
	int r;

	/* A command may end without reading what it is given. */
	signal(SIGPIPE, SIG_IGN);
	input_init(&responder.input, STDIN_FILENO);
	r = read_answer(&responder);
	return r == EXIT_OK ? connect_and_serve(&responder) : r;
}

static const struct reply defaults = { .n_jobs = JOBS_DEFAULT };

static const struct option options[] = {
	{ 0, "command", OPTION_TEXT, offsetof(struct reply, command), "CMD",
	  "answer with what this shell command writes; it gets the body on "
	  "standard input and the rest in HELIO_* variables" },
	{ 0, "echo", OPTION_FLAG, offsetof(struct reply, is_echo), NULL,
	  "answer with the request" },
	{ 'n', "count", OPTION_NUMBER, offsetof(struct reply, count), "N",
	  "end after N answers" },
	{ 'j', "jobs", OPTION_NUMBER, offsetof(struct reply, n_jobs), "N",
	  "so many commands at a time (4)" },
	OPTION_ROW_TIMEOUT("end after this long, with status 5"),
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "SUBJECT", OPTION_TEXT, offsetof(struct reply, subject), true, NULL,
	  "what is served" },
	{ "BODY", OPTION_TEXT, offsetof(struct reply, body), false, NULL,
	  "the answer; standard input if there is no other" },
	ARGUMENT_END,
};

const struct command command_reply = {
	.name = "reply",
	.summary = "answer requests",
	.description =
		"All who serve one subject share its requests. A command that "
		"ends with a status other than 0 fails the request. It is "
		"ended when the caller no longer waits. Its variables: "
		"HELIO_SUBJECT, HELIO_SOURCE, HELIO_INCARNATION, and if there "
		"are any HELIO_KEY, HELIO_CONTENT_TYPE, HELIO_TRACEPARENT and "
		"HELIO_HEADER_NAME for each header.",
	.options = options,
	.arguments = arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct reply),
	.run = run,
};
