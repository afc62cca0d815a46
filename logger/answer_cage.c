/* SPDX-License-Identifier: MIT */

#include "logger/answer_cage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "daemon/cage.h"

/* Beside reading files and saying what was found; no socket, no program. */
static const char *const calls[] = {
	"access",   "faccessat",  "getcwd", "lstat", "open",
	"readlink", "readlinkat", "stat",   "statx", NULL,
};

int answer_cage_enter(const char *folder, uint64_t timeout_ms)
{
	_cleanup_(close_fdp) int place = open(folder, O_PATH | O_CLOEXEC);
	const struct cage_limit limits[] = {
		{ RLIMIT_AS, (rlim_t)1 << 30 },
		{ RLIMIT_CPU, timeout_ms / 1000 + 2 },
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_NOFILE, 64 },
		{ CAGE_NO_RESOURCE, 0 },
	};
	const struct cage cage = {
		.folder_fd = place,
		/* Readers lock, in a file of the database beside it. */
		.folder_access = LANDLOCK_ACCESS_FS_READ_FILE |
				 LANDLOCK_ACCESS_FS_WRITE_FILE |
				 LANDLOCK_ACCESS_FS_READ_DIR,
		.limits = limits,
		.calls = calls,
	};

	if (place < 0)
		return -errno;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return cage_enter(&cage);
}
