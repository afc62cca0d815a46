/* SPDX-License-Identifier: MIT */

/*
 * In place of libc's functions: each finds out which file is meant, asks
 * whether it has to fail, does what it was asked for by the bare system call,
 * and notes what it did.
 */

/* The C library names parameters otherwise. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/torture/disk/tape_inside.h"

#define SHOWN __attribute__((visibility("default")))

/* ---- opening ---- */

static int open_at(int folder_fd, const char *path, int flags, mode_t mode)
{
	char joined[TAPE_PATH_BYTES];
	const char *below;
	int fd = -1;

	tape_lock();
	below = tape_below_root(folder_fd, path, joined);
	if (!below || !tape_is_failing(FAULT_OPEN))
		fd = (int)syscall(SYS_openat, folder_fd, path,
				  flags | O_LARGEFILE, mode);
	if (fd >= 0 && below)
		tape_note_opened(fd, below, flags);
	else if (fd >= 0)
		tape_forget(fd);
	tape_unlock();
	return fd;
}

static mode_t mode_of(int flags, va_list arguments)
{
	return flags & O_CREAT ? (mode_t)va_arg(arguments, int) : 0;
}

SHOWN int open(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_of(flags, arguments);
	va_end(arguments);
	return open_at(AT_FDCWD, path, flags, mode);
}

SHOWN int open64(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_of(flags, arguments);
	va_end(arguments);
	return open_at(AT_FDCWD, path, flags, mode);
}

SHOWN int openat(int folder_fd, const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_of(flags, arguments);
	va_end(arguments);
	return open_at(folder_fd, path, flags, mode);
}

SHOWN int openat64(int folder_fd, const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_of(flags, arguments);
	va_end(arguments);
	return open_at(folder_fd, path, flags, mode);
}

SHOWN int close(int fd)
{
	tape_lock();
	tape_forget(fd);
	tape_unlock();
	return (int)syscall(SYS_close, fd);
}

/* ---- writing ---- */

/*
 * A call that fails may have done the first half, as on a disk that gets full:
 * the rest fails when it is tried again, as far as that fault goes.
 */
static ssize_t write_at(int fd, const void *bytes, size_t n, off_t offset)
{
	const struct place *place;
	ssize_t done = -1;

	tape_lock();
	place = tape_place(fd);
	if (place->kind != FD_FILE || !tape_is_failing(FAULT_WRITE)) {
		done = syscall(SYS_pwrite64, fd, bytes, n, offset);
	} else if (errno == ENOSPC && n > 1) {
		syscall(SYS_pwrite64, fd, bytes, n / 2, offset);
		tape_note_write(place->file, (uint64_t)offset, bytes, n / 2);
		errno = ENOSPC;
	}
	if (done > 0 && place->kind == FD_FILE)
		tape_note_write(place->file, (uint64_t)offset, bytes,
				(size_t)done);
	tape_unlock();
	return done;
}

SHOWN ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
	return write_at(fd, bytes, n, offset);
}

SHOWN ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t offset)
{
	return write_at(fd, bytes, n, offset);
}

