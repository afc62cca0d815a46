/* SPDX-License-Identifier: MIT */

#include "logger/answer_body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "logger/answer.h"
#include "schema/body.h"
#include "schema/builtin.h"
#include "schema/json_out.h"
#include "schema/record_wire.h"
#include "schema/wire.h"

enum {
	POOLS_BYTES_MAX = 64 << 20,
	RECORD_BYTES_MAX = 64 << 20, /* of one body, decoded */
	JSON_BYTES_MAX = 32 << 20,   /* on the way to its text */
	FIELD_CONTENT_TYPE = 4,      /* of helio.bus.v1.Metadata */
};

static const uint8_t builtin_hash[POOL_CACHE_HASH_BYTES];

static int load(void *userdata, const uint8_t *hash, const uint8_t **ret_set,
		size_t *ret_n)
{
	struct answer_bodies *bodies = userdata;

	if (memcmp(hash, builtin_hash, sizeof(builtin_hash)) != 0)
		return bodies->load(bodies->userdata, hash, ret_set, ret_n);
	*ret_set = builtin_set(ret_n);
	return 1;
}

void answer_bodies_init(struct answer_bodies *bodies,
			int (*on_load)(void *userdata, const uint8_t *hash,
				       const uint8_t **ret_set, size_t *ret_n),
			void *userdata)
{
	*bodies =
		(struct answer_bodies){ .load = on_load, .userdata = userdata };
	pool_cache_init(&bodies->pools, POOLS_BYTES_MAX, load, bodies);
	arena_init(&bodies->decoded.arena, RECORD_BYTES_MAX);
	buffer_init(&bodies->json, ANSWER_VALUE_MAX);
	buffer_init(&bodies->packed, ANSWER_VALUE_MAX);
}

void answer_bodies_deinit(struct answer_bodies *bodies)
{
	pool_cache_deinit(&bodies->pools);
	arena_deinit(&bodies->decoded.arena);
	free(bodies->decoded.bytes);
	buffer_deinit(&bodies->json);
	buffer_deinit(&bodies->packed);
}

/* What a stranger may have caused is nothing, and no failure. */
static int outcome(int r)
{
	if (r == 0)
		return 1;
	return r == -EINVAL || r == -EMSGSIZE ? 0 : r;
}

/* ---- which message it is ---- */

/* The last one counts, as for everybody who unpacks it. */
static bool find_content_type(const struct run_record *record,
			      struct wire_field *ret_field)
{
	struct wire wire = { .at = record->metadata,
			     .end = (const uint8_t *)record->metadata +
				    record->n_metadata };
	struct wire_field field;
	bool is_there = false;

	if (!record->n_metadata)
		return false;
	while (wire_next(&wire, &field) == 1)
		if (field.number == FIELD_CONTENT_TYPE &&
		    field.type == WIRE_BYTES) {
			*ret_field = field;
			is_there = true;
		}
	return is_there;
}

static const struct pool_message *type_of(const struct pool *pool,
					  const struct run_record *record)
{
	struct wire_field field;

	if (record->kind != RUN_MESSAGE)
		return body_type_of_call(pool, record->subject,
					 record->n_subject,
					 record->kind == RUN_REPLY);
	return find_content_type(record, &field)
		       ? body_type(pool, (const char *)field.bytes, field.n)
		       : NULL;
}

static const uint8_t *hash_of(const struct run_record *record)
{
	if (record->kind == RUN_GAP || record->status)
		return NULL;
	if (record->kind != RUN_MESSAGE &&
	    builtin_has_name(record->subject, record->n_subject))
		return builtin_hash;
	return record->schema;
}

int answer_body_of(struct answer_bodies *bodies,
		   const struct run_record *record,
		   struct answer_body *ret_body)
{
	const uint8_t *hash = hash_of(record);
	const struct pool_message *type;
	const struct pool *pool;
	int r;

	if (!hash)
		return 0;
	r = pool_cache_get(&bodies->pools, hash, &pool);
	if (r <= 0)
		return r;
	type = type_of(pool, record);
	if (!type)
		return 0;
	*ret_body = (struct answer_body){ .hash = hash,
					  .type = type->symbol.name,
					  .n_type = strlen(type->symbol.name),
					  .bytes = record->body,
					  .n_bytes = record->n_body };
	return 1;
}

