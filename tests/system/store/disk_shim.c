/* SPDX-License-Identifier: MIT */

/*
 * For LD_PRELOAD: as long as there is a file that HELIO_TEST_FAULT names, the
 * disk does not sync; with something in it, no file can be opened to write
 * either.
 */

/* The C library names parameters otherwise. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))

/* 0: all is well; 1: no sync; 2: nothing at all. */
static int fault(void)
{
	const char *path = getenv("HELIO_TEST_FAULT");
	struct stat status;

	if (!path || stat(path, &status) < 0)
		return 0;
	return status.st_size ? 2 : 1;
}

static int fail(void)
{
	errno = EIO;
	return -1;
}

SHOWN int fdatasync(int fd)
{
	return fault() ? fail() : (int)syscall(SYS_fdatasync, fd);
}

SHOWN int fsync(int fd)
{
	return fault() ? fail() : (int)syscall(SYS_fsync, fd);
}

static int do_open(const char *path, int flags, mode_t mode)
{
	if ((flags & O_ACCMODE) != O_RDONLY && fault() == 2)
		return fail();
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static mode_t mode_of(int flags, va_list words)
{
	return flags & O_CREAT ? va_arg(words, mode_t) : 0;
}

SHOWN int open64(const char *path, int flags, ...)
{
	va_list words;
	mode_t mode;

	va_start(words, flags);
	mode = mode_of(flags, words);
	va_end(words);
	return do_open(path, flags, mode);
}

SHOWN int open(const char *path, int flags, ...)
{
	va_list words;
	mode_t mode;

	va_start(words, flags);
	mode = mode_of(flags, words);
	va_end(words);
	return do_open(path, flags, mode);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
