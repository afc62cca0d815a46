/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_VM_FAKE_DRIVER_H
#define TESTS_UNIT_VM_FAKE_DRIVER_H

/** A driver whose guests do what a test says. */

#include "vm/driver.h"

enum { FAKE_GUESTS_MAX = 8 };

struct fake_guest {
	struct guest guest;
	struct fake_driver *driver;
	char name[DEFINITION_NAME_MAX_BYTES + 1];
	struct birth birth;
	struct guest_watcher watcher;
	unsigned n_stops;
	uint32_t grace_ms; /* of the last stop */
};

struct fake_driver {
	struct driver driver;
	struct fake_guest *guests[FAKE_GUESTS_MAX]; /* those not freed */
	const char
		*alive;  /* what a survey finds and adopt takes over, or NULL */
	int start_error; /* that start() returns, or 0 */
	int adopt_error;
};

void fake_driver_init(struct fake_driver *driver);

/** The living guest of this name; fails the test when there is none. */
struct fake_guest *fake_guest(struct fake_driver *driver, const char *name);

/** Have it tell an event; the guest may be gone afterwards. */
void fake_guest_tell(struct fake_driver *driver, const char *name,
		     enum guest_event event, const char *reason);

#endif
