/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_STORE_SETTING_H
#define TESTS_TORTURE_STORE_SETTING_H

/** What the tests of the store need before anything is done, and between. */

#include <stdint.h>

#include "rpc/heliograph.h"
#include "tests/torture/bus/world.h"

/** The connection of a domain. */
struct helio *setting_connect(const struct world *world, const char *domain);

/** Sleep until one of the connections has something to do, or so long. */
void setting_rest(struct helio *const buses[], unsigned n, int timeout_ms);

/** Blocks; the revision that made it. It keeps every change for long. */
uint64_t setting_make_bucket(struct helio *bus, const char *name);
/** Blocks. Its jobs are tried as often as can be. */
void setting_make_queue(struct helio *bus, const char *name);

#endif
