/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_STORAGE_DISK_SLATE_H
#define TESTS_UNIT_STORAGE_DISK_SLATE_H

/**
 * In place of a state: a few places, in each of which stands the revision that
 * wrote it last. What a step writes, and how long it is, follows from its
 * revision. storage/state/image.h is answered here.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "storage/state/state.h"

enum { SLATE_PLACES = 100 };

struct slate {
	struct state state; /* `revision` alone is of use */
	uint64_t places[SLATE_PLACES];
	uint64_t begin, end; /* of the snapshot that it was read from */
	uint64_t first;      /* of the steps that it was read from */
	bool is_loaded;
	uint64_t keep_from; /* as its windows have it */
	unsigned n_rows;
	size_t row_bytes; /* of rows that it makes, about */
};

void slate_init(struct slate *slate);
/** The next step: apply it, and add it to `out`. */
void slate_step(struct slate *slate, struct buffer *out);
/** Asserts that it is as after so many steps. */
void slate_check(const struct slate *slate, uint64_t revision);

/** A number that follows from this one, and looks like chance. */
uint64_t slate_chance(uint64_t of);

#endif
