/* SPDX-License-Identifier: MIT */

#include "cli/folder.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

__attribute__((format(printf, 2, 3))) static int set_path(
	char path[FOLDER_PATH_BYTES], const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(path, FOLDER_PATH_BYTES, format, args);
	va_end(args);
	return n < FOLDER_PATH_BYTES ? 0 : -ENAMETOOLONG;
}

/* An empty variable counts as none, as the XDG specification wants it. */
static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

int folder_run(const char *told, char ret_path[FOLDER_PATH_BYTES])
{
	const char *runtime = variable("XDG_RUNTIME_DIR");

	if (told)
		return set_path(ret_path, "%s", told);
	if (runtime)
		return set_path(ret_path, "%s/heliograph", runtime);
	return set_path(ret_path, "/run/heliograph");
}

int folder_state(const char *told, char ret_path[FOLDER_PATH_BYTES])
{
	const char *state = variable("XDG_STATE_HOME");
	const char *home = variable("HOME");

	if (told)
		return set_path(ret_path, "%s", told);
	if (geteuid() == 0 || (!state && !home))
		return set_path(ret_path, "/var/lib/heliograph");
	if (state)
		return set_path(ret_path, "%s/heliograph", state);
	return set_path(ret_path, "%s/.local/state/heliograph", home);
}

int folder_address(const char *told, char ret_address[FOLDER_PATH_BYTES])
{
	const char *address = told ? told : variable("HELIOGRAPH_ADDRESS");
	char run[FOLDER_PATH_BYTES];
	int r;

	if (address)
		return set_path(ret_address, "%s", address);
	r = folder_run(NULL, run);
	if (r < 0)
		return r;
	r = set_path(ret_address, "shm:%s/bus.sock", run);
	if (r == 0 && access(ret_address + strlen("shm:"), F_OK) < 0 &&
	    access("/run/heliograph/bus.sock", F_OK) == 0)
		return set_path(ret_address, "shm:/run/heliograph/bus.sock");
	return r;
}

int folder_join(const char *folder, const char *name,
		char ret_path[FOLDER_PATH_BYTES])
{
	return set_path(ret_path, "%s/%s", folder, name);
}

static int make_one(const char *path, mode_t mode)
{
	struct stat status;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &status) < 0)
		return -errno;
	return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
}

int folder_make(const char *path, mode_t mode)
{
	char above[FOLDER_PATH_BYTES];
	int r = set_path(above, "%s", path);

	for (char *slash = above + 1; r == 0; *slash++ = '/') {
		slash = strchr(slash, '/');
		if (!slash)
			break;
		*slash = '\0';
		r = make_one(above, 0755);
	}
	return r < 0 ? r : make_one(path, mode);
}

static int write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, text, n);

		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			text += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

int folder_write_new(const char *path, const char *text, mode_t mode)
{
	char draft[FOLDER_PATH_BYTES];
	_cleanup_(close_fdp) int fd = -1;
	int r = set_path(draft, "%s.XXXXXX", path);

	if (r < 0)
		return r;
	fd = mkostemp(draft, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, strlen(text));
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		r = -errno;
	/* link() is what refuses a file that is there; rename() would not. */
	if (r == 0 && link(draft, path) < 0)
		r = -errno;
	unlink(draft);
	return r;
}

bool folder_is_name(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > FOLDER_NAME_MAX || name[0] == '-' || name[0] == '_')
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c >= 0x80 || (!isalnum(c) && c != '-' && c != '_'))
			return false;
	}
	return true;
}
