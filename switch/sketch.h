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
 * An addition costs at most a pass over the hashes and one over the counts:
 * meant for one message of many, told with the weight of them all.
 */

#include <stddef.h>
#include <stdint.h>

#include "proto/subject.h"

enum { SKETCH_ENTRIES = 128 };

/** A zeroed sketch is empty and ready for use. */
struct sketch {
	uint64_t hashes[SKETCH_ENTRIES];
	uint64_t counts[SKETCH_ENTRIES];
	uint64_t errors[SKETCH_ENTRIES];
	uint8_t n_subjects[SKETCH_ENTRIES];
	char subjects[SKETCH_ENTRIES][SUBJECT_MAX_BYTES];
	size_t n_entries;
};

struct sketch_entry {
	const char *subject; /* the sketch's, until it changes */
	size_t n_subject;
	uint64_t count;
	uint64_t error; /* the true count is at least count - error */
};

/**
 * Count `weight` messages with this subject. `hash` is a keyed hash of it, the
 * same every time; `n_subject` is at most SUBJECT_MAX_BYTES.
 */
void sketch_add(struct sketch *sketch, uint64_t hash, const char *subject,
		size_t n_subject, uint64_t weight);

/** Halve all counts, so that what was busy long ago fades. */
void sketch_halve(struct sketch *sketch);

/** Tell the `n_max` busiest at most, the busiest first. Returns how many. */
size_t sketch_busiest(const struct sketch *sketch,
		      struct sketch_entry *ret_entries, size_t n_max);

#endif
