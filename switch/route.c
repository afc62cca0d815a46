/* SPDX-License-Identifier: MIT */

#include "switch/route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/subject.h"

enum {
	N_SETS_FIRST = 512,      /* 32 KiB */
	N_SETS_MAX = 256 * 1024, /* 16 MiB */
	SET_BYTES = 2 * sizeof(struct route),
	N_MATCHED_FIRST = 64,
	/* A star doubles the ways, and no pattern has more than three. */
	N_WAYS_MAX = 2 * SUBJECT_MAX_TOKENS * (1 << PATTERN_MAX_STARS),
};

_Static_assert(SET_BYTES == 64, "a set is a cache line");

struct route_node {
	struct map_node node; /* in route_table.nodes */
	struct route_node *parent;
	unsigned n_children;
	bool has_star; /* among the children: saves a look-up */
	bool has_tail;
	struct list targets; /* of patterns that end here */
	uint8_t n_token;
	char token[];
};

static uint64_t hash_child(const struct route_table *table,
			   const struct route_node *parent, const char *token,
			   size_t n)
{
	struct hash_key key = { table->key.k0 ^ (uintptr_t)parent,
				table->key.k1 };

	return hash_bytes(&key, token, n);
}

static struct route_node *child_lookup(const struct route_table *table,
				       const struct route_node *parent,
				       const char *token, size_t n)
{
	uint64_t hash = hash_child(table, parent, token, n);
	struct map_node *node = map_lookup(&table->nodes, hash);

	for (; node; node = map_next(node)) {
		struct route_node *child =
			container_of(node, struct route_node, node);

		if (child->parent == parent && child->n_token == n &&
		    !memcmp(child->token, token, n))
			return child;
	}
	return NULL;
}

static struct route_node *node_new(struct route_node *parent, const char *token,
				   size_t n)
{
	struct route_node *node;

	node = malloc(sizeof(*node) + n);
	if (!node)
		return NULL;
	*node = (struct route_node){
		.parent = parent,
		.n_token = (uint8_t)n,
	};
	list_init(&node->targets);
	memcpy(node->token, token, n);
	return node;
}

static struct route_node *child_add(struct route_table *table,
				    struct route_node *parent,
				    const char *token, size_t n)
{
	struct route_node *child = child_lookup(table, parent, token, n);

	if (child)
		return child;
	child = node_new(parent, token, n);
	if (!child)
		return NULL;
	map_add(&table->nodes, &child->node,
		hash_child(table, parent, token, n));
	parent->n_children++;
	if (n == 1 && *token == '*')
		parent->has_star = true;
	if (n == 1 && *token == '>')
		parent->has_tail = true;
	return child;
}

/* Free the node, and its parents, as far as nothing hangs on them. */
static void prune(struct route_table *table, struct route_node *node)
{
	while (node->parent && !node->n_children &&
	       list_is_empty(&node->targets)) {
		struct route_node *parent = node->parent;

		if (node->n_token == 1 && *node->token == '*')
			parent->has_star = false;
		if (node->n_token == 1 && *node->token == '>')
			parent->has_tail = false;
		parent->n_children--;
		map_remove(&table->nodes, &node->node);
		free(node);
		node = parent;
	}
}

/* Zeroed, so that nothing in it is live. Returns 0 or -ENOMEM. */
static int cache_init(struct route_table *table, size_t n_sets)
{
	uintptr_t at;
	void *memory = calloc(n_sets + 1, SET_BYTES);

	if (!memory)
		return -ENOMEM;
	at = ((uintptr_t)memory + SET_BYTES - 1) & ~(uintptr_t)(SET_BYTES - 1);
	table->cache = (struct route *)at;
	table->cache_memory = memory;
	table->n_sets = n_sets;
	return 0;
}

