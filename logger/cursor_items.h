/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_CURSOR_ITEMS_H
#define LOGGER_CURSOR_ITEMS_H

/**
 * What a cursor gave out, from its floor on: by sequence, by what is to be
 * given out next, and by time. A change costs the same however many there are,
 * but for a logarithm.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/order.h"

struct consumer;

enum cursor_item_state {
	ITEM_READY,      /* to be given out, again or for the first time */
	ITEM_OUT,        /* a consumer has it */
	ITEM_DEAD,       /* to be published as a dead letter */
	ITEM_PUBLISHING, /* it is on its way */
};

struct cursor_item {
	struct order_node node; /* in the order that its state says */
	struct list given_link; /* in consumer.given */
	uint64_t sequence;
	uint64_t due_ns; /* ready, dead: not before, 0: now; out: not later */
	struct consumer *consumer; /* of one that is out */
	uint32_t fence;
	uint32_t n_given;
	uint32_t n_failed;
	enum cursor_item_state state; /* see cursor_items_set() */
};

struct cursor_place {
	uint64_t sequence;
	struct cursor_item *item; /* NULL: it is done with */
};

struct cursor_items {
	struct cursor_place *ring; /* ascending, from `first` on */
	size_t n_room;             /* in the ring: a power of two, or 0 */
	size_t first;
	size_t n; /* done with or not */
	size_t n_done;
	bool is_ordered; /* what is not out or done holds up what follows */
	/* Ready, dead and, if ordered, being published; by sequence. Those that
	 * are not due yet stand in `timed` instead, unless ordered. */
	struct order waiting;
	struct order timed; /* those, and what is out; by due_ns */
};

void cursor_items_init(struct cursor_items *items, bool is_ordered);
/** Forget all; none is in the list of a consumer after it. */
void cursor_items_clear(struct cursor_items *items);
void cursor_items_deinit(struct cursor_items *items);

/** A new one, ready, above all others; NULL without memory. */
struct cursor_item *cursor_items_add(struct cursor_items *items,
				     uint64_t sequence);
/** NULL: it is not there, or done with. */
struct cursor_item *cursor_items_lookup(const struct cursor_items *items,
					uint64_t sequence);

/** It is done with, and freed. */
void cursor_items_finish(struct cursor_items *items, struct cursor_item *item);
/** A state changes only here. */
void cursor_items_set(struct cursor_items *items, struct cursor_item *item,
		      enum cursor_item_state state, uint64_t due_ns);

/** The first that waits, or NULL; see struct cursor_items. */
struct cursor_item *cursor_items_waiting(const struct cursor_items *items);
/** The one whose time comes first, or NULL. */
struct cursor_item *cursor_items_timed(const struct cursor_items *items);

/**
 * Take away what is done with at the front. Returns the sequence of what stands
 * there then, or 0.
 */
uint64_t cursor_items_advance(struct cursor_items *items);

#endif
