/* SPDX-License-Identifier: MIT */
#ifndef RPC_FLOW_H
#define RPC_FLOW_H

/**
 * The messages of a call one or both of whose ways are a stream.
 *
 * A call that we made and one that we answer have the same: messages that
 * come, under credit that we grant (rpc/inflow.h), and messages that go, under
 * credit that the other side granted (rpc/outflow.h). Calls that are no stream
 * have none of this.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "rpc/deadline.h"
#include "rpc/inflow.h"
#include "rpc/outflow.h"

struct assembly;
struct frame;
struct helio;
struct helio_call;
struct helio_request;

enum { FLOW_WINDOW_BYTES = 256 * 1024 };

struct flow {
	struct helio *bus;
	uint64_t id;                   /* of the call */
	struct helio_call *call;       /* whose it is: this, or */
	struct helio_request *request; /* this; the other is NULL */
	struct list link;              /* in flows.calls, if we made it */
	struct inflow in;
	struct outflow out;
};

/** All streams of a connection. */
struct flows {
	struct list calls; /* those that we keep alive */
	struct list owing; /* whose inflow has something to tell */
	struct list ready; /* whose outflow may go on */
	/*
	 * In whose callback we are: NULL again when it was freed there.
	 * Callbacks are never within each other.
	 */
	struct flow *calling;
	struct assembly
		*told;    /* there, of pieces; NULL: none, or it was kept */
	uint32_t idle_ms; /* the switch ends one that is; 0: it does not */
	struct deadline keepalive;
};

void flows_init(struct flows *flows);

/** WELCOME told the idle limit; 0: there is none. */
void flows_keep_alive(struct helio *bus, uint32_t idle_ms);

/** Grant what is owed, and send on what waits, as far as there is room. */
void flows_pump(struct helio *bus);

/** Whether flows_pump() waits for room. */
bool flows_are_waiting(const struct helio *bus);

/**
 * Of a call or a request; the other is NULL. Nothing comes or goes yet.
 * Returns 0 or -ENOMEM.
 */
int flow_new(struct helio *bus, struct helio_call *call,
	     struct helio_request *request, struct flow **ret_flow);

/** NULL is fine. */
void flow_free(struct flow *flow);

/** NEXT, END and WINDOW. Of calls that are over they are ignored. */
void flow_take_next(struct helio *bus, const struct frame *frame,
		    const uint8_t *bytes);
void flow_take_end(struct helio *bus, const struct frame *frame);
void flow_take_window(struct helio *bus, const struct frame *frame,
		      const uint8_t *body);

#endif
