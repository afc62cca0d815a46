/* SPDX-License-Identifier: MIT */

#include "storage/backend/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static int kernel_rename(const char *from, const char *to)
{
	return rename(from, to) ? -errno : 0;
}

static int kernel_unlink(const char *path)
{
	return unlink(path) ? -errno : 0;
}

static int kernel_sync_folder(const char *path)
{
	_cleanup_(close_fdp) int fd = -1;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fsync(fd) ? -errno : 0;
}

const struct disk_calls disk_calls_kernel = {
	.rename = kernel_rename,
	.unlink = kernel_unlink,
	.sync_folder = kernel_sync_folder,
};

static const struct disk_calls *disk_calls = &disk_calls_kernel;

void disk_use(const struct disk_calls *calls)
{
	disk_calls = calls ? calls : &disk_calls_kernel;
}

/* Whose quota is used up has as little room as if the disk were full. */
static int outcome(int r)
{
	return r == -EDQUOT ? -ENOSPC : r;
}

int disk_rename(const char *from, const char *to)
{
	return outcome(disk_calls->rename(from, to));
}

int disk_unlink(const char *path)
{
	return outcome(disk_calls->unlink(path));
}

int disk_sync_folder(const char *path)
{
	return disk_calls->sync_folder(path);
}

int disk_sync_folder_of(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int n = slash ? (int)(slash - path) : 0;

	if (!slash)
		return disk_sync_folder(".");
	if (slash - path >= (ptrdiff_t)sizeof(folder))
		return -ENAMETOOLONG;
	snprintf(folder, sizeof(folder), "%.*s", n ? n : 1, path);
	return disk_sync_folder(folder);
}
