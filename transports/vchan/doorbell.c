/* SPDX-License-Identifier: MIT */

#include "transports/vchan/doorbell.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#include "transports/vchan/quiet.h"

static int open_handle(struct doorbell *doorbell, struct poller *poller)
{
	int fd;

	doorbell->poller = poller;
	doorbell->source.fd = -1;
	doorbell->handle = xenevtchn_open(&vchan_quiet, 0);
	if (!doorbell->handle)
		return errno ? -errno : -EIO;
	fd = xenevtchn_fd(doorbell->handle);
	if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

static int watch(struct doorbell *doorbell)
{
	int r;

	doorbell->source.fd = xenevtchn_fd(doorbell->handle);
	r = poller_add(doorbell->poller, &doorbell->source, EPOLLIN);
	if (r < 0) {
		doorbell->source.fd = -1;
		return r;
	}
	(void)xenevtchn_unmask(doorbell->handle, doorbell->port);
	return 0;
}

int doorbell_offer(struct doorbell *doorbell, struct poller *poller,
		   uint32_t domid)
{
	xenevtchn_port_or_error_t port;
	int r;

	r = open_handle(doorbell, poller);
	if (r < 0)
		goto fail;
	port = xenevtchn_bind_unbound_port(doorbell->handle, domid);
	if (port < 0) {
		r = errno ? -errno : -EIO;
		goto fail;
	}
	doorbell->port = (evtchn_port_t)port;
	r = watch(doorbell);
	if (!r)
		return 0;
fail:
	doorbell_close(doorbell);
	return r;
}

int doorbell_bind(struct doorbell *doorbell, struct poller *poller,
		  uint32_t domid, evtchn_port_t remote_port)
{
	xenevtchn_port_or_error_t port;
	int r;

	r = open_handle(doorbell, poller);
	if (r < 0)
		goto fail;
	port = xenevtchn_bind_interdomain(doorbell->handle, domid, remote_port);
	if (port < 0) {
		r = -ECONNREFUSED;
		goto fail;
	}
	doorbell->port = (evtchn_port_t)port;
	r = watch(doorbell);
	if (!r)
		return 0;
fail:
	doorbell_close(doorbell);
	return r;
}

void doorbell_unwatch(struct doorbell *doorbell)
{
	if (doorbell->handle && doorbell->source.fd >= 0)
		poller_remove(doorbell->poller, &doorbell->source);
	doorbell->source.fd = -1;
}

void doorbell_close(struct doorbell *doorbell)
{
	doorbell_unwatch(doorbell);
	if (doorbell->handle)
		(void)xenevtchn_close(doorbell->handle);
	doorbell->handle = NULL;
}

void doorbell_ring(struct doorbell *doorbell)
{
	(void)xenevtchn_notify(doorbell->handle, doorbell->port);
}

int doorbell_answer(struct doorbell *doorbell)
{
	errno = 0;
	if (xenevtchn_pending(doorbell->handle) >= 0) {
		(void)xenevtchn_unmask(doorbell->handle, doorbell->port);
		return 0;
	}
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	doorbell_unwatch(doorbell);
	return -EIO;
}
