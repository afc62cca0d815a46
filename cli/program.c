/* SPDX-License-Identifier: MIT */

#include "cli/program.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int program_find(const char *name, char ret_path[FOLDER_PATH_BYTES])
{
	char self[FOLDER_PATH_BYTES];
	char folder[FOLDER_PATH_BYTES];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	int r;

	if (n < 0)
		return -errno;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	r = folder_join(self, name, ret_path);
	if (r == 0 && access(ret_path, X_OK) < 0) {
		r = folder_join(self, HELIO_LIBEXEC_FROM_BIN, folder);
		if (r == 0)
			r = folder_join(folder, name, ret_path);
	}
	if (r == 0 && access(ret_path, X_OK) < 0)
		snprintf(ret_path, FOLDER_PATH_BYTES, "%s", name);
	return r;
}

int program_run(char *const *words)
{
	int status;
	pid_t pid;
	int r = posix_spawnp(&pid, words[0], NULL, NULL, words, environ);

	if (r != 0)
		return -r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}
