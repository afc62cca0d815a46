/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_PROGRAM_H
#define TESTS_XEN_PROGRAM_H

/** For cmocka tests: a program in a domain, judged by the words it prints. */

#include <stdint.h>
#include <sys/types.h>

#include "tests/xen/world.h"

enum { PROGRAM_WAIT_MS = 20000 };

struct program {
	pid_t pid;
	int output_fd;
};

/** Start one; the command is one text, its words divided by single spaces. */
__attribute__((format(printf, 3, 4))) struct program program_start(
	struct xen_world *world, uint32_t domid, const char *format, ...);

/** The same by a shell, and its lines are those of either output. */
__attribute__((format(printf, 3, 4))) struct program program_start_shell(
	struct xen_world *world, uint32_t domid, const char *format, ...);

/** Its next line is this; "" for its end. Fails the test otherwise. */
void program_expect(const struct program *program, const char *line);

/** It says nothing for so long. Fails the test otherwise. */
void program_expect_silence(const struct program *program, int ms);

/** Wait for its end; returns its status as waitpid() has it. */
int program_end(struct program *program);

/** SIGKILL, and its end. */
void program_kill(struct program *program);

#endif
