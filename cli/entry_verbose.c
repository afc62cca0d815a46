/* SPDX-License-Identifier: MIT */

#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "cli/decoder.h"
#include "cli/entry_inside.h"
#include "cli/moment.h"
#include "cli/registry.h"
#include "cli/text.h"
#include "schema/json_scan.h"

enum {
	HEX_BYTES_LINE = 32,
	JSON_DEPTH_MAX = 64,
	JSON_ARENA_BYTES = 32 << 20,
};

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

	buffer_init(&line, ENTRY_TEXT_BYTES_MAX);
	buffer_init(&text, ENTRY_TEXT_BYTES_MAX);
	is_typed = view->decoder && decoder_json(view->decoder, record, &line);
	if (is_typed) {
		what = "by its schema";
		decoder_indent(&text, line.bytes, line.n);
	} else if (is_json(message)) {
		what = "JSON";
		decoder_indent(&text, message->body, message->n_body);
	} else if (entry_is_text(message)) {
		buffer_add(&text, message->body, message->n_body);
	} else {
		fprintf(out, "    body: %zu bytes\n", message->n_body);
		write_hex(out, message->body, message->n_body);
		return;
	}
	fprintf(out, "    body: %zu bytes, %s\n", message->n_body, what);
	write_lines(out, text.bytes, text.n);
}

void entry_write_verbose(const struct entry_view *view,
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
