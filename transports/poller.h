/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_POLLER_H
#define TRANSPORTS_POLLER_H

/**
 * The descriptors of channels and listeners, in one epoll set.
 *
 * Whoever owns a loop polls the set's own descriptor for reading (an epoll
 * descriptor is readable while an event is pending) and then calls
 * poller_dispatch(). So any loop will do, and a channel may have one
 * descriptor, several, or share one with others. Everything is inline, so that
 * a channel module needs nothing of the program that loads it.
 */

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

struct poller {
	int epoll_fd;
};

/** A watched descriptor; embedded by its owner, who removes it in time. */
struct poll_source {
	int fd;
	/* `events` are EPOLL*. May remove this source and no other. */
	void (*ready)(struct poll_source *source, uint32_t events);
};

enum { POLLER_BATCH = 64 };

/** Returns 0 or a negative errno. */
static inline int poller_init(struct poller *poller)
{
	poller->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return poller->epoll_fd < 0 ? -errno : 0;
}

/** Closes the set, not what is in it. */
static inline void poller_deinit(struct poller *poller)
{
	if (poller->epoll_fd >= 0)
		close(poller->epoll_fd);
	poller->epoll_fd = -1;
}

static inline int poller_control(struct poller *poller, int operation,
				 struct poll_source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (epoll_ctl(poller->epoll_fd, operation, source->fd, &event) < 0)
		return -errno;
	return 0;
}

/** `events` as epoll_ctl() takes them. Returns 0 or a negative errno. */
static inline int poller_add(struct poller *poller, struct poll_source *source,
			     uint32_t events)
{
	return poller_control(poller, EPOLL_CTL_ADD, source, events);
}

static inline int poller_modify(struct poller *poller,
				struct poll_source *source, uint32_t events)
{
	return poller_control(poller, EPOLL_CTL_MOD, source, events);
}

static inline void poller_remove(struct poller *poller,
				 struct poll_source *source)
{
	(void)poller_control(poller, EPOLL_CTL_DEL, source, 0);
}

/**
 * Wait up to `timeout_ms` (0: not at all, -1: for ever) and tell the sources
 * that are ready. Returns how many, or a negative errno; 0 when interrupted.
 */
static inline int poller_dispatch(struct poller *poller, int timeout_ms)
{
	struct epoll_event events[POLLER_BATCH];
	int n;

	n = epoll_wait(poller->epoll_fd, events, POLLER_BATCH, timeout_ms);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		struct poll_source *source = events[i].data.ptr;

		source->ready(source, events[i].events);
	}
	return n;
}

#endif
