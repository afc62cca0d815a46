/* SPDX-License-Identifier: MIT */
#ifndef XENSTORE_BATCH_H
#define XENSTORE_BATCH_H

/**
 * Nodes that are looked at together, and changes that are written together.
 *
 * They are looked at in rounds. What an event told during a round is looked at
 * in the next, as far as there is room, and so is what a round finds to be
 * looked at. A round in which there was nothing new has shown all as it was at
 * one moment: for xenstored sends an event before any answer that comes of the
 * same change. After BATCH_ROUNDS_MAX, or BATCH_NS, it is written all the same;
 * what was not looked at by then comes with the next batch.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"

struct mirror;
struct node;

enum { BATCH_NODES_MAX = 128, BATCH_ROUNDS_MAX = 5 };

#define BATCH_NS (200 * NS_PER_MS)

/** What is asked of a node, and what was seen. */
struct sight {
	struct node *node;
	bool is_due;  /* in this round, */
	bool is_seen; /* and it was looked at */
	bool wants_names;
	bool has_too_many; /* of them for xenstored to tell */
	/* 0: it is there; -ENOENT, or what else xenstored says; or, when it
	 * could not be asked, nothing is known. */
	int r;
	void *value; /* malloc()ed, as the next */
	unsigned n_value;
	char **names; /* of its children, if they were wanted */
	unsigned n_names;
};

/** A write to the bucket. */
struct change {
	struct sight *sight;
	bool is_delete;
	struct hash_tag tag; /* of the value */
};

struct batch {
	struct mirror *mirror; /* borrowed; all else zero */
	struct sight sights[BATCH_NODES_MAX];
	size_t n;
	unsigned n_rounds;
	uint64_t until_ns; /* no look begins after it */
	struct change changes[BATCH_NODES_MAX];
	size_t n_changes;
	size_t n_done;     /* of them */
	size_t n_together; /* are written at most, for more were refused */
};

/**
 * The first round: returns how many are to be looked at; 0 with *ret_due_ns:
 * as mirror_take().
 */
size_t batch_begin(struct batch *batch, uint64_t now_ns, uint64_t *ret_due_ns);

/** A round is over, and its events were told: how many are in the next; 0: the
 * changes are known.
 */
size_t batch_next(struct batch *batch, uint64_t now_ns);

/** The changes to be written now; 0: no more. */
size_t batch_pending(const struct batch *batch,
		     const struct change **ret_first);
/** They are written. */
void batch_wrote(struct batch *batch);
/** They were refused: half of them are tried; one that was alone is missed. */
void batch_refused(struct batch *batch);

/** It is done with. */
void batch_end(struct batch *batch);
/** Xenstore is gone: all is to be looked at again. */
void batch_abort(struct batch *batch);

/** Whether xenstored has said that there is no such node for us. */
bool sight_is_absent(int r);

#endif
