/* SPDX-License-Identifier: MIT */
#ifndef VM_FLEET_H
#define VM_FLEET_H

/**
 * All machines of the host: what the folder of definitions says, what lives,
 * and who may have how many.
 */

#include <stddef.h>
#include <stdint.h>

#include "vm/machine.h"

enum { FLEET_MACHINES_MAX = 1024, FLEET_DRIVERS_MAX = 4 };

struct fleet {
	struct machine_order order;
	size_t n_machines;
	uint32_t machines_per_principal;
	struct driver *drivers[FLEET_DRIVERS_MAX];
	size_t n_drivers;
};

/**
 * `machines_per_principal` is how many that one principal, and those below it,
 * have started may be there at a time; not 0.
 */
void fleet_init(struct fleet *fleet, uint32_t machines_per_principal,
		machine_changed_fn on_changed, void *userdata);

/** Machines that live, live on. Closes the drivers. */
void fleet_deinit(struct fleet *fleet);

/** Takes it over. Returns 0 or -ENOSPC. */
int fleet_add_driver(struct fleet *fleet, struct driver *driver);

/**
 * Read the files NAME.vm of the folder anew, all or nothing: they hold from
 * the next start of each machine on. Returns 0, or a negative errno and `error`
 * names file, line and fault, and nothing has changed.
 */
int fleet_load(struct fleet *fleet, const char *path, char *error,
	       size_t n_error);

/**
 * Take over what lives; once, after the definitions were read. What cannot be
 * taken over is FAILED, and says why.
 */
int fleet_adopt(struct fleet *fleet);

/** NULL when there is none of this name. */
struct machine *fleet_lookup(const struct fleet *fleet, const char *name);

/**
 * The one whose name comes next after `name` (NULL: the first) of those that
 * are not UNDEFINED, or NULL.
 */
struct machine *fleet_next(const struct fleet *fleet, const char *name);

/**
 * As machine_start(), and -EDQUOT: `principal`, or whom it is below, has as
 * many as it may have; `ret_why` says so.
 */
int fleet_start(struct fleet *fleet, struct machine *machine,
		const char *principal, struct reason *ret_why);

#endif
