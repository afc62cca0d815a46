/* SPDX-License-Identifier: MIT */

/*
 * Machines that are processes. They are children of the worker, and the kernel
 * kills them when it ends: so whoever knows that the worker is gone knows that
 * they are.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine.h"
#include "presence.h"

enum { GRACE_MS = 5000 };

static int process_open(struct worker *worker, int *ret_fd)
{
	sigset_t set;

	(void)worker;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	*ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *ret_fd < 0 ? -errno : 0;
}

static _Noreturn void run(const Fleet__V1__Actual *actual, pid_t worker)
{
	char **command =
		store_must(calloc(actual->n_command + 1, sizeof(*command)));
	sigset_t none;

	/* The worker may have ended before it was asked for. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != worker)
		_exit(EXIT_FAILURE);
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (size_t i = 0; i < actual->n_command; i++)
		command[i] = actual->command[i];
	if (command[0])
		execvp(command[0], command);
	fprintf(stderr, "fleet: %s: %s\n", command[0] ? command[0] : "",
		command[0] ? strerror(errno) : "no command");
	_exit(127);
}

static void process_start(struct machine *machine)
{
	pid_t worker = getpid();
	pid_t pid = fork();

	if (pid == 0)
		run(machine->told, worker);
	if (pid < 0) {
		machine_is(machine, FLEET__V1__STATE__STATE_STOPPED,
			   strerror(errno));
		return;
	}
	machine->pid = pid;
	machine_is(machine, FLEET__V1__STATE__STATE_RUNNING, "");
}

static void process_stop(struct machine *machine)
{
	if (machine->pid == 0) {
		machine_is(machine, FLEET__V1__STATE__STATE_STOPPED, "");
		return;
	}
	machine->kill_at_ms = presence_now_ms() + GRACE_MS;
	kill(machine->pid, SIGTERM);
}

static void process_on_tick(struct machine *machine)
{
	if (machine->pid && machine->kill_at_ms &&
	    presence_now_ms() >= machine->kill_at_ms)
		kill(machine->pid, SIGKILL);
}

static void on_exit_of(struct machine *machine, int status)
{
	char reason[80];

	machine->pid = 0;
	if (WIFSIGNALED(status))
		snprintf(reason, sizeof(reason), "%s",
			 strsignal(WTERMSIG(status)));
	else
		snprintf(reason, sizeof(reason), "exit status %d",
			 WEXITSTATUS(status));
	machine_is(machine, FLEET__V1__STATE__STATE_STOPPED, reason);
}

static void process_on_ready(struct worker *worker, int fd)
{
	struct signalfd_siginfo info;
	struct machine *machine;
	int status;
	pid_t pid;

	while (read(fd, &info, sizeof(info)) > 0)
		continue;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		machine = worker_machines(worker);
		while (machine && machine->pid != pid)
			machine = machine->next;
		if (machine)
			on_exit_of(machine, status);
	}
}

const struct driver process_driver = {
	.name = "process",
	.open = process_open,
	.start = process_start,
	.stop = process_stop,
	.on_ready = process_on_ready,
	.on_tick = process_on_tick,
};
