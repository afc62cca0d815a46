/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_BACKEND_UNDER_H
#define STORAGE_BACKEND_UNDER_H

/**
 * A file of a VFS that stands on one of another VFS, and what it leaves to
 * that: methods of sqlite3_io_methods, for whoever has this first in a
 * structure of its own.
 */

#include <sqlite3.h>

struct upper_file {
	sqlite3_file file;
	sqlite3_file *under;
};

int under_read(sqlite3_file *file, void *bytes, int n, sqlite3_int64 at);
int under_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at);
int under_truncate(sqlite3_file *file, sqlite3_int64 n);
int under_sync(sqlite3_file *file, int flags);
int under_size(sqlite3_file *file, sqlite3_int64 *ret_n);
int under_close(sqlite3_file *file);
int under_lock(sqlite3_file *file, int level);
int under_unlock(sqlite3_file *file, int level);
int under_is_reserved(sqlite3_file *file, int *ret_is);
int under_control(sqlite3_file *file, int what, void *argument);
int under_sector_bytes(sqlite3_file *file);
int under_traits(sqlite3_file *file);
int under_shm_map(sqlite3_file *file, int region, int n_bytes, int is_extended,
		  void volatile **ret_at);
int under_shm_lock(sqlite3_file *file, int offset, int n, int flags);
void under_shm_barrier(sqlite3_file *file);
int under_shm_unmap(sqlite3_file *file, int is_deleted);

#endif
