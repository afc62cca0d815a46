/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_DRAFT_H
#define STORAGE_STATE_DRAFT_H

/**
 * A step while it is made. What is put into it is not copied: texts and bytes
 * of the request must live until it was applied and packed. What the judge
 * makes lies in its arena.
 */

#include <helio/store/v1/journal.pb-c.h>

#include "base/arena.h"

struct judge_room;
struct state;

/** Who wants something, as the switch vouches for it. */
struct caller {
	const char *principal; /* NULL: the store itself */
	const char *durable_id;
	uint64_t incarnation;
};

struct draft {
	/* The first changes need nothing from the heap; so it is not moved. */
	Helio__Store__V1__Change *first[4];
	Helio__Store__V1__Change change;
	Helio__Store__V1__Version version;
	Helio__Store__V1__Entry entry;

	struct arena arena;
	const struct state *state;
	Helio__Store__V1__Step step; /* revision, time and caller are set */
	uint64_t incarnation;        /* the caller's */
	size_t n_changes_max;
	uint64_t next_job; /* numbers that it has given away are below */
	uint64_t next_outgoing;

	/* Of jobs that it has, and of those that it lets go to make room. */
	struct judge_room *rooms; /* by queue: judge_job_room.c */
	uint64_t n_new_bytes, n_gone_bytes;
	uint64_t n_own_gone; /* of n_gone_bytes, the caller's */
	unsigned n_gone;
};

/** For the next revision of the state. Takes nothing from the heap yet. */
void draft_init(struct draft *draft, const struct state *state, uint64_t now,
		const struct caller *caller);
void draft_deinit(struct draft *draft);

/** One more change, of what kind is to be said; NULL: no memory. */
Helio__Store__V1__Change *draft_add(struct draft *draft);

/** A copy in the arena, or NULL. */
void *draft_copy(struct draft *draft, const void *from, size_t n);
/** A text that is not copied: protobuf-c wants it writable, and only reads. */
char *draft_text(const char *text);

/** A version of a key, of which more is to be said. */
Helio__Store__V1__Entry *draft_add_version(struct draft *draft,
					   const char *bucket, const char *key);

#endif
