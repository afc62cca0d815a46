/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_BACKEND_DISK_H
#define STORAGE_BACKEND_DISK_H

/**
 * What is done to names of files and to folders: everything that SQLite does
 * not do itself. All of it goes through one table of functions, so that a test
 * can see it, let it fail, or forget it as a power cut would.
 *
 * Every function returns 0 or a negative errno, -ENOSPC also where a quota is
 * used up. Names are durable only after disk_sync_folder() of the folder that
 * they are in.
 */

/** Each member as the function of its name below. */
struct disk_calls {
	int (*rename)(const char *from, const char *to);
	int (*unlink)(const char *path);
	int (*sync_folder)(const char *path);
};

/** Those of the kernel. */
extern const struct disk_calls disk_calls_kernel;

/**
 * From now on call these; NULL: the kernel's. For tests, before any other
 * thread runs.
 */
void disk_use(const struct disk_calls *calls);

/** Takes the place of what is called `to`. */
int disk_rename(const char *from, const char *to);
/** -ENOENT if it is not there. */
int disk_unlink(const char *path);
int disk_sync_folder(const char *path);

/** Sync the folder that the file at `path` is in; `path` need not be there. */
int disk_sync_folder_of(const char *path);

#endif
