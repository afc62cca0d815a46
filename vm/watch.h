/* SPDX-License-Identifier: MIT */
#ifndef VM_WATCH_H
#define VM_WATCH_H

/**
 * One that watches machines: a stream of replies without end.
 *
 * It holds no queue, only the revision up to which all has been told. Machines
 * are in the order of their last changes, so what it has not been told is at
 * the end, each machine once and as it is now: who is slow misses states in
 * between and never the last one.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "rpc/heliograph-rpc.h"
#include "vm/machine.h"

struct service;

struct watch {
	struct list link;
	struct service *service;
	struct helio_serving *serving;
	const struct machine_order *order;
	char principal[BIRTH_STARTED_BY_MAX_BYTES + 1];
	char name[DEFINITION_NAME_MAX_BYTES + 1]; /* "": all machines */
	uint64_t revision; /* what is not newer has been told */
	bool is_synced;    /* so has all that there was at first */
};

/**
 * Tell what it has not been told. Returns 0: it knows all; -EAGAIN: there is
 * no room or credit, so try again when there is; or another negative errno: it
 * has missed something, and has to end.
 */
int watch_tell(struct watch *watch);

#endif
