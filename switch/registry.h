/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_REGISTRY_H
#define SWITCH_REGISTRY_H

/**
 * How the switch asks helio-registry: by calls of its own client, over the bus.
 */

struct bus;
struct helio;

/** From now on the bus asks by this client, which outlives its peers. */
void registry_ask_by(struct bus *bus, struct helio *client);

#endif
