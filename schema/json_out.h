/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_JSON_OUT_H
#define SCHEMA_JSON_OUT_H

/**
 * Messages from the wire as JSON, in one line.
 *
 * Source: "ProtoJSON Format" of the protobuf documentation. What is not set
 * is left out, unknown fields are not shown, maps are sorted by their keys.
 * Characters that a terminal would obey are escaped.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "schema/record.h"

enum {
	JSON_OUT_ARENA_BYTES = 256 << 20, /* of memory for one message */
};

/**
 * Add the message of `type` that `n` bytes encode to `buffer`. They may be a
 * stranger's but must stand in our own memory. `pool` finds what an Any holds.
 *
 * Returns 0; -EINVAL, and `error` says where and why; -EMSGSIZE when it takes
 * more than JSON_OUT_ARENA_BYTES or than the buffer takes; -ENOMEM. After an
 * error the buffer may hold part of it.
 */
int json_out(const struct pool *pool, const struct pool_message *type,
	     const uint8_t *bytes, size_t n, struct buffer *buffer,
	     char error[RECORD_ERROR_BYTES]);

/**
 * The same of what is decoded already: a record, whose slots are put in order
 * on the way, or one field of it. What is needed for it comes from `arena`.
 */
int json_out_record(const struct pool *pool, struct arena *arena,
		    struct record *record, struct buffer *buffer,
		    char error[RECORD_ERROR_BYTES]);
int json_out_slot(const struct pool *pool, struct arena *arena,
		  struct slot *slot, struct buffer *buffer,
		  char error[RECORD_ERROR_BYTES]);

#endif
