/* SPDX-License-Identifier: MIT */
#ifndef RPC_REPLY_H
#define RPC_REPLY_H

/**
 * A reply that outlives its callback: a copy in one piece of memory.
 */

#include "rpc/heliograph.h"

struct reply {
	struct helio_reply reply;
	struct helio_message message;
	struct helio_header headers[]; /* and then bytes and texts */
};

/** Returns 0 or -ENOMEM. */
int reply_new(const struct helio_reply *reply, struct reply **ret_reply);

/** NULL is fine. */
void reply_free(struct reply *reply);

#endif
