/* SPDX-License-Identifier: MIT */

#include "switch/share.h"

#include <stdlib.h>

int share_table_init(struct share_table *table)
{
	return map_init(&table->by_owner);
}

void share_table_deinit(struct share_table *table)
{
	map_deinit(&table->by_owner);
}

/* `owner` is a keyed hash already, so that nobody chooses where it leads. */
static uint64_t hash_share(const void *pool, uint64_t owner)
{
	return map_hash_u64(owner ^ (uintptr_t)pool);
}

struct share *share_lookup(const struct share_table *table, const void *pool,
			   uint64_t owner)
{
	struct map_node *node =
		map_lookup(&table->by_owner, hash_share(pool, owner));

	for (; node; node = map_next(node)) {
		struct share *share = container_of(node, struct share, node);

		if (share->pool == pool && share->owner == owner)
			return share;
	}
	return NULL;
}

/* The share in one pool, held once more. */
static struct share *hold_in(struct share_table *table, const void *pool,
			     uint64_t owner)
{
	struct share *share = share_lookup(table, pool, owner);

	if (!share) {
		share = malloc(sizeof(*share));
		if (!share)
			return NULL;
		*share = (struct share){ .pool = pool, .owner = owner };
		map_add(&table->by_owner, &share->node,
			hash_share(pool, owner));
	}
	share->n_holds++;
	return share;
}

/* And then its whole, which it held. */
static void free_if_empty(struct share_table *table, struct share *share)
{
	while (share && !share->n_holds && !share->n_frames) {
		struct share *whole = share->whole;

		map_remove(&table->by_owner, &share->node);
		free(share);
		if (whole)
			whole->n_holds--;
		share = whole;
	}
}

struct share *share_hold(struct share_table *table, const void *pool,
			 const void *account, uint64_t owner)
{
	struct share *share = hold_in(table, pool, owner);

	if (!share || share->whole)
		return share;
	share->whole = hold_in(table, account, owner);
	if (share->whole)
		return share;
	share_release(table, share);
	return NULL;
}

void share_release(struct share_table *table, struct share *share)
{
	share->n_holds--;
	free_if_empty(table, share);
}

void share_discharge(struct share_table *table, struct share *share,
		     uint32_t n_frames, uint64_t n_bytes)
{
	share->n_frames -= n_frames;
	share->n_bytes -= n_bytes;
	share->whole->n_frames -= n_frames;
	share->whole->n_bytes -= n_bytes;
	free_if_empty(table, share);
}
