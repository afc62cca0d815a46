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

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

int folder_run_of(const char *told, const char *connect,
		  char ret_path[FOLDER_PATH_BYTES])
{
	static const char socket[] = "/bus.sock";
	char address[FOLDER_PATH_BYTES];
	size_t n;
	int r;

	if (told)
		return folder_run(told, ret_path);
	r = folder_address(connect, address);
	if (r < 0)
		return r;
	n = strlen(address);
	if (n < strlen(socket) || !has_prefix(address, "shm:") ||
	    strcmp(address + n - strlen(socket), socket) != 0)
		return folder_run(NULL, ret_path);
	address[n - strlen(socket)] = '\0';
	return set_path(ret_path, "%s", address + strlen("shm:"));
}

/* What somebody else has put there does not lead us anywhere. */
static int read_own_link(const char *path, char ret_path[FOLDER_PATH_BYTES])
{
	struct stat status;
	ssize_t n;

	if (lstat(path, &status) < 0)
		return -errno;
	if (status.st_uid != geteuid())
		return -EPERM;
	n = readlink(path, ret_path, FOLDER_PATH_BYTES - 1);
	if (n < 0)
		return -errno;
	ret_path[n] = '\0';
	return 0;
}

int folder_state_of(const char *told, const char *run,
		    char ret_path[FOLDER_PATH_BYTES])
{
	char path[FOLDER_PATH_BYTES];
	int r;

	if (told)
		return folder_state(told, ret_path);
	r = folder_join(run, "state", path);
	if (r == 0)
		r = read_own_link(path, ret_path);
	return r == 0 ? 0 : folder_state(NULL, ret_path);
}

int folder_link_state(const char *run, const char *state)
{
	char real[FOLDER_PATH_BYTES];
	char path[FOLDER_PATH_BYTES], draft[FOLDER_PATH_BYTES];
	int r = folder_join(run, "state", path);

	if (r == 0)
		r = folder_join(run, "state.new", draft);
	if (r < 0)
		return r;
	unlink(draft);
	if (!realpath(state, real) || symlink(real, draft) < 0 ||
	    rename(draft, path) < 0)
		return -errno;
	return 0;
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
