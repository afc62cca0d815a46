/* SPDX-License-Identifier: MIT */

#include "transports/seam.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int seam_new(uint8_t *ring, uint32_t n_ring, struct seam **ret_seam)
{
	uint32_t n_side = n_ring < SEAM_MAX_BYTES ? n_ring : SEAM_MAX_BYTES;
	struct seam *seam;

	seam = malloc(sizeof(*seam) + (size_t)n_side * 2);
	if (!seam)
		return -ENOMEM;
	*seam = (struct seam){
		.ring = ring,
		.n_ring = n_ring,
		.n_side = n_side,
	};
	*ret_seam = seam;
	return 0;
}

struct seam *seam_free(struct seam *seam)
{
	free(seam);
	return NULL;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint8_t *in_ring(const struct seam *seam, uint32_t position)
{
	return seam->ring + (position & (seam->n_ring - 1));
}

static uint8_t *in_seam(struct seam *seam, uint32_t position)
{
	return seam->bytes + (uint32_t)(position + seam->n_side - seam->edge);
}

/* At least 1: at the edge itself the next lap begins. */
static uint32_t until_edge(const struct seam *seam, uint32_t position)
{
	return seam->n_ring - (position & (seam->n_ring - 1));
}

static void begin(struct seam *seam, uint32_t position)
{
	seam->from = position;
	seam->to = position;
	seam->edge = position + until_edge(seam, position);
}

static bool is_before_edge(const struct seam *seam, uint32_t position)
{
	return seam->edge - position - 1 < seam->n_side;
}

/* Whether a window from `position` has to go on where it stood. */
static bool holds(const struct seam *seam, uint32_t position)
{
	return position - seam->from < seam->to - seam->from &&
	       is_before_edge(seam, position);
}

static void copy_in(struct seam *seam, uint32_t to)
{
	while (seam->to != to) {
		uint32_t n = smaller(to - seam->to, until_edge(seam, seam->to));

		memcpy(in_seam(seam, seam->to), in_ring(seam, seam->to), n);
		seam->to += n;
	}
}

const uint8_t *seam_show(struct seam *seam, uint32_t position, uint32_t n,
			 size_t *ret_n)
{
	uint32_t n_straight = until_edge(seam, position);
	uint32_t n_behind = seam->n_side;
	uint32_t to;

	if (position != seam->shown_at)
		n_behind = smaller(n_behind, SEAM_SHORT_BYTES);
	seam->shown_at = position;
	if (!holds(seam, position)) {
		begin(seam, position);
		if (n <= n_straight || n_straight > n_behind) {
			*ret_n = smaller(n, n_straight);
			return in_ring(seam, position);
		}
	}

	to = position + smaller(n, n_straight + n_behind);
	if (to - seam->from > seam->to - seam->from)
		copy_in(seam, to);
	*ret_n = seam->to - position;
	return in_seam(seam, position);
}

uint32_t seam_reach(const struct seam *seam, uint32_t position)
{
	uint32_t n_straight = until_edge(seam, position);

	return n_straight > seam->n_side ? n_straight
					 : n_straight + seam->n_side;
}

void seam_settle(struct seam *seam, uint32_t position)
{
	if (seam->from == seam->to)
		return;
	while (seam->from != position) {
		uint32_t n = smaller(position - seam->from,
				     until_edge(seam, seam->from));

		memcpy(in_ring(seam, seam->from), in_seam(seam, seam->from), n);
		seam->from += n;
	}
}

uint8_t *seam_room(struct seam *seam, uint32_t position, uint32_t n_wanted,
		   uint32_t n_room, size_t *ret_n)
{
	uint32_t n_straight = until_edge(seam, position);
	uint32_t n = smaller(n_wanted, n_room);

	seam_settle(seam, position);
	begin(seam, position);
	if (n <= n_straight) {
		*ret_n = smaller(smaller(n_room, n_straight), seam->n_side);
		return in_ring(seam, position);
	}
	seam->to = position + n;
	*ret_n = n;
	return in_seam(seam, position);
}
