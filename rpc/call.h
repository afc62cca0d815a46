/* SPDX-License-Identifier: MIT */
#ifndef RPC_CALL_H
#define RPC_CALL_H

/**
 * Calls that we made and that are not answered yet.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "rpc/deadline.h"
#include "rpc/heliograph.h"

struct incoming;
struct flow;

struct helio_call {
	struct map_node node; /* in helio.calls */
	struct list link;     /* in helio.all_calls */
	struct deadline deadline;
	struct helio *bus;
	uint64_t id;
	helio_reply_fn on_reply;
	helio_next_fn on_next;
	helio_writable_fn on_writable;
	void *userdata;
	struct flow *flow; /* NULL: neither way is one */
	bool is_over;      /* its callback is running, or was not wanted */
};

/** Returns NULL when no call has that id: it is over for us. */
struct helio_call *helio_call_lookup(const struct helio *bus, uint64_t id);

/** Its REPLY came as a whole. */
void helio_call_deliver(struct helio_call *call,
			const struct incoming *incoming);

/** It will not be answered: the bus says so, or we for it. */
void helio_call_end(struct helio_call *call, unsigned status,
		    const char *reason);

/** The same, and the callee is told that nobody waits. */
void helio_call_give_up(struct helio_call *call, unsigned status,
			const char *reason);

/** Of its stream: a message came, more may go, the end is to be sent. */
void helio_call_next(struct helio_call *call, const uint8_t *body,
		     size_t n_body);
void helio_call_writable(struct helio_call *call);
int helio_call_send_end(struct helio_call *call);

/** The connection is lost: each ends UNAVAILABLE. */
void helio_calls_lose(struct helio *bus);

/** Free it without a callback, and without telling the switch. */
void helio_call_free(struct helio_call *call);

#endif
