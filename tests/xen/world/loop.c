/* SPDX-License-Identifier: MIT */

#include "tests/xen/world/loop.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int loop_init(struct loop *loop)
{
	loop->is_over = false;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll_fd < 0 ? -errno : 0;
}

static int control(struct loop *loop, int op, struct source *source,
		   uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(loop->epoll_fd, op, source->fd, &event) < 0 ? -errno
								     : 0;
}

int loop_add(struct loop *loop, struct source *source, uint32_t events)
{
	return control(loop, EPOLL_CTL_ADD, source, events);
}

int loop_change(struct loop *loop, struct source *source, uint32_t events)
{
	return control(loop, EPOLL_CTL_MOD, source, events);
}

void loop_remove(struct loop *loop, struct source *source)
{
	if (source->fd < 0)
		return;
	control(loop, EPOLL_CTL_DEL, source, 0);
	close(source->fd);
	source->fd = -1;
}

static int step(struct loop *loop, int timeout_ms)
{
	struct epoll_event event;
	struct source *source;
	int n = epoll_wait(loop->epoll_fd, &event, 1, timeout_ms);

	if (n < 0 && errno != EINTR)
		return -errno;
	if (n < 1)
		return 0;
	source = event.data.ptr;
	source->on_ready(source, event.events);
	return 1;
}

bool loop_step(struct loop *loop)
{
	return step(loop, 0) > 0;
}

int loop_run(struct loop *loop)
{
	while (!loop->is_over) {
		int r = step(loop, -1);

		if (r < 0)
			return r;
	}
	return 0;
}

int loop_listen(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;
	int n;

	n = snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (n < 0 || (size_t)n >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 1024) < 0) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}
