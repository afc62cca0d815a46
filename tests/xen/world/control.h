/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_WORLD_CONTROL_H
#define TESTS_XEN_WORLD_CONTROL_H

/**
 * How tests rule a world: one command a packet to the socket `control`, one
 * answer each, "ok ..." or "error ERRNO". tests/xen/world.h has them as calls.
 *
 *   add DOMID UUID NAME       shutdown DOMID         destroy DOMID
 *   rename DOMID NAME         join DOMID PID         limit DOMID N_GRANTS
 *   count DOMID               count                  stop
 *
 * A process that is connected here is outside all domains, whatever it opens
 * as one: it is not killed with them.
 */

#include <stdbool.h>
#include <sys/types.h>

struct world;

/** Listen. Returns 0 or a negative errno. */
int control_listen(struct world *world);

/** Whether this process is connected. */
bool control_is_of(struct world *world, pid_t pid);

#endif
