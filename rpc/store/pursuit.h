/* SPDX-License-Identifier: MIT */
#ifndef RPC_STORE_PURSUIT_H
#define RPC_STORE_PURSUIT_H

/**
 * A unary call that is made again and again: after a pause that grows from
 * 50 ms to 1 s when nobody is there, at once when there is more to ask.
 *
 * Once a store has answered or was handed one, its absence is waited for the
 * end of. Calls are
 * made from a timer only, so whoever starts one is never called back in it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "rpc/heliograph-rpc.h"

struct pursuit;

/**
 * Make the call, by pursuit->client, as helio_client_service() has it. In its
 * closure comes pursuit_is_answered() or pursuit_repeats().
 */
typedef void (*pursuit_ask_fn)(struct pursuit *pursuit);

struct pursuit {
	struct helio *bus;
	const struct helio_service_type *type;
	pursuit_ask_fn ask;
	uint32_t timeout_ms; /* of one call */
	bool is_waiting;     /* for a store, from the beginning */

	struct helio_client *client; /* of this call alone; NULL before it */
	struct helio_timer *timer;   /* until it is made */
	uint32_t pause_ms;
	bool is_asking; /* it is made, or will be */
};

/** The fields before the blank line are set, the others zero. */
int pursuit_init(struct pursuit *pursuit);
/** Fine in the call's closure, and when all is zero. */
void pursuit_deinit(struct pursuit *pursuit);

/** Soon; nothing new if it is asking already. Returns 0 or -ENOMEM. */
int pursuit_ask(struct pursuit *pursuit);

/** Forget the call that is on its way: no closure comes any more. */
void pursuit_cancel(struct pursuit *pursuit);

/** In the closure: it was answered well. */
void pursuit_is_answered(struct pursuit *pursuit);

/**
 * In the closure with NULL: true when it will be made again by itself; else it
 * has ended as helio_client_reply() tells.
 */
bool pursuit_repeats(struct pursuit *pursuit);

#endif
