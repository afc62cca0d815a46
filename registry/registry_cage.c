/* SPDX-License-Identifier: MIT */

#include "registry/registry_cage.h"

#include <stdbool.h>
#include <string.h>

#include "daemon/cage.h"

static const struct cage_limit limits[] = {
	{ RLIMIT_AS, (rlim_t)1 << 30 },
	{ RLIMIT_NOFILE, 256 },
	{ RLIMIT_FSIZE, (rlim_t)64 << 20 },
	{ RLIMIT_CORE, 0 },
	{ CAGE_NO_RESOURCE, 0 },
};

static const char *const calls[] = {
	"accept4",       "clock_nanosleep",
	"connect",       "dup",
	"epoll_create1", "epoll_ctl",
	"epoll_pwait",   "epoll_wait",
	"eventfd2",      "flock",
	"fsync",         "ftruncate",
	"getppid",       "getsockname",
	"getsockopt",    "ioctl",
	"memfd_create",  "nanosleep",
	"pipe2",         "poll",
	"ppoll",         "prlimit64",
	"pwrite64",      "recvfrom",
	"recvmsg",       "rename",
	"renameat",      "renameat2",
	"rseq",          "sendmsg",
	"sendto",        "set_robust_list",
	"setsockopt",    "shutdown",
	"sigaltstack",   "socket",
	"unlinkat",      NULL,
};

static bool needs_module(const char *address)
{
	return strncmp(address, "shm:", 4) != 0 &&
	       strncmp(address, "unix:", 5) != 0;
}

int registry_cage_enter(int folder, const char *address)
{
	bool is_open = needs_module(address);
	const struct cage cage = {
		.folder_fd = is_open ? -1 : folder,
		.folder_access = LANDLOCK_ACCESS_FS_READ_FILE |
				 LANDLOCK_ACCESS_FS_WRITE_FILE |
				 LANDLOCK_ACCESS_FS_READ_DIR |
				 LANDLOCK_ACCESS_FS_MAKE_REG |
				 LANDLOCK_ACCESS_FS_REMOVE_FILE,
		.limits = limits,
		.calls = is_open ? NULL : calls,
	};

	return CAGE_IS_SANITIZED ? 0 : cage_enter(&cage);
}
