/* SPDX-License-Identifier: MIT */

#include "cli/decoder.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "cli/builtin.h"
#include "cli/catalog.h"
#include "cli/exit.h"
#include "cli/logs.h"
#include "cli/registry.h"
#include "schema/json_out.h"
#include "schema/pool.h"

void decoder_init(struct decoder *decoder, struct logs *logs)
{
	*decoder = (struct decoder){ .logs = logs };
}

void decoder_deinit(struct decoder *decoder)
{
	pool_free(decoder->builtin);
	for (size_t i = 0; i < decoder->n_pools; i++)
		pool_free(decoder->pools[i].pool);
	*decoder = (struct decoder){ 0 };
}

const char *decoder_message_name(const char *content_type, size_t *ret_n)
{
	static const char *const keys[] = { "message=", "messageType=",
					    "proto=" };
	const char *at = content_type ? strchr(content_type, ';') : NULL;

	if (!at || strncasecmp(content_type, "application/", 12) != 0)
		return NULL;
	for (; at; at = strchr(at, ';')) {
		at += 1 + strspn(at + 1, " ");
		for (size_t i = 0; i < 3; i++) {
			const char *name = at + strlen(keys[i]);

			if (strncmp(at, keys[i], strlen(keys[i])) != 0)
				continue;
			name += *name == '"';
			*ret_n = strcspn(name, "\"; ");
			return name;
		}
	}
	return NULL;
}

/* A free place, or that of the schema that was not used for longest. */
static struct decoder_pool *make_place(struct decoder *decoder)
{
	struct decoder_pool *place = &decoder->pools[0];

	if (decoder->n_pools < DECODER_POOLS_MAX)
		return &decoder->pools[decoder->n_pools++];
	for (size_t i = 1; i < decoder->n_pools; i++)
		if (decoder->pools[i].used < place->used)
			place = &decoder->pools[i];
	pool_free(place->pool);
	return place;
}

static const struct pool *pool_of(struct decoder *decoder, const uint8_t *hash)
{
	char error[POOL_ERROR_BYTES];
	struct decoder_pool *place;
	ProtobufCBinaryData set;

	decoder->n_uses++;
	for (size_t i = 0; i < decoder->n_pools; i++) {
		place = &decoder->pools[i];
		if (memcmp(place->hash, hash, DECODER_HASH_BYTES) != 0)
			continue;
		place->used = decoder->n_uses;
		return place->pool;
	}
	if (!decoder->logs)
		return NULL;
	place = make_place(decoder);
	*place = (struct decoder_pool){ .used = decoder->n_uses };
	memcpy(place->hash, hash, DECODER_HASH_BYTES);
	if (logs_schema(decoder->logs, hash, &set))
		pool_read(set.data, set.len, &place->pool, error);
	return place->pool;
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

/* The request or the reply of the method that the subject names. */
static const struct pool_message *type_of_call(
	const struct pool *pool, const struct helio_log_record *record)
{
	char name[CATALOG_NAME_BYTES];
	const char *method = catalog_split(
		catalog_service_of(record->message.subject), name);
	const struct pool_service *service = NULL;
	const struct pool_method *found = NULL;

	if (method)
		service = pool_service_lookup(pool, name, strlen(name));
	if (service)
		found = pool_method_lookup(service, method);
	if (!found)
		return NULL;
	return record->kind == HELIO_LOG_CALL ? found->input : found->output;
}

static const struct pool_message *type_of(struct decoder *decoder,
					  const struct helio_log_record *record,
					  const struct pool **ret_pool)
{
	const struct helio_message *message = &record->message;
	bool is_call = record->kind == HELIO_LOG_CALL ||
		       record->kind == HELIO_LOG_REPLY;
	const char *name;
	size_t n = 0;

	*ret_pool = NULL;
	if (is_call && catalog_is_builtin(message->subject))
		*ret_pool = builtin_pool(decoder);
	else if (message->schema_hash)
		*ret_pool = pool_of(decoder, message->schema_hash);
	if (!*ret_pool)
		return NULL;
	if (is_call)
		return type_of_call(*ret_pool, record);
	name = decoder_message_name(message->content_type, &n);
	return name ? pool_message_lookup(*ret_pool, name, n) : NULL;
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
