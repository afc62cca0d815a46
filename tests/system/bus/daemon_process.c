/* SPDX-License-Identifier: MIT */

#include "tests/system/bus/daemon_process.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { READY_MAX_MS = 20000 };

void daemon_process_init(struct daemon_process *process, const char *program,
			 const char *state, const char *address)
{
	*process = (struct daemon_process){ .program = program };
	snprintf(process->state, sizeof(process->state), "%s", state);
	snprintf(process->address, sizeof(process->address), "%s", address);
}

static void exec_program(const struct daemon_process *process, int ready_fd)
{
	const char *level = getenv("HELIO_TEST_LOG");
	char ready[16];
	const char *words[10 + DAEMON_WORDS_MAX] = {
		process->program,
		"--ready-fd",
		ready,
		"--address",
		process->address,
		"--log",
		level ? level : "error",
	};
	size_t n = 7;

	snprintf(ready, sizeof(ready), "%d", ready_fd);
	if (process->state[0]) {
		words[n++] = "--state";
		words[n++] = process->state;
	}
	for (size_t i = 0; process->more[i]; i++)
		words[n++] = process->more[i];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(process->program, (char *const *)(uintptr_t)words);
	_exit(127);
}

void daemon_process_start(struct daemon_process *process)
{
	struct pollfd ready = { .events = POLLIN };
	char byte;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	process->pid = fork();
	assert_true(process->pid >= 0);
	if (!process->pid) {
		close(fds[0]);
		exec_program(process, fds[1]);
	}
	close(fds[1]);
	ready.fd = fds[0];
	assert_int_equal(poll(&ready, 1, READY_MAX_MS), 1);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
}

void daemon_process_stop(struct daemon_process *process, int signal)
{
	int status;

	if (!process->pid)
		return;
	assert_int_equal(kill(process->pid, signal), 0);
	assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
	process->pid = 0;
	if (signal == SIGTERM)
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
