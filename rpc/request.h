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

struct flow;

struct helio_request {
	struct map_node node; /* in helio.requests, unless it is over */
	struct list link;     /* in service.requests, or in helio.orphans */
	struct helio *bus;
	struct helio_service *service; /* NULL once it is over */
	uint64_t id;
	uint64_t deadline_ns; /* UINT64_MAX: none */
	void *userdata;
	struct flow *flow; /* NULL: neither way is one, or it is over */
	bool has_more;     /* the requests are a stream */
	bool is_stream;    /* the replies are one */
	bool is_over;      /* nobody waits for the answer */
	bool is_answered;  /* ours again: what was sent has to go out yet */
};

/** Returns NULL when nobody waits for an answer to that id. */
struct helio_request *helio_request_lookup(const struct helio *bus,
					   uint64_t id);

/** Answer a call that has no request, or no more. */
void helio_request_refuse(struct helio *bus, uint64_t id, unsigned status,
			  const char *reason);

/** Nobody waits any more. */
void helio_request_orphan(struct helio_request *request);

/** CANCEL came. Returns whether there is such a request. */
bool helio_request_cancel(struct helio *bus, uint64_t id);

/** It cannot be answered: refuse it, and tell the program that it is over. */
void helio_request_give_up(struct helio_request *request, unsigned status,
			   const char *reason);

/**
 * Of its stream: a message came, the caller's end came, more may go, the end
 * is to be sent: -EAGAIN when there is no room for it.
 */
void helio_request_next(struct helio_request *request, const uint8_t *body,
			size_t n_body);
void helio_request_finish(struct helio_request *request);
void helio_request_writable(struct helio_request *request);
int helio_request_send_end(struct helio_request *request);

/** The connection is lost: all are orphans, and the program is told. */
void helio_requests_lose(struct helio *bus);

/** Free it without an answer. */
void helio_request_free(struct helio_request *request);

#endif
