/* SPDX-License-Identifier: MIT */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

/**
 * Memory that is given back all at once, and never more than a limit: for
 * trees that a stranger's bytes grow.
 */

#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	size_t n_left;      /* bytes free at the end of the newest chunk */
	size_t n_bytes;     /* taken from the heap */
	size_t n_bytes_max; /* never more than this */
	bool is_full;       /* something was refused for the limit */
};

/** Takes nothing from the heap yet. */
void arena_init(struct arena *arena, size_t n_bytes_max);

/** Frees all that was allocated. Safe on a zeroed arena. */
void arena_deinit(struct arena *arena);

/**
 * `n` zeroed bytes, aligned for any object, or NULL: the limit is reached, or
 * there is no memory. arena_error() tells which.
 */
void *arena_alloc(struct arena *arena, size_t n);

/** The same for an array; NULL also if its size overflows. */
void *arena_array(struct arena *arena, size_t n_members, size_t n);

/** A terminated copy of `n` bytes, or NULL. */
char *arena_copy(struct arena *arena, const void *bytes, size_t n);

/**
 * An array with room for one more: `at` if it has, else a copy with twice the
 * room. *n_max is how many members there is room for. NULL as arena_alloc().
 */
void *arena_grow(struct arena *arena, void *at, size_t n, size_t *n_max,
		 size_t n_member);

/** After a NULL: -EMSGSIZE if the limit was reached, else -ENOMEM. */
int arena_error(const struct arena *arena);

#endif
