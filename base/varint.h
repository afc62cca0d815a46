/* SPDX-License-Identifier: MIT */
#ifndef BASE_VARINT_H
#define BASE_VARINT_H

/**
 * Numbers as protobuf has them: seven bits a byte, the lowest first, and the
 * top bit of each byte but the last is set.
 * https://protobuf.dev/programming-guides/encoding/#varints
 */

#include <stdbool.h>
#include <stdint.h>

enum { VARINT_BYTES_MAX = 10 };

/**
 * Reads one, and moves `*at` behind it. Returns false when it does not end
 * before `end`, or within VARINT_BYTES_MAX; then `*at` is somewhere up to
 * `end`. What does not fit 64 bits is cut off.
 */
static inline bool varint_read(const uint8_t **at, const uint8_t *end,
			       uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
		uint8_t byte = *(*at)++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

#endif
