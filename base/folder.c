/* SPDX-License-Identifier: MIT */

#include "base/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static void closedirp(DIR **entries)
{
	if (*entries)
		closedir(*entries);
}

static bool is_wanted(const char *name, const char *suffix)
{
	size_t n = strlen(name);
	size_t n_suffix = strlen(suffix);

	return name[0] != '.' && n > n_suffix &&
	       !strcmp(name + n - n_suffix, suffix);
}

static int add_name(struct folder *folder, const char *name)
{
	char **names;
	char *copy;

	if (folder->n_names == FOLDER_FILES_MAX)
		return -E2BIG;
	names = realloc(folder->names, (folder->n_names + 1) * sizeof(*names));
	if (!names)
		return -ENOMEM;
	folder->names = names;
	copy = malloc(strlen(name) + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, name, strlen(name) + 1);
	names[folder->n_names++] = copy;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(struct folder *folder, const char *suffix)
{
	_cleanup_(closedirp) DIR *entries = NULL;
	_cleanup_(close_fdp) int fd = -1;

	/* closedir() closes its descriptor, and ours must stay. */
	fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	entries = fdopendir(fd);
	if (!entries)
		return -errno;
	(void)take_fd(fd);

	for (;;) {
		struct dirent *entry;
		int r;

		errno = 0;
		entry = readdir(entries);
		if (!entry)
			return -errno;
		if (!is_wanted(entry->d_name, suffix))
			continue;
		r = add_name(folder, entry->d_name);
		if (r)
			return r;
	}
}

int folder_open(const char *path, const char *suffix, struct folder *ret_folder)
{
	_cleanup_(folder_close) struct folder folder = { .fd = -1 };
	int r;

	folder.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder.fd < 0)
		return -errno;
	r = list(&folder, suffix);
	if (r)
		return r;
	if (folder.n_names)
		qsort(folder.names, folder.n_names, sizeof(*folder.names),
		      by_name);

	*ret_folder = folder;
	folder = (struct folder){ .fd = -1 };
	return 0;
}

void folder_close(struct folder *folder)
{
	for (size_t i = 0; i < folder->n_names; i++)
		free(folder->names[i]);
	free(folder->names);
	close_fdp(&folder->fd);
	*folder = (struct folder){ .fd = -1 };
}

/* Returns how many bytes there were, or a negative errno. */
static ssize_t read_all(int fd, char *text, size_t n_max)
{
	size_t n = 0;

	while (n < n_max) {
		ssize_t got = read(fd, text + n, n_max - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

/* O_NONBLOCK: a FIFO of that name must not hold the program up. */
int folder_read(int folder_fd, const char *name, char **ret_text, size_t *ret_n)
{
	_cleanup_(close_fdp) int fd = -1;
	_cleanup_(freep) char *text = NULL;
	struct stat status;
	ssize_t n;

	fd = openat(folder_fd, name,
		    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if (status.st_size > FOLDER_FILE_BYTES_MAX)
		return -EFBIG;

	/* One more than there should be shows whether the file has grown. */
	text = malloc((size_t)status.st_size + 1);
	if (!text)
		return -ENOMEM;
	n = read_all(fd, text, (size_t)status.st_size + 1);
	if (n < 0)
		return (int)n;
	if (n > status.st_size)
		return -EAGAIN;

	text[n] = '\0';
	*ret_text = take_ptr(text);
	*ret_n = (size_t)n;
	return 0;
}

int folder_lock(const char *path, int *ret_fd)
{
	_cleanup_(close_fdp) int fd = -1;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}
