/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_BACKEND_ROW_H
#define STORAGE_BACKEND_ROW_H

/**
 * Small values in tables: behind each stands the CRC-32C of its key and
 * itself, 4 bytes, so that no flipped bit makes it another. A numbered key
 * counts as its 8 bytes, little-endian.
 */

#include <stddef.h>
#include <stdint.h>

#include "storage/backend/backend.h"

enum { ROW_CRC_BYTES = 4 };

int row_put(struct store *store, unsigned table, const struct store_key *key,
	    const void *value, size_t n);

/** Without the checksum. Returns 0 or -EBADMSG. */
int row_check(const struct store_key *key, const void *value, size_t n_value,
	      size_t *ret_n);

/**
 * A value of `n` bytes. Returns 1; 0: there is none; -EBADMSG also when it is
 * of another length.
 */
int row_get(struct store *store, unsigned table, const struct store_key *key,
	    void *ret_value, size_t n);

/** The same of where a cursor is; 0. */
int row_at(struct store_cursor *cursor, void *ret_value, size_t n);

static inline struct store_key row_number(uint64_t number)
{
	return (struct store_key){ .number = number };
}

static inline struct store_key row_bytes(const void *bytes, size_t n)
{
	return (struct store_key){ .bytes = bytes, .n_bytes = n };
}

/**
 * `text`, a zero, and a big-endian number, so that keys of one text are in the
 * order of their numbers. `key` has room for n + ROW_TEXT_BYTES.
 */
enum { ROW_TEXT_BYTES = 9, ROW_TEXT_MAX = 512 };

size_t row_text_key(uint8_t *key, const void *text, size_t n, uint64_t number);
/** The other way; returns the length of the text, or -EBADMSG. */
int row_text_of(const struct store_key *key, uint64_t *ret_number);

#endif
