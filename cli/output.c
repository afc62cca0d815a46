/* SPDX-License-Identifier: MIT */

#include "cli/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/headers.h"
#include "cli/json.h"
#include "cli/text.h"

enum { TALK_BYTES = 2048 };

void output_init(struct output *output, int format, bool is_raw)
{
	*output = (struct output){
		.is_json = format == FORMAT_JSON,
		.is_raw = is_raw,
		.is_escaping = !is_raw && isatty(STDOUT_FILENO),
	};
}

static void write_members(struct json *json,
			  const struct helio_message *message)
{
	json_optional(json, "subject", message->subject);
	json_optional(json, "source", message->source);
	json_id(json, "incarnation", message->incarnation);
	json_bytes(json, "body", message->body, message->n_body);
	json_optional(json, "key", message->idempotency_key);
	json_optional(json, "content_type", message->content_type);
	json_optional(json, "traceparent", message->traceparent);
	headers_write(json, message);
}

static void end_line(struct json *json)
{
	json_close(json, '}');
	fputc('\n', stdout);
}

/*
 * The line's end is ours; one at the end of the body would give an empty line,
 * which is hardly what somebody wanted who piped a line of text in.
 */
static void write_text(const struct output *output,
		       const struct helio_message *message)
{
	const char *body = message->body;
	size_t n = message->n_body;

	if (output->has_subject)
		printf("%s ", message->subject);
	if (n > 0 && body[n - 1] == '\n')
		n--;
	if (output->is_escaping)
		text_write_escaped(stdout, body, n);
	else
		fwrite(body, 1, n, stdout);
	fputc('\n', stdout);
}

void output_message(const struct output *output,
		    const struct helio_message *message)
{
	struct json json = { .out = stdout };

	if (output->is_json) {
		json_open(&json, '{');
		write_members(&json, message);
		end_line(&json);
	} else if (output->is_raw) {
		fwrite(message->body, 1, message->n_body, stdout);
	} else {
		write_text(output, message);
	}
}

void output_observed(const struct output *output,
		     const struct helio_message *message, bool is_reply,
		     uint64_t slot, unsigned status)
{
	struct json json = { .out = stdout };

	if (!output->is_json) {
		printf("%016" PRIx64 " %s ", slot, is_reply ? "reply" : "call");
		if (is_reply)
			printf("%s ", helio_status_name(status));
		write_text(output, message);
		return;
	}
	json_open(&json, '{');
	json_id(&json, "slot", slot);
	if (is_reply)
		json_optional(&json, "status", helio_status_name(status));
	write_members(&json, message);
	end_line(&json);
}

void output_reply(const struct output *output, const struct helio_reply *reply)
{
	struct json json = { .out = stdout };

	if (!output->is_json) {
		if (reply->message)
			output_message(output, reply->message);
		return;
	}
	json_open(&json, '{');
	json_optional(&json, "status", helio_status_name(reply->status));
	if (reply->message) {
		write_members(&json, reply->message);
	} else {
		json_optional(&json, "reason", reply->reason);
		json_optional(&json, "origin",
			      reply->is_from_bus ? "bus" : "service");
		json_key(&json, "handed_over");
		json_bool(&json, reply->is_handed_over);
	}
	end_line(&json);
}

bool output_has_color(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (no_color && *no_color)
		return false;
	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

int output_end(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	talk("cannot write the results: %s", strerror(errno));
	return EXIT_INTERNAL;
}

void talk(const char *format, ...)
{
	char line[TALK_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fputs("helio: ", stderr);
	text_write_escaped(stderr, line, strlen(line));
	fputc('\n', stderr);
}
