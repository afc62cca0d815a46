/* SPDX-License-Identifier: MIT */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Run fn(&var) when var leaves its scope. */
#define _cleanup_(fn) __attribute__((cleanup(fn)))

/** From `type fn(type)` make fn##p(), the form _cleanup_() wants. */
#define DEFINE_CLEANUP(type, fn)          \
	static inline void fn##p(type *p) \
	{                                 \
		if (*p)                   \
			fn(*p);           \
	}                                 \
	_Static_assert(1, "")

/** Give a pointer away: evaluates to it and leaves NULL behind. */
#define take_ptr(ptr)                           \
	({                                      \
		__typeof__(ptr) taken_ = (ptr); \
		(ptr) = NULL;                   \
		taken_;                         \
	})

/** Give a descriptor away: evaluates to it and leaves -1 behind. */
#define take_fd(fd)              \
	({                       \
		int taken_ = fd; \
		(fd) = -1;       \
		taken_;          \
	})

/** For `_cleanup_(close_fdp) int fd = -1`. */
static inline void close_fdp(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/**
 * For `_cleanup_(freep) char *text = NULL`, and pointers to anything else: so
 * the pointer is read as bytes.
 */
static inline void freep(void *pointer_to_pointer)
{
	void *pointer;

	memcpy(&pointer, pointer_to_pointer, sizeof(pointer));
	free(pointer);
}

#endif
