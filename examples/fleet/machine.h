/* SPDX-License-Identifier: MIT */
#ifndef FLEET_MACHINE_H
#define FLEET_MACHINE_H

/*
 * A machine that this host has, and what a driver has to do for it.
 */

#include "store.h"

struct worker;

struct machine {
	struct machine *next;
	struct worker *worker;
	char *name;
	Fleet__V1__Actual *told; /* as the bucket has it */
	uint64_t revision;       /* of that */
	Fleet__V1__State state;  /* as it is */
	char reason[80];
	uint64_t since_ms;
	uint32_t failures;

	int pid;             /* the driver process; 0: there is none */
	uint64_t kill_at_ms; /* 0: it was not asked to end */
	uint64_t changes;    /* the driver vm: of helio-vm's */
};

/*
 * Drivers do not wait: when a machine runs, or has ended, or nobody knows, they
 * call machine_is(), at once or later.
 */
struct driver {
	const char *name;
	/* Returns 0 or a negative errno; *ret_fd is polled for reading, or -1.
	 */
	int (*open)(struct worker *worker, int *ret_fd);
	void (*close)(struct worker *worker); /* NULL if there is nothing */
	void (*start)(struct machine *machine);
	/* It may not be running, or have been another host's. */
	void (*stop)(struct machine *machine);
	void (*on_ready)(struct worker *worker, int fd); /* or NULL, too */
	void (*on_tick)(struct machine *machine);
};

extern const struct driver process_driver;
extern const struct driver vm_driver;

/* RUNNING, STOPPED or UNKNOWN; `reason` why, for people. */
void machine_is(struct machine *machine, Fleet__V1__State state,
		const char *reason);

/* NULL: this host has none of this name. */
struct machine *worker_machine(struct worker *worker, const char *name);
struct machine *worker_machines(struct worker *worker);
struct helio *worker_bus(struct worker *worker);

#endif
