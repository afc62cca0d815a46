/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_UNDO_H
#define STORAGE_STATE_UNDO_H

/**
 * How a step is taken back: what each of its changes did, undone in the
 * reverse order; and what is let go of once it is on disk.
 */

#include <stdint.h>

#include "base/list.h"

struct state;

struct undo {
	struct list link; /* in undo_step.undos */
	/* Make it as it was before. */
	void (*take_back)(struct state *state, struct undo *undo);
	/* It stays: free what only taking it back needed. */
	void (*let_go)(struct state *state, struct undo *undo);
};

struct undo_step {
	struct list link; /* in state.undos */
	uint64_t revision;
	uint64_t unix_ms_before;
	uint64_t next_job_before, next_outgoing_before;
	struct list undos;
};

/** A step begins, and is the one that is applied. Returns 0 or -ENOMEM. */
int undo_begin(struct state *state);
/** It was applied. */
void undo_end(struct state *state);
/** The newest step is taken back. */
void undo_take_back(struct state *state);
/** The oldest one stays. */
void undo_let_go(struct state *state);

/**
 * For the step that is being applied; each change adds its own, embedded in an
 * object that take_back or let_go frees. While a store is read from disk:
 * there is nothing to take back, and what was done is let go of at once: so it
 * comes last.
 */
void undo_add(struct state *state, struct undo *undo);

#endif
