/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_COMMIT_H
#define STORAGE_COMMIT_H

/**
 * Steps on their way to the disk.
 *
 * What was judged is applied and gathers in a batch; the writer's thread
 * commits one batch while the next one fills. That is offered to the writer,
 * who goes on with it at once when the first is on disk, and not only when the
 * loop has heard of it; until then the loop may take it back to add to it. When
 * a batch is on disk its wishes are answered, and who watches is told. One that
 * could not be written takes all steps after it along: they are taken back, and
 * their wishes fail.
 *
 * After a fault nobody knows what is on disk, until the journal was opened
 * again: nothing is judged meanwhile, and reads go on with what is certain.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/list.h"
#include "daemon/worker.h"
#include "storage/disk/journal.h"
#include "storage/disk/snapshot.h"

struct draft;
struct service;
struct wish;

enum { BATCH_BYTES = 16 * 1024 * 1024 }; /* with this it is full */

struct batch {
	struct list link;     /* in commits.full */
	struct buffer steps;  /* as journal_batch has them */
	uint64_t first, last; /* revisions */
	struct list wishes;
};

/* What the writer is given to do. */
struct commit {
	struct task task;
	struct commits *commits;
	bool is_busy;      /* the worker has it */
	bool is_ahead;     /* of the loop: its batch is what is offered then */
	bool is_reopening; /* this is all it does */
	struct batch *batch; /* or NULL */
	struct journal_batch out;

	/* What became of it. */
	bool went_well; /* else nothing is offered until all is told */
	int r;
	int r_reopened; /* 1: there was no need */
	uint64_t last;  /* on disk, if it was reopened */
	char *why;      /* or NULL */
	struct journal_size size;
};

struct commits {
	struct batch *filling; /* or NULL */
	struct list full;      /* the oldest first */
	struct batch *waiting; /* what was offered: the writer may have it */
	struct list writing;   /* what he has, the oldest first */
	struct batch *spare;   /* or NULL */
	struct list stalled;   /* struct wish: reads, while it is stuck */
	bool is_stuck;         /* nobody knows what is on disk */
	uint64_t n_commits, n_steps;
	struct snapshot snapshot;
	struct journal_size size; /* as of the last commit that is done */

	struct commit commits[2];
	unsigned n_busy;
	bool is_held; /* one did not go well, and others are busy still */
	_Atomic(struct batch *) offered;

	/* The writer's, while it is busy. */
	struct journal *journal;
	bool went_well; /* the last commit */
};

/**
 * Takes the journal over. Of `snapshot_bytes` see struct snapshot; 0: as it
 * has them.
 */
void commits_init(struct commits *commits, struct journal *journal,
		  uint64_t snapshot_bytes);
/** The writer has stopped, and nobody waits. Safe on a zeroed one. */
void commits_deinit(struct commits *commits);

/**
 * Apply a step, and have it written; of a draft without changes nothing.
 * Returns 0, or a negative errno and nothing was changed.
 */
int commit_step(struct service *service, struct draft *draft);

/** The wish is settled when this is on disk, or is not. It is not yet. */
void commit_wait(struct service *service, struct wish *wish, uint64_t revision);

/** Have the next batch written, if there is one and none is on its way. */
void commit_begin(struct service *service);

/** If it is stuck: try again. */
void commit_retry(struct service *service);

/** The last revision that is on disk, or in a batch that is on its way there.
 */
uint64_t commits_last_under_way(const struct service *service);

static inline bool commits_is_idle(const struct commits *commits)
{
	return !commits->n_busy && !commits->filling && !commits->waiting &&
	       list_is_empty(&commits->full);
}

/* Between the files that are this. */

/** What became of a commit, in the loop. */
void commit_done(struct task *task);
/** Have what was offered back, to fill it, if the writer has not taken it. */
void commits_take_back(struct commits *commits);
/** All that fills or is full, in its order, and nothing does then. */
struct batch *commits_next(struct commits *commits);
/** Its memory is kept for the next, or is freed. */
void batch_done(struct commits *commits, struct batch *batch);

#endif
