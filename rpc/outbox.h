/* SPDX-License-Identifier: MIT */
#ifndef RPC_OUTBOX_H
#define RPC_OUTBOX_H

/**
 * The way out: into the channel while there is room, else waiting here.
 *
 * Nearly every frame is written straight into the channel's room. What cannot
 * be is kept as bytes: the fragments of a long message, which is accepted as a
 * whole or not at all, replies, and small frames that must not be lost.
 * Whatever waits goes out before anything new of its kind, so order holds;
 * only CREDIT and PONG pass between two frames that wait.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct helio;

enum {
	/* Replies are refused when so much waits, ... */
	OUTBOX_SOFT_BYTES = 1024 * 1024,
	/* ... and the connection is given up when small frames come to this. */
	OUTBOX_SMALL_BYTES = 2 * 1024 * 1024,
};

struct outbox {
	/* Frames that wait, from `start` to `end`. */
	uint8_t *bytes;
	size_t start;
	size_t end;
	size_t n_room;
	size_t n_frame_left; /* of the first one, whose beginning is out */

	struct list unsent; /* struct inquiry */
	struct list sent;   /* struct inquiry, that wait for RESULT */
};

void outbox_init(struct outbox *outbox);
void outbox_deinit(struct outbox *outbox);

/** The connection is lost: nothing waits any more but inquiries. */
void outbox_clear(struct outbox *outbox);

/** Whether anything has to go out before something new. */
static inline bool outbox_is_waiting(const struct outbox *outbox)
{
	return outbox->start != outbox->end || !list_is_empty(&outbox->unsent);
}

/**
 * Room in the channel for `n` bytes of frames, to be committed by
 * outbox_commit(). Returns 0; -EAGAIN when something waits or the channel is
 * full; -EMSGSIZE when the channel never has so much; -ENOTCONN.
 */
int outbox_reserve(struct helio *bus, size_t n, uint8_t **ret_room);

/** The same for a frame that may overtake those that wait. */
int outbox_reserve_urgent(struct helio *bus, size_t n, uint8_t **ret_room);

/** What was written is to be sent; flushes when enough has gathered. */
void outbox_commit(struct helio *bus, size_t n);

/**
 * Room for `n` bytes of frames at the end of what waits; they count at once,
 * so they must be written at once. Returns 0 or -ENOMEM.
 */
int outbox_push(struct helio *bus, size_t n, uint8_t **ret_room);

/** Send a small frame of `n` bytes, in order, now or later. */
void outbox_send_small(struct helio *bus, const uint8_t *frame, size_t n);

/** Bring out what waits, as far as there is room. */
void outbox_pump(struct helio *bus);

#endif
