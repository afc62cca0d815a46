/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_SKETCH_H
#define SWITCH_SKETCH_H

/**
 * The busiest subjects, in fixed memory, however many strangers invent.
 *
 * Source: Metwally, Agrawal and El Abbadi, "Efficient Computation of Frequent
 * and Top-k Elements in Data Streams" (2005): Space-Saving. A subject that is
 * not held takes the place and the count of the rarest that is. So no count is
 * too low, none is too high by more than its `error`, and a subject with more
 * than one SKETCH_ENTRIES-th of all that was counted is always held.
 *
 * An addition costs one pass over the entries' hashes: meant for one message
 * of many, told with the weight of them all.
 */

#include <stddef.h>
#include <stdint.h>

#include "proto/subject.h"

enum { SKETCH_ENTRIES = 128 };

struct sketch_entry {
	uint64_t count;
	uint64_t error; /* the true count is at least count - error */
	uint8_t n_subject;
	char subject[SUBJECT_MAX_BYTES];
};

/** A zeroed sketch is empty and ready for use. */
struct sketch {
	uint64_t hashes[SKETCH_ENTRIES];
	struct sketch_entry entries[SKETCH_ENTRIES];
	size_t n_entries;
};

/**
 * Count `weight` messages with this subject. `hash` is a keyed hash of it, the
 * same every time; `n_subject` is at most SUBJECT_MAX_BYTES.
 */
void sketch_add(struct sketch *sketch, uint64_t hash, const char *subject,
		size_t n_subject, uint64_t weight);

/** Halve all counts, so that what was busy long ago fades. */
void sketch_halve(struct sketch *sketch);

/**
 * Point to the `n_max` busiest at most, the busiest first; they are valid until
 * the sketch changes. Returns how many.
 */
size_t sketch_busiest(const struct sketch *sketch,
		      const struct sketch_entry **ret_entries, size_t n_max);

#endif
