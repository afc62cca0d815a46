/* SPDX-License-Identifier: MIT */
#ifndef CLI_DECODER_H
#define CLI_DECODER_H

/**
 * Bodies of records as JSON, by the schemas that they were written with.
 *
 * A schema is named by its hash; the log has kept it, or else the registry has
 * it. Which message a body is, the content type says, as in
 * `application/protobuf; message=foo.v1.Thing`; of a call and its reply, the
 * method.
 */

#include "base/buffer.h"
#include "rpc/heliograph-log.h"

struct logs;
struct pool;
struct pool_message;

enum { DECODER_POOLS_MAX = 16, DECODER_HASH_BYTES = 32 };

struct decoder_pool {
	uint8_t hash[DECODER_HASH_BYTES];
	struct pool *pool; /* NULL: nobody has it */
	uint64_t used;     /* when, in numbers of uses */
};

struct decoder {
	struct logs *logs; /* borrowed; NULL: only what helio itself knows */
	struct pool *builtin;
	struct decoder_pool pools[DECODER_POOLS_MAX];
	size_t n_pools;
	uint64_t n_uses;
};

void decoder_init(struct decoder *decoder, struct logs *logs);
void decoder_deinit(struct decoder *decoder);

/**
 * Add the body to `json`, in one line. False: there is no schema for it, or
 * it is not of the schema; the buffer may then hold part of it. May ask the
 * logger and the registry, and wait for them.
 */
bool decoder_json(struct decoder *decoder,
		  const struct helio_log_record *record, struct buffer *json);

/** The same in several lines, from JSON in one. */
void decoder_indent(struct buffer *out, const char *json, size_t n);

/**
 * The message that a content type names, and its length; NULL: none.
 */
const char *decoder_message_name(const char *content_type, size_t *ret_n);

#endif
