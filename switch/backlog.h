/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_BACKLOG_H
#define SWITCH_BACKLOG_H

/**
 * What waits for a subscription, and what of it is lost when it is too much.
 *
 * A backlog is bounded in messages and bytes, and all in it is charged to the
 * subscriber; of what is free one sender gets at most half (switch/share.h).
 * What was lost is counted where it stood: before the oldest that waits, in
 * the queue, or after the newest. With OVERFLOW_LATEST senders have no shares,
 * since each subject has one place, nor with OVERFLOW_DISCONNECT.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "switch/latest.h"
#include "switch/queue.h"

struct bus;
struct message;
struct receiver;
struct share;

enum overflow {
	OVERFLOW_DROP_NEW,
	OVERFLOW_DROP_OLD,
	OVERFLOW_DISCONNECT,
	OVERFLOW_LATEST,
	N_OVERFLOWS
};

enum gap_reason { GAP_OVERFLOW = 1, GAP_ABORTED = 2, GAP_UPLINK_LOST = 3 };

enum { GAP_BODY_BYTES = 16 };

struct backlog {
	struct bus *bus;
	struct receiver *receiver; /* whose peer pays */
	enum overflow overflow;
	uint32_t messages_max;
	uint64_t bytes_max;

	struct queue queue;
	struct latest latest; /* instead, with OVERFLOW_LATEST */

	uint64_t n_reserved_bytes; /* for the rest of open messages */
	uint64_t n_lost_before;    /* what waits: to be told */
	uint64_t n_lost_after;
	uint64_t n_dropped; /* ever */
};

/** Whom a frame that waits names, and so holds; 0: nobody. */
struct named {
	uint32_t source;
	uint32_t callee;
};

/**
 * The other fields, which say whose it is and its limits, are set already.
 * Returns 0 or -ENOMEM.
 */
int backlog_init(struct backlog *backlog);

/** Nothing may wait or be reserved any more. */
void backlog_deinit(struct backlog *backlog);

/** Lose all that waits, and tell nobody. */
void backlog_clear(struct backlog *backlog);

/** Frames that wait, and their bytes. */
static inline size_t backlog_n_frames(const struct backlog *backlog)
{
	return backlog->queue.n_frames + backlog->latest.n_frames;
}

static inline size_t backlog_n_bytes(const struct backlog *backlog)
{
	return backlog->queue.n_bytes + backlog->latest.n_bytes;
}

/** How long the next message of this sender may be, to wait as things are. */
uint64_t backlog_room_for(const struct backlog *backlog,
			  const struct message *message);

/** Whether this sender's next message, of `n` bytes in all, may wait. */
bool backlog_fits(const struct backlog *backlog, const struct message *message,
		  uint64_t n);

/**
 * Where the sender's messages are counted; NULL: no memory. Held until
 * backlog_release(). Not with OVERFLOW_LATEST.
 */
struct share *backlog_hold(struct backlog *backlog,
			   const struct message *message);
void backlog_release(struct backlog *backlog, struct share *share);

/** The same where its share is held. */
uint64_t backlog_room(const struct backlog *backlog, const struct share *share);

/**
 * Whether `n` bytes of a held share may wait, after older ones were lost where
 * that is the policy: the sender's own, and if it has none, those of one who
 * has more.
 */
bool backlog_make_fit(struct backlog *backlog, struct share *share, uint64_t n);

/**
 * Room for a message of the share that was found to fit, or had its room
 * reserved. Returns 0 and *ret_room, to be filled with the frame before
 * anything else is done to the backlog; or -ENOMEM.
 */
int backlog_push(struct backlog *backlog, struct share *share,
		 const struct message *message, uint8_t **ret_room);

/**
 * The same with OVERFLOW_LATEST, in place of what waits for the same subject.
 * Returns 1 when it does not fit.
 */
int backlog_replace(struct backlog *backlog, const struct message *message,
		    uint8_t **ret_room);

/**
 * The same for a notice of `n` bytes, an ABORT, which costs nothing and names
 * nobody.
 */
int backlog_push_notice(struct backlog *backlog, size_t n, uint8_t **ret_room);

/** The oldest frame, or NULL. */
const uint8_t *backlog_peek(const struct backlog *backlog, size_t *ret_n);

/** Take the oldest out, and give back what it was charged. */
void backlog_pop(struct backlog *backlog);

/** Set aside room for the rest of a message, and give it back. */
void backlog_reserve(struct backlog *backlog, struct share *share,
		     uint64_t n_bytes);
void backlog_unreserve(struct backlog *backlog, struct share *share,
		       uint64_t n_bytes);

/** A message is lost. */
void backlog_count_loss(struct backlog *backlog);

/** Whether a frame that waits is a notice. */
bool backlog_is_notice(const uint8_t *frame);
struct named backlog_named(const uint8_t *frame);

/** The body of a GAP. */
void backlog_write_gap(const struct backlog *backlog, enum gap_reason reason,
		       uint64_t n_lost, uint8_t body[GAP_BODY_BYTES]);

#endif
