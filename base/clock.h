/* SPDX-License-Identifier: MIT */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_US       UINT64_C(1000)
#define NS_PER_MS       UINT64_C(1000000)
#define NS_PER_S        UINT64_C(1000000000)

#define CLOCK_COARSE_NS (10 * NS_PER_MS) /* at 100 ticks a second */

/** Nanoseconds of the monotonic clock. Read once per turn, then passed on. */
static inline uint64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/**
 * The same as of the last tick, which may be CLOCK_COARSE_NS ago. Where the
 * other costs 80 ns, as with the clock of a virtual machine, this costs 8: it
 * is for what happens once a call and is told in milliseconds.
 */
static inline uint64_t clock_coarse_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/** Nanoseconds since 1970 of the wall clock, which may be set back. */
static inline uint64_t clock_unix_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

#endif
