/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_VIGIL_H
#define SWITCH_VIGIL_H

/**
 * Which servers are there and take no calls.
 *
 * A server from which nothing comes is only idle, unless something waits for
 * it: an answer, credit, or that it reads its channel. One that owes so and is
 * quiet is sent a PING now and then, which its library answers as long as the
 * program looks at its channel at all. If nothing comes all the same, it is
 * stuck. Nothing follows from that: people and programs are told.
 */

#include <stdint.h>

#include "base/wheel.h"

struct bus;
struct registration;

enum { VIGIL_STUCK_MS = 10 * 1000 };

/** "serving", "draining", "busy" or "stuck". */
const char *vigil_state(const struct registration *registration);

void vigil_init(struct bus *bus);

#endif
