/* SPDX-License-Identifier: MIT */

#include "switch/queue.h"

#include <errno.h>
#include <stdlib.h>

#include "base/le.h"

enum { N_FREE_MAX = 64 };

/* Frames never straddle chunks; each is preceded by its length. */
struct chunk {
	struct list link;
	size_t n_used;
	uint8_t bytes[QUEUE_CHUNK_BYTES + sizeof(uint32_t)];
};

void queue_pool_init(struct queue_pool *pool)
{
	list_init(&pool->free);
	pool->n_free = 0;
}

void queue_pool_deinit(struct queue_pool *pool)
{
	struct list *link;

	while ((link = list_pop_front(&pool->free)))
		free(container_of(link, struct chunk, link));
	pool->n_free = 0;
}

static struct chunk *chunk_take(struct queue_pool *pool)
{
	struct list *link = list_pop_front(&pool->free);
	struct chunk *chunk;

	if (link) {
		pool->n_free--;
		chunk = container_of(link, struct chunk, link);
	} else {
		chunk = malloc(sizeof(*chunk));
		if (!chunk)
			return NULL;
		list_init(&chunk->link);
	}
	chunk->n_used = 0;
	return chunk;
}

static void chunk_give(struct queue_pool *pool, struct chunk *chunk)
{
	list_unlink(&chunk->link);
	if (pool->n_free >= N_FREE_MAX) {
		free(chunk);
		return;
	}
	list_push_front(&pool->free, &chunk->link);
	pool->n_free++;
}

static struct chunk *first_chunk(const struct queue *queue)
{
	return container_of(queue->chunks.next, struct chunk, link);
}

void queue_init(struct queue *queue, struct queue_pool *pool)
{
	*queue = (struct queue){ .pool = pool };
	list_init(&queue->chunks);
}

void queue_deinit(struct queue *queue)
{
	while (!list_is_empty(&queue->chunks))
		chunk_give(queue->pool, first_chunk(queue));
	queue->n_frames = 0;
	queue->n_bytes = 0;
	queue->head = 0;
}

int queue_push(struct queue *queue, size_t n, uint8_t **ret_room)
{
	size_t n_needed = sizeof(uint32_t) + n;
	struct chunk *chunk = NULL;

	if (!list_is_empty(&queue->chunks))
		chunk = container_of(queue->chunks.prev, struct chunk, link);
	if (!chunk || sizeof(chunk->bytes) - chunk->n_used < n_needed) {
		chunk = chunk_take(queue->pool);
		if (!chunk)
			return -ENOMEM;
		list_push_back(&queue->chunks, &chunk->link);
	}

	le32_store(chunk->bytes + chunk->n_used, (uint32_t)n);
	*ret_room = chunk->bytes + chunk->n_used + sizeof(uint32_t);
	chunk->n_used += n_needed;
	queue->n_frames++;
	queue->n_bytes += n;
	return 0;
}

const uint8_t *queue_peek(const struct queue *queue, size_t *ret_n)
{
	const uint8_t *at;

	if (!queue->n_frames)
		return NULL;
	at = first_chunk(queue)->bytes + queue->head;
	*ret_n = le32_load(at);
	return at + sizeof(uint32_t);
}

void queue_pop(struct queue *queue)
{
	struct chunk *chunk = first_chunk(queue);
	size_t n = le32_load(chunk->bytes + queue->head);

	queue->head += sizeof(uint32_t) + n;
	queue->n_frames--;
	queue->n_bytes -= n;
	if (queue->head < chunk->n_used)
		return;
	queue->head = 0;
	chunk_give(queue->pool, chunk);
}
