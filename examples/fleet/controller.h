/* SPDX-License-Identifier: MIT */
#ifndef FLEET_CONTROLLER_H
#define FLEET_CONTROLLER_H

#include "store.h"

/*
 * Give orders until every machine is as it is wanted, without end. All that it
 * knows is in the bucket, so it may die at any time, and several do no harm.
 * Returns what the program ends with.
 */
int controller_run(struct store *store);

#endif