SHOWN ssize_t write(int fd, const void *bytes, size_t n)
{
	off_t offset;
	ssize_t done;

	if (tape_place(fd)->kind != FD_FILE)
		return syscall(SYS_write, fd, bytes, n);
	offset = lseek(fd, 0,
		       fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
	done = write_at(fd, bytes, n, offset);
	if (done > 0)
		lseek(fd, offset + done, SEEK_SET);
	return done;
}

static ssize_t write_pieces(int fd, const struct iovec *pieces, int n_pieces,
			    off_t offset)
{
	ssize_t done, sum = 0;

	for (int i = 0; i < n_pieces; i++) {
		done = write_at(fd, pieces[i].iov_base, pieces[i].iov_len,
				offset + sum);
		if (done < 0)
			return sum ? sum : -1;
		sum += done;
		if ((size_t)done < pieces[i].iov_len)
			break;
	}
	return sum;
}

SHOWN ssize_t writev(int fd, const struct iovec *pieces, int n_pieces)
{
	off_t offset;
	ssize_t done;

	if (tape_place(fd)->kind != FD_FILE)
		return syscall(SYS_writev, fd, pieces, n_pieces);
	offset = lseek(fd, 0, SEEK_CUR);
	done = write_pieces(fd, pieces, n_pieces, offset);
	if (done > 0)
		lseek(fd, offset + done, SEEK_SET);
	return done;
}

SHOWN ssize_t pwritev(int fd, const struct iovec *pieces, int n_pieces,
		      off_t offset)
{
	if (tape_place(fd)->kind != FD_FILE)
		return syscall(SYS_pwritev, fd, pieces, n_pieces, offset, 0);
	return write_pieces(fd, pieces, n_pieces, offset);
}

static int resize(int fd, off_t n)
{
	const struct place *place;
	int r = -1;

	tape_lock();
	place = tape_place(fd);
	if (place->kind != FD_FILE || !tape_is_failing(FAULT_WRITE))
		r = (int)syscall(SYS_ftruncate, fd, n);
	if (!r && place->kind == FD_FILE)
		tape_note_resize(place->file, (uint64_t)n);
	tape_unlock();
	return r;
}

SHOWN int ftruncate(int fd, off_t n)
{
	return resize(fd, n);
}

SHOWN int ftruncate64(int fd, off64_t n)
{
	return resize(fd, n);
}

/* Only what makes a file longer, or keeps its length, is told apart here. */
static int allocate(int fd, int mode, off_t offset, off_t n)
{
	const struct place *place;
	struct stat before, after;
	int r = -1;

	tape_lock();
	place = tape_place(fd);
	if (place->kind != FD_FILE) {
		r = (int)syscall(SYS_fallocate, fd, mode, offset, n);
	} else if (!tape_is_failing(FAULT_WRITE) && !fstat(fd, &before)) {
		r = (int)syscall(SYS_fallocate, fd, mode, offset, n);
		if (!r && !fstat(fd, &after) && after.st_size != before.st_size)
			tape_note_resize(place->file, (uint64_t)after.st_size);
	}
	tape_unlock();
	return r;
}

SHOWN int fallocate(int fd, int mode, off_t offset, off_t n)
{
	return allocate(fd, mode, offset, n);
}

SHOWN int fallocate64(int fd, int mode, off64_t offset, off64_t n)
{
	return allocate(fd, mode, offset, n);
}

SHOWN int posix_fallocate(int fd, off_t offset, off_t n)
{
	return allocate(fd, 0, offset, n) < 0 ? errno : 0;
}

SHOWN int posix_fallocate64(int fd, off64_t offset, off64_t n)
{
	return allocate(fd, 0, offset, n) < 0 ? errno : 0;
}

/* ---- syncing ---- */

/* The disk is not asked: what is on it is what the tape says. */
static int sync_file(int fd, long number)
{
	const struct place *place;
	bool is_good;
	int r = 0;

	tape_lock();
	place = tape_place(fd);
	if (place->kind == FD_FOREIGN) {
		r = (int)syscall(number, fd);
	} else {
		is_good = !tape_is_failing(FAULT_SYNC);
		if (place->kind == FD_FILE)
			tape_note_sync(place->file, is_good);
		else if (is_good)
			tape_note_name(TAPE_SYNC_FOLDER, 0, place->folder);
		r = is_good ? 0 : -1;
	}
	tape_unlock();
	return r;
}

SHOWN int fsync(int fd)
{
	return sync_file(fd, SYS_fsync);
}

SHOWN int fdatasync(int fd)
{
	return sync_file(fd, SYS_fdatasync);
}

/* ---- names ---- */

static int unlink_at(int folder_fd, const char *path, int flags)
{
	char joined[TAPE_PATH_BYTES];
	const char *below;
	int r = -1;

	tape_lock();
	below = tape_below_root(folder_fd, path, joined);
	if (!below || !tape_is_failing(FAULT_NAME))
		r = (int)syscall(SYS_unlinkat, folder_fd, path, flags);
	if (!r && below && !(flags & AT_REMOVEDIR))
		tape_note_unlink(below);
	tape_unlock();
	return r;
}

SHOWN int unlink(const char *path)
{
	return unlink_at(AT_FDCWD, path, 0);
}

SHOWN int unlinkat(int folder_fd, const char *path, int flags)
{
	return unlink_at(folder_fd, path, flags);
}

SHOWN int renameat2(int from_fd, const char *from, int to_fd, const char *to,
		    unsigned flags)
{
	char joined[2][TAPE_PATH_BYTES];
	const char *below_from, *below_to;
	int r = -1;

	tape_lock();
	below_from = tape_below_root(from_fd, from, joined[0]);
	below_to = tape_below_root(to_fd, to, joined[1]);
	if (!below_to || !tape_is_failing(FAULT_NAME))
		r = (int)syscall(SYS_renameat2, from_fd, from, to_fd, to,
				 flags);
	if (!r && below_from && below_to)
		tape_note_rename(below_from, below_to);
	tape_unlock();
	return r;
}

SHOWN int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return renameat2(from_fd, from, to_fd, to, 0);
}

SHOWN int rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- reading: noted nowhere, but it can fail ---- */

static ssize_t read_at(int fd, void *bytes, size_t n, off_t offset)
{
	bool is_good;

	tape_lock();
	is_good =
		tape_place(fd)->kind != FD_FILE || !tape_is_failing(FAULT_READ);
	tape_unlock();
	return is_good ? syscall(SYS_pread64, fd, bytes, n, offset) : -1;
}

SHOWN ssize_t pread(int fd, void *bytes, size_t n, off_t offset)
{
	return read_at(fd, bytes, n, offset);
}

SHOWN ssize_t pread64(int fd, void *bytes, size_t n, off64_t offset)
{
	return read_at(fd, bytes, n, offset);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
