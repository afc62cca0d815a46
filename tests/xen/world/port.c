/* SPDX-License-Identifier: MIT */

#include "tests/xen/world/port.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/xen/world/domain.h"
#include "tests/xen/world/handle.h"

static int port_new(struct handle *owner, uint32_t remote_domid,
		    struct port **ret_port)
{
	struct domain *domain = owner->domain;
	struct port *port;
	uint32_t number = 1;

	while (number < DOMAIN_PORTS && domain->ports[number])
		number++;
	if (number == DOMAIN_PORTS)
		return -ENOSPC;
	port = calloc(1, sizeof(*port));
	if (!port)
		return -ENOMEM;
	port->domain = domain;
	port->number = number;
	port->remote_domid = remote_domid;
	port->owner = owner;
	domain->ports[number] = port;
	domain->n_ports++;
	*ret_port = port;
	return 0;
}

void port_drop(struct port *port)
{
	if (port->peer)
		port->peer->peer = NULL;
	port->domain->ports[port->number] = NULL;
	port->domain->n_ports--;
	free(port);
}

/* The pipe has room: each port is in it at most once. */
static void show(struct port *port)
{
	ssize_t n;

	if (!port->owner || !port->is_pending || port->is_masked)
		return;
	n = write(port->owner->events_fd, &port->number, sizeof(port->number));
	if (n != sizeof(port->number))
		return;
	port->is_pending = false;
	port->is_masked = true;
}

int port_bind_unbound(struct handle *owner, uint32_t domid,
		      struct port **ret_port)
{
	return port_new(owner, domid, ret_port);
}

/*
 * The local port is pending from the start: an event may have been lost while
 * the other end was unbound.
 */
int port_bind_interdomain(struct handle *owner, uint32_t domid, uint32_t number,
			  struct port **ret_port)
{
	struct domain *remote = domain_lookup(owner->domain->world, domid);
	struct port *peer;
	int r;

	if (!remote || remote->is_zombie)
		return -ESRCH;
	peer = port_lookup(remote, number);
	if (!peer || peer->peer || !peer->owner ||
	    peer->remote_domid != owner->domain->domid)
		return -EINVAL;
	r = port_new(owner, domid, ret_port);
	if (r < 0)
		return r;
	(*ret_port)->peer = peer;
	peer->peer = *ret_port;
	(*ret_port)->is_pending = true;
	show(*ret_port);
	return 0;
}

struct port *port_lookup(struct domain *domain, uint32_t number)
{
	return number < DOMAIN_PORTS ? domain->ports[number] : NULL;
}

void port_notify(struct port *port)
{
	if (!port->peer)
		return;
	port->domain->world->n_events++;
	port->peer->is_pending = true;
	show(port->peer);
}

void port_unmask(struct port *port)
{
	port->is_masked = false;
	show(port);
}

void port_release(struct port *port)
{
	port->owner = NULL;
	if (!port->n_holds)
		port_drop(port);
}

void port_hold(struct port *port)
{
	port->n_holds++;
}

void port_unhold(struct port *port)
{
	port->n_holds--;
	if (!port->n_holds && !port->owner)
		port_drop(port);
}
