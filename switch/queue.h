/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_QUEUE_H
#define SWITCH_QUEUE_H

/**
 * Frames that wait for one receiver, as the bytes they will be sent as.
 *
 * Frames stand in chunks one after the other; a chunk goes back to the pool
 * when its last frame is taken. The queue knows no limits: its owner asks
 * n_frames and n_bytes and charges them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

enum { QUEUE_CHUNK_BYTES = 64 * 1024 };

/** Chunks kept for the next queue that grows, so that growing is cheap. */
struct queue_pool {
	struct list free; /* of struct chunk */
	size_t n_free;
};

struct queue {
	struct queue_pool *pool;
	struct list chunks;
	size_t n_frames;
	size_t n_bytes;
	size_t head; /* taken from the first chunk */
};

void queue_pool_init(struct queue_pool *pool);
void queue_pool_deinit(struct queue_pool *pool);

void queue_init(struct queue *queue, struct queue_pool *pool);
void queue_deinit(struct queue *queue);

/**
 * Room for a frame of `n` bytes at the end. Returns 0, with *ret_room to be
 * filled before anything else is done to the queue, or -ENOMEM.
 */
int queue_push(struct queue *queue, size_t n, uint8_t **ret_room);

/** The oldest frame, or NULL. It stays until queue_pop(). */
const uint8_t *queue_peek(const struct queue *queue, size_t *ret_n);

/** Take the oldest frame out; there must be one. */
void queue_pop(struct queue *queue);

#endif
