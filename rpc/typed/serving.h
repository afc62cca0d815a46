/* SPDX-License-Identifier: MIT */
#ifndef RPC_TYPED_SERVING_H
#define RPC_TYPED_SERVING_H

/**
 * One call that a server has to answer.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "rpc/heliograph-rpc.h"
#include "rpc/typed/server.h"

struct helio_serving {
	struct duty duty;                    /* first */
	struct list link;                    /* in helio_server.servings */
	struct helio_server *server;         /* NULL once that is freed */
	struct helio_request *request;       /* NULL once we ended it */
	const struct helio_message *message; /* while its method runs */
	unsigned method_index;
	unsigned stands_for; /* so many are as long; 0: it is not timed */
	uint64_t started_ns; /* by the coarse clock if it is not */
	struct helio_serving_events events;
	void *userdata; /* of the events */
	bool is_listening;
	bool is_finished; /* the caller's end came before anybody listened */
};

/** A call of a method that there is came in: have it answered. */
void serving_start(struct helio_server *server, unsigned method_index,
		   struct helio_request *request,
		   const struct helio_message *message);

/** Of the request: what the library calls back. */
void serving_next(struct helio_serving *serving, const void *body,
		  size_t n_body);
void serving_finish(struct helio_serving *serving);
void serving_writable(struct helio_serving *serving);
void serving_cancel(struct helio_serving *serving);

/** The server is gone; it still has to be answered, which only frees it. */
void serving_orphan(struct helio_serving *serving);

#endif
