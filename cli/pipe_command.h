/* SPDX-License-Identifier: MIT */
#ifndef CLI_PIPE_COMMAND_H
#define CLI_PIPE_COMMAND_H

/** The program whose output `helio logger pipe` ships. */

#include <stdbool.h>
#include <sys/types.h>

struct pipe_source;
struct texts;

enum { PIPE_COMMAND_PID_BYTES = 24 };

struct pipe_command {
	pid_t pid; /* 0: there is none */
	char pid_text[PIPE_COMMAND_PID_BYTES];
	bool has_exited;
	int exit_status; /* as a shell tells it */
};

/**
 * Start it, with no signal blocked; what it writes comes from these two.
 * Returns 0 or a negative errno.
 */
int pipe_command_start(struct pipe_command *command, const struct texts *texts,
		       struct pipe_source *out, struct pipe_source *err);

bool pipe_command_is_running(const struct pipe_command *command);
/** SIGCHLD came. */
void pipe_command_look(struct pipe_command *command);
/** Until it has exited. */
void pipe_command_wait(struct pipe_command *command);

#endif
