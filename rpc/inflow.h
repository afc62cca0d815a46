/* SPDX-License-Identifier: MIT */
#ifndef RPC_INFLOW_H
#define RPC_INFLOW_H

/**
 * What comes in a stream, and the credit that we grant for it.
 *
 * Credit is in bytes of frames. It is owed again when a fragment stands in its
 * assembly, or the program is done with a message; and granted when half of
 * the window is owed, or the longest frame would not pass any more.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct frame;
struct helio;
struct flow;

struct inflow {
	struct list link;      /* in flows.owing */
	uint64_t window_bytes; /* that may be under way to us */
	uint64_t left_bytes;   /* of what was granted */
	uint64_t owed_bytes;   /* to be granted */
	bool is_there;         /* something may come at all */
	bool is_ended;         /* the caller's END came */
	bool is_paused;
	bool is_begun; /* a message in fragments is being put together */
};

/** Messages may come, as soon as they are granted. */
void inflow_open(struct flow *flow, uint32_t window_bytes);

/** So much was granted from the start. */
void inflow_grant(struct flow *flow, uint64_t n_bytes);

/** Give up what has come of a message in fragments. */
void inflow_drop(struct flow *flow);

/** Grant when enough is owed, unless paused. */
void inflow_owe(struct flow *flow, uint64_t n_bytes);

void inflow_pause(struct flow *flow);
void inflow_resume(struct flow *flow);

/** Take a frame of kind NEXT and call the program when it is the last. */
void inflow_take(struct flow *flow, const struct frame *frame,
		 const uint8_t *bytes);

/** Send WINDOW for those that owe, or have to be kept alive. */
void inflows_grant(struct helio *bus);

#endif
