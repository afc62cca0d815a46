/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_STORE_HOSTED_H
#define TESTS_TORTURE_STORE_HOSTED_H

/**
 * A store in this process, on a real switch, so that the test has its disk in
 * hand; its threads are its own. Beside it is the connection of who asks it.
 */

#include <stdbool.h>

#include "daemon/loop.h"
#include "storage/service.h"
#include "tests/torture/bus/world.h"

struct hosted {
	struct loop loop;
	struct service service;
	struct helio *client; /* borrowed */
	bool is_ready;
};

/** Open the store in `folder`, and serve. Complains if that fails. */
void hosted_open(struct hosted *hosted, const struct world *world,
		 const char *folder, struct helio *client);
/** As a process ends that is told to. */
void hosted_close(struct hosted *hosted);

/** Wait for something, a millisecond at most, and do it. */
void hosted_turn(struct hosted *hosted);

/**
 * From now on nobody looks after what was committed: a commit that failed, and
 * whose bytes are there all the same, is found when the store is opened again.
 */
void hosted_drop_care(struct hosted *hosted);

/** What it does once a second, for who cannot wait for it; until it is done. */
void hosted_hurry(struct hosted *hosted);

#endif
