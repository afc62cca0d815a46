/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_IMAGE_H
#define STORAGE_STATE_IMAGE_H

/**
 * The state as rows, for a snapshot that is written piece by piece while steps
 * go on; and back again.
 *
 * A snapshot that was begun at revision B and ended at E has of each thing what
 * it was somewhere in between, or nothing, if it was made after B or removed
 * before E. With the steps after B it gives the state at E: those that a thing
 * has seen already, as its own revision tells, are passed over, and so are
 * those about a thing that is not there, up to E. (Of a job each step says all,
 * so what was seen is just done again.)
 *
 * What buckets can tell of their past comes from the journal, whose steps are
 * kept from `keep_from` on (B + 1 at the most; see state_keep_from()). Those of
 * them that are not after B only tell what versions keys had.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "storage/state/record.h"
#include "storage/state/state.h"

/** Where a snapshot stands; valid whatever happens to the state meanwhile. */
struct image_cursor {
	enum {
		IMAGE_COUNTERS,
		IMAGE_BUCKETS,
		IMAGE_QUEUES,
		IMAGE_KEYS,
		IMAGE_JOBS,
		IMAGE_OUTGOING,
		IMAGE_END,
	} part;
	char name[65];    /* the bucket or queue it is at */
	char key[513];    /* the last key told */
	uint64_t id;      /* the last job or message told */
	uint64_t end_job; /* jobs from this one on are in the steps */
	uint64_t begin;
	uint64_t keep_from;
};

/**
 * Begin now: B is the state's revision. `keep_from` is how far back the journal
 * will be kept beside it.
 */
void image_begin(struct image_cursor *cursor, const struct state *state,
		 uint64_t keep_from);
/**
 * Add rows (storage/state/record.h) to `out` until it has `n_bytes`, or all was
 * told: then `part` is IMAGE_END. Always ends. Returns 0, or -ENOMEM with `out`
 * as it was at its last row.
 */
int image_next(const struct state *state, struct image_cursor *cursor,
	       size_t n_bytes, struct buffer *out);

/**
 * Back, into a state that is new. All rows of the snapshot first, in their
 * order; then the journal's steps from the first that there is on. -EBADMSG: it
 * does not fit; -ENOMEM. Then the state is good for nothing but to be freed.
 * image_loaded() ends it: what has come is committed.
 */
int image_load_row(struct state *state, const Helio__Store__V1__Row *row);
/**
 * `begin` and `end` are those of the snapshot, 0 and 0 if there is none. Steps
 * at or before `begin` only tell what versions keys had.
 */
int image_load_step(struct state *state, const Helio__Store__V1__Step *step,
		    uint64_t begin, uint64_t end);
/** -EBADMSG: there are steps missing. */
int image_loaded(struct state *state, uint64_t end);

/* ---- between the files that are the state ---- */

int bucket_image(const struct state *state, struct image_cursor *cursor,
		 size_t n_bytes, struct buffer *out);
int queue_image(const struct state *state, struct image_cursor *cursor,
		size_t n_bytes, struct buffer *out);
static inline int image_add(struct buffer *out,
			    const Helio__Store__V1__Row *row)
{
	return record_add(out, &row->base);
}
int bucket_load(struct state *state, const Helio__Store__V1__Bucket *row);
int bucket_load_versions(struct state *state,
			 const Helio__Store__V1__Versions *row);
/** Changes of a step after the snapshot's begin: they may have been seen. */
int bucket_load_set(struct state *state, const Helio__Store__V1__Step *step,
		    const Helio__Store__V1__Bucket *change);
int bucket_load_drop(struct state *state, const Helio__Store__V1__Step *step,
		     const char *name);
/** The same; `is_past`: of a step at or before it. */
int bucket_load_version(struct state *state, const Helio__Store__V1__Step *step,
			const Helio__Store__V1__Version *change, bool is_past);
int queue_load(struct state *state, const Helio__Store__V1__Queue *row);
int queue_load_job(struct state *state, const Helio__Store__V1__Job *row);
/** A change of a queue or a job, of a step that the rows may have seen. */
int queue_load_change(struct state *state, const Helio__Store__V1__Step *step,
		      const Helio__Store__V1__Change *change);
/** What was read is not of this life of the store. */
void queue_loaded(struct state *state);

#endif