int route_table_init(struct route_table *table)
{
	int r;

	*table = (struct route_table){ .n_matched_max = N_MATCHED_FIRST };
	for (unsigned i = 0; i < N_BRANCHES; i++)
		table->generations[i] = 1;
	r = hash_key_draw(&table->key);
	if (r < 0)
		return r;
	table->root = node_new(NULL, "", 0);
	table->matched = calloc(N_MATCHED_FIRST, sizeof(struct target *));
	if (!table->root || !table->matched ||
	    cache_init(table, N_SETS_FIRST) < 0 ||
	    map_init(&table->nodes) < 0 ||
	    audience_table_init(&table->audiences) < 0) {
		route_table_deinit(table);
		return -ENOMEM;
	}
	return 0;
}

void route_table_deinit(struct route_table *table)
{
	audience_table_deinit(&table->audiences);
	map_deinit(&table->nodes);
	free(table->root);
	free(table->cache_memory);
	free(table->matched);
	*table = (struct route_table){ 0 };
}

/* Two tokens, or one if there are no more. */
static size_t head_bytes(const char *subject, size_t n)
{
	const char *dot = memchr(subject, '.', n);

	if (dot)
		dot = memchr(dot + 1, '.', (size_t)(subject + n - dot) - 1);
	return dot ? (size_t)(dot - subject) : n;
}

unsigned route_branch(const struct route_table *table, const char *subject,
		      size_t n)
{
	return hash_bytes(&table->key, subject, head_bytes(subject, n)) %
	       N_BRANCHES;
}

void route_table_change_branch(struct route_table *table, unsigned branch)
{
	audience_table_forget(&table->audiences, branch);
	if (++table->generations[branch])
		return;
	/* Answers of four thousand million changes ago look new again. */
	memset(table->cache, 0, table->n_sets * 2 * sizeof(struct route));
	table->generations[branch] = 1;
}

void route_table_change(struct route_table *table)
{
	table->n_lost = 0;
	for (unsigned i = 0; i < N_BRANCHES; i++)
		route_table_change_branch(table, i);
}

/* Its pattern came or went. */
static void change_for(struct route_table *table, const struct target *target)
{
	if (target->branch < N_BRANCHES)
		route_table_change_branch(table, target->branch);
	else
		route_table_change(table);
}

/* A walk may find every target: make sure of the room beforehand. */
static int reserve_matched(struct route_table *table, size_t n)
{
	struct target **matched;

	if (n <= table->n_matched_max)
		return 0;
	matched = reallocarray(table->matched, n * 2, sizeof(struct target *));
	if (!matched)
		return -ENOMEM;
	table->matched = matched;
	table->n_matched_max = n * 2;
	return 0;
}

int route_add(struct route_table *table, const char *pattern, size_t n_pattern,
	      struct target *target)
{
	bool is_wide = pattern_is_wild(pattern, head_bytes(pattern, n_pattern));
	unsigned branch = route_branch(table, pattern, n_pattern);
	const char *end = pattern + n_pattern;
	struct route_node *node = table->root;
	int r;

	r = reserve_matched(table, table->n_targets + 1);
	if (r < 0)
		return r;
	while (pattern <= end) {
		const char *dot = memchr(pattern, '.', (size_t)(end - pattern));
		size_t n = (size_t)((dot ? dot : end) - pattern);
		struct route_node *child = child_add(table, node, pattern, n);

		if (!child) {
			prune(table, node);
			return -ENOMEM;
		}
		node = child;
		pattern += n + 1;
	}

	list_push_back(&node->targets, &target->link);
	target->route_node = node;
	target->branch = is_wide ? N_BRANCHES : branch;
	table->n_targets++;
	change_for(table, target);
	return 0;
}

void route_remove(struct route_table *table, struct target *target)
{
	if (!target->route_node)
		return;
	list_unlink(&target->link);
	prune(table, target->route_node);
	target->route_node = NULL;
	table->n_targets--;
	change_for(table, target);
}

/* One way of matching that is still to be followed. */
struct way {
	const struct route_node *node;
	size_t at; /* of the next token in the subject */
};

static size_t collect(const struct route_table *table, size_t n_matched,
		      const struct route_node *node)
{
	struct list *link;

	if (node)
		list_for_each (link, &node->targets)
			table->matched[n_matched++] =
				container_of(link, struct target, link);
	return n_matched;
}

