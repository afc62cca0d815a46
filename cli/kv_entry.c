/* SPDX-License-Identifier: MIT */

#include "cli/kv_entry.h"

#include <inttypes.h>
#include <string.h>

#include "cli/json.h"
#include "cli/kv.h"
#include "cli/text.h"

static void write_escaped(FILE *out, const char *text)
{
	text_write_escaped(out, text, strlen(text));
}

void kv_entry_line(const Helio__Store__V1__Entry *entry, const char *name,
		   const struct kv *kv, FILE *out)
{
	write_escaped(out, name);
	if (entry->is_expired)
		fputs(" (expired)", out);
	else if (entry->is_deleted)
		fputs(" (deleted)", out);
	else if (entry->has_value) {
		fputs(" = ", out);
		stores_quote(out, entry->value.data, entry->value.len);
	}
	if (kv->has_writers) {
		fputs("   (", out);
		write_escaped(out, entry->writer ? entry->writer : "");
		fprintf(out, ",%" PRIu64 ")", entry->revision);
	}
	fputc('\n', out);
}

static void write_flag(struct json *json, const char *key, bool is_set)
{
	if (!is_set)
		return;
	json_key(json, key);
	json_bool(json, true);
}

void kv_entry_json(const Helio__Store__V1__Entry *entry, FILE *out)
{
	struct json json = { .out = out };

	json_open(&json, '{');
	json_key(&json, "key");
	json_string(&json, entry->key ? entry->key : "");
	if (entry->has_value)
		json_bytes(&json, "value", entry->value.data, entry->value.len);
	stores_json_number(&json, "revision", entry->revision);
	stores_json_number(&json, "unix_ms", entry->unix_ms);
	stores_json_number(&json, "created_revision", entry->created_revision);
	write_flag(&json, "is_deleted", entry->is_deleted);
	write_flag(&json, "is_expired", entry->is_expired);
	if (entry->expires_unix_ms)
		stores_json_number(&json, "expires_unix_ms",
				   entry->expires_unix_ms);
	stores_json_text(&json, "writer", entry->writer);
	stores_json_text(&json, "writer_durable_id", entry->writer_durable_id);
	json_close(&json, '}');
	fputc('\n', out);
}

const char *kv_entry_name(const Helio__Store__V1__Entry *entry,
			  const struct kv *kv)
{
	const char *key = entry->key ? entry->key : "";
	const char *slash = kv->key ? strrchr(kv->key, '/') : NULL;
	size_t n = slash ? (size_t)(slash - kv->key) + 1 : 0;

	if (kv->has_paths || strnlen(key, n) < n)
		return key;
	return key + n;
}

void kv_entry_write(const Helio__Store__V1__Entry *entry, const struct kv *kv)
{
	if (kv->common.format == FORMAT_JSON)
		kv_entry_json(entry, stdout);
	else
		kv_entry_line(entry, kv_entry_name(entry, kv), kv, stdout);
}
