/* SPDX-License-Identifier: MIT */
#ifndef RPC_DEADLINE_H
#define RPC_DEADLINE_H

/**
 * Points in time, the nearest first: a binary heap of what hangs on them.
 *
 * Times are nanoseconds of the monotonic clock. A zeroed deadline stands in
 * no heap, and a zeroed heap is empty.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deadline {
	uint64_t at_ns;
	size_t place; /* in the heap, from 1; 0: in none */
	void (*on_expiry)(struct deadline *deadline);
};

struct deadlines {
	struct deadline **heap; /* [0] is not used */
	size_t n;
	size_t n_room;
};

void deadlines_deinit(struct deadlines *deadlines);

/** Returns 0 or -ENOMEM. `deadline` stands in no heap yet. */
int deadlines_add(struct deadlines *deadlines, struct deadline *deadline,
		  uint64_t at_ns);

/** Nothing happens to one that stands in no heap. */
void deadlines_remove(struct deadlines *deadlines, struct deadline *deadline);

/** Take out those that are over, and call each one's on_expiry. */
void deadlines_expire(struct deadlines *deadlines, uint64_t now_ns);

/** When the nearest is over; UINT64_MAX when there is none. */
static inline uint64_t deadlines_next_ns(const struct deadlines *deadlines)
{
	return deadlines->n ? deadlines->heap[1]->at_ns : UINT64_MAX;
}

#endif
