/* SPDX-License-Identifier: MIT */

#include "logger/answer_cage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { IS_SANITIZED = true };
#else
enum { IS_SANITIZED = false };
#endif

#define PROCESS_BYTES ((rlim_t)1 << 30)

static int limit(int resource, rlim_t max)
{
	const struct rlimit value = { .rlim_cur = max, .rlim_max = max };

	return setrlimit(resource, &value) < 0 ? -errno : 0;
}

/* Of the file system it needs this folder and no other. */
static int limit_files(const char *folder)
{
	const struct landlock_ruleset_attr all = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1,
	};
	struct landlock_path_beneath_attr ours = {
		/* Readers lock, in a file of the database beside it. */
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE |
				  LANDLOCK_ACCESS_FS_WRITE_FILE |
				  LANDLOCK_ACCESS_FS_READ_DIR,
	};
	_cleanup_(close_fdp) int place = open(folder, O_PATH | O_CLOEXEC);
	_cleanup_(close_fdp) int fd =
		(int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);

	if (place < 0)
		return -errno;
	if (fd < 0)
		return 0;
	ours.parent_fd = place;
	if (syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH,
		    &ours, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return -errno;
	return 0;
}

/* Reading files, and saying what was found; no socket, no other program. */
static const char *const calls[] = {
	"access",
	"brk",
	"clock_getres",
	"clock_gettime",
	"close",
	"exit",
	"exit_group",
	"faccessat",
	"fcntl",
	"fstat",
	"futex",
	"getcwd",
	"geteuid",
	"getpid",
	"getrandom",
	"gettid",
	"gettimeofday",
	"getuid",
	"lseek",
	"lstat",
	"madvise",
	"mmap",
	"mprotect",
	"mremap",
	"munmap",
	"newfstatat",
	"open",
	"openat",
	"getdents64",
	"pread64",
	"read",
	"readlink",
	"readlinkat",
	"readv",
	"restart_syscall",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sched_yield",
	"stat",
	"statx",
	"write",
	"writev",
};

static int limit_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < sizeof(calls) / sizeof(*calls); i++) {
		int number = seccomp_syscall_resolve_name(calls[i]);

		/* Not every machine has every call. */
		if (number == __NR_SCMP_ERROR)
			continue;
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	if (!r)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r == -EOPNOTSUPP || r == -ENOSYS ? 0 : r;
}

int answer_cage_enter(const char *folder, uint64_t timeout_ms)
{
	int r = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (!IS_SANITIZED)
		r = limit(RLIMIT_AS, PROCESS_BYTES);
	if (r == 0)
		r = limit(RLIMIT_CPU, timeout_ms / 1000 + 2);
	if (r == 0)
		r = limit(RLIMIT_CORE, 0);
	if (r == 0)
		r = limit(RLIMIT_NOFILE, 64);
	if (r == 0)
		r = limit_files(folder);
	return r < 0 || IS_SANITIZED ? r : limit_calls();
}
