/* SPDX-License-Identifier: MIT */
#ifndef RPC_REQUEST_H
#define RPC_REQUEST_H

/**
 * Calls that we were asked to answer and have not answered yet.
 *
 * A request is the program's until it answers, even when nobody waits for the
 * answer any more: it is then an orphan.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "rpc/heliograph.h"

struct helio_request {
	struct map_node node; /* in helio.requests, unless it is over */
	struct list link;     /* in service.requests, or in helio.orphans */
	struct helio *bus;
	struct helio_service *service; /* NULL once it is over */
	uint64_t id;
	uint64_t deadline_ns;
	void *userdata;
	bool is_over; /* nobody waits for the answer */
};

/** Answer a call that has no request, or no more. */
void helio_request_refuse(struct helio *bus, uint64_t id, unsigned status,
			  const char *reason);

/** Nobody waits any more. */
void helio_request_orphan(struct helio_request *request);

/** CANCEL came; nothing happens when there is no such request any more. */
void helio_request_cancel(struct helio *bus, uint64_t id);

/** The connection is lost: all are orphans, and the program is told. */
void helio_requests_lose(struct helio *bus);

/** Free it without an answer. */
void helio_request_free(struct helio_request *request);

#endif
