/* SPDX-License-Identifier: MIT */

#include "cli/decoder.h"

#include <string.h>

#include "base/cleanup.h"
#include "cli/catalog.h"
#include "cli/exit.h"
#include "cli/logs.h"
#include "cli/registry.h"
#include "schema/body.h"
#include "schema/builtin.h"
#include "schema/json_out.h"
#include "schema/pool.h"

enum { POOLS_BYTES_MAX = 128 << 20 };

static int load(void *userdata, const uint8_t *hash, const uint8_t **ret_set,
		size_t *ret_n)
{
	struct decoder *decoder = userdata;
	ProtobufCBinaryData set;

	if (!decoder->logs || !logs_schema(decoder->logs, hash, &set))
		return 0;
	*ret_set = set.data;
	*ret_n = set.len;
	return 1;
}

void decoder_init(struct decoder *decoder, struct logs *logs)
{
	*decoder = (struct decoder){ .logs = logs };
	pool_cache_init(&decoder->pools, POOLS_BYTES_MAX, load, decoder);
}

void decoder_deinit(struct decoder *decoder)
{
	pool_free(decoder->builtin);
	pool_cache_deinit(&decoder->pools);
	*decoder = (struct decoder){ 0 };
}

static const struct pool *builtin_pool(struct decoder *decoder)
{
	char error[POOL_ERROR_BYTES];
	const uint8_t *bytes;
	size_t n;

	if (!decoder->builtin) {
		bytes = builtin_set(&n);
		pool_read(bytes, n, &decoder->builtin, error);
	}
	return decoder->builtin;
}

static const struct pool_message *type_of(struct decoder *decoder,
					  const struct helio_log_record *record,
					  const struct pool **ret_pool)
{
	const struct helio_message *message = &record->message;
	bool is_call = record->kind == HELIO_LOG_CALL ||
		       record->kind == HELIO_LOG_REPLY;

	*ret_pool = NULL;
	if (is_call && catalog_is_builtin(message->subject))
		*ret_pool = builtin_pool(decoder);
	else if (message->schema_hash)
		pool_cache_get(&decoder->pools, message->schema_hash, ret_pool);
	if (!*ret_pool)
		return NULL;
	if (is_call)
		return body_type_of_call(*ret_pool, message->subject,
					 strlen(message->subject),
					 record->kind == HELIO_LOG_REPLY);
	return message->content_type
		       ? body_type(*ret_pool, message->content_type,
				   strlen(message->content_type))
		       : NULL;
}

bool decoder_json(struct decoder *decoder,
		  const struct helio_log_record *record, struct buffer *json)
{
	char error[RECORD_ERROR_BYTES];
	const struct pool_message *type;
	const struct pool *pool;

	if (record->kind == HELIO_LOG_GAP || record->status != HELIO_OK)
		return false;
	type = type_of(decoder, record, &pool);
	return type && json_out(pool, type, record->message.body,
				record->message.n_body, json, error) == 0;
}

static void new_line(struct buffer *out, size_t depth)
{
	static const char spaces[] = "                                ";
	size_t n =
		2 * depth < sizeof(spaces) - 1 ? 2 * depth : sizeof(spaces) - 1;

	buffer_text(out, "\n");
	buffer_add(out, spaces, n);
}

/* The end of a string that begins at `at`, behind its quotation mark. */
static size_t string_bytes(const char *at, size_t n)
{
	size_t i = 1;

	while (i < n && at[i] != '"')
		i += at[i] == '\\' ? 2 : 1;
	return i + 1 < n ? i + 1 : n;
}

void decoder_indent(struct buffer *out, const char *json, size_t n)
{
	size_t depth = 0;

	for (size_t i = 0; i < n; i++) {
		char c = json[i];
		bool is_empty =
			i + 1 < n && (json[i + 1] == '}' || json[i + 1] == ']');

		if (c == '"') {
			size_t n_string = string_bytes(json + i, n - i);

			buffer_add(out, json + i, n_string);
			i += n_string - 1;
		} else if (c == '{' || c == '[') {
			buffer_add(out, &c, 1);
			depth++;
			if (!is_empty)
				new_line(out, depth);
		} else if (c == '}' || c == ']') {
			depth -= depth > 0;
			if (i == 0 ||
			    (json[i - 1] != '{' && json[i - 1] != '['))
				new_line(out, depth);
			buffer_add(out, &c, 1);
		} else if (!strchr(" \t\r\n", c)) {
			buffer_add(out, &c, 1);
			if (c == ',')
				new_line(out, depth);
			if (c == ':')
				buffer_text(out, " ");
		}
	}
}
