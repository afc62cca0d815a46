/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_DOM0_POST_H
#define TRANSPORTS_VCHAN_DOM0_POST_H

/**
 * What dom0 tells a domain of the others: transports/vchan/nodes.h has the
 * nodes. They are written in transactions, belong to dom0, and only that domain
 * may read them.
 */

#include <stdint.h>
#include <xenstore.h>

#include "transports/vchan/dom0/live.h"

struct post {
	struct xs_handle *store; /* borrowed */
	uint32_t domid;          /* who is told */
	struct live told;        /* what stands there */
	uint64_t number;         /* of the last change; 0: none yet */
};

/** Nothing is written yet. */
void post_init(struct post *post, struct xs_handle *store, uint32_t domid);

/** What was told stays. */
void post_deinit(struct post *post);

/**
 * Make it true: all of it the first time, the differences from then on. `live`
 * is taken over. Returns 0: nothing had changed; 1: it was told; -EBUSY when
 * others keep changing the same nodes; or another negative errno.
 */
int post_tell(struct post *post, struct live *live);

/** The number goes: nobody keeps it true any more. */
void post_end(struct post *post);

#endif
