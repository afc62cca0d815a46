/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_DOWNS_H
#define STORAGE_DOWNS_H

/**
 * Workers whose channel has ended: their leases end now, if policy lets the
 * store hear of it ($sys.peer.down), and not only when their time is over.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct helio_subscription;
struct service;

enum { DOWNS_MAX = 1024 }; /* that wait; of more, leases just end */

struct downs {
	struct helio_subscription *subscription;
	struct list waiting; /* struct down */
	unsigned n_waiting;
};

/** Returns 0 or a negative errno. */
int downs_start(struct service *service);
/** The connection is still there. Safe on a zeroed one. */
void downs_deinit(struct downs *downs);

/** End the leases of those that are gone. True: there are more. */
bool downs_turn(struct service *service);

#endif
