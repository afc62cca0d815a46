/* SPDX-License-Identifier: MIT */

/* helio request: ask once, and show the answer. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/headers.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/session.h"

struct request {
	struct common common;
	const char *subject;
	const char *body;
	struct texts headers;
	bool is_waiting;
	bool is_raw;
	const char *key;
	const char *content_type;
};

static int call(const struct request *request, const struct headers *headers,
		const void *body, size_t n_body)
{
	_cleanup_(session_close) struct session session = { 0 };
	struct helio_call_options options = {
		.timeout_ms = request->common.timeout_ms,
		.is_waiting = request->is_waiting,
		.idempotency_key = request->key,
		.content_type = request->content_type,
		.headers = headers->at,
		.n_headers = headers->n,
	};
	struct helio_reply reply;
	struct output output;
	int r;

	r = session_open(&session, &request->common, false);
	if (r != EXIT_OK)
		return r;
	r = helio_call_wait(session.bus, request->subject, body, n_body,
			    &options, &reply);
	if (r < 0)
		return session_complain(request->subject, r,
					r == -EINVAL ? "not a subject" : NULL);
	output_init(&output, request->common.format, request->is_raw);
	output_reply(&output, &reply);
	if (reply.status == HELIO_OK)
		return EXIT_OK;
	return session_complain(request->subject, (int)reply.status,
				reply.reason);
}

static int run(const void *settings)
{
	const struct request *request = settings;
	_cleanup_(headers_deinit) struct headers headers = { 0 };
	_cleanup_(input_deinit) struct input input;
	int r;

	input_init(&input, STDIN_FILENO);
	r = headers_init(&headers, &request->headers);
	if (r < 0) {
		talk("request: a header is NAME:VALUE");
		return EXIT_USAGE;
	}
	if (request->body)
		return call(request, &headers, request->body,
			    strlen(request->body));
	r = input_all(&input);
	if (r < 0)
		return session_complain("standard input", r, NULL);
	return call(request, &headers, input.bytes, input.n);
}

static const struct request defaults = {
	.common.timeout_ms = TIMEOUT_DEFAULT_MS,
};

static const struct option options[] = {
	{ 'w', "wait", OPTION_FLAG, offsetof(struct request, is_waiting), NULL,
	  "if nobody serves it, wait until somebody does" },
	{ 'H', "header", OPTION_TEXTS, offsetof(struct request, headers),
	  "NAME:VALUE", "add a header; may be given again" },
	{ 'r', "raw", OPTION_FLAG, offsetof(struct request, is_raw), NULL,
	  "the answer as it is: nothing escaped, nothing added" },
	{ 0, "key", OPTION_TEXT, offsetof(struct request, key), "KEY",
	  "the key by which a repetition is known" },
	{ 0, "content-type", OPTION_TEXT,
	  offsetof(struct request, content_type), "TYPE", "what the body is" },
	OPTION_ROW_TIMEOUT("how long the answer may take (5s)"),
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "SUBJECT", OPTION_TEXT, offsetof(struct request, subject), true, NULL,
	  "what is called" },
	{ "BODY", OPTION_TEXT, offsetof(struct request, body), false, NULL,
	  "the request; standard input if it is left out" },
	ARGUMENT_END,
};

const struct command command_request = {
	.name = "request",
	.summary = "ask, and show the answer",
	.options = options,
	.arguments = arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct request),
	.run = run,
};
