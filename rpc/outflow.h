/* SPDX-License-Identifier: MIT */
#ifndef RPC_OUTFLOW_H
#define RPC_OUTFLOW_H

/**
 * What goes in a stream, under credit that the other side grants.
 *
 * A message is taken when there is credit for some of it and nothing else
 * waits; what cannot go at once is kept, and goes as credit and room come. So
 * at most one message of each stream waits here.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct helio;
struct flow;

struct outflow {
	struct list link; /* in flows.ready */
	uint64_t credit_bytes;
	uint8_t *rest; /* of the message that is under way, or NULL */
	size_t n_gone; /* bytes of it that are sent */
	size_t n_total;
	bool is_there;  /* something may go at all */
	bool is_ending; /* nothing more is taken; the end goes after the rest */
	bool was_refused; /* the program was told -EAGAIN */
};

/**
 * Send a message as a whole, now or in part later. Returns 0; -EPIPE when
 * nothing may go (any more); -EMSGSIZE; -ENOTCONN; -ENOMEM; -EAGAIN when there
 * is no credit or no room: on_writable comes.
 */
int outflow_send(struct flow *flow, const void *body, size_t n_body);

/** More credit came, of which there may be UINT64_MAX in all. */
void outflow_credit(struct flow *flow, uint64_t n_bytes);

/**
 * Nothing more is taken: the end is sent when the rest is gone, now or later.
 * It may be freed by it.
 */
void outflow_end(struct flow *flow);

/** Nothing more is sent, not even the rest. */
void outflow_stop(struct flow *flow);

/** Go on with those that are ready, one frame of each after the other. */
void outflows_pump(struct helio *bus);

#endif
