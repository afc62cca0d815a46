/* SPDX-License-Identifier: MIT */

#include "tests/torture/bus/world.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/torture/complaint.h"

enum {
	READY_MAX_MS = 10000,
	END_MAX_MS = 10000,
	DEPTH = 8,
};

static const char POLICY[] = "allow vm:voice* publish   torture.>\n"
			     "allow vm:voice* any       helio.>\n"
			     "allow ** kv-read,kv-write,job-submit,job-work >\n"
			     "allow vm:store  any,group >\n"
			     "allow vm:store  admin     switch\n"
			     "allow vm:logger any,group,capture,observe >\n"
			     "allow vm:logger admin     switch\n"
			     "allow vm:ear    any       >\n"
			     "allow vm:ear    log-read  *\n"
			     "allow vm:ear    admin     switch\n"
			     "allow vm:admin  any       >\n"
			     "allow vm:admin  log-read,log-admin *\n";

/* The world that complaints are about: it must not outlive the test. */
static struct world *shown;

static void end_world(void)
{
	if (!shown)
		return;
	fprintf(stderr, "left behind: %s\n", shown->folder);
	if (shown->logger)
		kill(shown->logger, SIGKILL);
	if (shown->store)
		kill(shown->store, SIGKILL);
	if (shown->heliod)
		kill(shown->heliod, SIGKILL);
}

static void write_file(const struct world *world, const char *name,
		       const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", world->folder, name);
	file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file))
		complain("%s: %s", path, strerror(errno));
}

static void make_folder(const struct world *world, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", world->folder, name);
	if (mkdir(path, 0700) < 0)
		complain("%s: %s", path, strerror(errno));
}

static void enrol(const struct world *world, const char *domain)
{
	char name[64];

	snprintf(name, sizeof(name), "config/domains/%s.domain", domain);
	write_file(world, name, "");
}

/* The programs write to files: what they say last tells why they died. */
static void redirect(const struct world *world, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s.log", world->folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
}

/* Returns the descriptor on which it will say that it is ready. */
static int spawn(const struct world *world, const char *name,
		 const char *const arguments[], pid_t *ret_pid)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		complain("pipe: %s", strerror(errno));
	fflush(NULL);
	*ret_pid = fork();
	if (*ret_pid < 0)
		complain("fork: %s", strerror(errno));
	if (!*ret_pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		redirect(world, name);
		/* A number that the arguments know. */
		dup2(fds[1], 3);
		execv(arguments[0], (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	close(fds[1]);
	return fds[0];
}

static void await_ready(int fd, const char *name)
{
	struct pollfd polled = { .fd = fd, .events = POLLIN };
	char byte;

	if (poll(&polled, 1, READY_MAX_MS) != 1 || read(fd, &byte, 1) != 1)
		complain("%s does not get ready", name);
	close(fd);
}

static void start_heliod(struct world *world)
{
	char config[192], run[192];
	const char *const arguments[] = {
		HELIOD_PATH,  "--config", config,  "--run", run,
		"--ready-fd", "3",        "--log", "error", NULL,
	};
	int fd;

	snprintf(config, sizeof(config), "%s/config", world->folder);
	snprintf(run, sizeof(run), "%s/run", world->folder);
	fd = spawn(world, "heliod", arguments, &world->heliod);
	await_ready(fd, "heliod");
}

static void open_clock(struct world *world)
{
	int fd;

	snprintf(world->clock, sizeof(world->clock), "%s/clock", world->folder);
	fd = open(world->clock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*world->clock_offset_ns)) < 0)
		complain("%s: %s", world->clock, strerror(errno));
	world->clock_offset_ns =
		mmap(NULL, sizeof(*world->clock_offset_ns),
		     PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (world->clock_offset_ns == MAP_FAILED)
		complain("mmap: %s", strerror(errno));
}

static void open_disk(struct world *world, uint64_t n_bytes)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/disk", world->folder);
	snprintf(world->logs, sizeof(world->logs), "%s/logs", path);
	small_disk_open(&world->disk, path, n_bytes);
	world->has_disk = true;
	if (mkdir(world->logs, 0700) < 0)
		complain("%s: %s", world->logs, strerror(errno));
}

