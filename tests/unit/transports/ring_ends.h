/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_TRANSPORTS_RING_ENDS_H
#define TESTS_UNIT_TRANSPORTS_RING_ENDS_H

/** A pair of rings with a channel at both ends, for tests of one thread. */

#include <stddef.h>

#include "tests/unit/transports/ring_pair.h"

enum { ORDER = 12, N_BYTES = 1 << ORDER };

/** How open_pair() maps; all tests run over both. */
extern enum ring_mapping mapping;

size_t smaller(size_t a, size_t b);

struct channel *open_end(struct ring *ring);
void open_pair(struct ring_pair *pair, unsigned left, unsigned right);

/** Writes all, in pieces as long as the ring has them, and flushes. */
void put(struct ring *ring, const void *bytes, size_t n);

/** These bytes are next; they are consumed. */
void expect(struct ring *ring, const void *bytes, size_t n);

#endif
