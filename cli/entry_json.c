/* SPDX-License-Identifier: MIT */

#include <string.h>

#include "base/cleanup.h"
#include "cli/decoder.h"
#include "cli/entry_inside.h"
#include "cli/headers.h"
#include "cli/json.h"
#include "cli/moment.h"
#include "cli/registry.h"

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
	if (is_field(view, name))
		json_optional(json, name, text);
}

static void json_field_id(const struct entry_view *view, struct json *json,
			  const char *name, uint64_t id)
{
	if (is_field(view, name))
		json_id(json, name, id);
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

	buffer_init(&text, ENTRY_TEXT_BYTES_MAX);
	if (is_field(view, "message") && view->decoder &&
	    decoder_json(view->decoder, record, &text)) {
		json_key(json, "message");
		json_raw(json, text.bytes, text.n);
	}
	if (is_field(view, "body"))
		json_bytes(json, "body", record->message.body,
			   record->message.n_body);
}

void entry_write_json(const struct entry_view *view,
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
	if (is_field(view, "headers"))
		headers_write(&json, message);
	json_body(view, &json, record);
	json_close(&json, '}');
	fputc('\n', out);
}
