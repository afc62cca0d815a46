/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_STORE_WORKER_H
#define TESTS_TORTURE_STORE_WORKER_H

/**
 * Does jobs, not always well: it hangs until a lease is over and completes
 * then, gives up, forgets what it has, and dies. With a job it writes the job's
 * key and says so to a subject, in one transaction, without any condition: only
 * the token can keep that from happening twice.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/heliograph-rpc.h"
#include "tests/torture/bus/world.h"
#include "tests/torture/dice.h"
#include "tests/torture/store/ledger.h"

#define JOBS_QUEUE   "torture"
#define JOBS_BUCKET  "torture"
#define JOBS_SUBJECT "torture.done"

enum { WORKER_TASKS_MAX = 8 };

struct worker;

struct task {
	struct worker *worker; /* NULL: it is free */
	size_t number;
	uint64_t id;
	uint64_t token;
	uint64_t due_ns; /* when something is said of it */
	bool is_failing;
	bool is_calling;
};

struct worker {
	const struct world *world;
	unsigned index; /* of the voice that it is */
	struct helio *bus;
	struct helio_client *queues;
	struct ledger *ledger;
	struct dice dice;
	struct task tasks[WORKER_TASKS_MAX];
	bool is_leasing;
	uint64_t lease_since; /* the ledger's clock when it began */
	uint64_t lease_ms;
	bool is_honest; /* it does everything, and in time */
};

void worker_init(struct worker *worker, const struct world *world,
		 unsigned index, struct ledger *ledger, uint64_t seed);
void worker_deinit(struct worker *worker);

/** Take what has come, and do what there is to do. */
void worker_turn(struct worker *worker);
/** It knows nothing any more, and is there again at once. */
void worker_die(struct worker *worker);

#endif
