/* SPDX-License-Identifier: MIT */
#ifndef RPC_TURN_H
#define RPC_TURN_H

/**
 * One turn: take frames in, call back, give credit, send, and, if the program
 * is about to sleep, ask to be woken.
 */

#include <stdbool.h>

struct helio;

/**
 * Returns how many frames were taken in, or a negative errno when the
 * connection is closed and there were none; 0 from within a turn.
 */
int turn_run(struct helio *bus, bool will_sleep);

#endif
