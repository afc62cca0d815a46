/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_PAIR_H
#define TRANSPORTS_PAIR_H

/**
 * Two channels that are each other's other end, in one thread.
 *
 * For the switch's own control service and for tests. A flush on one side
 * calls on_ready on the other when that one has armed. After one side is
 * freed, the other can still read what was flushed, and then gets -EPIPE.
 */

#include <stddef.h>

struct channel;

/**
 * `n_bytes` (a power of two, from 1 KiB) is what fits each way.
 * Returns 0 or -ENOMEM.
 */
int pair_new(size_t n_bytes, struct channel **ret_a, struct channel **ret_b);

#endif
