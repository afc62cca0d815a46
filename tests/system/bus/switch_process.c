/* SPDX-License-Identifier: MIT */

#define _XOPEN_SOURCE 700

#include "tests/system/bus/switch_process.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { READY_MAX_MS = 10000 };

static void make_folder(const struct switch_process *process, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", process->folder, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void write_policy(const struct switch_process *process,
			 const char *policy)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/config/policy/10-test.policy",
		 process->folder);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(policy, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void exec_heliod(const struct switch_process *process, int ready_fd)
{
	char config[128], run[128], ready[16];

	snprintf(config, sizeof(config), "%s/config", process->folder);
	snprintf(run, sizeof(run), "%s/run", process->folder);
	snprintf(ready, sizeof(ready), "%d", ready_fd);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execl(HELIOD_PATH, "heliod", "--config", config, "--run", run,
	      "--listen", process->shm, "--ready-fd", ready, "--log", "error",
	      (char *)NULL);
	_exit(127);
}

void switch_process_start(struct switch_process *process)
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
		exec_heliod(process, fds[1]);
	}
	close(fds[1]);
	ready.fd = fds[0];
	assert_int_equal(poll(&ready, 1, READY_MAX_MS), 1);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
}

void switch_process_open(struct switch_process *process, const char *policy)
{
	*process = (struct switch_process){
		.folder = "/tmp/helio-bus-XXXXXX",
	};
	assert_non_null(mkdtemp(process->folder));
	make_folder(process, "config");
	make_folder(process, "config/policy");
	make_folder(process, "run");
	write_policy(process, policy);
	snprintf(process->shm, sizeof(process->shm), "shm:%s/run/test.sock",
		 process->folder);
	snprintf(process->unix_stream, sizeof(process->unix_stream),
		 "unix:%s/run/test.sock", process->folder);
	switch_process_start(process);
}

void switch_process_stop(struct switch_process *process, int signal)
{
	int status;

	if (!process->pid)
		return;
	assert_int_equal(kill(process->pid, signal), 0);
	assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
	if (signal == SIGTERM)
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	process->pid = 0;
}

static int remove_one(const char *path, const struct stat *stat, int type,
		      struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

void switch_process_close(struct switch_process *process)
{
	switch_process_stop(process, SIGTERM);
	nftw(process->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
