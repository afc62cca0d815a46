/* SPDX-License-Identifier: MIT */

#include "cli/entry.h"

#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "cli/decoder.h"
#include "cli/json.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "cli/registry.h"
#include "cli/text.h"
#include "schema/json_scan.h"

enum {
	TEXT_BYTES_MAX = 256 << 20,
	HEX_BYTES_SHORT = 32,
	HEX_BYTES_LINE = 32,
	JSON_DEPTH_MAX = 64,
	JSON_ARENA_BYTES = 32 << 20,
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

/* Whether somebody can read it: UTF-8 and, line ends apart, no controls. */
static bool is_text(const struct helio_message *message)
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
	if (is_text(message)) {
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

	buffer_init(&text, TEXT_BYTES_MAX);
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

	buffer_init(&text, TEXT_BYTES_MAX);
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

/* ---- JSON ---- */

static bool is_field(const struct entry_view *view, const char *name)
{
	size_t n = strlen(name);
	const char *at = view->fields;

	if (!at)
		return true;
	for (; *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == n && memcmp(at, name, n) == 0)
			return true;
	return false;
}

static void json_field(const struct entry_view *view, struct json *json,
		       const char *name, const char *text)
{
	if (!text || !is_field(view, name))
		return;
	json_key(json, name);
	json_string(json, text);
}

static void json_field_id(const struct entry_view *view, struct json *json,
			  const char *name, uint64_t id)
{
	char text[17];

	snprintf(text, sizeof(text), "%016" PRIx64, id);
	json_field(view, json, name, text);
}

static void json_headers(const struct entry_view *view, struct json *json,
			 const struct helio_message *message)
{
	if (message->n_headers == 0 || !is_field(view, "headers"))
		return;
	json_key(json, "headers");
	json_open(json, '[');
	for (size_t i = 0; i < message->n_headers; i++) {
		const struct helio_header *header = &message->headers[i];

		json_open(json, '{');
		json_key(json, "name");
		json_string(json, header->name);
		json_bytes(json, "value", header->value, header->n_value);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void json_schema(const struct entry_view *view, struct json *json,
			const struct helio_message *message)
{
	char hash[REGISTRY_HASH_TEXT];

	if (!message->schema_hash)
		return;
	registry_format_hash(message->schema_hash, REGISTRY_HASH_BYTES, hash);
	json_field(view, json, "schema", hash);
}

static void json_of_kind(const struct entry_view *view, struct json *json,
			 const struct helio_log_record *record)
{
	if (record->kind != HELIO_LOG_MESSAGE)
		json_field(view, json, "kind", entry_kind(record->kind));
	if (record->kind == HELIO_LOG_REPLY)
		json_field(view, json, "status",
			   helio_status_name(record->status));
	if (record->kind == HELIO_LOG_CALL || record->kind == HELIO_LOG_REPLY)
		json_field_id(view, json, "slot", record->slot);
	if (record->kind == HELIO_LOG_GAP && is_field(view, "lost")) {
		json_key(json, "lost");
		json_number(json, record->n_lost);
	}
	if (record->details && is_field(view, "details"))
		json_bytes(json, "details", record->details, record->n_details);
}

/* The body as it is comes always, so that nothing is lost. */
static void json_body(const struct entry_view *view, struct json *json,
		      const struct helio_log_record *record)
{
	_cleanup_(buffer_deinit) struct buffer text;

	buffer_init(&text, TEXT_BYTES_MAX);
	if (is_field(view, "message") && view->decoder &&
	    decoder_json(view->decoder, record, &text)) {
		json_key(json, "message");
		json_raw(json, text.bytes, text.n);
	}
	if (is_field(view, "body"))
		json_bytes(json, "body", record->message.body,
			   record->message.n_body);
}

static void write_json(const struct entry_view *view,
		       const struct helio_log_record *record, FILE *out)
{
	const struct helio_message *message = &record->message;
	struct json json = { .out = out };
	char moment[MOMENT_TEXT_BYTES];

	moment_format_utc(record->time_ns, moment);
	json_open(&json, '{');
	json_field(view, &json, "log", view->log);
	json_key(&json, "sequence");
	json_number(&json, record->sequence);
	json_field(view, &json, "time", moment);
	json_of_kind(view, &json, record);
	if (*message->subject)
		json_field(view, &json, "subject", message->subject);
	json_field(view, &json, "source", message->source);
	if (message->durable_id && *message->durable_id)
		json_field(view, &json, "durable_id", message->durable_id);
	json_field_id(view, &json, "incarnation", message->incarnation);
	json_schema(view, &json, message);
	json_field(view, &json, "key", message->idempotency_key);
	json_field(view, &json, "content_type", message->content_type);
	json_field(view, &json, "traceparent", message->traceparent);
	json_headers(view, &json, message);
	json_body(view, &json, record);
	json_close(&json, '}');
	fputc('\n', out);
}

/* ---- verbose ---- */

static void write_field(FILE *out, const char *name, const void *value,
			size_t n)
{
	fprintf(out, "    %s: ", name);
	text_write_escaped(out, value, n);
	fputc('\n', out);
}

static void write_text_field(FILE *out, const char *name, const char *text)
{
	if (text && *text)
		write_field(out, name, text, strlen(text));
}

static void write_headers(FILE *out, const struct helio_message *message)
{
	for (size_t i = 0; i < message->n_headers; i++) {
		const struct helio_header *header = &message->headers[i];

		fputs("    header ", out);
		text_write_escaped(out, header->name, strlen(header->name));
		fputs(": ", out);
		text_write_escaped(out, header->value, header->n_value);
		fputc('\n', out);
	}
}

static bool is_json(const struct helio_message *message)
{
	struct json_scan scan;
	struct arena arena;
	bool is_good;

	arena_init(&arena, JSON_ARENA_BYTES);
	is_good = json_scan_init(&scan, &arena, message->body,
				 message->n_body) == 0 &&
		  (json_scan_peek(&scan) == JSON_OBJECT ||
		   json_scan_peek(&scan) == JSON_ARRAY) &&
		  json_scan_skip(&scan, JSON_DEPTH_MAX) == 0 &&
		  json_scan_end(&scan) == 0;
	arena_deinit(&arena);
	return is_good;
}

static void write_lines(FILE *out, const char *text, size_t n)
{
	while (n > 0) {
		const char *end = memchr(text, '\n', n);
		size_t n_line = end ? (size_t)(end - text) : n;

		fputs("        ", out);
		text_write_escaped(out, text, n_line);
		fputc('\n', out);
		n_line += end != NULL;
		text += n_line;
		n -= n_line;
	}
}

static void write_hex(FILE *out, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i % HEX_BYTES_LINE == 0)
			fputs(i ? "\n        " : "        ", out);
		fprintf(out, "%02x", bytes[i]);
	}
	if (n > 0)
		fputc('\n', out);
}

static void write_body(const struct entry_view *view,
		       const struct helio_log_record *record, FILE *out)
{
	const struct helio_message *message = &record->message;
	_cleanup_(buffer_deinit) struct buffer line, text;
	const char *what = "text";
	bool is_typed;

	buffer_init(&line, TEXT_BYTES_MAX);
	buffer_init(&text, TEXT_BYTES_MAX);
	is_typed = view->decoder && decoder_json(view->decoder, record, &line);
	if (is_typed) {
		what = "by its schema";
		decoder_indent(&text, line.bytes, line.n);
	} else if (is_json(message)) {
		what = "JSON";
		decoder_indent(&text, message->body, message->n_body);
	} else if (is_text(message)) {
		buffer_add(&text, message->body, message->n_body);
	} else {
		fprintf(out, "    body: %zu bytes\n", message->n_body);
		write_hex(out, message->body, message->n_body);
		return;
	}
	fprintf(out, "    body: %zu bytes, %s\n", message->n_body, what);
	write_lines(out, text.bytes, text.n);
}

static void write_verbose(const struct entry_view *view,
			  const struct helio_log_record *record, FILE *out)
{
	const struct helio_message *message = &record->message;
	char moment[MOMENT_TEXT_BYTES], hash[REGISTRY_HASH_TEXT];

	moment_format_long(record->time_ns, moment);
	fprintf(out, "%s [%s:%" PRIu64 "]\n", moment,
		view->log ? view->log : "", record->sequence);
	write_text_field(out, "kind", entry_kind(record->kind));
	write_text_field(out, "subject", message->subject);
	write_text_field(out, "source", message->source);
	write_text_field(out, "durable id", message->durable_id);
	fprintf(out, "    incarnation: %016" PRIx64 "\n", message->incarnation);
	if (record->kind == HELIO_LOG_CALL || record->kind == HELIO_LOG_REPLY)
		fprintf(out, "    slot: %016" PRIx64 "\n", record->slot);
	if (record->kind == HELIO_LOG_REPLY)
		write_text_field(out, "status",
				 helio_status_name(record->status));
	if (record->kind == HELIO_LOG_GAP)
		fprintf(out, "    lost: %" PRIu64 "\n", record->n_lost);
	if (message->schema_hash) {
		registry_format_hash(message->schema_hash, REGISTRY_HASH_BYTES,
				     hash);
		write_text_field(out, "schema", hash);
	}
	write_text_field(out, "key", message->idempotency_key);
	write_text_field(out, "content type", message->content_type);
	write_text_field(out, "traceparent", message->traceparent);
	write_headers(out, message);
	write_body(view, record, out);
}

void entry_write(const struct entry_view *view,
		 const struct helio_log_record *record, FILE *out)
{
	switch (view->format) {
	case ENTRY_SHORT:
		write_short(view, record, out);
		return;
	case ENTRY_JSON:
		write_json(view, record, out);
		return;
	case ENTRY_CAT:
		write_cat(view, record, out);
		return;
	case ENTRY_VERBOSE:
		write_verbose(view, record, out);
		return;
	}
}
