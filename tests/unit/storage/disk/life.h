/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_STORAGE_DISK_LIFE_H
#define TESTS_UNIT_STORAGE_DISK_LIFE_H

/** A store that is written, of a slate, with snapshots that come often. */

#include <stddef.h>
#include <stdint.h>

#include "storage/disk/journal_inside.h"
#include "storage/disk/snapshot.h"
#include "tests/unit/storage/disk/slate.h"
#include "tests/unit/storage/world.h"

struct life {
	struct backend *backend;
	const char *path;
	unsigned flags;          /* of store_open() */
	struct journal *journal; /* NULL: it is not open */
	struct snapshot snapshot;
	struct slate slate;
	struct buffer steps;
	unsigned n_snapshots; /* that have become whole */
	unsigned n_dropped;   /* pieces for which there was no room */
};

void life_init(struct life *life, struct backend *backend, const char *path,
	       unsigned flags);
void life_deinit(struct life *life);

/** Into a new slate. What journal_open() returns; *ret_why may be NULL. */
int life_open(struct life *life, char **ret_why);
void life_close(struct life *life);

/**
 * So many steps as one batch, with a piece if one is due. What journal_commit()
 * returns; after an error the steps are not in the slate.
 */
int life_commit(struct life *life, unsigned n_steps);

/** Asserts that it opens, to what it is after so many steps; leaves it open. */
void life_check(struct life *life, uint64_t revision);

/** Rows of a table; the journal is closed. */
size_t life_n_rows(struct life *life, enum journal_table table);

#endif
