/* SPDX-License-Identifier: MIT */

/* helio job submit, cancel and retry. */

#include "cli/job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/exit.h"
#include "cli/input.h"
#include "cli/job_view.h"
#include "cli/json.h"
#include "cli/moment.h"
#include "cli/output.h"

int job_open(struct stores *stores, const struct job_settings *settings)
{
	return stores_open(stores, &settings->common,
			   &helio__store__v1__queues__type, settings->queue,
			   job_name(settings));
}

int job_which(const struct job_settings *settings, uint64_t *ret_id)
{
	*ret_id = 0;
	if (!settings->id_text == !settings->key) {
		talk("%s: which job? An ID or --key, one of both",
		     settings->queue);
		return EXIT_USAGE;
	}
	return settings->key ? EXIT_OK
			     : stores_number("ID", settings->id_text, ret_id);
}

const char *job_name(const struct job_settings *settings)
{
	return settings->key ? settings->key : settings->id_text;
}

/* ---- submit ---- */

static int parse_moment(const char *option, const char *text,
			protobuf_c_boolean *has, uint64_t *ret_unix_ms)
{
	uint64_t ns;

	if (!text)
		return EXIT_OK;
	if (moment_parse(text, clock_unix_ns(), &ns) < 0) {
		talk("job: --%s is a time like '2026-11-30 13:00', '+1h' or "
		     "'@UNIX', not '%s'",
		     option, text);
		return EXIT_USAGE;
	}
	*has = true;
	*ret_unix_ms = ns / NS_PER_MS;
	return EXIT_OK;
}

static int parse_priority(const char *text,
			  Helio__Store__V1__SubmitRequest *request)
{
	long number;
	char *end;

	if (!text)
		return EXIT_OK;
	errno = 0;
	number = strtol(text, &end, 10);
	if (errno || end == text || *end || number < INT32_MIN ||
	    number > INT32_MAX) {
		talk("job: --priority is a whole number, not '%s'", text);
		return EXIT_USAGE;
	}
	request->has_priority = true;
	request->priority = (int32_t)number;
	return EXIT_OK;
}

static int fill_submit(const struct job_settings *settings,
		       Helio__Store__V1__SubmitRequest *request)
{
	int r = parse_priority(settings->priority, request);

	request->queue = stores_text(settings->queue);
	request->has_body = true;
	request->content_type = stores_text(settings->content_type);
	request->key = stores_text(settings->key);
	request->order_key = stores_text(settings->order_key);
	request->has_delay_ms = settings->delay_ms != STORES_UNSET;
	request->delay_ms = settings->delay_ms;
	request->has_timeout_ms = settings->timeout_ms != STORES_UNSET;
	request->timeout_ms = settings->timeout_ms;
	request->has_attempts_max = settings->attempts != STORES_UNSET;
	request->attempts_max = settings->attempts > UINT32_MAX
					? UINT32_MAX
					: (uint32_t)settings->attempts;
	if (r == EXIT_OK)
		r = parse_moment("not-before", settings->not_before,
				 &request->has_not_before_unix_ms,
				 &request->not_before_unix_ms);
	if (r == EXIT_OK)
		r = parse_moment("deadline", settings->deadline,
				 &request->has_deadline_unix_ms,
				 &request->deadline_unix_ms);
	return r;
}

static void show_submitted(const struct job_settings *settings,
			   const Helio__Store__V1__SubmitReply *reply)
{
	struct json json = { .out = stdout };

	if (settings->common.format != FORMAT_JSON) {
		printf("%" PRIu64 "\n", reply->id);
		return;
	}
	json_open(&json, '{');
	stores_json_number(&json, "id", reply->id);
	json_key(&json, "was_there");
	json_bool(&json, reply->was_there);
	json_close(&json, '}');
	fputc('\n', stdout);
}

static int run_submit(const void *settings)
{
	Helio__Store__V1__SubmitRequest request =
		HELIO__STORE__V1__SUBMIT_REQUEST__INIT;
	_cleanup_(stores_close) struct stores stores = { 0 };
	_cleanup_(input_deinit) struct input input;
	const Helio__Store__V1__SubmitReply *reply = NULL;
	const struct job_settings *job = settings;
	int r = fill_submit(job, &request);

	input_init(&input, STDIN_FILENO);
	if (r == EXIT_OK)
		r = stores_bytes(job->queue, NULL, job->body, &input,
				 &request.body);
	if (r == EXIT_OK)
		r = job_open(&stores, job);
	if (r == EXIT_OK)
		r = STORES_CALL(&stores, queues__submit, &request, &reply);
	if (r != EXIT_OK)
		return r;
	if (reply->was_there)
		talk("%s/%s: it was there already", job->queue, job->key);
	show_submitted(job, reply);
	return EXIT_OK;
}

/* ---- cancel and retry ---- */

