/* SPDX-License-Identifier: MIT */

/*
 * For LD_PRELOAD: the wall clock of a program is off by as many nanoseconds as
 * the file that HELIO_TORTURE_CLOCK names says, from one look to the next.
 */

/* The C library names parameters otherwise. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))

enum { NS = 1000000000 };

static int64_t offset_ns(void)
{
	static const volatile int64_t *offset;
	const char *path;
	void *mapped;
	int fd;

	if (offset)
		return *offset;
	path = getenv("HELIO_TORTURE_CLOCK");
	fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return 0;
	mapped = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (mapped == MAP_FAILED)
		return 0;
	offset = mapped;
	return *offset;
}

SHOWN int clock_gettime(clockid_t clock, struct timespec *ret_now)
{
	int64_t ns;
	int r = (int)syscall(SYS_clock_gettime, clock, ret_now);

	if (r || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
		return r;
	ns = ret_now->tv_nsec + offset_ns();
	ret_now->tv_sec += ns / NS;
	ns %= NS;
	if (ns < 0) {
		ns += NS;
		ret_now->tv_sec--;
	}
	ret_now->tv_nsec = ns;
	return 0;
}

SHOWN int gettimeofday(struct timeval *restrict ret_now, void *restrict zone)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	ret_now->tv_sec = now.tv_sec;
	ret_now->tv_usec = now.tv_nsec / 1000;
	return 0;
}

SHOWN time_t time(time_t *ret_now)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret_now)
		*ret_now = now.tv_sec;
	return now.tv_sec;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
