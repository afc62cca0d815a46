/* SPDX-License-Identifier: MIT */

#include "logger/home.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "storage/backend/backend.h"

static void close_folder(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

static int sync_folder(const char *path)
{
	_cleanup_(close_fdp) int fd = -1;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

/* The folder in which this one is. */
static int sync_above(const char *folder)
{
	_cleanup_(freep) char *above = strdup(folder);
	char *slash;

	if (!above)
		return -ENOMEM;
	slash = strrchr(above, '/');
	if (!slash)
		return sync_folder(".");
	slash[slash == above] = '\0';
	return sync_folder(above);
}

int home_make(struct backend *backend, const char *folder)
{
	if (!backend_has_files(backend))
		return 0;
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return -errno;
	return sync_above(folder);
}

static bool is_segment(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && !strcmp(name + n - 4, ".seg");
}

int home_look(struct backend *backend, const char *folder, struct fault *fault)
{
	_cleanup_(close_folder) DIR *listing = NULL;
	bool has_segment = false, has_state = false;
	const struct dirent *entry;

	if (!backend_has_files(backend))
		return 0;
	listing = opendir(folder);
	if (!listing)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(listing))) {
		has_segment |= is_segment(entry->d_name);
		has_state |= !strcmp(entry->d_name, "state");
	}
	if (!has_segment || has_state)
		return 0;
	fault_at(fault, "state");
	return fault_found(fault, 0, "it is missing, and there are segments");
}

/* Its first sequence: the name begins with it. */
static bool begins_before(const char *name, uint64_t first)
{
	char *end;
	uint64_t number = strtoull(name, &end, 16);

	return end == name + 16 && *end == '-' && strstr(end, ".seg") &&
	       number < first;
}

/* A segment whose making was cut short, or what lay beside one that is gone. */
static bool is_left_over(int folder, const char *name)
{
	const char *end = strstr(name, ".seg");
	char segment[NAME_MAX + 1];

	if (!end || !end[4])
		return false;
	if (!strcmp(end + 4, STORE_MAKING_SUFFIX))
		return true;
	snprintf(segment, sizeof(segment), "%.*s", (int)(end - name) + 4, name);
	return faccessat(folder, segment, F_OK, 0) < 0 && errno == ENOENT;
}

void home_sweep(struct backend *backend, const char *folder, uint64_t first)
{
	_cleanup_(close_folder) DIR *listing = NULL;
	const struct dirent *entry;

	if (!backend_has_files(backend))
		return;
	listing = opendir(folder);
	while (listing && (entry = readdir(listing)))
		if (begins_before(entry->d_name, first) ||
		    is_left_over(dirfd(listing), entry->d_name))
			unlinkat(dirfd(listing), entry->d_name, 0);
}

/* state and segments, what SQLite has beside them, and what was begun. */
static bool is_ours(const char *name)
{
	return !strncmp(name, "state", 5) || is_segment(name) ||
	       strstr(name, ".seg-") ||
	       strstr(name, ".seg" STORE_MAKING_SUFFIX);
}

int home_remove(struct backend *backend, const char *folder)
{
	_cleanup_(close_folder) DIR *listing = NULL;
	const struct dirent *entry;

	if (!backend_has_files(backend))
		return 0;
	listing = opendir(folder);
	if (!listing)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(listing)))
		if (is_ours(entry->d_name) &&
		    unlinkat(dirfd(listing), entry->d_name, 0) < 0 &&
		    errno != ENOENT)
			return -errno;
	if (rmdir(folder) < 0 && errno != ENOTEMPTY)
		return -errno;
	return sync_above(folder);
}