static int run_cancel(const void *settings)
{
	Helio__Store__V1__CancelRequest request =
		HELIO__STORE__V1__CANCEL_REQUEST__INIT;
	_cleanup_(stores_close) struct stores stores = { 0 };
	const Helio__Store__V1__CancelReply *reply = NULL;
	const struct job_settings *job = settings;
	int r = stores_number("ID", job->id_text, &request.id);

	if (r == EXIT_OK)
		r = job_open(&stores, job);
	request.queue = stores_text(job->queue);
	request.has_id = true;
	if (r == EXIT_OK)
		r = STORES_CALL(&stores, queues__cancel, &request, &reply);
	if (r != EXIT_OK)
		return r;
	if (!reply->has_ended ||
	    reply->ended == HELIO__STORE__V1__JOB_STATE__JOB_STATE_UNSPECIFIED)
		return EXIT_OK;
	talk("%s/%s: it had ended already: %s", job->queue, job->id_text,
	     job_view_state(reply->ended));
	return EXIT_NEGATIVE;
}

static int run_retry(const void *settings)
{
	Helio__Store__V1__RetryRequest request =
		HELIO__STORE__V1__RETRY_REQUEST__INIT;
	_cleanup_(stores_close) struct stores stores = { 0 };
	const Helio__Store__V1__RetryReply *reply = NULL;
	const struct job_settings *job = settings;
	int r = stores_number("ID", job->id_text, &request.id);

	if (r == EXIT_OK)
		r = job_open(&stores, job);
	if (r != EXIT_OK)
		return r;
	request.queue = stores_text(job->queue);
	request.has_id = true;
	return STORES_CALL(&stores, queues__retry, &request, &reply);
}

/* ---- tables ---- */

const struct job_settings job_defaults = {
	.common.timeout_ms = TIMEOUT_DEFAULT_MS,
	.delay_ms = STORES_UNSET,
	.timeout_ms = STORES_UNSET,
	.attempts = STORES_UNSET,
	.limit = STORES_UNSET,
};

static const struct option submit_options[] = {
	{ 'k', "key", OPTION_TEXT, offsetof(struct job_settings, key), "KEY",
	  "submitted with the same key again, it is the same job" },
	{ 0, "priority", OPTION_TEXT, offsetof(struct job_settings, priority),
	  "N", "the higher, the sooner (0)" },
	{ 0, "order-key", OPTION_TEXT, offsetof(struct job_settings, order_key),
	  "KEY", "jobs with the same are done one after the other" },
	{ 0, "delay", OPTION_SPAN, offsetof(struct job_settings, delay_ms),
	  "TIME", "not before that has passed: 10s, 2h" },
	{ 0, "not-before", OPTION_TEXT,
	  offsetof(struct job_settings, not_before), "MOMENT",
	  "not before: '2026-11-30 13:00', '+1h'" },
	{ 0, "within", OPTION_SPAN, offsetof(struct job_settings, timeout_ms),
	  "TIME", "it is dead if it is not done in this time" },
	{ 0, "deadline", OPTION_TEXT, offsetof(struct job_settings, deadline),
	  "MOMENT", "it is dead if it is not done by then" },
	{ 0, "attempts", OPTION_NUMBER, offsetof(struct job_settings, attempts),
	  "N", "how often it is tried (as the queue says)" },
	{ 0, "content-type", OPTION_TEXT,
	  offsetof(struct job_settings, content_type), "TYPE",
	  "what the body is" },
	OPTION_ROWS_STORE,
};

static const struct option options[] = { OPTION_ROWS_STORE };

#define JOB_ARGUMENT_QUEUE                                                  \
	{                                                                   \
		"QUEUE", OPTION_TEXT, offsetof(struct job_settings, queue), \
			true, NULL, "which"                                 \
	}

static const struct argument submit_arguments[] = {
	JOB_ARGUMENT_QUEUE,
	{ "BODY", OPTION_TEXT, offsetof(struct job_settings, body), false, NULL,
	  "any bytes; standard input if it is `-` or left out" },
	ARGUMENT_END,
};

const struct argument job_id_arguments[] = {
	JOB_ARGUMENT_QUEUE,
	{ "ID", OPTION_TEXT, offsetof(struct job_settings, id_text), true, NULL,
	  "of the job" },
	ARGUMENT_END,
};

const struct argument job_id_or_key_arguments[] = {
	JOB_ARGUMENT_QUEUE,
	{ "ID", OPTION_TEXT, offsetof(struct job_settings, id_text), false,
	  NULL, "of the job" },
	ARGUMENT_END,
};

const struct command command_job_submit = {
	.name = "job submit",
	.summary = "have a job done by a worker",
	.description = "Prints its id once the job is on disk.",
	.options = submit_options,
	.arguments = submit_arguments,
	.defaults = &job_defaults,
	.n_settings = sizeof(struct job_settings),
	.run = run_submit,
};

const struct command command_job_cancel = {
	.name = "job cancel",
	.summary = "have a job not done",
	.description = "Who works on it loses it. The exit status is 1 when it "
		       "had ended already.",
	.options = options,
	.arguments = job_id_arguments,
	.defaults = &job_defaults,
	.n_settings = sizeof(struct job_settings),
	.run = run_cancel,
};

const struct command command_job_retry = {
	.name = "job retry",
	.summary = "have a dead or cancelled job done after all",
	.options = options,
	.arguments = job_id_arguments,
	.defaults = &job_defaults,
	.n_settings = sizeof(struct job_settings),
	.run = run_retry,
};
