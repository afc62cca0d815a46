/* SPDX-License-Identifier: MIT */

#include "cli/comparison.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

struct pair {
	struct map_node node;
	uint64_t slot;
	uint64_t sequence;
	struct hash_tag now, then;
	bool has_now, has_then;
	size_t method;
};

int comparison_init(struct comparison *comparison)
{
	int r;

	*comparison = (struct comparison){ 0 };
	r = hash_key_draw(&comparison->key);
	if (r < 0)
		return r;
	comparison->methods =
		calloc(COMPARISON_METHODS_MAX, sizeof(*comparison->methods));
	if (!comparison->methods)
		return -ENOMEM;
	return map_init(&comparison->calls);
}

void comparison_deinit(struct comparison *comparison)
{
	struct map_node *node;

	while (comparison->calls.buckets &&
	       (node = map_pop(&comparison->calls)))
		free(container_of(node, struct pair, node));
	map_deinit(&comparison->calls);
	free(comparison->methods);
	comparison->methods = NULL;
}

static size_t find_method(struct comparison *comparison, const char *name)
{
	struct comparison_method *methods = comparison->methods;

	for (size_t i = 0; i < comparison->n_methods; i++)
		if (strcmp(methods[i].name, name) == 0)
			return i;
	if (comparison->n_methods == COMPARISON_METHODS_MAX)
		return COMPARISON_METHODS_MAX - 1;
	if (comparison->n_methods == COMPARISON_METHODS_MAX - 1)
		name = "others";
	snprintf(methods[comparison->n_methods].name, COMPARISON_NAME_BYTES,
		 "%s", name);
	return comparison->n_methods++;
}

static struct pair *find_pair(const struct comparison *comparison,
			      uint64_t slot)
{
	struct map_node *node = map_lookup(&comparison->calls,
					   hash_number(&comparison->key, slot));

	for (; node; node = map_next(node)) {
		struct pair *pair = container_of(node, struct pair, node);

		if (pair->slot == slot)
			return pair;
	}
	return NULL;
}

static void remove_pair(struct comparison *comparison, struct pair *pair)
{
	map_remove(&comparison->calls, &pair->node);
	free(pair);
}

/* A slot comes again after the switch was started anew: the old one is over. */
void comparison_begin(struct comparison *comparison, uint64_t slot,
		      uint64_t sequence, const char *method)
{
	struct pair *pair = find_pair(comparison, slot);

	if (pair)
		remove_pair(comparison, pair);
	pair = comparison->calls.n_nodes < COMPARISON_CALLS_MAX
		       ? calloc(1, sizeof(*pair))
		       : NULL;
	if (!pair) {
		comparison->n_unknown++;
		return;
	}
	pair->slot = slot;
	pair->sequence = sequence;
	pair->method = find_method(comparison, method);
	map_add(&comparison->calls, &pair->node,
		hash_number(&comparison->key, slot));
}

/* Reasons are for people, and may differ: of a bad status only that counts. */
static struct hash_tag tag_of(const struct comparison *comparison,
			      const struct comparison_reply *reply)
{
	bool is_good = reply->status == 0;
	struct hash_tag tag =
		hash_bytes_tag(&comparison->key, is_good ? reply->body : "",
			       is_good ? reply->n_body : 0);

	tag.low ^= reply->status;
	return tag;
}

static void compare(struct comparison *comparison, struct pair *pair)
{
	if (!pair->has_now || !pair->has_then)
		return;
	if (hash_tag_equal(pair->now, pair->then)) {
		comparison->n_equal++;
	} else {
		comparison->n_differing++;
		comparison->methods[pair->method].n_differing++;
		if (comparison->first_differing == 0 ||
		    pair->sequence < comparison->first_differing)
			comparison->first_differing = pair->sequence;
	}
	remove_pair(comparison, pair);
}

void comparison_now(struct comparison *comparison, uint64_t slot,
		    const char *method, const struct comparison_reply *reply)
{
	struct pair *pair = find_pair(comparison, slot);
	size_t i = find_method(comparison, method);

	if (reply->status < COMPARISON_STATUSES)
		comparison->methods[i].n_statuses[reply->status]++;
	if (!pair)
		return;
	pair->now = tag_of(comparison, reply);
	pair->has_now = true;
	compare(comparison, pair);
}

void comparison_then(struct comparison *comparison, uint64_t slot,
		     const struct comparison_reply *reply)
{
	struct pair *pair = find_pair(comparison, slot);

	if (!pair)
		return;
	pair->then = tag_of(comparison, reply);
	pair->has_then = true;
	compare(comparison, pair);
}

size_t comparison_open(const struct comparison *comparison)
{
	return comparison->calls.n_nodes;
}
