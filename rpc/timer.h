/* SPDX-License-Identifier: MIT */
#ifndef RPC_TIMER_H
#define RPC_TIMER_H

/**
 * The program's own deadlines, for those that have no other loop.
 */

#include "base/list.h"
#include "rpc/deadline.h"
#include "rpc/heliograph.h"

struct helio_timer {
	struct deadline deadline;
	struct list link; /* in helio.timers */
	struct helio *bus;
	helio_timer_fn on_timer;
	void *userdata;
};

/** Free all. */
void timers_deinit(struct helio *bus);

#endif
