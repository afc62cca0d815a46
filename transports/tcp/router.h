/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_TCP_ROUTER_H
#define TRANSPORTS_TCP_ROUTER_H

/**
 * The listening side: a ZeroMQ ROUTER whose peers are channels.
 *
 * A ROUTER names its peers by routing ids, which prove nothing and which a
 * peer may choose; who somebody is stands in the user id of each message. It
 * neither hangs up on a peer nor tells which one has gone: that is found out
 * by sending, every second and when some connection was lost.
 *
 * It lives until its listener and all channels are freed. Freed channels may
 * not be the last thing of it that goes within one of its own callbacks.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "transports/tcp/port.h"
#include "transports/tcp/zap.h"
#include "transports/transport.h"

struct address;

struct router {
	struct listener listener;
	struct port port;
	struct zap zap;
	struct poll_source on_zap;
	void *context;
	char address[280];
	struct list link; /* in the list of those that live */
	uint8_t secret_key[TRANSPORT_KEY_BYTES];
	bool is_plain;
	bool is_listening;
	unsigned n_users; /* the listener, and channels not freed */

	struct map peers; /* by routing id */
	struct hash_key hash_key;
	struct list fresh;
	struct list gone;
	struct list ghosts;
	struct list blocked;

	/* Connections, silent ones too, and how many may be. */
	unsigned n_connections;
	unsigned n_connections_max;

	uint64_t now_ns; /* of this turn */
	uint64_t probed_ns;
};

/**
 * Listen. Where one listened before and channels live on, with the same keys,
 * it goes on. Returns 0 or a negative errno: -EADDRINUSE, -EADDRNOTAVAIL, ...
 */
int router_new(struct poller *poller, const struct address *address,
	       const struct transport_options *options,
	       struct listener **ret_listener);

/** One user less; the last takes it down. */
void router_unref(struct router *router);

#endif
