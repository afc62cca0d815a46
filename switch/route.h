/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_ROUTE_H
#define SWITCH_ROUTE_H

/**
 * The route table: which targets a subject reaches.
 *
 * Patterns stand in a trie, token by token. What the trie answers is kept in
 * a cache, by publisher's policy class and subject, with the policy's verdict,
 * so that a message usually costs one look at one cache line. The cache has a
 * fixed bound and a keyed hash: inventing subjects costs only the inventor.
 *
 * Subjects are divided into branches, by a hash of their first two tokens. A
 * change of the patterns starts a new generation of its branch, and of all if
 * the pattern has a wildcard so early; a change of the policy of all. With it
 * every cached answer of the branch is void, and no other.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "switch/audience.h"

/** What can stand behind a pattern: a subscription or a group of them. */
enum target_kind { TARGET_SUBSCRIPTION, TARGET_GROUP };

struct route_node;

struct target {
	enum target_kind kind;
	bool is_capture;  /* a log: at most one matches any subject */
	bool is_crossing; /* to a leaf */
	struct list link; /* in route_node.targets */
	struct route_node *route_node; /* where its pattern ends, or NULL */
	unsigned branch; /* of its pattern; N_BRANCHES: it is in several */
};

/** A cached answer; half a cache line. */
struct route {
	struct hash_tag tag;
	void *found;         /* by kind: an audience, an endpoint */
	uint32_t generation; /* void unless it is the branch's */
	uint8_t branch;
	bool is_allowed;
};

struct route_table {
	struct hash_key key;
	struct route_node *root;
	struct map nodes; /* by parent and token */
	struct audience_table audiences;
	size_t n_targets;
	uint32_t generations[N_BRANCHES]; /* never 0 */

	struct route *cache; /* sets of two, a cache line each */
	void *cache_memory;  /* where it stands in */
	size_t n_sets;       /* a power of two */
	size_t n_lost;       /* live answers that others took the place of */

	struct target **matched; /* what a walk collects */
	size_t n_matched_max;
};

int route_table_init(struct route_table *table);

/** All targets must be gone. */
void route_table_deinit(struct route_table *table);

/** Put the target behind a valid pattern. Returns 0 or -ENOMEM. */
int route_add(struct route_table *table, const char *pattern, size_t n_pattern,
	      struct target *target);

/** Harmless when the target was never added. */
void route_remove(struct route_table *table, struct target *target);

/** Void everything that is cached: the policy changed. */
void route_table_change(struct route_table *table);

/** Void what is cached of a branch. */
void route_table_change_branch(struct route_table *table, unsigned branch);

/** The branch of a subject. */
unsigned route_branch(const struct route_table *table, const char *subject,
		      size_t n);

/**
 * All targets whose pattern matches a valid subject. Returns 0 or -ENOMEM.
 * The audience lives until the next change of its branch.
 */
int route_match(struct route_table *table, const char *subject, size_t n,
		struct audience **ret_audience);

/** The tag of what `class` does to a subject, for the two below. */
static inline struct hash_tag route_tag(const struct route_table *table,
					uint64_t class, const char *subject,
					size_t n)
{
	struct hash_key key = { table->key.k0 ^ class, table->key.k1 };

	return hash_bytes_tag(&key, subject, n);
}

/*
 * An answer stands in either of two sets, so that all of them fill alike, and
 * in the first if there was a place.
 */
static inline struct route *route_set(const struct route_table *table,
				      struct hash_tag tag)
{
	return &table->cache[2 * (tag.low & (table->n_sets - 1))];
}

static inline struct route *route_other_set(const struct route_table *table,
					    struct hash_tag tag)
{
	return &table->cache[2 * (tag.high & (table->n_sets - 1))];
}

static inline void route_prefetch(const struct route_table *table,
				  struct hash_tag tag)
{
	__builtin_prefetch(route_set(table, tag));
}

static inline bool route_is_live(const struct route_table *table,
				 const struct route *route)
{
	return route->generation == table->generations[route->branch];
}

static inline const struct route *route_find(const struct route_table *table,
					     const struct route *set,
					     struct hash_tag tag)
{
	if (hash_tag_equal(set[0].tag, tag) && route_is_live(table, &set[0]))
		return &set[0];
	if (hash_tag_equal(set[1].tag, tag) && route_is_live(table, &set[1]))
		return &set[1];
	return NULL;
}

/** The cached answer, or NULL. */
static inline const struct route *route_cached(const struct route_table *table,
					       struct hash_tag tag)
{
	const struct route *found =
		route_find(table, route_set(table, tag), tag);

	if (found)
		return found;
	return route_find(table, route_other_set(table, tag), tag);
}

/**
 * Remember an answer about a subject of `branch`, and return it; it lives until
 * the next of these.
 */
const struct route *route_remember(struct route_table *table,
				   struct hash_tag tag, unsigned branch,
				   bool is_allowed, void *found);

#endif