/* Depth first, on a stack of our own: patterns are strangers' bytes. */
static size_t walk(const struct route_table *table, const char *subject,
		   size_t n)
{
	struct way ways[N_WAYS_MAX];
	size_t n_ways = 1;
	size_t n_matched = 0;

	ways[0] = (struct way){ .node = table->root };
	while (n_ways) {
		struct way way = ways[--n_ways];
		const char *token = subject + way.at;
		const char *dot;
		size_t n_token;
		bool may_be_wild = way.at || *subject != '$';

		if (way.at > n) {
			n_matched = collect(table, n_matched, way.node);
			continue;
		}
		dot = memchr(token, '.', n - way.at);
		n_token = dot ? (size_t)(dot - token) : n - way.at;
		way.at += n_token + 1;

		if (way.node->has_tail && may_be_wild)
			n_matched =
				collect(table, n_matched,
					child_lookup(table, way.node, ">", 1));
		if (way.node->has_star && may_be_wild)
			ways[n_ways++] = (struct way){
				child_lookup(table, way.node, "*", 1), way.at
			};
		if (way.node->n_children >
		    way.node->has_star + (unsigned)way.node->has_tail)
			ways[n_ways] =
				(struct way){ child_lookup(table, way.node,
							   token, n_token),
					      way.at };
		else
			continue;
		if (ways[n_ways].node)
			n_ways++;
	}
	return n_matched;
}

static int compare_targets(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (struct target *const *)a;
	uintptr_t y = (uintptr_t) * (struct target *const *)b;

	return (x > y) - (x < y);
}

int route_match(struct route_table *table, const char *subject, size_t n,
		struct audience **ret_audience)
{
	unsigned branch = route_branch(table, subject, n);
	size_t n_targets = walk(table, subject, n);
	struct audience *audience;
	uint64_t hash;

	qsort(table->matched, n_targets, sizeof(struct target *),
	      compare_targets);
	hash = audience_hash(&table->key, branch, table->matched, n_targets);
	audience = audience_lookup(&table->audiences, branch, hash,
				   table->matched, n_targets);
	if (audience) {
		*ret_audience = audience;
		return 0;
	}

	if (audience_table_is_full(&table->audiences, n_targets))
		route_table_change(table);
	audience = audience_new(&table->audiences, branch, hash, table->matched,
				n_targets);
	if (!audience)
		return -ENOMEM;
	for (size_t i = 0; i < n_targets; i++)
		if (table->matched[i]->is_capture)
			audience->capture = table->matched[i];
	*ret_audience = audience;
	return 0;
}

/* A place that is free, or the older in the first set, whose answer is lost. */
static struct route *place_of(struct route_table *table, struct hash_tag tag)
{
	struct route *first = route_set(table, tag);
	struct route *other = route_other_set(table, tag);

	for (size_t i = 0; i < 2; i++)
		if (!route_is_live(table, &first[i]))
			return &first[i];
	for (size_t i = 0; i < 2; i++)
		if (!route_is_live(table, &other[i]))
			return &other[i];
	table->n_lost++;
	first[1] = first[0];
	return &first[0];
}

/* A cache that is too small for what is said grows, up to its bound. */
static void grow_cache(struct route_table *table)
{
	const struct route *old = table->cache;
	void *old_memory = table->cache_memory;
	size_t n_old = 2 * table->n_sets;

	table->n_lost = 0;
	if (cache_init(table, n_old) < 0)
		return;
	for (size_t i = 0; i < n_old; i++)
		if (route_is_live(table, &old[i]))
			*place_of(table, old[i].tag) = old[i];
	free(old_memory);
}

const struct route *route_remember(struct route_table *table,
				   struct hash_tag tag, unsigned branch,
				   bool is_allowed, void *found)
{
	struct route *route;

	if (table->n_lost > table->n_sets / 8 && table->n_sets < N_SETS_MAX)
		grow_cache(table);

	route = place_of(table, tag);
	*route = (struct route){
		.tag = tag,
		.found = found,
		.generation = table->generations[branch],
		.branch = (uint8_t)branch,
		.is_allowed = is_allowed,
	};
	return route;
}
