/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_VALUE_H
#define STORAGE_STATE_VALUE_H

/** Bytes that are never changed. */

#include <stddef.h>
#include <stdint.h>

struct value {
	uint32_t n_bytes;
	uint8_t bytes[];
};

/** A copy. NULL: no memory. At most 16 MiB. */
struct value *value_new(const void *bytes, size_t n_bytes);
/** NULL is fine. Returns NULL. */
struct value *value_free(struct value *value);

#endif
