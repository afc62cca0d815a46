/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_VALUE_H
#define STORAGE_STATE_VALUE_H

/** Bytes that several hold: never changed, freed with the last reference. */

#include <stddef.h>
#include <stdint.h>

struct value {
	uint32_t n_refs;
	uint32_t n_bytes;
	uint8_t bytes[];
};

/** A copy. NULL: no memory. At most 16 MiB. */
struct value *value_new(const void *bytes, size_t n_bytes);
/** NULL is fine for both. value_unref() returns NULL. */
struct value *value_ref(struct value *value);
struct value *value_unref(struct value *value);

#endif
