/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_QUEUE_H
#define SWITCH_QUEUE_H

/**
 * Frames that wait for one receiver, as the bytes they will be sent as.
 *
 * Frames stand in chunks one after the other; a chunk goes back to the pool
 * when its last frame is taken. The queue knows no limits: its owner asks
 * n_frames and n_bytes and charges them.
 *
 * A frame may be in a lane, with others of its sender. The oldest in a lane
 * that may be dropped can be taken out from where it stands; a gap stays there,
 * that counts what was lost. Gaps take memory, but never more than what waits
 * and a chunk: then the queue is packed anew.
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

struct queue_frame;

/** The frames of one sender that may be dropped. Zeroed: none. */
struct lane {
	struct queue_frame *first;
	struct queue_frame *last;
};

struct queue {
	struct queue_pool *pool;
	struct list chunks;
	size_t n_frames;
	size_t n_bytes;
	size_t n_gap_bytes; /* of memory */
	size_t head;        /* taken from the first chunk */
	uint64_t n_lost;    /* before the oldest; its owner's to take */
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

/** The same, in a lane. */
int queue_push_in(struct queue *queue, struct lane *lane, bool may_be_dropped,
		  size_t n, uint8_t **ret_room);

/** `n_lost` were lost after the newest. Returns 0 or -ENOMEM. */
int queue_push_gap(struct queue *queue, uint64_t n_lost);

/** The oldest frame, or NULL. It stays until queue_pop(). */
const uint8_t *queue_peek(const struct queue *queue, size_t *ret_n);

/** The lane of the oldest frame, which must be there; NULL: none. */
struct lane *queue_lane(const struct queue *queue);

/** Take the oldest out; there must be one. */
void queue_pop(struct queue *queue);

/** The oldest of the lane that may be dropped; NULL: there is none. */
const uint8_t *lane_peek(const struct lane *lane, size_t *ret_n);

/** Lose what lane_peek() shows. All frames may move. */
void queue_drop(struct queue *queue, struct lane *lane);

#endif
