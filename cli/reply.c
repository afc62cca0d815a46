/* SPDX-License-Identifier: MIT */

/* helio reply: serve a subject with a fixed answer, an echo, or a command. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/input.h"
#include "cli/jobs.h"
#include "cli/loop.h"
#include "cli/output.h"
#include "cli/session.h"

/* Requests that the switch may hand us at once; those beyond --jobs wait. */
enum { CALLS_MAX = 256, JOBS_DEFAULT = 4 };

struct reply {
	struct common common;
	const char *subject;
	const char *body;
	const char *command;
	const char *queue;
	bool is_echo;
	uint64_t count; /* 0: no end */
	uint64_t n_jobs;
};

struct responder {
	const struct reply *reply;
	struct loop *loop;
	struct input input; /* the answer, if it is none of the others */
	struct jobs jobs;   /* of --command */
	uint64_t n_answered;
};

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

static void on_job_end(struct helio_request *request, const struct job_end *end,
		       void *userdata)
{
	if (end->status == HELIO_OK)
		answer(userdata, request, end->output, end->n_output);
	else
		refuse(userdata, request, end->status, end->reason);
}

static void on_request(struct helio_service *service,
		       struct helio_request *request,
		       const struct helio_message *message, void *userdata)
{
	struct responder *responder = userdata;
	const struct reply *reply = responder->reply;

	if (reply->command)
		jobs_add(&responder->jobs, request, message);
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

static int serve(struct responder *responder, struct session *session)
{
	const struct reply *reply = responder->reply;
	struct helio_serve_options options = {
		.credit_calls = CALLS_MAX,
		.on_cancelled = reply->command ? jobs_on_cancelled : NULL,
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
	jobs_abandon(&responder->jobs);
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
	responder->jobs.uv = &loop.uv;
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
	if (reply->queue)
		talk("reply: --queue changes nothing: all who serve a subject "
		     "share its requests");
	if (reply->command || reply->body || reply->is_echo)
		return EXIT_OK;
	r = input_all(&responder->input);
	return r < 0 ? session_complain("standard input", r, NULL) : EXIT_OK;
}

static void responder_deinit(struct responder *responder)
{
	jobs_abandon(&responder->jobs);
	input_deinit(&responder->input);
}

static int run(const void *settings)
{
	const struct reply *reply = settings;
	_cleanup_(responder_deinit) struct responder responder = {
		.reply = reply,
		.jobs = { .n_max = reply->n_jobs,
			  .command = reply->command,
			  .on_end = on_job_end,
			  .userdata = &responder },
	};
	int r;

	jobs_init(&responder.jobs);

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
	{ 'q', "queue", OPTION_TEXT, offsetof(struct reply, queue), "NAME",
	  "changes nothing: all who serve a subject are one queue" },
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
