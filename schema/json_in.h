/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_JSON_IN_H
#define SCHEMA_JSON_IN_H

/**
 * Messages from JSON to the wire.
 *
 * Source: "ProtoJSON Format" of the protobuf documentation. Fields are taken
 * by their names in JSON and in the source. What the message does not have, a
 * key that comes twice and two members of one oneof are errors, and so is a
 * required field that is missing.
 */

#include <stddef.h>
#include <stdint.h>

#include "schema/record.h"

enum {
	JSON_IN_BYTES_MAX = 16 << 20,    /* of a message on the wire */
	JSON_IN_ARENA_BYTES = 256 << 20, /* of memory meanwhile */
};

/**
 * Encode the JSON of `n` bytes as a message of `type`. `pool` finds what an
 * Any holds. *ret_bytes is the caller's to free, and never NULL.
 *
 * Returns 0; -EINVAL, and `error` says where in the message (or, if it is no
 * JSON, in which line) and why; -EMSGSIZE for what is too large; -ENOMEM.
 */
int json_in(const struct pool *pool, const struct pool_message *type,
	    const void *text, size_t n, uint8_t **ret_bytes, size_t *ret_n,
	    char error[RECORD_ERROR_BYTES]);

#endif
