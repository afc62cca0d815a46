/* SPDX-License-Identifier: MIT */

#include "switch/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { N_FREE_MAX = 64 };

/* What stands before the bytes of each frame. Frames never straddle chunks. */
struct queue_frame {
	union {
		struct queue_frame
			*next;   /* in its lane, if it may be dropped */
		uint64_t n_lost; /* of a gap */
	};
	struct lane *lane;
	uint32_t n;
	bool is_gap;
	bool may_be_dropped;
	uint8_t bytes[];
};

struct chunk {
	struct list link;
	size_t n_used;
	_Alignas(struct queue_frame)
		uint8_t bytes[QUEUE_CHUNK_BYTES + sizeof(struct queue_frame)];
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

static struct chunk *chunk_of(struct list *link)
{
	return container_of(link, struct chunk, link);
}

static struct chunk *first_chunk(const struct queue *queue)
{
	return chunk_of(queue->chunks.next);
}

/* What a frame of `n` bytes takes, so that the next is aligned. */
static size_t bytes_for(size_t n)
{
	size_t align = _Alignof(struct queue_frame);

	return (sizeof(struct queue_frame) + n + align - 1) & ~(align - 1);
}

static struct queue_frame *frame_at(struct chunk *chunk, size_t at)
{
	return (void *)(chunk->bytes + at);
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
	queue_init(queue, queue->pool);
}

/* A frame or a gap at the end; NULL: no memory. */
static struct queue_frame *append(struct queue *queue, size_t n)
{
	size_t n_needed = bytes_for(n);
	struct queue_frame *frame;
	struct chunk *chunk = NULL;

	if (!list_is_empty(&queue->chunks))
		chunk = chunk_of(queue->chunks.prev);
	if (!chunk || sizeof(chunk->bytes) - chunk->n_used < n_needed) {
		chunk = chunk_take(queue->pool);
		if (!chunk)
			return NULL;
		list_push_back(&queue->chunks, &chunk->link);
	}
	frame = frame_at(chunk, chunk->n_used);
	*frame = (struct queue_frame){ .n = (uint32_t)n };
	chunk->n_used += n_needed;
	return frame;
}

/* At the end of its lane's list; `next` is NULL. */
static void lane_append(struct lane *lane, struct queue_frame *frame)
{
	if (lane->first)
		lane->last->next = frame;
	else
		lane->first = frame;
	lane->last = frame;
}

int queue_push_in(struct queue *queue, struct lane *lane, bool may_be_dropped,
		  size_t n, uint8_t **ret_room)
{
	struct queue_frame *frame = append(queue, n);

	if (!frame)
		return -ENOMEM;
	frame->lane = lane;
	frame->may_be_dropped = may_be_dropped;
	if (may_be_dropped)
		lane_append(lane, frame);
	queue->n_frames++;
	queue->n_bytes += n;
	*ret_room = frame->bytes;
	return 0;
}

int queue_push(struct queue *queue, size_t n, uint8_t **ret_room)
{
	return queue_push_in(queue, NULL, false, n, ret_room);
}

int queue_push_gap(struct queue *queue, uint64_t n_lost)
{
	struct queue_frame *gap;

	if (!queue->n_frames) {
		queue->n_lost += n_lost;
		return 0;
	}
	gap = append(queue, 0);
	if (!gap)
		return -ENOMEM;
	gap->is_gap = true;
	gap->n_lost = n_lost;
	queue->n_gap_bytes += bytes_for(0);
	return 0;
}

static struct queue_frame *first_frame(const struct queue *queue)
{
	return frame_at(first_chunk(queue), queue->head);
}

const uint8_t *queue_peek(const struct queue *queue, size_t *ret_n)
{
	if (!queue->n_frames)
		return NULL;
	*ret_n = first_frame(queue)->n;
	return first_frame(queue)->bytes;
}

struct lane *queue_lane(const struct queue *queue)
{
	return first_frame(queue)->lane;
}

const uint8_t *lane_peek(const struct lane *lane, size_t *ret_n)
{
	if (!lane->first)
		return NULL;
	*ret_n = lane->first->n;
	return lane->first->bytes;
}

/* It waits no longer; it is the first in its lane, if it has a turn there. */
static void leave(struct queue *queue, struct queue_frame *frame)
{
	queue->n_frames--;
	queue->n_bytes -= frame->n;
	if (frame->may_be_dropped)
		frame->lane->first = frame->next;
}

static void pass(struct queue *queue, const struct queue_frame *frame)
{
	struct chunk *chunk = first_chunk(queue);

	queue->head += bytes_for(frame->n);
	if (queue->head < chunk->n_used)
		return;
	queue->head = 0;
	chunk_give(queue->pool, chunk);
}

/* What comes first is a frame, and not a gap, or nothing. */
static void pass_gaps(struct queue *queue)
{
	while (queue->n_gap_bytes && first_frame(queue)->is_gap) {
		const struct queue_frame *gap = first_frame(queue);

		queue->n_lost += gap->n_lost;
		queue->n_gap_bytes -= bytes_for(gap->n);
		pass(queue, gap);
	}
}

void queue_pop(struct queue *queue)
{
	struct queue_frame *frame = first_frame(queue);

	leave(queue, frame);
	pass(queue, frame);
	pass_gaps(queue);
}

/* Where packing puts what it keeps; never ahead of where it reads. */
struct packer {
	struct chunk *chunk;
	size_t at;
	uint64_t n_lost; /* in gaps that were read since */
};

static struct queue_frame *packer_room(struct packer *packer, size_t n)
{
	size_t n_needed = bytes_for(n);
	struct queue_frame *room;

