/* SPDX-License-Identifier: MIT */

#include "cli/pipe_command.h"

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/option.h"
#include "cli/pipe_source.h"

static int spawn_with(struct pipe_command *command, const struct texts *texts,
		      int out, int err)
{
	char *words[OPTION_TEXTS_MAX + 1] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r;

	/* What exec takes is not const, and is not written to. */
	memcpy(words, texts->at, texts->n * sizeof(*words));
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	r = posix_spawnp(&command->pid, words[0], &actions, &attributes, words,
			 environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return -r;
}

int pipe_command_start(struct pipe_command *command, const struct texts *texts,
		       struct pipe_source *out, struct pipe_source *err)
{
	_cleanup_(close_fdp) int out_end = -1;
	_cleanup_(close_fdp) int err_end = -1;
	int r = pipe_source_open_pipe(out, "stdout", &out_end);

	if (r == 0)
		r = pipe_source_open_pipe(err, "stderr", &err_end);
	if (r == 0)
		r = spawn_with(command, texts, out_end, err_end);
	if (r < 0)
		command->pid = 0;
	else
		snprintf(command->pid_text, sizeof(command->pid_text), "%d",
			 (int)command->pid);
	return r;
}

bool pipe_command_is_running(const struct pipe_command *command)
{
	return command->pid != 0 && !command->has_exited;
}

void pipe_command_look(struct pipe_command *command)
{
	int status;

	if (command->pid == 0 || waitpid(command->pid, &status, WNOHANG) <= 0)
		return;
	command->has_exited = true;
	command->exit_status = WIFEXITED(status) ? WEXITSTATUS(status)
						 : 128 + WTERMSIG(status);
}

void pipe_command_wait(struct pipe_command *command)
{
	if (pipe_command_is_running(command))
		waitpid(command->pid, NULL, 0);
}
