/* SPDX-License-Identifier: MIT */
#ifndef XENSTORE_SERVICE_H
#define XENSTORE_SERVICE_H

/** helio.xenstore.v1.Bridge: how the bridge does, and its health. */

#include <stdbool.h>

#include "daemon/access.h"
#include "daemon/errand.h"
#include "xenstore/bridge.h"

struct service {
	struct bridge *bridge; /* NULL: not started */
	struct access access;
	struct errands errands;
	struct helio_server *server;
	char told[BRIDGE_FAULT_BYTES]; /* by $check */
	bool was_ready;                /* it is known whether it may serve */
	bool is_served;
	void (*on_ready)(void *userdata); /* once */
	void *userdata;
};

/** Begin to serve. Borrows both. Returns 0 or a negative errno. */
int service_start(struct service *service, struct helio *bus,
		  struct bridge *bridge);
/** Before the bus is closed. Safe on a zeroed one. */
void service_deinit(struct service *service);

/** In each turn of the loop. */
void service_turn(struct service *service);

#endif
