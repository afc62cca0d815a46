/* SPDX-License-Identifier: MIT */

#include "transports/mirror.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"

static int map_at(uint8_t *at, int fd, off_t offset, size_t n_bytes,
		  bool is_writable)
{
	int protection = is_writable ? PROT_READ | PROT_WRITE : PROT_READ;

	if (mmap(at, n_bytes, protection, MAP_SHARED | MAP_FIXED, fd, offset) ==
	    MAP_FAILED)
		return -errno;
	return 0;
}

int mirror_init_fd(struct mirror *mirror, int fd, off_t offset, size_t n_bytes,
		   bool is_writable)
{
	uint8_t *at;
	int r;

	/* Take the addresses first, so that both halves land side by side. */
	at = mmap(NULL, 2 * n_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		  0);
	if (at == MAP_FAILED)
		return -errno;

	r = map_at(at, fd, offset, n_bytes, is_writable);
	if (!r)
		r = map_at(at + n_bytes, fd, offset, n_bytes, is_writable);
	if (r < 0) {
		munmap(at, 2 * n_bytes);
		return r;
	}
	*mirror = (struct mirror){ .at = at, .n_bytes = n_bytes };
	return 0;
}

int mirror_init(struct mirror *mirror, size_t n_bytes)
{
	_cleanup_(close_fdp) int fd = -1;
	size_t n_page = (size_t)sysconf(_SC_PAGESIZE);

	if (n_bytes < n_page)
		n_bytes = n_page;
	fd = memfd_create("heliograph-buffer", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)n_bytes) < 0)
		return -errno;
	return mirror_init_fd(mirror, fd, 0, n_bytes, true);
}

void mirror_deinit(struct mirror *mirror)
{
	if (mirror->at)
		munmap(mirror->at, 2 * mirror->n_bytes);
	*mirror = (struct mirror){ 0 };
}
