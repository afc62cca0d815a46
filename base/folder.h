/* SPDX-License-Identifier: MIT */
#ifndef BASE_FOLDER_H
#define BASE_FOLDER_H

/** A folder for one process, and small files in the order of their names. */

#include <stddef.h>

enum { FOLDER_FILES_MAX = 4096, FOLDER_FILE_BYTES_MAX = 1024 * 1024 };

struct folder {
	int fd;
	char **names;
	size_t n_names;
};

/**
 * Open the folder and list the files whose names end in `suffix` and do not
 * begin with a dot. Returns 0, -E2BIG when there are more than
 * FOLDER_FILES_MAX, or another negative errno.
 */
int folder_open(const char *path, const char *suffix,
		struct folder *ret_folder);

/** Safe on `{ .fd = -1 }`. */
void folder_close(struct folder *folder);

/**
 * Read the regular file `name` of the folder `folder_fd` (or AT_FDCWD) whole.
 * The text is the caller's to free, and terminated. Returns 0, -EFBIG when it
 * is longer than FOLDER_FILE_BYTES_MAX, -EINVAL when it is no regular file, or
 * another negative errno.
 */
int folder_read(int folder_fd, const char *name, char **ret_text,
		size_t *ret_n);

/**
 * Make the folder, unless it is there, and lock it against other processes: for
 * as long as the descriptor is open, which is all that is done with it here.
 * Returns 0, -EWOULDBLOCK when another has it, or another negative errno.
 */
int folder_lock(const char *path, int *ret_fd);

#endif
