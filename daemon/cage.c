/* SPDX-License-Identifier: MIT */

#include "daemon/cage.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

static int limit_one(const struct cage_limit *wanted)
{
	struct rlimit limit;

	if (getrlimit(wanted->resource, &limit) < 0)
		return -errno;
	if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > wanted->max)
		limit.rlim_max = wanted->max;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(wanted->resource, &limit) < 0 ? -errno : 0;
}

static int limit_resources(const struct cage_limit *limit)
{
	int r = 0;

	for (; r == 0 && limit->resource != CAGE_NO_RESOURCE; limit++)
		if (!CAGE_IS_SANITIZED || limit->resource != RLIMIT_AS)
			r = limit_one(limit);
	return r;
}

static int limit_files(int folder_fd, uint64_t folder_access)
{
	const struct landlock_ruleset_attr all = {
		/* All that the first version knows. */
		.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1,
	};
	const struct landlock_path_beneath_attr ours = {
		.parent_fd = folder_fd,
		.allowed_access = folder_access,
	};
	_cleanup_(close_fdp) int fd =
		(int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);

	if (fd < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
	if (syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH,
		    &ours, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return -errno;
	return 0;
}

static const char *const usual_calls[] = {
	"brk",
	"clock_getres",
	"clock_gettime",
	"close",
	"exit",
	"exit_group",
	"fcntl",
	"fstat",
	"futex",
	"getdents64",
	"geteuid",
	"getpid",
	"getrandom",
	"gettid",
	"gettimeofday",
	"getuid",
	"lseek",
	"madvise",
	"mmap",
	"mprotect",
	"mremap",
	"munmap",
	"newfstatat",
	"openat",
	"pread64",
	"read",
	"readv",
	"restart_syscall",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sched_yield",
	"write",
	"writev",
	NULL,
};

/* Up to NULL. Not every machine has every call. */
static int allow(scmp_filter_ctx filter, const char *const *names)
{
	int r = 0;

	for (; r == 0 && *names; names++) {
		int number = seccomp_syscall_resolve_name(*names);

		if (number != __NR_SCMP_ERROR)
			r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	return r;
}

static int limit_calls(const char *const *names)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = filter ? allow(filter, usual_calls) : -ENOMEM;

	if (r == 0)
		r = allow(filter, names);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r == -EOPNOTSUPP || r == -ENOSYS ? 0 : r;
}

int cage_enter(const struct cage *cage)
{
	int r = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (cage->limits)
		r = limit_resources(cage->limits);
	if (r == 0 && cage->folder_fd >= 0)
		r = limit_files(cage->folder_fd, cage->folder_access);
	if (r == 0 && cage->calls && !CAGE_IS_SANITIZED)
		r = limit_calls(cage->calls);
	return r;
}