/* ---- as bytes: the hash, u8 length of the type, the type, the body ---- */

int answer_body_pack(struct answer_bodies *bodies,
		     const struct answer_body *body, const void **ret_bytes,
		     size_t *ret_n)
{
	struct buffer *packed = &bodies->packed;
	uint8_t n_type = (uint8_t)body->n_type;
	int r;

	buffer_clear(packed);
	buffer_add(packed, body->hash, POOL_CACHE_HASH_BYTES);
	buffer_add(packed, &n_type, 1);
	buffer_add(packed, body->type, body->n_type);
	buffer_add(packed, body->bytes, body->n_bytes);
	r = outcome(body->n_type <= UINT8_MAX ? buffer_error(packed)
					      : -EMSGSIZE);
	*ret_bytes = packed->bytes;
	*ret_n = packed->n;
	return r;
}

int answer_body_unpack(const void *bytes, size_t n,
		       struct answer_body *ret_body)
{
	const uint8_t *at = bytes;
	size_t n_head = POOL_CACHE_HASH_BYTES + 1;
	size_t n_type;

	if (n < n_head)
		return 0;
	n_type = at[POOL_CACHE_HASH_BYTES];
	if (n - n_head < n_type)
		return 0;
	*ret_body = (struct answer_body){ .hash = at,
					  .type = (const char *)at + n_head,
					  .n_type = n_type,
					  .bytes = at + n_head + n_type,
					  .n_bytes = n - n_head - n_type };
	return 1;
}

/* ---- decoded ---- */

static bool is_decoded(const struct answer_bodies *bodies,
		       const struct pool_message *type,
		       const struct answer_body *body)
{
	const struct answer_decoded *decoded = &bodies->decoded;

	return decoded->pool && decoded->n_freed == bodies->pools.n_freed &&
	       decoded->type == type && decoded->n_bytes == body->n_bytes &&
	       memcmp(decoded->bytes, body->bytes, body->n_bytes) == 0;
}

static int decode(struct answer_bodies *bodies, const struct pool *pool,
		  const struct pool_message *type,
		  const struct answer_body *body)
{
	struct answer_decoded *decoded = &bodies->decoded;
	char error[RECORD_ERROR_BYTES];
	int r;

	arena_deinit(&decoded->arena);
	free(decoded->bytes);
	*decoded = (struct answer_decoded){ .arena = decoded->arena };
	decoded->bytes = malloc(body->n_bytes + 1);
	if (!decoded->bytes)
		return -ENOMEM;
	memcpy(decoded->bytes, body->bytes, body->n_bytes);
	r = record_decode(&decoded->arena, type, decoded->bytes, body->n_bytes,
			  &decoded->record, error);
	if (r < 0)
		decoded->record = NULL;
	if (r == -ENOMEM)
		return r;
	decoded->pool = pool;
	decoded->type = type;
	decoded->n_freed = bodies->pools.n_freed;
	decoded->n_bytes = body->n_bytes;
	return 0;
}

int answer_body_decode(struct answer_bodies *bodies,
		       const struct answer_body *body)
{
	const struct pool_message *type;
	const struct pool *pool;
	int r = pool_cache_get(&bodies->pools, body->hash, &pool);

	if (r <= 0)
		return r;
	type = pool_message_lookup(pool, body->type, body->n_type);
	if (!type)
		return 0;
	if (!is_decoded(bodies, type, body)) {
		r = decode(bodies, pool, type, body);
		if (r < 0)
			return r;
	}
	return bodies->decoded.record != NULL;
}

int answer_body_json(struct answer_bodies *bodies, struct record *record,
		     struct slot *slot, const char **ret_json, size_t *ret_n)
{
	_cleanup_(arena_deinit) struct arena arena;
	const struct pool *pool = bodies->decoded.pool;
	char error[RECORD_ERROR_BYTES];
	int r;

	arena_init(&arena, JSON_BYTES_MAX);
	buffer_clear(&bodies->json);
	if (slot)
		r = json_out_slot(pool, &arena, slot, &bodies->json, error);
	else
		r = json_out_record(pool, &arena,
				    record ? record : bodies->decoded.record,
				    &bodies->json, error);
	*ret_json = bodies->json.bytes;
	*ret_n = bodies->json.n;
	return outcome(r);
}
