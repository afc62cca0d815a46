/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_MIRROR_H
#define TRANSPORTS_MIRROR_H

/**
 * A buffer mapped twice in a row: byte i and byte i + n_bytes are one.
 *
 * So any n_bytes that follow each other in a ring stand in one piece, and a
 * window never wraps.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mirror {
	uint8_t *at;    /* NULL: not mapped */
	size_t n_bytes; /* of one copy: a power of two, whole pages */
};

/**
 * Of memory of our own, zeroed, that is used only as far as it is touched.
 * `n_bytes` is a power of two and is rounded up to a page. Returns 0 or a
 * negative errno: -ENOMEM, -EMFILE, -ENFILE.
 */
int mirror_init(struct mirror *mirror, size_t n_bytes);

/**
 * Of `n_bytes` (whole pages) at `offset` of a descriptor, which the mirror
 * does not need afterwards. Returns 0 or a negative errno.
 */
int mirror_init_fd(struct mirror *mirror, int fd, off_t offset, size_t n_bytes,
		   bool is_writable);

/** Safe on a zeroed one. */
void mirror_deinit(struct mirror *mirror);

/** Where the byte at a free-running position stands. */
static inline uint8_t *mirror_byte(const struct mirror *mirror,
				   uint64_t position)
{
	return mirror->at + (position & (mirror->n_bytes - 1));
}

#endif
