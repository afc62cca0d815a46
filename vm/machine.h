/* SPDX-License-Identifier: MIT */
#ifndef VM_MACHINE_H
#define VM_MACHINE_H

/**
 * A machine by its name: its definition, the guest that a driver has made of
 * it, and the state that it is in.
 *
 *     DEFINED -> STARTING -> RUNNING <-> PAUSED
 *                    |          |          |
 *                    +----------+----------+--> STOPPING
 *                    |          |          |        |
 *                    v          v          v        v
 *               FAILED or STOPPED, from which it may be STARTING again
 *
 * A machine whose definition is gone is UNDEFINED once it has no guest.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "vm/definition.h"
#include "vm/driver.h"
#include "vm/reason.h"

/** With the numbers of helio.vm.v1.State. */
enum machine_state {
	MACHINE_DEFINED = 1,
	MACHINE_STARTING,
	MACHINE_RUNNING,
	MACHINE_PAUSED,
	MACHINE_STOPPING,
	MACHINE_STOPPED,
	MACHINE_FAILED,
	MACHINE_UNDEFINED,
};

struct machine;

/**
 * Something of a machine has changed: `kind` is the name of the state that it
 * came into, or "reset" or "powerdown". The machine must not be started or
 * stopped from within.
 */
typedef void (*machine_changed_fn)(void *userdata,
				   const struct machine *machine,
				   const char *kind);

/** All machines, in the order of their last changes. */
struct machine_order {
	struct list machines; /* struct machine.link, the newest change last */
	uint64_t revision;    /* of the newest change */
	machine_changed_fn on_changed;
	void *userdata;
};

struct machine {
	struct list link;
	struct machine_order *order;
	char name[DEFINITION_NAME_MAX_BYTES + 1];
	struct definition *definition; /* NULL: it is gone */
	struct guest *guest;           /* NULL: there is none */
	struct birth birth;            /* of the guest */
	enum machine_state state;
	struct reason reason; /* why it is in this state */
	uint64_t revision;    /* of its last change; 0: it has not been told */
	uint64_t n_changes;
	uint64_t n_resets;        /* of this guest */
	uint64_t changed_unix_ms; /* when it came into this state */
};

/** Returns a machine without a definition that is told to nobody, or NULL. */
struct machine *machine_new(struct machine_order *order, const char *name);

/** A guest that lives, lives on. NULL is fine. */
struct machine *machine_free(struct machine *machine);

/** "running" for MACHINE_RUNNING. */
const char *machine_state_name(enum machine_state state);

/**
 * Takes over the definition, which may be NULL. It holds from the next start
 * on.
 */
void machine_define(struct machine *machine, struct definition *definition);

/** How machine_start() may end. */
enum { MACHINE_WAS_RUNNING = 1 };

/**
 * Have `driver` start it for the principal `started_by`. Returns 0, and it is
 * STARTING; MACHINE_WAS_RUNNING: it runs, stands still, or is about to;
 * -EBUSY: it is STOPPING; -ENOENT: it has no definition; or another negative
 * errno of the driver, and it is FAILED.
 */
int machine_start(struct machine *machine, struct driver *driver,
		  const char *started_by);

/** Take over what lives of it: as adopt() of a driver. */
int machine_adopt(struct machine *machine, struct driver *driver);

enum { MACHINE_WAS_STOPPED = 1 };

/**
 * Returns 0, and it is STOPPING, or MACHINE_WAS_STOPPED: it has no guest. Once
 * more with another grace is allowed: the last counts.
 */
int machine_stop(struct machine *machine, uint32_t grace_ms);

#endif
