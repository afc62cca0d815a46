/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_CURSOR_STATE_H
#define LOGGER_CURSOR_STATE_H

/**
 * What of a cursor is kept on disk. All numbers are little-endian. Under its
 * name:
 *	 0  u32  "HCUR"
 *	 4  u32  2, the version
 *	 8  u64  next, its floor: all records below it are done with
 *	16  u64  given out; given out again; dead
 *	40  u64  generation, another one each time that it is moved
 *	48  u64  no record from here on was given out
 *	56  u16  bytes of the owner's durable id
 *	58  u16  bytes of the configuration
 *	60  u32  zero
 * then the owner and the configuration (helio.log.v1.CursorConfig).
 *
 * What is to be remembered of records at or above the floor stands in pages of
 * 256 sequences each, so that only those that changed are written; a page of
 * another generation, or below the floor, means nothing:
 *	 0  u32  "HCPG"
 *	 4  u32  n, below 257
 *	 8  u64  generation
 *	16  u64  first sequence, a multiple of 256
 *	24  256 bits, the lowest of a byte first: this record is done with
 *	56  n times, ascending, u8: this record, u24: failed so often
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;

enum {
	CURSOR_HEAD_BYTES = 64,
	CURSOR_PAGE_HEAD_BYTES = 56,
	CURSOR_PAGE_SEQUENCES = 256,
	CURSOR_PAGE_BITS_BYTES = CURSOR_PAGE_SEQUENCES / 8,
	CURSOR_PAGE_BYTES_MAX =
		CURSOR_PAGE_HEAD_BYTES + 4 * CURSOR_PAGE_SEQUENCES,
	CURSOR_ITEMS_MAX = 8192,
	CURSOR_OWNER_MAX = 255,
	CURSOR_CONFIG_MAX = 16384,
	CURSOR_FAILED_MAX = 0xffffff,
};

struct cursor_head {
	uint64_t next;
	uint64_t n_given;
	uint64_t n_again;
	uint64_t n_dead;
	uint64_t generation;
	uint64_t given_to;
	const char *owner; /* not terminated */
	size_t n_owner;
	const uint8_t *config;
	size_t n_config;
};

/** How often one of a page failed. */
struct cursor_failure {
	uint8_t place; /* its sequence, after the page's first */
	uint32_t n;    /* 1 to CURSOR_FAILED_MAX */
};

struct cursor_marks {
	uint64_t generation;
	uint64_t first; /* sequence */
	uint8_t done[CURSOR_PAGE_BITS_BYTES];
	uint32_t n_failures;
};

void cursor_head_encode(const struct cursor_head *head, struct buffer *out);
/** Returns 0, or -EBADMSG: this is no cursor. It points into the bytes. */
int cursor_head_decode(const void *bytes, size_t n,
		       struct cursor_head *ret_head);

/** Returns how many bytes were written. */
size_t cursor_marks_encode(const struct cursor_marks *marks,
			   const struct cursor_failure *failures,
			   uint8_t out[CURSOR_PAGE_BYTES_MAX]);
/** Returns 0, or -EBADMSG: this is no page. */
int cursor_marks_decode(const void *bytes, size_t n,
			struct cursor_marks *ret_marks);
/** The n-th failure of what was decoded, below n_failures. */
struct cursor_failure cursor_marks_failure(const void *bytes, uint32_t nth);

#endif
