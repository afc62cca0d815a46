/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_DISK_STORE_LIFE_H
#define TESTS_TORTURE_DISK_STORE_LIFE_H

/**
 * A store that works, on its disk: chores are done, committed in batches, with
 * snapshots that come often; some batches fail, and now and then it is opened
 * again. Beside it a mirror, which was never on a disk and is given the same
 * steps, tells what ought to be there.
 */

#include <stddef.h>
#include <stdint.h>

#include "storage/disk/journal_inside.h"
#include "storage/disk/snapshot.h"
#include "tests/torture/disk/chores.h"

struct store_commit {
	size_t begun, done; /* on the tape; done 0: not yet */
	char *dump;         /* of the mirror, with it */
};

struct store_life {
	char path[300];
	struct chores chores;
	struct journal *journal;
	struct snapshot snapshot;
	struct state state;
	struct state mirror;
	struct buffer steps;
	struct store_commit *commits;
	size_t n_commits, n_commits_max;
	size_t (*position)(void); /* of the tape */
	unsigned large_percent;   /* opened with a large log, but the first */
	unsigned n_snapshots, n_failures, n_openings;
};

/** The folder is empty. */
void store_life_init(struct store_life *life, const char *folder, uint64_t seed,
		     uint64_t stream, size_t (*position)(void));
/** The journal is closed before; what is known of commits goes too. */
void store_life_deinit(struct store_life *life);

/** One more batch, or another thing that may happen to a store. */
void store_life_step(struct store_life *life);
/** As a process ends that is told to. */
void store_life_close(struct store_life *life);

/**
 * Read the store at this path: its dump, the caller's to free; else NULL, and
 * the error with the text of it, which may be NULL.
 */
char *store_life_read(const char *path, int *ret_error, char **ret_why);

/**
 * Open the store at this path and work with it for a while, on a disk that may
 * hold anything: what ought to be there afterwards, the caller's to free; NULL:
 * there is no telling.
 */
char *store_life_work(const char *path, uint64_t seed, uint64_t stream);

/** Complain, and show where two dumps differ. */
void store_life_differ(const char *what, const char *is, const char *ought);

#endif
