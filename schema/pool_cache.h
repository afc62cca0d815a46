/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_POOL_CACHE_H
#define SCHEMA_POOL_CACHE_H

/**
 * Pools by the hashes of their schemas: those that were used last, within a
 * limit of memory. That a schema cannot be had, or is none, is remembered too.
 */

#include <stddef.h>
#include <stdint.h>

#include "schema/pool.h"

enum { POOL_CACHE_MAX = 16, POOL_CACHE_HASH_BYTES = 32 };

struct pool_cache_entry {
	uint8_t hash[POOL_CACHE_HASH_BYTES];
	struct pool *pool; /* NULL: there is none */
	size_t n_bytes;
	uint64_t used; /* when, in numbers of uses */
};

struct pool_cache {
	struct pool_cache_entry entries[POOL_CACHE_MAX];
	size_t n_entries;
	size_t n_bytes;
	size_t n_bytes_max; /* of what is kept beside the one used last */
	uint64_t n_uses;
	uint64_t n_freed; /* pools: has it changed, some are gone */
	/**
	 * Returns 1 with a FileDescriptorSet, which lives until the next call;
	 * 0: there is none; or a negative errno.
	 */
	int (*load)(void *userdata, const uint8_t *hash,
		    const uint8_t **ret_set, size_t *ret_n);
	void *userdata;
};

void pool_cache_init(struct pool_cache *cache, size_t n_bytes_max,
		     int (*load)(void *userdata, const uint8_t *hash,
				 const uint8_t **ret_set, size_t *ret_n),
		     void *userdata);
/** Safe on a zeroed one. */
void pool_cache_deinit(struct pool_cache *cache);

/**
 * The pool lives until the next call. Returns 1; 0: there is no such schema, or
 * what was loaded is none; -ENOMEM; or what load() returned.
 */
int pool_cache_get(struct pool_cache *cache, const uint8_t *hash,
		   const struct pool **ret_pool);

#endif
