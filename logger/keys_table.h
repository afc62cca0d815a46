/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_KEYS_TABLE_H
#define LOGGER_KEYS_TABLE_H

/**
 * Which sequences an idempotency key may have: the newest keys of a log, by 32
 * bits of their hash. What it says has to be compared with what is on disk. It
 * has two halves; when the newer one is full the older one is forgotten.
 */

#include <stddef.h>
#include <stdint.h>

enum { KEYS_TABLE_MAX = 700000 }; /* keys in a half */

struct keys_half {
	uint32_t *tags; /* 0: empty */
	uint64_t *sequences;
	size_t n_slots; /* a power of two, or 0 */
	size_t n;
};

struct keys_table {
	struct keys_half halves[2]; /* the newer one first */
};

/** Safe on a zeroed one, which is an empty table. */
void keys_table_deinit(struct keys_table *table);
/** Returns 0 or -ENOMEM. */
int keys_table_add(struct keys_table *table, uint64_t hash, uint64_t sequence);

/** A walk over what a key may have; zeroed at first. */
struct keys_walk {
	unsigned half;
	size_t n_passed;
};

/** The next sequence, or 0: there is none any more. */
uint64_t keys_table_next(const struct keys_table *table, uint64_t hash,
			 struct keys_walk *walk);

#endif
