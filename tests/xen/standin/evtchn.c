/* SPDX-License-Identifier: MIT */

/**
 * libxenevtchn over the world. A handle's descriptor is the reading end of a
 * pipe into which the world writes a port's number; having written it, the
 * world holds back the port's further events until it is unmasked, as Linux's
 * /dev/xen/evtchn does.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>
#include <xenevtchn.h>

#include "tests/xen/standin/link.h"

#define EXPORT __attribute__((visibility("default")))

enum { MAX_PORTS = 4096 };

struct xenevtchn_handle {
	struct link link;
	int events_fd;
	bool is_ours[MAX_PORTS];
};

EXPORT xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger,
					unsigned int flags)
{
	xenevtchn_handle *xce = calloc(1, sizeof(*xce));

	if (!xce)
		return NULL;
	if (link_open(&xce->link, WIRE_OPEN_PORTS, &xce->events_fd) < 0) {
		free(xce);
		return NULL;
	}
	return xce;
}

EXPORT int xenevtchn_close(xenevtchn_handle *xce)
{
	if (!xce)
		return 0;
	link_close(&xce->link);
	close(xce->events_fd);
	free(xce);
	return 0;
}

EXPORT int xenevtchn_fd(xenevtchn_handle *xce)
{
	return xce->events_fd;
}

static int bind_port(xenevtchn_handle *xce, struct wire_request *request)
{
	struct wire_reply reply;

	if (link_call(&xce->link, request, &reply, NULL) < 0)
		return -1;
	xce->is_ours[reply.value % MAX_PORTS] = true;
	return (int)reply.value;
}

EXPORT xenevtchn_port_or_error_t
xenevtchn_bind_unbound_port(xenevtchn_handle *xce, uint32_t domid)
{
	return bind_port(xce, &(struct wire_request){ .op = WIRE_BIND_UNBOUND,
						      .domid = domid });
}

EXPORT xenevtchn_port_or_error_t xenevtchn_bind_interdomain(
	xenevtchn_handle *xce, uint32_t domid, evtchn_port_t remote_port)
{
	return bind_port(xce,
			 &(struct wire_request){ .op = WIRE_BIND_INTERDOMAIN,
						 .domid = domid,
						 .port = remote_port });
}

/* The only ones that a program may want are the store's. */
EXPORT xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *xce,
						     unsigned int virq)
{
	errno = EPERM;
	return -1;
}

/* As the device says of a port that was not bound by this handle. */
static bool is_bound(const xenevtchn_handle *xce, evtchn_port_t port)
{
	if (port < MAX_PORTS && xce->is_ours[port])
		return true;
	errno = ENOTCONN;
	return false;
}

EXPORT int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
	struct wire_request request = { .op = WIRE_UNBIND, .port = port };
	struct wire_reply reply;

	if (!is_bound(xce, port))
		return -1;
	xce->is_ours[port] = false;
	return link_call(&xce->link, &request, &reply, NULL);
}

EXPORT int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	struct wire_request request = { .op = WIRE_NOTIFY, .port = port };

	return is_bound(xce, port) ? link_send(&xce->link, &request) : -1;
}

EXPORT int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
	struct wire_request request = { .op = WIRE_UNMASK, .port = port };

	/* The device unmasks those that are the handle's, in silence. */
	return is_bound(xce, port) ? link_send(&xce->link, &request) : 0;
}

EXPORT xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
	uint32_t port;

	if (read(xce->events_fd, &port, sizeof(port)) != sizeof(port))
		return -1;
	return (xenevtchn_port_or_error_t)port;
}

EXPORT xenevtchn_handle *xenevtchn_fdopen(struct xentoollog_logger *logger,
					  int fd, unsigned open_flags)
{
	errno = ENOSYS;
	return NULL;
}

EXPORT int xenevtchn_restrict(xenevtchn_handle *xce, domid_t domid)
{
	errno = EOPNOTSUPP;
	return -1;
}
