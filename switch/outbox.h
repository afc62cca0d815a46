/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_OUTBOX_H
#define SWITCH_OUTBOX_H

/**
 * Frames that must go before any other, and found no room in the channel.
 *
 * What is in it may pass in pieces, so that a frame longer than the ring
 * passes too. It knows no limits: switch/peer.c asks for its bytes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "switch/queue.h"

struct channel;

struct outbox {
	struct queue queue;
	size_t n_sent;   /* bytes of its first frame that are gone */
	bool is_written; /* the frame being written goes here */
};

static inline void outbox_init(struct outbox *outbox, struct queue_pool *pool)
{
	*outbox = (struct outbox){ 0 };
	queue_init(&outbox->queue, pool);
}

static inline void outbox_deinit(struct outbox *outbox)
{
	queue_deinit(&outbox->queue);
}

static inline bool outbox_is_empty(const struct outbox *outbox)
{
	return !outbox->queue.n_frames;
}

static inline size_t outbox_bytes(const struct outbox *outbox)
{
	return outbox->queue.n_bytes;
}

/** Room for a frame that is to be written next. Returns 0 or -ENOMEM. */
static inline int outbox_push(struct outbox *outbox, size_t n,
			      uint8_t **ret_room)
{
	int r = queue_push(&outbox->queue, n, ret_room);

	if (r < 0)
		return r;
	outbox->is_written = true;
	return 0;
}

/**
 * Send what there is room for. Returns 0 when nothing is left, or 1; of how
 * much was sent, *ret_n_sent tells.
 */
int outbox_send(struct outbox *outbox, struct channel *channel,
		size_t *ret_n_sent);

#endif
