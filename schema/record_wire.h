/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_RECORD_WIRE_H
#define SCHEMA_RECORD_WIRE_H

/**
 * Records from the wire and to it.
 *
 * Source: "Encoding" of the protobuf documentation. What a field's type does
 * not fit is an unknown field, and unknown fields are passed over; so are the
 * unknown numbers of a closed enum. Messages that come twice are merged.
 */

#include <stddef.h>
#include <stdint.h>

#include "schema/record.h"

/**
 * Decode `n` bytes, which may be a stranger's but must stand in our own
 * memory: strings and bytes of the record stay where they are.
 *
 * Returns 0; -EINVAL, and `error` says where and why; -EMSGSIZE or -ENOMEM
 * when the arena has no room.
 */
int record_decode(struct arena *arena, const struct pool_message *type,
		  const uint8_t *bytes, size_t n, struct record **ret_record,
		  char error[RECORD_ERROR_BYTES]);

/**
 * Encode a record, whose slots are put in order on the way, as at most
 * `n_bytes_max` bytes. *ret_bytes is the caller's to free, and never NULL.
 *
 * Returns 0; -EINVAL, and `error` names a required field that is missing;
 * -EMSGSIZE or -ENOMEM.
 */
int record_encode(struct record *record, size_t n_bytes_max,
		  uint8_t **ret_bytes, size_t *ret_n,
		  char error[RECORD_ERROR_BYTES]);

/** How a field of this type is written: the low three bits of its key. */
enum record_wire_type {
	RECORD_VARINT = 0,
	RECORD_FIXED64 = 1,
	RECORD_BYTES = 2,
	RECORD_GROUP = 3,
	RECORD_GROUP_END = 4,
	RECORD_FIXED32 = 5,
};

enum record_wire_type record_wire_type(enum pool_type type);

/* A number as it is written, and as a record has it. */
void record_wire_decode(enum pool_type type, uint64_t raw,
			union value *ret_value);
uint64_t record_wire_encode(enum pool_type type, const union value *value);

#endif
