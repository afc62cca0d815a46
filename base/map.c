/* SPDX-License-Identifier: MIT */

#include "base/map.h"

#include <errno.h>
#include <stdlib.h>

enum { N_BUCKETS_FIRST = 8 };

int map_init(struct map *map)
{
	struct map_node **buckets;

	buckets = calloc(N_BUCKETS_FIRST, sizeof(struct map_node *));
	if (!buckets)
		return -ENOMEM;

	*map = (struct map){ .buckets = buckets, .n_buckets = N_BUCKETS_FIRST };
	return 0;
}

void map_deinit(struct map *map)
{
	free(map->buckets);
	*map = (struct map){ 0 };
}

static void insert(struct map *map, struct map_node *node)
{
	size_t index = node->hash & (map->n_buckets - 1);

	node->next = map->buckets[index];
	map->buckets[index] = node;
	if (index < map->n_empty)
		map->n_empty = index;
}

static void grow(struct map *map)
{
	struct map_node **old = map->buckets;
	size_t n_old = map->n_buckets;
	struct map_node **buckets;

	buckets = calloc(n_old * 2, sizeof(struct map_node *));
	if (!buckets)
		return;

	map->buckets = buckets;
	map->n_buckets = n_old * 2;
	map->n_empty = map->n_buckets;
	for (size_t i = 0; i < n_old; i++) {
		struct map_node *node = old[i];

		while (node) {
			struct map_node *next = node->next;

			insert(map, node);
			node = next;
		}
	}
	free(old);
}

void map_add(struct map *map, struct map_node *node, uint64_t hash)
{
	if (map->n_nodes >= map->n_buckets)
		grow(map);
	node->hash = hash;
	insert(map, node);
	map->n_nodes++;
}

void map_remove(struct map *map, struct map_node *node)
{
	struct map_node **link;

	link = &map->buckets[node->hash & (map->n_buckets - 1)];
	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
	node->next = NULL;
	map->n_nodes--;
}

static struct map_node *with_hash(struct map_node *node, uint64_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

struct map_node *map_lookup(const struct map *map, uint64_t hash)
{
	return with_hash(map->buckets[hash & (map->n_buckets - 1)], hash);
}

struct map_node *map_next(const struct map_node *node)
{
	return with_hash(node->next, node->hash);
}

/* The first bucket from `bucket` on that holds something, or n_buckets. */
static size_t skip_empty(const struct map *map, size_t bucket)
{
	while (bucket < map->n_buckets && !map->buckets[bucket])
		bucket++;
	return bucket;
}

static struct map_node *first_from(const struct map *map, size_t bucket)
{
	bucket = skip_empty(map, bucket);
	return bucket < map->n_buckets ? map->buckets[bucket] : NULL;
}

struct map_node *map_walk(const struct map *map, struct map_node *node)
{
	if (!node)
		return first_from(map, map->n_empty);
	if (node->next)
		return node->next;
	return first_from(map, (node->hash & (map->n_buckets - 1)) + 1);
}

/* What was found empty is not looked at again until something is put there. */
struct map_node *map_first(struct map *map)
{
	map->n_empty = skip_empty(map, map->n_empty);
	return first_from(map, map->n_empty);
}

struct map_node *map_pop(struct map *map)
{
	struct map_node *node = map_first(map);

	if (node)
		map_remove(map, node);
	return node;
}
