/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_SEAM_H
#define TRANSPORTS_SEAM_H

/**
 * Windows in one piece on a ring whose pages are mapped only once.
 *
 * Where a window does not cross the ring's edge it is the ring's own memory.
 * One that does stands in memory of ours, where the bytes on both sides of the
 * edge lie side by side: those that come are copied to it, each once; those
 * that go are copied from it before they are published. It is as wide as the
 * longest frame, so that any frame can be had in one piece, and where frames
 * are short it costs a few of them per lap.
 *
 * Positions run freely, as a ring's indices do. All of it is arithmetic on
 * them; what they may be is the ring's to check.
 */

#include <stddef.h>
#include <stdint.h>

enum {
	SEAM_MAX_BYTES = 64 * 1024, /* on each side: the longest frame */
	/* So much is copied unless whoever reads has no use for less. */
	SEAM_SHORT_BYTES = 4096,
};

struct seam {
	uint8_t *ring;
	uint32_t n_ring;
	uint32_t n_side; /* also the most that is always had in one piece */
	uint32_t edge;   /* the position that it lies around */
	uint32_t from;   /* what it holds; the same twice: nothing */
	uint32_t to;
	uint32_t shown_at; /* reading: where the last window began */
	uint8_t bytes[];   /* n_side before the edge and n_side behind it */
};

/** `n_ring` is a power of two. Returns 0 or -ENOMEM. */
int seam_new(uint8_t *ring, uint32_t n_ring, struct seam **ret_seam);

/** Takes NULL, and returns it. */
struct seam *seam_free(struct seam *seam);

/**
 * Reading: a window that begins at `position`, of the `n` bytes that have
 * come. Once less than n_side can be had in a straight line, it shows the rest
 * when it is asked again from the same position, and never less than before.
 */
const uint8_t *seam_show(struct seam *seam, uint32_t position, uint32_t n,
			 size_t *ret_n);

/** The most that seam_show() will ever show from `position`. */
uint32_t seam_reach(const struct seam *seam, uint32_t position);

/**
 * Writing: a window of `n_wanted` bytes, at most n_side, or of the `n_room`
 * that there are if these are less; or one of at most n_side. What was
 * committed before `position` is in the ring then.
 */
uint8_t *seam_room(struct seam *seam, uint32_t position, uint32_t n_wanted,
		   uint32_t n_room, size_t *ret_n);

/** Writing: what was committed before `position` has to be in the ring. */
void seam_settle(struct seam *seam, uint32_t position);

#endif
