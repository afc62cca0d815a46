/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SWITCH_LEFTOVER_H
#define TESTS_UNIT_SWITCH_LEFTOVER_H

/**
 * What a switch still holds when all its peers have left: nothing, but for
 * the captures of logs that are away, and what these are charged.
 */

#include "switch/bus.h"

enum { LEDGER_MAX = 64 };

/** Holds accounts, so that what is charged to them can be seen at the end. */
struct ledger {
	struct account *accounts[LEDGER_MAX];
	size_t n_accounts;
};

/** From now on watch every account that the bus has. */
void ledger_watch(struct ledger *ledger, struct bus *bus);

/** Give them back. */
void ledger_close(struct ledger *ledger);

/** What the bus still holds, in a word or two; NULL: nothing. */
const char *leftover(const struct bus *bus, const struct ledger *ledger);

#endif
