/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_DISK_JOURNAL_H
#define STORAGE_DISK_JOURNAL_H

/**
 * A store on disk: one file of storage/backend, which has the journal of its
 * steps and a snapshot from which to go on. docs/STORE.md has the format.
 *
 * One commit takes one batch of steps as one row, and with it perhaps a piece
 * of a snapshot that is being written; when it returns 0 all of that is on
 * disk. Once a snapshot is whole the steps before it are removed, but for those
 * that windows still need.
 *
 * Blocks on the disk: for the writer's thread, once it was opened. Errors are
 * those of storage/backend/backend.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend;
struct journal;
struct state;

/**
 * Open the store in the file `path`, or make it, and read it into `state`,
 * which is new. A damaged one is -EBADMSG, and never taken for an empty one;
 * *ret_why (freed by the caller) names what is wrong and where.
 */
int journal_open(struct backend *backend, const char *path, struct state *state,
		 struct journal **ret_journal, char **ret_why);
/** Returns NULL. NULL is fine. */
struct journal *journal_close(struct journal *journal);

/** 16 random bytes of the store, made with it, in hex. */
const char *journal_id(const struct journal *journal);

/** What one commit writes; nothing of it is kept. */
struct journal_batch {
	uint64_t first, last; /* revisions; 0 and 0: no steps */
	const void *steps; /* records (storage/state/record.h), each a Step */
	size_t n_steps;    /* bytes */
	/* A piece of the snapshot that was begun after `begin`. */
	const void *rows; /* as image_next() makes them; NULL: none */
	size_t n_rows;
	uint64_t snapshot_begin; /* the state's when the first was made */
	bool is_snapshot_first;  /* forget the pieces of one not finished */
	bool is_snapshot_last;   /* from now on it counts */
	uint64_t snapshot_end;   /* with the last: this batch's last revision */
	/* With the last: steps are kept from this revision on, and at least
	 * those after the begin. */
	uint64_t keep_from;
};

/**
 * 0: all of it is on disk. 1: the steps are, but there was no room for the
 * piece. -EIO, -ESTALE: it is not known what is: see journal_reopen(). -EINVAL:
 * it does not follow what is there. After any other error, -ENOSPC above all,
 * nothing of it is on disk, and the journal is as it was. Whatever it is but 0,
 * a snapshot must begin anew.
 *
 * With it go a few rows that are needed no more; one without steps and rows
 * does that alone.
 */
int journal_commit(struct journal *journal, const struct journal_batch *batch);

/**
 * After -EIO or -ESTALE: close and open the file again, and tell what the last
 * revision on disk is, which then stays there. What fails may be tried again;
 * until it was 0 nothing can be committed.
 */
int journal_reopen(struct journal *journal, uint64_t *ret_last, char **ret_why);

/**
 * A snapshot that begins now may have steps kept from this revision on: those
 * before it are gone, or more than 64 MiB. UINT64_MAX: none.
 */
uint64_t journal_keeps_from(const struct journal *journal);

struct journal_size {
	uint64_t n_journal_bytes;  /* of steps after the snapshot's begin */
	uint64_t n_snapshot_bytes; /* of the last whole one */
};
/** As of the last commit, which has returned. */
void journal_size(const struct journal *journal, struct journal_size *ret);

/** Move what was committed to where it belongs; any thread, own handle. */
struct journal_care;
int journal_care_open(struct backend *backend, const char *path,
		      struct journal_care **ret_care);
int journal_care_checkpoint(struct journal_care *care);
struct journal_care *journal_care_close(struct journal_care *care);

/**
 * A copy of what is committed in the file `path`, while it goes on: in any
 * thread or process. -EEXIST. It is one file, and a store of the same name.
 */
int journal_backup(struct backend *backend, const char *path, const char *to);

#endif
