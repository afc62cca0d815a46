/* SPDX-License-Identifier: MIT */
#ifndef RPC_TYPED_ENROLMENT_H
#define RPC_TYPED_ENROLMENT_H

/**
 * How a server with a schema comes to be served: SERVE with its hash; if the
 * registry does not know it, Registry.Put, and SERVE again; if the registry is
 * away, again a little later.
 */

#include <stdbool.h>

#include "rpc/heliograph-rpc.h"

struct enrolment {
	struct helio_server *server;
	struct helio_call *put;    /* Registry.Put, or NULL */
	struct helio_timer *timer; /* to the next SERVE, or NULL */
	unsigned n_puts;           /* since it last stood */
	uint32_t backoff_ms;
	int told; /* the status that the program was told last; -1: none */
};

void enrolment_init(struct enrolment *enrolment, struct helio_server *server);
void enrolment_deinit(struct enrolment *enrolment);

/** The switch has answered SERVE. */
void enrolment_answer(struct enrolment *enrolment, unsigned status,
		      const char *reason);

#endif
