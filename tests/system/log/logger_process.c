/* SPDX-License-Identifier: MIT */

#include "tests/system/log/logger_process.h"

void logger_process_init(struct logger_process *process, const char *state,
			 const char *address)
{
	daemon_process_init(&process->daemon, LOGGER_PATH, state, address);
}

void logger_process_start(struct logger_process *process)
{
	daemon_process_start(&process->daemon);
}

void logger_process_stop(struct logger_process *process, int signal)
{
	daemon_process_stop(&process->daemon, signal);
}
