/* SPDX-License-Identifier: MIT */
#ifndef BASE_FETCH_H
#define BASE_FETCH_H

/**
 * What will be looked at soon, and stands far away in memory, is fetched while
 * something else is done.
 */

#include <stddef.h>

enum { FETCH_LINE_BYTES = 64 };

/** The first `n` bytes of an object, or of none if it is NULL. */
static inline void fetch(const void *object, size_t n)
{
	const char *at = object;

	for (size_t i = 0; at && i < n; i += FETCH_LINE_BYTES)
		__builtin_prefetch(at + i);
}

#endif
