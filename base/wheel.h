/* SPDX-License-Identifier: MIT */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

/**
 * Deadlines, many and mostly never reached: adding and removing cost the same
 * however many there are.
 *
 * A wheel of slots, each a list of the timers that fall due in its 4 ms, or in
 * the same slot of a later turn of the wheel. A timer is never early and at
 * most one slot late.
 */

#include <stdint.h>

#include "base/list.h"

enum {
	WHEEL_N_SLOTS = 4096,
	WHEEL_N_WORDS = WHEEL_N_SLOTS / 64,
};

#define WHEEL_SLOT_NS UINT64_C(4000000)

struct timer {
	struct list link;
	uint64_t due_ns; /* monotonic clock */
	void (*fire)(struct timer *timer, uint64_t now_ns);
};

struct wheel {
	struct list slots[WHEEL_N_SLOTS];
	uint64_t occupied[WHEEL_N_WORDS]; /* may say so of an empty slot */
	uint64_t position; /* slots are done with before this one */
};

void wheel_init(struct wheel *wheel, uint64_t now_ns);

/** A timer is initialised once, before it is first added or removed. */
void timer_init(struct timer *timer,
		void (*fire)(struct timer *timer, uint64_t now_ns));

/** Moves it when it is there already. */
void wheel_add(struct wheel *wheel, struct timer *timer, uint64_t due_ns);

/** Harmless when it is not there. */
static inline void timer_remove(struct timer *timer)
{
	list_unlink(&timer->link);
}

/**
 * Fire what is due. A timer is out of the wheel when it fires, and may free
 * itself and add and remove others.
 */
void wheel_advance(struct wheel *wheel, uint64_t now_ns);

/**
 * When wheel_advance() is to be called next; UINT64_MAX when the wheel is
 * empty. May be earlier than anything is due.
 */
uint64_t wheel_next_ns(struct wheel *wheel);

#endif
