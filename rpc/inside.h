/* SPDX-License-Identifier: MIT */
#ifndef RPC_INSIDE_H
#define RPC_INSIDE_H

/** The client library for the switch's own services, and for tests. */

#include "rpc/heliograph.h"

struct channel;

/**
 * A connection over a channel that is there already: it has no descriptor, and
 * does not connect again. Whoever runs it calls helio_dispatch() when
 * helio_timeout_ms() is 0. Takes the channel only when it returns 0; otherwise
 * -ENOMEM.
 */
int client_new_on(struct channel *channel, const struct helio_options *options,
		  struct helio **ret_bus);

#endif
