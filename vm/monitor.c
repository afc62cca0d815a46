/* SPDX-License-Identifier: MIT */

#include "vm/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void monitor_file(const char *name, const char *suffix,
		  char ret_file[MONITOR_FILE_BYTES])
{
	snprintf(ret_file, MONITOR_FILE_BYTES, "%s%s", name, suffix);
}

/* However long the run folder's path is, this one is short enough. */
static struct sockaddr_un address_of(int run_fd, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path),
		 "/proc/self/fd/%d/%s.qmp", run_fd, name);
	return address;
}

static int open_socket(int flags)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	return fd < 0 ? -errno : fd;
}

int monitor_listen(int run_fd, const char *name)
{
	struct sockaddr_un address = address_of(run_fd, name);
	_cleanup_(close_fdp) int fd = open_socket(0);
	char file[MONITOR_FILE_BYTES];

	if (fd < 0)
		return fd;
	monitor_file(name, ".qmp", file);
	if (unlinkat(run_fd, file, 0) < 0 && errno != ENOENT)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 1) < 0)
		return -errno;
	return take_fd(fd);
}

int monitor_connect(int run_fd, const char *name)
{
	struct sockaddr_un address = address_of(run_fd, name);
	_cleanup_(close_fdp) int fd = open_socket(SOCK_NONBLOCK);

	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(fd);
}

int monitor_peer(int fd, pid_t *ret_pid)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return -errno;
	*ret_pid = peer.pid;
	return 0;
}
