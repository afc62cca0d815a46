/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SYSTEM_BUS_DAEMON_PROCESS_H
#define TESTS_SYSTEM_BUS_DAEMON_PROCESS_H

/** A real program that serves on a bus, with a state folder that stays. */

#include <sys/types.h>

enum { DAEMON_WORDS_MAX = 8 };

struct daemon_process {
	pid_t pid; /* 0: not running */
	const char *program;
	char state[128];
	char address[128];
	const char *more[DAEMON_WORDS_MAX + 1]; /* options, up to a NULL */
};

/**
 * Does not start it. `program` is its file, which must last; `state` is made if
 * it is not there, and "" of a program that has none.
 */
void daemon_process_init(struct daemon_process *process, const char *program,
			 const char *state, const char *address);
/** Returns when it serves. */
void daemon_process_start(struct daemon_process *process);
/** End it by a signal; by SIGTERM it ends with 0. */
void daemon_process_stop(struct daemon_process *process, int signal);

#endif
