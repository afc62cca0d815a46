/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_DISK_TAPE_H
#define TESTS_TORTURE_DISK_TAPE_H

/**
 * Everything that this process does to the files below one folder, in the order
 * in which it does it; and faults, on demand.
 *
 * The functions of libc are replaced for the whole program, SQLite's library
 * included, so what is seen is what the kernel is told, by whomever. Files
 * whose names end in `-shm` are left out: SQLite makes them anew after a crash.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tape_kind {
	TAPE_WRITE,       /* `n` bytes at `offset`; bytes NULL: zeros */
	TAPE_RESIZE,      /* to `offset` bytes */
	TAPE_SYNC,        /* of the file's content */
	TAPE_SYNC_FAILED, /* nobody knows what of it is on disk */
	TAPE_LINK,        /* `path` is the file */
	TAPE_UNLINK,
	TAPE_RENAME,      /* from `old_path`, in one */
	TAPE_SYNC_FOLDER, /* all names in it are on disk */
};

struct tape_step {
	enum tape_kind kind;
	uint32_t file;
	uint64_t offset;
	size_t n;
	uint8_t *bytes;
	char *path; /* below the root; of names and of a folder's sync */
	char *old_path;
};

struct tape {
	struct tape_step *steps;
	size_t n;
	size_t n_max;
	uint32_t n_files;   /* numbered from 0 */
	char **first_names; /* by number: of what was there at first, or NULL */
};

/**
 * Begin to record what happens below `path`, an absolute path. The files that
 * are there already are given the first numbers. One tape at a time.
 */
void tape_begin(struct tape *ret_tape, const char *path);
/**
 * Begin with a copy of the first `n` steps of another: what is below `path` is
 * what those steps have made, as the kernel has it, synced or not.
 */
void tape_begin_after(struct tape *ret_tape, const struct tape *before,
		      size_t n, const char *path);
/** Nothing is recorded any more. */
void tape_stop(void);
void tape_deinit(struct tape *old);

/** Steps so far: what a cut is counted in. */
size_t tape_position(void);

/** Name of a file that was there when the tape began, or NULL. */
const char *tape_first_name(const struct tape *of, uint32_t file);

/** From now on syncs are taken for done without being so, to see tests fail. */
void tape_forget_syncs(void);

enum { TAPE_FILES_MAX = 4096 };

enum tape_fault {
	FAULT_WRITE, /* and what changes a file's length */
	FAULT_SYNC,
	FAULT_OPEN,
	FAULT_NAME, /* rename, unlink, mkdir */
	FAULT_READ,
	N_FAULTS,
};

/**
 * The `k`-th call of this kind from now on, counted from 0, fails with `error`,
 * and with `is_lasting` all after it. A write may be done in part before.
 */
void tape_fault_arm(enum tape_fault kind, uint64_t k, int error,
		    bool is_lasting);
void tape_fault_disarm(void);
/** How many calls have failed since it was armed. */
uint64_t tape_fault_hits(void);
/** How many calls of this kind there were since tape_begin(). */
uint64_t tape_fault_calls(enum tape_fault kind);

#endif
