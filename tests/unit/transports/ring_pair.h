/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_TRANSPORTS_RING_PAIR_H
#define TESTS_UNIT_TRANSPORTS_RING_PAIR_H

/**
 * Both ends of a pair of rings on one set of pages, without a transport.
 *
 * The pages stand at the same addresses for both ends, so that a thread
 * checker sees that both touch the same bytes.
 */

#include "transports/mirror.h"
#include "transports/ring.h"

enum ring_mapping { MAPPED_TWICE, MAPPED_ONCE };

struct ring_pair {
	struct ring client;
	struct ring server;
	struct ring_page *page;
	enum ring_mapping mapping;
	struct mirror left; /* of MAPPED_ONCE only `at` is used */
	struct mirror right;
	unsigned n_client_wakes; /* unless another notify was given */
	unsigned n_server_wakes;
};

/** Counts instead of waking when `notify` is NULL. Returns 0 or -ENOMEM. */
int ring_pair_init(struct ring_pair *pair, enum ring_mapping mapping,
		   unsigned left_order, unsigned right_order,
		   void (*notify)(struct ring *ring));

/** Safe when one end or both were deinitialised already. */
void ring_pair_deinit(struct ring_pair *pair);

#endif
