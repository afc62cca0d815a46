/* SPDX-License-Identifier: MIT */
#ifndef BASE_MAP_H
#define BASE_MAP_H

/**
 * Intrusive hash map: nodes live in the objects that they find.
 *
 * The caller hashes and compares; where a stranger chooses the keys, the hash
 * must be keyed (base/hash.h). Adding never fails: when the table cannot grow
 * it only gets slower. Several nodes may have one hash, and even one key.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fetch.h"

struct map_node {
	struct map_node *next;
	uint64_t hash;
};

struct map {
	struct map_node **buckets;
	size_t n_buckets; /* a power of two */
	size_t n_nodes;
	size_t n_empty; /* buckets at the front in which there is nothing */
};

/** Returns 0 or -ENOMEM. */
int map_init(struct map *map);

/** Frees the table, not the nodes. Safe on a zeroed map. */
void map_deinit(struct map *map);

void map_add(struct map *map, struct map_node *node, uint64_t hash);

/** `node` must be in the map. */
void map_remove(struct map *map, struct map_node *node);

/** The first node with this hash, or NULL; map_next() gives the others. */
struct map_node *map_lookup(const struct map *map, uint64_t hash);
struct map_node *map_next(const struct map_node *node);

/** This hash will be looked up soon: in a large map that is far away. */
static inline void map_fetch(const struct map *map, uint64_t hash)
{
	fetch(&map->buckets[hash & (map->n_buckets - 1)], 1);
}

/**
 * Walk over everything: start with NULL, ends with NULL. The map must not
 * change in between.
 */
struct map_node *map_walk(const struct map *map, struct map_node *node);

/**
 * Any node, or NULL when there is none: for emptying a map, whoever takes the
 * node out. To empty a map of n nodes this way takes n steps.
 */
struct map_node *map_first(struct map *map);

/** The same, taken out. */
struct map_node *map_pop(struct map *map);

/** A good hash for integers that no stranger chooses. */
static inline uint64_t map_hash_u64(uint64_t key)
{
	key ^= key >> 32;
	key *= UINT64_C(0xd6e8feb86659fd93);
	key ^= key >> 32;
	key *= UINT64_C(0xd6e8feb86659fd93);
	return key ^ key >> 32;
}

#endif
