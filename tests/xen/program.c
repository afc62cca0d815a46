/* SPDX-License-Identifier: MIT */

#include "tests/xen/program.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX_WORDS = 32, MAX_LINE_BYTES = 256 };

struct program program_start(struct xen_world *world, uint32_t domid,
			     const char *format, ...)
{
	char *argv[MAX_WORDS + 1] = { NULL };
	struct program program;
	char text[1024];
	char *rest = text;
	int ends[2];
	va_list args;

	va_start(args, format);
	assert_in_range(vsnprintf(text, sizeof(text), format, args), 1,
			sizeof(text) - 1);
	va_end(args);
	for (size_t i = 0; rest && i < MAX_WORDS; i++)
		argv[i] = strsep(&rest, " ");
	assert_int_equal(pipe(ends), 0);
	program.pid = xen_world_spawn(world, domid, ends[1], argv);
	program.output_fd = ends[0];
	close(ends[1]);
	assert_true(program.pid > 0);
	return program;
}

struct program program_start_shell(struct xen_world *world, uint32_t domid,
				   const char *format, ...)
{
	struct program program;
	char command[1024];
	char shell[] = "/bin/sh";
	char flag[] = "-c";
	char *argv[] = { shell, flag, command, NULL };
	char *end = stpncpy(command, "exec 2>&1; exec ", sizeof(command));
	size_t n_room = sizeof(command) - (size_t)(end - command);
	int ends[2];
	va_list args;

	va_start(args, format);
	assert_in_range(vsnprintf(end, n_room, format, args), 1, n_room - 1);
	va_end(args);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	program.pid = xen_world_spawn(world, domid, ends[1], argv);
	program.output_fd = ends[0];
	close(ends[1]);
	assert_true(program.pid > 0);
	return program;
}

void program_expect(const struct program *program, const char *line)
{
	char got[MAX_LINE_BYTES] = "";
	size_t n = 0;

	while (n + 1 < sizeof(got)) {
		struct pollfd output = { .fd = program->output_fd,
					 .events = POLLIN };

		if (poll(&output, 1, PROGRAM_WAIT_MS) != 1)
			fail_msg("still waiting for \"%s\"", line);
		if (read(program->output_fd, &got[n], 1) < 1 || got[n] == '\n')
			break;
		n++;
	}
	got[n] = 0;
	assert_string_equal(got, line);
}

void program_expect_silence(const struct program *program, int ms)
{
	struct pollfd output = { .fd = program->output_fd, .events = POLLIN };

	assert_int_equal(poll(&output, 1, ms), 0);
}

int program_end(struct program *program)
{
	int status = -1;

	assert_int_equal(waitpid(program->pid, &status, 0), program->pid);
	close(program->output_fd);
	return status;
}

void program_kill(struct program *program)
{
	kill(program->pid, SIGKILL);
	assert_true(WIFSIGNALED(program_end(program)));
}
