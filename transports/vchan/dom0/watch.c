/* SPDX-License-Identifier: MIT */

#include "transports/vchan/dom0/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/diag.h"

/* Before the library starts its thread, which would get them otherwise. */
static int take_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int watch_init(struct watch *watch)
{
	*watch = (struct watch){ .signal_fd = take_signals() };
	if (watch->signal_fd < 0) {
		log_error("signals: %s", strerror(-watch->signal_fd));
		return watch->signal_fd;
	}
	watch->store = xs_open(0);
	if (!watch->store) {
		int r = errno > 0 ? -errno : -EIO;

		log_error("no xenstore: %s", strerror(-r));
		watch_deinit(watch);
		return r;
	}
	return 0;
}

void watch_deinit(struct watch *watch)
{
	xs_close(watch->store);
	if (watch->signal_fd >= 0)
		close(watch->signal_fd);
	*watch = (struct watch){ .signal_fd = -1 };
}

int watch_domains(struct watch *watch)
{
	if (!xs_watch(watch->store, "@introduceDomain", "come") ||
	    !xs_watch(watch->store, "@releaseDomain", "gone"))
		return -errno;
	return 0;
}

static int take_events(struct watch *watch)
{
	char **event;

	while ((event = xs_check_watch(watch->store)))
		free(event);
	return errno == EAGAIN ? 0 : -errno;
}

int watch_wait(struct watch *watch)
{
	struct pollfd fds[] = {
		{ .fd = xs_fileno(watch->store), .events = POLLIN },
		{ .fd = watch->signal_fd, .events = POLLIN },
	};

	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			return -errno;
	if (fds[1].revents)
		return 1;
	return take_events(watch);
}
