/* SPDX-License-Identifier: MIT */

#include "schema/pool_cache.h"

#include <errno.h>
#include <string.h>

/* What unpacking takes, about: see descriptor_set_new(). */
enum { UNPACKED_FACTOR = 64 };

void pool_cache_init(struct pool_cache *cache, size_t n_bytes_max,
		     int (*load)(void *userdata, const uint8_t *hash,
				 const uint8_t **ret_set, size_t *ret_n),
		     void *userdata)
{
	*cache = (struct pool_cache){ .n_bytes_max = n_bytes_max,
				      .load = load,
				      .userdata = userdata };
}

void pool_cache_deinit(struct pool_cache *cache)
{
	for (size_t i = 0; i < cache->n_entries; i++)
		pool_free(cache->entries[i].pool);
	cache->n_entries = 0;
}

static struct pool_cache_entry *lookup(struct pool_cache *cache,
				       const uint8_t *hash)
{
	for (size_t i = 0; i < cache->n_entries; i++)
		if (memcmp(cache->entries[i].hash, hash,
			   POOL_CACHE_HASH_BYTES) == 0)
			return &cache->entries[i];
	return NULL;
}

static void evict_oldest(struct pool_cache *cache)
{
	struct pool_cache_entry *oldest = &cache->entries[0];

	for (size_t i = 1; i < cache->n_entries; i++)
		if (cache->entries[i].used < oldest->used)
			oldest = &cache->entries[i];
	cache->n_bytes -= oldest->n_bytes;
	cache->n_freed++;
	pool_free(oldest->pool);
	*oldest = cache->entries[--cache->n_entries];
}

static size_t bytes_of(const struct pool *pool, size_t n_set)
{
	size_t n_unpacked = UNPACKED_FACTOR * n_set;

	if (n_unpacked > DESCRIPTOR_MEMORY_MAX)
		n_unpacked = DESCRIPTOR_MEMORY_MAX;
	return pool->arena.n_bytes + n_unpacked;
}

/* A set that is refused is like one that is not there. */
static int load(struct pool_cache *cache, struct pool_cache_entry *entry)
{
	char error[POOL_ERROR_BYTES];
	const uint8_t *set;
	size_t n;
	int r = cache->load(cache->userdata, entry->hash, &set, &n);

	if (r <= 0)
		return r;
	r = pool_read(set, n, &entry->pool, error);
	if (r == 0)
		entry->n_bytes = bytes_of(entry->pool, n);
	return r == -ENOMEM ? r : 0;
}

int pool_cache_get(struct pool_cache *cache, const uint8_t *hash,
		   const struct pool **ret_pool)
{
	struct pool_cache_entry *entry = lookup(cache, hash);
	int r;

	if (!entry) {
		struct pool_cache_entry new = { 0 };

		while (cache->n_entries == POOL_CACHE_MAX ||
		       (cache->n_entries &&
			cache->n_bytes > cache->n_bytes_max))
			evict_oldest(cache);
		memcpy(new.hash, hash, sizeof(new.hash));
		r = load(cache, &new);
		if (r < 0)
			return r;
		cache->n_bytes += new.n_bytes;
		entry = &cache->entries[cache->n_entries++];
		*entry = new;
	}
	entry->used = ++cache->n_uses;
	if (!entry->pool)
		return 0;
	*ret_pool = entry->pool;
	return 1;
}
