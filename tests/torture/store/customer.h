/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_STORE_CUSTOMER_H
#define TESTS_TORTURE_STORE_CUSTOMER_H

/**
 * A client that wants several things of a store: keys are put, deleted and
 * read, jobs are submitted, leased and completed together with a write; several
 * at a time. All that it is told goes to its account, and has to come soon,
 * whatever the disk does.
 */

#include <stdbool.h>

#include "rpc/heliograph-rpc.h"
#include "tests/torture/dice.h"
#include "tests/torture/store/account.h"
#include "tests/torture/store/hosted.h"

struct customer {
	struct hosted *store; /* that is asked */
	struct account *account;
	struct helio_client *buckets, *queues;
	struct dice dice;
	pid_t switch_pid;
	bool is_faulty; /* writes may fail, */
	bool is_full;   /* but only for want of room */
	unsigned n_under_way;
	unsigned n_failed;
	/* Of this step. */
	unsigned taken_keys;
	unsigned completing; /* job + 1; 0: none */
	uint64_t stalled_ns; /* by the machine, when the store was founded */
	uint64_t longest_ns; /* that an answer took */
};

void customer_init(struct customer *customer, struct helio *bus,
		   const struct world *world);
void customer_deinit(struct customer *customer);

/** A bucket and a queue are made, in a new store. */
void customer_found(struct customer *customer);

/** Some at a time; returns when all are answered. */
void customer_step(struct customer *customer);

/** The disk is well: the store has to take writes again, by itself. */
void customer_recover(struct customer *customer);

/** List all that there is, and hold it against the account. */
void customer_check(struct customer *customer);

#endif
