/* SPDX-License-Identifier: MIT */
#ifndef CLI_DECODER_H
#define CLI_DECODER_H

/**
 * Bodies of records as JSON, by the schemas that they were written with.
 *
 * A schema is named by its hash; the log has kept it, or else the registry has
 * it. Which message a body is: see schema/body.h.
 */

#include "base/buffer.h"
#include "rpc/heliograph-log.h"
#include "schema/pool_cache.h"

struct logs;

struct decoder {
	struct logs *logs; /* borrowed; NULL: only what helio itself knows */
	struct pool *builtin;
	struct pool_cache pools;
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

#endif
