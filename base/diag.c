/* SPDX-License-Identifier: MIT */

#include "base/diag.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 1024 };

static const char *const level_names[] = { "error", "warning", "info",
					   "debug" };

static const char *diag_program = "heliograph";
static enum diag_level diag_level = DIAG_INFO;
static uint64_t diag_n_lost;

int diag_level_from_name(const char *name, enum diag_level *ret_level)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(*level_names);
	     i++) {
		if (!strcmp(name, level_names[i])) {
			*ret_level = (enum diag_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

void diag_init(const char *program, enum diag_level level)
{
	diag_program = program;
	diag_level = level;
}

static void replace_control_bytes(char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
}

/* A pipe that nobody reads must not stop the program: ask before writing. */
static bool write_line(const char *line, size_t n)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&out, 1, 0) != 1 || !(out.revents & POLLOUT))
		return false;
	return write(STDERR_FILENO, line, n) == (ssize_t)n;
}

static size_t clamp(int n, size_t room)
{
	if (n < 0)
		return 0;
	return (size_t)n < room ? (size_t)n : room - 1;
}

static void say_lost(void)
{
	char line[LINE_BYTES];
	int n;

	n = snprintf(line, sizeof(line), "%s: warning: %llu lines lost here\n",
		     diag_program, (unsigned long long)diag_n_lost);
	if (write_line(line, clamp(n, sizeof(line))))
		diag_n_lost = 0;
}

void diag_log(enum diag_level level, const char *format, ...)
{
	char line[LINE_BYTES];
	size_t n;
	va_list args;

	if (level > diag_level)
		return;

	n = clamp(snprintf(line, sizeof(line), "%s: %s: ", diag_program,
			   level_names[level]),
		  sizeof(line));
	va_start(args, format);
	n += clamp(vsnprintf(line + n, sizeof(line) - n - 1, format, args),
		   sizeof(line) - n - 1);
	va_end(args);
	replace_control_bytes(line, n);
	line[n++] = '\n';

	if (diag_n_lost)
		say_lost();
	if (diag_n_lost || !write_line(line, n))
		diag_n_lost++;
}
