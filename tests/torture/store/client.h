/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_STORE_CLIENT_H
#define TESTS_TORTURE_STORE_CLIENT_H

/** A program that reads and writes a few keys, several calls at once. */

#include <stdbool.h>
#include <stdint.h>

#include "rpc/heliograph-rpc.h"
#include "tests/torture/bus/world.h"
#include "tests/torture/dice.h"
#include "tests/torture/store/history.h"

enum { CLIENT_CALL_MS = 10000 };

struct client {
	unsigned index; /* of the voice that it is */
	struct helio *bus;
	struct helio_client *buckets;
	const char *bucket;
	struct history *history;
	struct dice dice;
	unsigned n_under_way;
	/* What it knows of each key, right or not. */
	struct op_seen known[HISTORY_KEYS];
};

void client_init(struct client *client, const struct world *world,
		 unsigned index, uint64_t seed);
void client_deinit(struct client *client);

/** Take what has come. */
void client_listen(struct client *client);
/** Begin something; nothing if enough is under way. */
void client_act(struct client *client);
/** Begin one of these, however much is under way. */
void client_begin(struct client *client, enum op_kind kind);

#endif
