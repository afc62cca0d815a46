/* SPDX-License-Identifier: MIT */

#include <stdlib.h>
#include <string.h>

#include "storage/state/queue_inside.h"

static int compare_due(const struct order_node *a, const struct order_node *b)
{
	const struct job *job_a = const_job_at_place(a),
			 *job_b = const_job_at_place(b);

	if (job_a->due != job_b->due)
		return job_a->due < job_b->due ? -1 : 1;
	return (job_a->id > job_b->id) - (job_a->id < job_b->id);
}

static uint64_t hash_of(const struct queue *queue, const char *durable_id)
{
	return hash_bytes(&queue->state->key, durable_id, strlen(durable_id));
}

static struct job_share *lookup(const struct queue *queue,
				const char *durable_id, uint64_t hash)
{
	struct map_node *node = map_lookup(&queue->shares, hash);

	for (; node; node = map_next(node)) {
		struct job_share *share =
			container_of(node, struct job_share, node);

		if (!strcmp(share->party->account->durable_id, durable_id))
			return share;
	}
	return NULL;
}

struct job_share *job_share_lookup(const struct queue *queue,
				   const char *durable_id)
{
	return lookup(queue, durable_id, hash_of(queue, durable_id));
}

struct job_share *job_share_get(struct queue *queue, struct party *submitter)
{
	const char *durable_id = submitter->account->durable_id;
	uint64_t hash = hash_of(queue, durable_id);
	struct job_share *share = lookup(queue, durable_id, hash);

	if (!share) {
		share = calloc(1, sizeof(*share));
		if (!share)
			return NULL;
		share->party = party_ref(submitter);
		order_init(&share->kept, compare_due);
		map_add(&queue->shares, &share->node, hash);
	}
	share->n_refs++;
	return share;
}

void job_share_unref(struct queue *queue, struct job_share *share)
{
	if (--share->n_refs)
		return;
	map_remove(&queue->shares, &share->node);
	party_unref(queue->state, share->party);
	free(share);
}

uint64_t job_share_hash(const struct queue *queue, const char *durable_id,
			const char *key)
{
	struct hash_key mine = queue->state->key;

	mine.k0 ^= hash_of(queue, durable_id);
	return hash_bytes(&mine, key, strlen(key));
}

void job_share_charge(struct queue *queue, struct job_share *share, int sign)
{
	struct account *account = share->party->account;

	party_charge(queue->state, share->party,
		     sign * (int64_t)share->n_bytes);
	account->n_jobs += (uint64_t)sign * share->n_open;
}
