/* SPDX-License-Identifier: MIT */

#include "registry/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* One process writes one file at a time: what is left of it is overwritten. */
static const char half_written[] = "half-written";

static int write_all(int fd, const uint8_t *bytes, size_t n)
{
	while (n > 0) {
		ssize_t n_written = write(fd, bytes, n);

		if (n_written < 0 && errno == EINTR)
			continue;
		if (n_written < 0)
			return -errno;
		bytes += n_written;
		n -= (size_t)n_written;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int write_aside(int folder, const uint8_t *bytes, size_t n)
{
	int fd = openat(folder, half_written,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			0600);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, bytes, n);
	/* What a file system tells only now counts as well. */
	if (close(fd) < 0 && !r)
		r = -errno;
	return r;
}

int disk_write(int folder, const char *name, const uint8_t *bytes, size_t n)
{
	int r = write_aside(folder, bytes, n);

	if (!r && renameat(folder, half_written, folder, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(folder, half_written, 0);
		return r;
	}
	return fsync(folder) < 0 ? -errno : 0;
}

static int read_all(int fd, uint8_t *bytes, size_t n)
{
	size_t n_read = 0;

	while (n_read < n) {
		ssize_t more = read(fd, bytes + n_read, n - n_read);

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return -errno;
		if (more == 0)
			return -EIO;
		n_read += (size_t)more;
	}
	return 0;
}

int disk_read(int folder, const char *name, size_t n_max, uint8_t **ret_bytes,
	      size_t *ret_n)
{
	_cleanup_(close_fdp) int fd =
		openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(freep) uint8_t *bytes = NULL;
	struct stat about;
	size_t n;
	int r;

	if (fd < 0 || fstat(fd, &about) < 0)
		return -errno;
	if (!S_ISREG(about.st_mode))
		return -EINVAL;
	if (about.st_size < 0 || (uint64_t)about.st_size > n_max)
		return -EFBIG;
	n = (size_t)about.st_size;
	bytes = malloc(n ? n : 1);
	if (!bytes)
		return -ENOMEM;
	r = read_all(fd, bytes, n);
	if (r < 0)
		return r;
	*ret_bytes = take_ptr(bytes);
	*ret_n = n;
	return 0;
}

int disk_remove(int folder, const char *name)
{
	if (unlinkat(folder, name, 0) < 0)
		return -errno;
	return fsync(folder) < 0 ? -errno : 0;
}
