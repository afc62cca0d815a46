/* SPDX-License-Identifier: MIT */

#include "cli/entry.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "cli/decoder.h"
#include "cli/entry_inside.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "cli/text.h"

enum {
	HEX_BYTES_SHORT = 32,
};

const char *entry_kind(enum helio_log_kind kind)
{
	static const char *const names[] = {
		[HELIO_LOG_MESSAGE] = "message",
		[HELIO_LOG_CALL] = "call",
		[HELIO_LOG_REPLY] = "reply",
		[HELIO_LOG_GAP] = "gap",
	};
	size_t n = sizeof(names) / sizeof(*names);

	return (size_t)kind < n && names[kind] ? names[kind] : "unknown";
}

const char *entry_header(const struct helio_log_record *record,
			 const char *name, size_t *ret_n)
{
	const struct helio_message *message = &record->message;

	for (size_t i = 0; i < message->n_headers; i++) {
		if (strcmp(message->headers[i].name, name) != 0)
			continue;
		*ret_n = message->headers[i].n_value;
		return message->headers[i].n_value
			       ? (const char *)message->headers[i].value
			       : "";
	}
	*ret_n = 0;
	return NULL;
}

static void add_hex(struct buffer *text, const uint8_t *bytes, size_t n,
		    size_t n_max)
{
	for (size_t i = 0; i < n && i < n_max; i++)
		buffer_format(text, "%02x", bytes[i]);
	if (n > n_max)
		buffer_text(text, "..");
}

bool entry_is_text(const struct helio_message *message)
{
	const uint8_t *body = message->body;

	if (!utf8_is_valid(body, message->n_body))
		return false;
	return message->n_body == 0 || !memchr(body, 0, message->n_body);
}

void entry_text(const struct entry_view *view,
		const struct helio_log_record *record, struct buffer *text)
{
	const struct helio_message *message = &record->message;

	if (view->decoder && decoder_json(view->decoder, record, text))
		return;
	buffer_clear(text);
	if (entry_is_text(message)) {
		buffer_add(text, message->body, message->n_body);
		return;
	}
	buffer_format(text, "[%zu bytes: ", message->n_body);
	add_hex(text, message->body, message->n_body, HEX_BYTES_SHORT);
	buffer_text(text, "]");
}

/* Of what a line's writer ended it with nothing is shown. */
static size_t without_end(const char *text, size_t n)
{
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	return n;
}

static void write_header(FILE *out, const struct helio_log_record *record,
			 const char *name)
{
	size_t n;
	const char *value = entry_header(record, name, &n);

	if (value)
		text_write_escaped(out, value, n);
}

/* As syslog counts: 0 is the worst, 7 the least; -1: it does not say. */
static int severity_of(const struct helio_log_record *record)
{
	static const char *const names[] = { "emerg", "alert",   "crit",
					     "err",   "warning", "notice",
					     "info",  "debug" };
	size_t n;
	const char *value = entry_header(record, "severity", &n);

	for (int i = 0; value && i < 8; i++)
		if (strlen(names[i]) == n && memcmp(names[i], value, n) == 0)
			return i;
	return -1;
}

static const char *color_of(const struct entry_view *view,
			    const struct helio_log_record *record)
{
	int severity = view->has_color ? severity_of(record) : -1;

	if (severity < 0 || severity == 6)
		return NULL;
	if (severity <= 3)
		return "\x1b[1;31m";
	if (severity == 4)
		return "\x1b[1;33m";
	return severity == 5 ? "\x1b[1m" : "\x1b[2m";
}

/* Where bodies stand alone it would be taken for one: it is only talked of. */
static void talk_of_gap(const struct helio_log_record *record)
{
	const struct helio_message *message = &record->message;

	if (record->n_lost)
		talk("%s: %" PRIu64 " messages are missing here (%.*s)",
		     message->subject, record->n_lost, (int)message->n_body,
		     (const char *)message->body);
	else
		talk("%s: messages may be missing here (%.*s)",
		     message->subject, (int)message->n_body,
		     (const char *)message->body);
}

static void write_gap(const struct helio_log_record *record, FILE *out)
{
	const struct helio_message *message = &record->message;

	if (record->n_lost)
		fprintf(out, "-- %" PRIu64 " messages are missing here",
			record->n_lost);
	else
		fputs("-- messages may be missing here", out);
	fputs(" (", out);
	text_write_escaped(out, message->body, message->n_body);
	fputs("): ", out);
	text_write_escaped(out, message->subject, strlen(message->subject));
	fputs(" --\n", out);
}

/* Which message: `SUBJECT`, `SUBJECT tag[pid]`, `call METHOD`. */
static void write_topic(const struct helio_log_record *record, FILE *out)
{
	const char *subject = record->message.subject;
	size_t n;

	if (record->kind != HELIO_LOG_MESSAGE)
		fprintf(out, "%s ", entry_kind(record->kind));
	if (*subject)
		text_write_escaped(out, subject, strlen(subject));
	else
		fputs("(hidden)", out);
	if (entry_header(record, "tag", &n)) {
		fputc(' ', out);
		write_header(out, record, "tag");
		if (entry_header(record, "pid", &n)) {
			fputc('[', out);
			write_header(out, record, "pid");
			fputc(']', out);
		}
	}
	if (record->kind == HELIO_LOG_REPLY)
		fprintf(out, " %s", helio_status_name(record->status));
}

static void write_short(const struct entry_view *view,
			const struct helio_log_record *record, FILE *out)
{
	const char *color = color_of(view, record);
	_cleanup_(buffer_deinit) struct buffer text;
	char moment[MOMENT_TEXT_BYTES];

	buffer_init(&text, ENTRY_TEXT_BYTES_MAX);
	moment_format_short(record->time_ns, moment);
	fprintf(out, "%s ", moment);
	if (record->kind == HELIO_LOG_GAP) {
		write_gap(record, out);
		return;
	}
	entry_text(view, record, &text);
	text_write_escaped(out, record->message.source,
			   strlen(record->message.source));
	fputc(' ', out);
	write_topic(record, out);
	fputs(": ", out);
	if (color)
		fputs(color, out);
	text_write_escaped(out, text.bytes, without_end(text.bytes, text.n));
	fputs(color ? "\x1b[0m\n" : "\n", out);
}

static void write_cat(const struct entry_view *view,
		      const struct helio_log_record *record, FILE *out)
{
	const struct helio_message *message = &record->message;
	_cleanup_(buffer_deinit) struct buffer text;
	size_t n;

	buffer_init(&text, ENTRY_TEXT_BYTES_MAX);
	if (record->kind == HELIO_LOG_GAP) {
		talk_of_gap(record);
		return;
	}
	if (!view->decoder || !decoder_json(view->decoder, record, &text)) {
		buffer_clear(&text);
		buffer_add(&text, message->body, message->n_body);
	}
	n = without_end(text.bytes, text.n);
	if (view->is_terminal)
		text_write_escaped(out, text.bytes, n);
	else if (n > 0)
		fwrite(text.bytes, 1, n, out);
	fputc('\n', out);
}

void entry_write(const struct entry_view *view,
		 const struct helio_log_record *record, FILE *out)
{
	switch (view->format) {
	case ENTRY_SHORT:
		write_short(view, record, out);
		return;
	case ENTRY_JSON:
		entry_write_json(view, record, out);
		return;
	case ENTRY_CAT:
		write_cat(view, record, out);
		return;
	case ENTRY_VERBOSE:
		entry_write_verbose(view, record, out);
		return;
	}
}
