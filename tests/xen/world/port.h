/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_WORLD_PORT_H
#define TESTS_XEN_WORLD_PORT_H

/**
 * Event channels, as Xen has them and Linux's evtchn device shows them.
 *
 * An unbound port waits for one domain. When one end of a channel is closed
 * the other is unbound again, waits for the same domain, and is told nothing.
 * An event that comes while its port is masked is kept, however many come: the
 * device masks a port when it has shown it. Events to an unbound port are lost.
 */

#include <stdbool.h>
#include <stdint.h>

struct domain;
struct handle;

struct port {
	struct domain *domain;
	uint32_t number;
	uint32_t remote_domid;
	struct port *peer;    /* NULL: unbound */
	struct handle *owner; /* NULL: closed but held */
	unsigned n_holds;     /* by pages that will notify through it */
	bool is_pending;
	bool is_masked;
};

/** 0 and *ret_port or a negative errno. */
int port_bind_unbound(struct handle *owner, uint32_t domid,
		      struct port **ret_port);
int port_bind_interdomain(struct handle *owner, uint32_t domid, uint32_t number,
			  struct port **ret_port);

struct port *port_lookup(struct domain *domain, uint32_t number);

void port_notify(struct port *port);
void port_unmask(struct port *port);

/** The owner wants it no more. */
void port_release(struct port *port);

void port_hold(struct port *port);
void port_unhold(struct port *port);

/** The domain is destroyed: gone at once, whoever holds it. */
void port_drop(struct port *port);

#endif
