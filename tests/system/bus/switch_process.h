/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SYSTEM_BUS_SWITCH_PROCESS_H
#define TESTS_SYSTEM_BUS_SWITCH_PROCESS_H

/**
 * The real heliod in folders of its own, for as long as a test needs it.
 */

#include <sys/types.h>

struct switch_process {
	pid_t pid; /* 0: not running */
	char folder[64];
	char shm[128]; /* addresses */
	char unix_stream[128];
};

/** Make the folders, with one file of policy, and start it. */
void switch_process_open(struct switch_process *process, const char *policy);

/** Start it in its folders, and return when it listens. */
void switch_process_start(struct switch_process *process);

/** End it by a signal, and wait until it is gone. */
void switch_process_stop(struct switch_process *process, int signal);

/** Stop it and remove the folders. */
void switch_process_close(struct switch_process *process);

#endif
