/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_BACKEND_GATHER_H
#define STORAGE_BACKEND_GATHER_H

/**
 * A VFS for SQLite under another one, which writes a log (WAL) in few calls.
 *
 * SQLite writes each page of a commit by two calls, one behind the other in the
 * file, and syncs then; each call costs as much as the copying of 20 KiB. Here
 * what follows on what was written before is gathered, and written at once: by
 * the sync, by whatever asks for the size, or when 64 KiB are full. So who
 * reads through this file sees what was written; others see it when it is
 * synced, before which SQLite tells nobody that it is there. What is still
 * gathered when the file is closed is not written.
 *
 * All of it must be written or dropped before the lock goes under which it was
 * written: then others write there.
 *
 * What could not be written is lost to the file, and the call that found out
 * fails as the write would have, which may be the sync.
 */

#include <sqlite3.h>

enum { GATHER_NAME_BYTES = 64 };

struct gather {
	sqlite3_vfs vfs;
	sqlite3_vfs *base;
	char name[GATHER_NAME_BYTES];
};

/**
 * Registered as `gather:NAME` over the VFS of this name, or over the system's
 * for NULL. -ENOENT: there is none; -ENAMETOOLONG; -ENOMEM.
 */
int gather_init(struct gather *gather, const char *base);
void gather_deinit(struct gather *gather);

/** What was gathered was taken back. Of any VFS's file. */
void gather_drop(sqlite3_file *file);

#endif
