/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_DISK_CHORES_H
#define TESTS_TORTURE_DISK_CHORES_H

/**
 * What many want of a store, at random: buckets and queues come and go, keys
 * are put, jobs are submitted, leased, done and given up, time passes, messages
 * leave. All of it goes through the judges.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "storage/state/state.h"
#include "tests/torture/dice.h"

struct chores {
	struct dice dice;
	uint64_t now; /* ms since 1970 */
};

void chores_init(struct chores *chores, uint64_t seed, uint64_t stream);

/**
 * One request: judged, and applied if it is granted; its step is added to
 * `steps`. False: nothing has changed.
 */
bool chores_do(struct chores *chores, struct state *state,
	       struct buffer *steps);

#endif
