/* SPDX-License-Identifier: MIT */
#ifndef FLEET_ORDERS_H
#define FLEET_ORDERS_H

/*
 * Jobs, of which each is an order. What it changes is what is written, in the
 * transaction that completes it: after that the machine is this host's to start
 * or to stop.
 */

#include "presence.h"

/*
 * Take jobs of the queue of `host`, or of that for whoever has time if it is
 * NULL, as long as there are any. Returns 0 or a negative errno.
 */
int orders_take(struct presence *presence, const char *host,
		struct helio_worker **ret_jobs);

#endif
