/* SPDX-License-Identifier: MIT */

#include "switch/audience.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	N_AUDIENCES_MAX = 1 << 18,
	N_TARGETS_MAX = 1 << 22, /* 32 MiB */
};

int audience_table_init(struct audience_table *table)
{
	table->n_targets = 0;
	for (unsigned i = 0; i < N_BRANCHES; i++)
		list_init(&table->of_branch[i]);
	return map_init(&table->by_targets);
}

void audience_table_deinit(struct audience_table *table)
{
	if (!table->by_targets.buckets)
		return;
	for (unsigned i = 0; i < N_BRANCHES; i++)
		audience_table_forget(table, i);
	map_deinit(&table->by_targets);
}

uint64_t audience_hash(const struct hash_key *key, unsigned branch,
		       struct target *const *targets, size_t n_targets)
{
	struct hash_key own = { key->k0 ^ branch, key->k1 };

	return hash_bytes(&own, targets, n_targets * sizeof(struct target *));
}

struct audience *audience_lookup(const struct audience_table *table,
				 unsigned branch, uint64_t hash,
				 struct target *const *targets,
				 size_t n_targets)
{
	struct map_node *node = map_lookup(&table->by_targets, hash);

	for (; node; node = map_next(node)) {
		struct audience *audience =
			container_of(node, struct audience, node);

		if (audience->branch == branch &&
		    audience->n_targets == n_targets &&
		    !memcmp(audience->targets, targets,
			    n_targets * sizeof(struct target *)))
			return audience;
	}
	return NULL;
}

struct audience *audience_new(struct audience_table *table, unsigned branch,
			      uint64_t hash, struct target *const *targets,
			      size_t n_targets)
{
	size_t n_bytes = n_targets * sizeof(struct target *);
	struct audience *audience = malloc(sizeof(*audience) + n_bytes);

	if (!audience)
		return NULL;
	*audience = (struct audience){
		.branch = (uint8_t)branch,
		.n_targets = n_targets,
	};
	memcpy(audience->targets, targets, n_bytes);
	list_push_front(&table->of_branch[branch], &audience->link);
	map_add(&table->by_targets, &audience->node, hash);
	table->n_targets += n_targets;
	return audience;
}

bool audience_table_is_full(const struct audience_table *table,
			    size_t n_targets)
{
	return table->by_targets.n_nodes >= N_AUDIENCES_MAX ||
	       table->n_targets + n_targets > N_TARGETS_MAX;
}

void audience_table_forget(struct audience_table *table, unsigned branch)
{
	struct list *link;

	while ((link = list_pop_front(&table->of_branch[branch]))) {
		struct audience *audience =
			container_of(link, struct audience, link);

		map_remove(&table->by_targets, &audience->node);
		table->n_targets -= audience->n_targets;
		free(audience);
	}
}
