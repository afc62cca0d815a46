/* SPDX-License-Identifier: MIT */

#include "base/arena.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The first chunk is small, so that a small tree costs little. */
enum { CHUNK_BYTES_FIRST = 4096, CHUNK_BYTES_MAX = 256 << 10 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t n_bytes;
	_Alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *arena, size_t n_bytes_max)
{
	*arena = (struct arena){ .n_bytes_max = n_bytes_max };
}

void arena_deinit(struct arena *arena)
{
	struct arena_chunk *chunk = arena->chunks;

	while (chunk) {
		struct arena_chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
	arena_init(arena, arena->n_bytes_max);
}

/* As large as all before it, within bounds: few chunks, little waste. */
static size_t chunk_size(const struct arena *arena, size_t n)
{
	size_t n_chunk = arena->n_bytes;

	if (n >= CHUNK_BYTES_MAX / 4)
		return n;
	if (n_chunk < CHUNK_BYTES_FIRST)
		n_chunk = CHUNK_BYTES_FIRST;
	if (n_chunk > CHUNK_BYTES_MAX)
		n_chunk = CHUNK_BYTES_MAX;
	if (n_chunk > arena->n_bytes_max - arena->n_bytes)
		n_chunk = arena->n_bytes_max - arena->n_bytes;
	return n_chunk < n ? n : n_chunk;
}

/* What is large has a chunk of its own, behind the one that has room left. */
static void *alloc_from_new(struct arena *arena, size_t n)
{
	struct arena_chunk *chunk;
	size_t n_chunk;

	if (n > arena->n_bytes_max - arena->n_bytes) {
		arena->is_full = true;
		return NULL;
	}
	n_chunk = chunk_size(arena, n);
	chunk = malloc(sizeof(*chunk) + n_chunk);
	if (!chunk)
		return NULL;
	chunk->n_bytes = n_chunk;
	arena->n_bytes += n_chunk;
	if (n_chunk == n && arena->chunks) {
		chunk->next = arena->chunks->next;
		arena->chunks->next = chunk;
	} else {
		chunk->next = arena->chunks;
		arena->chunks = chunk;
		arena->n_left = n_chunk - n;
	}
	return memset(chunk->bytes, 0, n);
}

void *arena_alloc(struct arena *arena, size_t n)
{
	const size_t mask = _Alignof(max_align_t) - 1;
	unsigned char *end;

	if (n > SIZE_MAX / 2) {
		arena->is_full = true;
		return NULL;
	}
	n = n ? (n + mask) & ~mask : mask + 1;
	if (n > arena->n_left)
		return alloc_from_new(arena, n);
	end = arena->chunks->bytes + arena->chunks->n_bytes;
	arena->n_left -= n;
	return memset(end - arena->n_left - n, 0, n);
}

void *arena_array(struct arena *arena, size_t n_members, size_t n)
{
	size_t n_bytes;

	if (__builtin_mul_overflow(n_members, n, &n_bytes)) {
		arena->is_full = true;
		return NULL;
	}
	return arena_alloc(arena, n_bytes);
}

char *arena_copy(struct arena *arena, const void *bytes, size_t n)
{
	char *copy = n < SIZE_MAX ? arena_alloc(arena, n + 1) : NULL;

	if (copy && n > 0)
		memcpy(copy, bytes, n);
	return copy;
}

void *arena_grow(struct arena *arena, void *at, size_t n, size_t *n_max,
		 size_t n_member)
{
	size_t n_more = *n_max ? 2 * *n_max : 1;
	void *more;

	if (n < *n_max)
		return at;
	more = arena_array(arena, n_more, n_member);
	if (!more)
		return NULL;
	if (n > 0)
		memcpy(more, at, n * n_member);
	*n_max = n_more;
	return more;
}

int arena_error(const struct arena *arena)
{
	return arena->is_full ? -EMSGSIZE : -ENOMEM;
}
