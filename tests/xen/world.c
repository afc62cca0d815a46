/* SPDX-License-Identifier: MIT */

#include "tests/xen/world.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/xen/standin/wire.h"

enum { MAX_COMMAND_BYTES = 512 };

static int connect_control(struct xen_world *world)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control",
		 world->folder);
	world->control_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (world->control_fd < 0)
		return -errno;
	if (connect(world->control_fd, (struct sockaddr *)&address,
		    sizeof(address)) < 0)
		return -errno;
	return 0;
}

/* In the child: become the world's process, "ready" going to the pipe. */
static void become_world(const struct xen_world *world, int ready_fd)
{
	dup2(ready_fd, STDOUT_FILENO);
	execl(XEN_WORLD_PROGRAM, "xen-world", world->folder, (char *)NULL);
	_exit(127);
}

static int launch(struct xen_world *world)
{
	char word[8];
	int ends[2];
	ssize_t n;

	if (pipe(ends) < 0)
		return -errno;
	world->pid = fork();
	if (world->pid == 0)
		become_world(world, ends[1]);
	close(ends[1]);
	n = world->pid < 0 ? 0 : read(ends[0], word, sizeof(word));
	close(ends[0]);
	return n > 0 ? connect_control(world) : -ECHILD;
}

int xen_world_start(struct xen_world *world)
{
	int r;

	*world = (struct xen_world){ .folder = "/tmp/xen-world-XXXXXX",
				     .control_fd = -1 };
	if (!mkdtemp(world->folder))
		return -errno;
	r = launch(world);
	if (r < 0) {
		xen_world_stop(world);
		return r;
	}
	xen_world_enter(world, 0);
	return 0;
}

/* Returns 0 with the answer's text after "ok", or what the world refused. */
__attribute__((format(printf, 3, 0))) static int vcommand(
	struct xen_world *world, char answer[MAX_COMMAND_BYTES],
	const char *format, va_list args)
{
	char command[MAX_COMMAND_BYTES];
	int error;
	ssize_t n;

	vsnprintf(command, sizeof(command), format, args);
	if (send(world->control_fd, command, strlen(command), MSG_NOSIGNAL) < 0)
		return -errno;
	n = recv(world->control_fd, answer, MAX_COMMAND_BYTES - 1, 0);
	if (n <= 0)
		return -EPIPE;
	answer[n] = 0;
	if (sscanf(answer, "error %d", &error) == 1)
		return -error;
	return 0;
}

__attribute__((format(printf, 3, 4))) static int command(
	struct xen_world *world, char answer[MAX_COMMAND_BYTES],
	const char *format, ...)
{
	char unused[MAX_COMMAND_BYTES];
	va_list args;
	int r;

	va_start(args, format);
	r = vcommand(world, answer ? answer : unused, format, args);
	va_end(args);
	return r;
}

void xen_world_stop(struct xen_world *world)
{
	if (world->pid > 0) {
		if (world->control_fd < 0 || command(world, NULL, "stop") < 0)
			kill(world->pid, SIGKILL);
		waitpid(world->pid, NULL, 0);
	}
	if (world->control_fd >= 0)
		close(world->control_fd);
	rmdir(world->folder);
}

int xen_world_add(struct xen_world *world, uint32_t domid, const char *name,
		  const char *uuid)
{
	return command(world, NULL, "add %u %s %s", domid, uuid, name);
}

int xen_world_destroy(struct xen_world *world, uint32_t domid)
{
	return command(world, NULL, "destroy %u", domid);
}

int xen_world_shutdown(struct xen_world *world, uint32_t domid)
{
	return command(world, NULL, "shutdown %u", domid);
}

int xen_world_rename(struct xen_world *world, uint32_t domid, const char *name)
{
	return command(world, NULL, "rename %u %s", domid, name);
}

int xen_world_limit(struct xen_world *world, uint32_t domid, unsigned n_grants)
{
	return command(world, NULL, "limit %u %u", domid, n_grants);
}

int xen_world_count(struct xen_world *world, uint32_t domid,
		    struct xen_count *ret_count)
{
	struct xen_count count;
	char answer[MAX_COMMAND_BYTES];
	int r;

	r = command(world, answer, "count %u", domid);
	if (r < 0)
		return r;
	if (sscanf(answer,
		   "ok grants=%u maps=%u ports=%u handles=%u connections=%u "
		   "watches=%u transactions=%u nodes=%u processes=%u zombie=%u",
		   &count.grants, &count.maps, &count.ports, &count.handles,
		   &count.connections, &count.watches, &count.transactions,
		   &count.nodes, &count.processes, &count.is_zombie) != 10)
		return -EPROTO;
	*ret_count = count;
	return 0;
}

int xen_world_census(struct xen_world *world, struct xen_census *ret_census)
{
	struct xen_census census;
	char answer[MAX_COMMAND_BYTES];
	int r;

	r = command(world, answer, "count");
	if (r < 0)
		return r;
	if (sscanf(answer, "ok domains=%u zombies=%u orphans=%u events=%lu",
		   &census.domains, &census.zombies, &census.orphans,
		   &census.events) != 4)
		return -EPROTO;
	*ret_census = census;
	return 0;
}

void xen_world_enter(const struct xen_world *world, uint32_t domid)
{
	char text[PATH_MAX];

	setenv(WIRE_ENV_WORLD, world->folder, 1);
	snprintf(text, sizeof(text), "%u", domid);
	setenv(WIRE_ENV_DOMID, text, 1);
	snprintf(text, sizeof(text), "%s/%u/xenstored", world->folder, domid);
	setenv("XENSTORED_PATH", text, 1);
}

/* A program with ASan minds what comes before ASan, as the stand-in does. */
static void allow_preload(void)
{
	const char *options = getenv("ASAN_OPTIONS");
	char text[512];

	snprintf(text, sizeof(text), "%s:verify_asan_link_order=0",
		 options ? options : "");
	setenv("ASAN_OPTIONS", text, 1);
}

/* The child stops until it is a process of the domain, which dies with it. */
static void become_program(const struct xen_world *world, uint32_t domid,
			   int output_fd, char *const argv[])
{
	xen_world_enter(world, domid);
	setenv("LD_PRELOAD", XEN_STANDIN_LIBRARY, 1);
	allow_preload();
	if (output_fd >= 0)
		dup2(output_fd, STDOUT_FILENO);
	raise(SIGSTOP);
	execvp(argv[0], argv);
	_exit(127);
}

pid_t xen_world_spawn(const struct xen_world *world, uint32_t domid,
		      int output_fd, char *const argv[])
{
	struct xen_world copy = *world;
	pid_t pid = fork();
	int status;
	int r;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		become_program(world, domid, output_fd, argv);
	waitpid(pid, &status, WUNTRACED);
	r = command(&copy, NULL, "join %u %d", domid, (int)pid);
	if (r < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return r;
	}
	kill(pid, SIGCONT);
	return pid;
}
