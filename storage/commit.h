/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_COMMIT_H
#define STORAGE_COMMIT_H

/**
 * Steps on their way to the disk.
 *
 * What was judged is applied and gathers in a batch; the writer's thread
 * commits one batch while the next one fills. When it is on disk its wishes are
 * answered, and who watches is told. A batch that could not be written takes
 * all steps after it along: they are taken back, and their wishes fail.
 *
 * After a fault nobody knows what is on disk, until the journal was opened
 * again: nothing is judged meanwhile, and reads go on with what is certain.
 */

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

struct commits {
	struct batch *filling; /* or NULL */
	struct list full;      /* the oldest first */
	struct batch *writing; /* or NULL */
	struct batch *spare;   /* or NULL */
	struct list stalled;   /* struct wish: reads, while it is stuck */
	bool is_stuck;         /* nobody knows what is on disk */
	uint64_t n_commits, n_steps;
	struct snapshot snapshot;

	/* The writer's, while it is busy. */
	struct task task;
	struct journal *journal;
	struct journal_batch out;
	bool is_busy;
	bool is_reopening; /* this is all it does */
	int r;             /* of the commit */
	int r_reopened;    /* 1: there was no need */
	uint64_t last;     /* on disk, if it was reopened */
	char *why;         /* or NULL */
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

static inline bool commits_is_idle(const struct commits *commits)
{
	return !commits->is_busy && !commits->filling &&
	       list_is_empty(&commits->full);
}

#endif
