/* SPDX-License-Identifier: MIT */
#ifndef FLEET_FLEET_H
#define FLEET_FLEET_H

/*
 * All machines and hosts as the bucket tells, kept up to date by a watch.
 */

#include <heliograph-store.h>

#include "fleet/v1/fleet.pb-c.h"

enum { FLEET_ASKED_BYTES = 160 };

/* A revision of 0: there is no such key. */
struct fleet_machine {
	struct fleet_machine *next; /* by name */
	char *name;
	Fleet__V1__Wanted *wanted; /* or NULL */
	uint64_t wanted_revision;
	Fleet__V1__Actual *actual; /* or NULL */
	uint64_t actual_revision;
	char asked[FLEET_ASKED_BYTES]; /* the controller's */
};

struct fleet_host {
	struct fleet_host *next;
	char *name;
	uint64_t life; /* 0: it is not there */
};

struct fleet {
	struct fleet_machine *machines;
	struct fleet_host *hosts;
	struct helio_kv_watch *watch;
	bool is_live;
	/* All is known, and then each time that a transaction has changed it.
	 */
	void (*on_change)(struct fleet *fleet);
	void *userdata;
};

/* Set on_change before. Returns 0 or a negative errno. */
int fleet_open(struct fleet *fleet, struct helio *bus);
void fleet_close(struct fleet *fleet);

bool fleet_is_wanted(const struct fleet_machine *machine);
/* Its host is there, in the life in which it took the machine. */
bool fleet_has_host(const struct fleet *fleet, const Fleet__V1__Actual *actual);
/* It is as it is wanted. */
bool fleet_is_settled(const struct fleet *fleet,
		      const struct fleet_machine *machine);
/* "running"; "" if there is nothing to be told. */
const char *fleet_state_name(const Fleet__V1__Actual *actual);

#endif
