/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_WIRE_H
#define SCHEMA_WIRE_H

/**
 * The fields of a packed message, one after the other, for those who have no
 * descriptor of it or want the bytes as they stand.
 *
 * Source of the format: protobuf's "Encoding". Groups are malformed here.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/varint.h"

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5,
};

struct wire_field {
	uint32_t number; /* 1 to 2^29 - 1 */
	enum wire_type type;
	uint64_t varint;      /* of WIRE_VARINT */
	const uint8_t *bytes; /* of all others, `n` of them */
	size_t n;
};

/** What is left of a message. */
struct wire {
	const uint8_t *at;
	const uint8_t *end;
};

/** Returns 1 with the next field, 0 at the end, -EBADMSG when malformed. */
int wire_next(struct wire *wire, struct wire_field *ret_field);

/** Read one varint. Returns 0 or -EBADMSG. */
int wire_varint(struct wire *wire, uint64_t *ret_value);

/** Encode in the fewest bytes, at most VARINT_BYTES_MAX. Returns how many. */
size_t wire_put_varint(uint8_t *ret_bytes, uint64_t value);

#endif
