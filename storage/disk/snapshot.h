/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_DISK_SNAPSHOT_H
#define STORAGE_DISK_SNAPSHOT_H

/**
 * The snapshot that is being written, if one is: when it begins, and what of it
 * goes with which commit. In the thread that has the state.
 *
 * With each commit, in this order: all steps of the batch are applied, and none
 * after them; snapshot_fill(); journal_commit(), in whatever thread, while the
 * state may go on; snapshot_done().
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "storage/disk/journal.h"
#include "storage/state/image.h"

enum {
	/* The journal is longer than this, and than so many snapshots. */
	SNAPSHOT_JOURNAL_BYTES = 64 << 20,
	SNAPSHOT_TIMES = 2,
	/* A piece; or twice what the batch has, so that it comes to an end. */
	SNAPSHOT_PIECE_BYTES = 256 << 10,
};

struct snapshot {
	/* SNAPSHOT_JOURNAL_BYTES and the like, but for tests. */
	uint64_t journal_bytes;
	unsigned times;
	size_t piece_bytes;
	bool is_running;
	bool is_first;
	struct image_cursor cursor;
	struct buffer rows; /* the piece */
	/* After a failure so many commits go without, more each time. */
	unsigned n_without;
	unsigned n_without_next;
};

void snapshot_init(struct snapshot *snapshot);
void snapshot_deinit(struct snapshot *snapshot);

/** Whether the next commit has a piece, when what is on disk has this size. */
bool snapshot_wants_part(const struct snapshot *snapshot,
			 const struct journal_size *size);

/**
 * Put a piece into the batch, of which all that is about steps is set, or none.
 * It lives until snapshot_done(). For want of memory there is no piece.
 */
void snapshot_fill(struct snapshot *snapshot, const struct state *state,
		   const struct journal *journal, struct journal_batch *batch);
/** `r` is what journal_commit() returned. */
void snapshot_done(struct snapshot *snapshot, int r);

#endif
