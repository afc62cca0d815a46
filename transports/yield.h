/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_YIELD_H
#define TRANSPORTS_YIELD_H

/**
 * Whether to yield the processor for a moment before sleeping.
 *
 * An answer often comes within microseconds, and being woken costs several
 * times that, so who waits gives way a few times first. But where others
 * compute, a yield hands them the processor for milliseconds: once one yield
 * takes too long, nobody yields for a while, and longer each time that it
 * happens again.
 *
 * Where system calls are slow, as in a guest of Xen and more so on an emulated
 * processor, being woken is slower in the same measure: how long a wait yields,
 * and what is too long, grow with what a yield usually takes.
 *
 *     while (there is nothing to do)
 *             if (yield_may(&guard, now_ns))
 *                     now_ns = yield_once(&guard, now_ns);
 *             else
 *                     arm, sleep
 *     yield_rest(&guard);
 */

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define YIELD_LEAST_NS      50 /* no system call takes less */

/* How long one wait yields: so many usual yields, within bounds. */
#define YIELD_N_IN_WAIT     16
#define YIELD_WAIT_NS       (50 * NS_PER_US)
#define YIELD_WAIT_MAX_NS   (500 * NS_PER_US)

/* What is too long for a yield, likewise. */
#define YIELD_N_IN_SLOW     64
#define YIELD_SLOW_NS       (60 * NS_PER_US)
#define YIELD_SLOW_MAX_NS   (4 * NS_PER_MS)

/*
 * Beside a busy process a yield is quick as long as the scheduler owes us time,
 * and then takes a whole slice: a few quick ones prove nothing. So many do, or
 * as many as take so long.
 */
#define YIELD_N_TO_FORGIVE  4096
#define YIELD_NS_TO_FORGIVE (5 * NS_PER_MS)

#define YIELD_PAUSE_MIN_NS  (10 * NS_PER_MS)
#define YIELD_PAUSE_MAX_NS  (500 * NS_PER_MS)

/** All zero is a good start. */
struct yield_guard {
	bool is_waiting;
	uint64_t since_ns; /* when this wait began */
	uint64_t until_ns; /* no yield before */
	uint64_t pause_ns; /* the last pause; 0: none since all went well */
	uint64_t usual_ns; /* what a yield takes; 0: there was none */
	uint64_t quick_ns; /* yields in a row that were not too long */
	uint32_t n_quick;  /* how many these were */
};

/** Whether to yield now; false: sleep. The first call begins a wait. */
bool yield_may(struct yield_guard *guard, uint64_t now_ns);

/** A yield took from `before_ns` to `after_ns`. */
void yield_account(struct yield_guard *guard, uint64_t before_ns,
		   uint64_t after_ns);

/** The wait is over: there was something to do, or one has slept. */
static inline void yield_rest(struct yield_guard *guard)
{
	guard->is_waiting = false;
}

/** Yield, and return what time it is then. */
static inline uint64_t yield_once(struct yield_guard *guard, uint64_t now_ns)
{
	uint64_t after_ns;

	sched_yield();
	after_ns = clock_now_ns();
	yield_account(guard, now_ns, after_ns);
	return after_ns;
}

#endif
