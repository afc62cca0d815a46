/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SYSTEM_LOG_LOGGER_PROCESS_H
#define TESTS_SYSTEM_LOG_LOGGER_PROCESS_H

/** The real helio-logger on a bus, with a state folder that stays. */

#include "tests/system/bus/daemon_process.h"

struct logger_process {
	struct daemon_process daemon;
};

/** Does not start it. `state` is made if it is not there. */
void logger_process_init(struct logger_process *process, const char *state,
			 const char *address);
/** Returns when it serves. */
void logger_process_start(struct logger_process *process);
void logger_process_stop(struct logger_process *process, int signal);

#endif
