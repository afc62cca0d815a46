/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_BACKEND_AHEAD_H
#define STORAGE_BACKEND_AHEAD_H

/**
 * A file of a VFS on one of another VFS, for who reads much of it in a row: it
 * is read 64 KiB ahead.
 *
 * SQLite reads a long value page by page, each by a call of its own, into its
 * cache, and copies it from there. Here it is shown pages where they stand, as
 * if they were mapped, for which it asks after `PRAGMA mmap_size`. Nothing is
 * mapped: what cannot be read is an error, and no signal.
 *
 * What was read ahead is forgotten when a lock is taken or given back: without
 * one others may write there.
 */

#include <sqlite3.h>
#include <stdint.h>

#include "storage/backend/under.h"

enum {
	AHEAD_BYTES = 65536,
	/* SQLite keeps some pages while it goes on: each holds a piece. */
	AHEAD_PIECES = 4,
};

struct ahead_piece {
	unsigned char *bytes; /* AHEAD_BYTES and more; NULL until needed */
	sqlite3_int64 at;     /* where in the file they stand */
	int n_bytes;          /* 0: nothing, or forgotten */
	int n_shown;          /* pages that were not given back yet */
};

struct ahead_file {
	struct upper_file upper;
	struct ahead_piece pieces[AHEAD_PIECES];
	sqlite3_int64 next; /* behind the page that was asked for last */
	_Alignas(uint64_t) unsigned char under[];
};

/** Open it under `base`, as that VFS's xOpen(). It must be read only. */
int ahead_open(sqlite3_vfs *base, sqlite3_filename path,
	       struct ahead_file *ahead, int flags, int *ret_flags);

#endif