void world_open(struct world *world, bool has_clock, uint64_t n_disk_bytes)
{
	static const char *const FOLDERS[] = { "config", "config/policy",
					       "config/domains", "run",
					       "logs" };
	const char *base = getenv("TMPDIR");
	char name[32];

	*world = (struct world){ .ready_fd = -1, .store_ready_fd = -1 };
	snprintf(world->folder, sizeof(world->folder),
		 "%s/helio-torture-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(world->folder))
		complain("%s: %s", world->folder, strerror(errno));
	shown = world;
	complaint_hook(end_world);
	for (unsigned i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++)
		make_folder(world, FOLDERS[i]);
	snprintf(world->logs, sizeof(world->logs), "%s/logs", world->folder);
	write_file(world, "config/policy/10-torture.policy", POLICY);
	/* No registry is there to judge anything. */
	write_file(world, "config/heliod.conf", "schemas equal\n");
	for (unsigned i = 0; i < WORLD_VOICES; i++) {
		snprintf(name, sizeof(name), "voice%u", i);
		enrol(world, name);
	}
	enrol(world, "ear");
	enrol(world, "admin");
	enrol(world, "logger");
	enrol(world, "store");
	if (has_clock)
		open_clock(world);
	if (n_disk_bytes)
		open_disk(world, n_disk_bytes);
	start_heliod(world);
}

void world_address(const struct world *world, const char *domain,
		   char ret_address[256])
{
	snprintf(ret_address, 256, "shm:%s/run/domains/%s.sock", world->folder,
		 domain);
}

void world_start_logger(struct world *world)
{
	char address[256];
	const char *const arguments[] = {
		LOGGER_PATH,  "--state", world->logs, "--address", address,
		"--ready-fd", "3",       "--log",     "error",     NULL,
	};

	world_address(world, "logger", address);
	if (world->clock_offset_ns) {
		setenv("LD_PRELOAD", CLOCK_SHIM_PATH, 1);
		setenv("HELIO_TORTURE_CLOCK", world->clock, 1);
	}
	world->ready_fd = spawn(world, "logger", arguments, &world->logger);
	unsetenv("LD_PRELOAD");
}

void world_start_store(struct world *world, const char *snapshot_after)
{
	char address[256], folder[160];
	const char *const arguments[] = {
		STORE_PATH,
		"--state",
		folder,
		"--address",
		address,
		"--ready-fd",
		"3",
		"--log",
		"error",
		"--snapshot-after",
		snapshot_after,
		NULL,
	};

	world_address(world, "store", address);
	snprintf(folder, sizeof(folder), "%s/store", world->folder);
	world->store_ready_fd = spawn(world, "store", arguments, &world->store);
}

/* Of a program that runs; `*ready_fd` is -1 from then on. */
static bool has_said_ready(int *ready_fd, const char *name)
{
	struct pollfd polled = { .fd = *ready_fd, .events = POLLIN };
	char byte;

	if (*ready_fd < 0)
		return true;
	if (poll(&polled, 1, 0) != 1)
		return false;
	if (read(*ready_fd, &byte, 1) != 1)
		complain("%s ended instead of getting ready", name);
	close(*ready_fd);
	*ready_fd = -1;
	return true;
}

bool world_is_logger_ready(struct world *world)
{
	return world->logger && has_said_ready(&world->ready_fd, "the logger");
}

bool world_is_store_ready(struct world *world)
{
	return world->store &&
	       has_said_ready(&world->store_ready_fd, "the store");
}

static void await_end(pid_t pid, int signal, const char *name)
{
	int status;

	for (unsigned waited_ms = 0; waitpid(pid, &status, WNOHANG) == 0;
	     waited_ms++) {
		if (waited_ms == END_MAX_MS) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			complain("%s does not end", name);
		}
		poll(NULL, 0, 1);
	}
	if (signal == SIGTERM && (!WIFEXITED(status) || WEXITSTATUS(status)))
		complain("%s ended with status 0x%x", name, status);
	if (signal == SIGKILL &&
	    (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL))
		complain("%s ended by itself, with status 0x%x", name, status);
}

static void end_program(pid_t *pid, int *ready_fd, int signal, const char *name)
{
	if (!*pid)
		return;
	kill(*pid, signal);
	await_end(*pid, signal, name);
	*pid = 0;
	if (*ready_fd >= 0)
		close(*ready_fd);
	*ready_fd = -1;
}

void world_end_logger(struct world *world, int signal)
{
	end_program(&world->logger, &world->ready_fd, signal, "the logger");
}

void world_end_store(struct world *world, int signal)
{
	end_program(&world->store, &world->store_ready_fd, signal, "the store");
}

void world_kill_switch(struct world *world)
{
	kill(world->heliod, SIGKILL);
	await_end(world->heliod, SIGKILL, "heliod");
	start_heliod(world);
}

static int remove_one(const char *path, const struct stat *stat, int type,
		      struct FTW *walk)
{
	return remove(path);
}

void world_close(struct world *world)
{
	world_end_store(world, SIGTERM);
	world_end_logger(world, SIGTERM);
	kill(world->heliod, SIGTERM);
	await_end(world->heliod, SIGTERM, "heliod");
	shown = NULL;
	if (world->has_disk)
		small_disk_close(&world->disk);
	nftw(world->folder, remove_one, DEPTH, FTW_DEPTH | FTW_PHYS);
}
