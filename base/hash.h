/* SPDX-License-Identifier: MIT */
#ifndef BASE_HASH_H
#define BASE_HASH_H

/**
 * SipHash-1-3, a keyed hash for tables whose keys strangers choose.
 *
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012);
 * one compression and three finalisation rounds are enough for hash tables.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0;
	uint64_t k1;
};

/** Draw a key from the kernel. Returns 0 or a negative errno. */
int hash_key_draw(struct hash_key *ret_key);

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t n);

/**
 * The same for a number. It is quicker, and enough where nobody is shown the
 * hashes: multiply-shift hashing, universal over the keys.
 */
static inline uint64_t hash_number(const struct hash_key *key, uint64_t number)
{
	__extension__ typedef unsigned __int128 wide;

	return key->k1 * number + (uint64_t)((wide)key->k0 * number >> 64);
}

/** 128 bits: enough to stand for the bytes themselves. */
struct hash_tag {
	uint64_t low;
	uint64_t high;
};

struct hash_tag hash_bytes_tag(const struct hash_key *key, const void *bytes,
			       size_t n);

static inline bool hash_tag_equal(struct hash_tag a, struct hash_tag b)
{
	return a.low == b.low && a.high == b.high;
}

#endif
