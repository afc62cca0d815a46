/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_STORE_SUBMITTER_H
#define TESTS_TORTURE_STORE_SUBMITTER_H

/**
 * Submits jobs, each with a key, and says each again until it was acknowledged;
 * now and then once more after that.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/heliograph-rpc.h"
#include "tests/torture/bus/world.h"
#include "tests/torture/dice.h"
#include "tests/torture/store/ledger.h"

enum { SUBMITTER_UNDER_WAY_MAX = 4 };

struct submitter;

struct submission {
	struct submitter *submitter; /* NULL: it is free */
	size_t number;
	uint64_t due_ns; /* when it is said again */
	bool is_calling;
};

struct submitter {
	unsigned index; /* of the voice that it is */
	struct helio *bus;
	struct helio_client *queues;
	struct ledger *ledger;
	struct dice dice;
	struct submission submissions[SUBMITTER_UNDER_WAY_MAX];
};

void submitter_init(struct submitter *submitter, const struct world *world,
		    unsigned index, struct ledger *ledger, uint64_t seed);
void submitter_deinit(struct submitter *submitter);

/** Take what has come, and say again what was not acknowledged. */
void submitter_turn(struct submitter *submitter);
/** Submit one more, if not too much is under way. */
void submitter_act(struct submitter *submitter);

#endif