	if (sizeof(packer->chunk->bytes) - packer->at < n_needed) {
		packer->chunk->n_used = packer->at;
		packer->chunk = chunk_of(packer->chunk->link.next);
		packer->at = 0;
	}
	room = frame_at(packer->chunk, packer->at);
	packer->at += n_needed;
	return room;
}

static void packer_put_gap(struct packer *packer, struct queue *queue)
{
	if (!packer->n_lost)
		return;
	*packer_room(packer, 0) = (struct queue_frame){
		.n_lost = packer->n_lost,
		.is_gap = true,
	};
	queue->n_gap_bytes += bytes_for(0);
	packer->n_lost = 0;
}

/* Frames come in the order in which their lanes have them. */
static void packer_put(struct packer *packer, struct queue *queue,
		       struct queue_frame *frame)
{
	struct lane *lane = frame->lane;
	struct queue_frame *room;

	if (frame->is_gap) {
		packer->n_lost += frame->n_lost;
		return;
	}
	packer_put_gap(packer, queue);
	room = packer_room(packer, frame->n);
	if (frame->may_be_dropped && lane->first == frame)
		lane->first = room;
	else if (frame->may_be_dropped)
		lane->last->next = room;
	if (frame->may_be_dropped)
		lane->last = room;
	memmove(room, frame, sizeof(*frame) + frame->n);
}

/* Merge all gaps that follow each other, and close up what was in them. */
static void pack(struct queue *queue)
{
	struct packer packer = { .chunk = first_chunk(queue) };
	struct list *link;
	size_t at = queue->head;

	queue->head = 0;
	queue->n_gap_bytes = 0;
	list_for_each (link, &queue->chunks) {
		struct chunk *chunk = chunk_of(link);
		size_t n_used = chunk->n_used;

		while (at < n_used) {
			struct queue_frame *frame = frame_at(chunk, at);

			at += bytes_for(frame->n);
			packer_put(&packer, queue, frame);
		}
		at = 0;
	}
	packer_put_gap(&packer, queue);
	packer.chunk->n_used = packer.at;
	while (queue->chunks.prev != &packer.chunk->link)
		chunk_give(queue->pool, chunk_of(queue->chunks.prev));
}

void queue_drop(struct queue *queue, struct lane *lane)
{
	struct queue_frame *frame = lane->first;

	leave(queue, frame);
	frame->is_gap = true;
	frame->n_lost = 1;
	queue->n_gap_bytes += bytes_for(frame->n);
	pass_gaps(queue);
	if (queue->n_gap_bytes > queue->n_bytes + QUEUE_CHUNK_BYTES)
		pack(queue);
}
