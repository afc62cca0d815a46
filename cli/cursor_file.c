/* SPDX-License-Identifier: MIT */

#include "cli/cursor_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/exit.h"
#include "cli/output.h"
#include "cli/session.h"

enum { CURSOR_BYTES = 256 };

/* `LOG SEQUENCE`: the first that was not shown yet. */
static bool is_cursor_of(const char *text, const char *name,
			 uint64_t *ret_sequence)
{
	size_t n = strlen(name);
	char *end;

	if (strncmp(text, name, n) != 0 || text[n] != ' ' ||
	    text[n + 1] < '0' || text[n + 1] > '9')
		return false;
	errno = 0;
	*ret_sequence = strtoull(text + n + 1, &end, 10);
	return !errno && (*end == '\n' || !*end);
}

int cursor_file_read(const char *path, const char *log, uint64_t *ret_sequence)
{
	char text[CURSOR_BYTES];
	_cleanup_(close_fdp) int fd = -1;
	ssize_t n;

	if (!path)
		return EXIT_OK;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return EXIT_OK;
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0) {
		talk("%s: %s", path, strerror(errno));
		return EXIT_USAGE;
	}
	text[n] = '\0';
	if (n == 0)
		return EXIT_OK;
	if (!is_cursor_of(text, log, ret_sequence)) {
		talk("%s: no cursor of the log %s", path, log);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

int cursor_file_write(const char *path, const char *log, uint64_t sequence)
{
	_cleanup_(freep) char *beside = NULL;
	FILE *file;
	bool is_good;

	if (!path || sequence == 0)
		return EXIT_OK;
	if (asprintf(&beside, "%s.new", path) < 0)
		return session_complain("log", -ENOMEM, NULL);
	file = fopen(beside, "we");
	is_good = file && fprintf(file, "%s %" PRIu64 "\n", log, sequence) > 0;
	is_good = is_good && fflush(file) == 0 && fsync(fileno(file)) == 0;
	if (file && fclose(file) != 0)
		is_good = false;
	if (is_good && rename(beside, path) == 0)
		return EXIT_OK;
	talk("%s: %s", path, strerror(errno));
	return EXIT_USAGE;
}
