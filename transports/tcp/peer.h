/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_TCP_PEER_H
#define TRANSPORTS_TCP_PEER_H

/**
 * Who is at the other end of one of a listener's connections.
 *
 * A peer lives as long as its connection, which may be longer than its
 * channel: when the owner has freed the channel, what is left is a ghost. It
 * is told the end, what it still sends is dropped unread, and it is hung up on
 * when it does not leave by itself within PEER_GRACE_NS.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "transports/tcp/duplex.h"

struct router;

enum { PEER_ID_BYTES = 255 };

#define PEER_GRACE_NS NS_PER_S

enum peer_state {
	PEER_FRESH, /* not shown to the listener's owner yet */
	PEER_SHOWN,
	PEER_GHOST,
};

struct peer {
	struct duplex duplex;
	struct router *router;
	enum peer_state state;
	struct map_node node; /* in router->peers, unless displaced */
	struct list place;    /* in router->fresh, ghosts, or gone */
	struct list blocked;  /* wants to send more than ZeroMQ takes now */
	bool is_gone;         /* cannot be reached any more */
	bool is_displaced;    /* another peer has its routing id now */
	uint64_t freed_ns;    /* a ghost's */

	/* The connection, to hang up; only if it still has this address. */
	int fd;
	struct sockaddr_in6 address; /* zeroed beyond what the family needs */

	size_t n_id;
	uint8_t id[PEER_ID_BYTES];
};

/**
 * A fresh peer, by its routing id, in the router's map. `name` is that of its
 * key; `fd` its connection or -1. Returns 0, -ENOMEM, or -EINVAL when the id
 * or the name is too long.
 */
int peer_new(struct router *router, const void *id, size_t n_id,
	     const char *name, int fd, struct peer **ret_peer);

/** Forget the peer; its channel, if it was shown, must be freed or ours. */
void peer_forget(struct peer *peer);

struct peer *peer_lookup(const struct router *router, const void *id,
			 size_t n_id);

/** Tell it the end and make it a ghost. */
void peer_refuse(struct peer *peer);

/** Somebody else comes by its routing id: its channel is over. */
void peer_displace(struct peer *peer);

/** Find out by sending whether it is still there. */
void peer_probe(struct peer *peer);

/** A ghost leaves or is made to. It may be forgotten in this call. */
void peer_haunt(struct peer *ghost, uint64_t now_ns);

/** All that a peer without connection sent was taken: its channel ends. */
void peer_end(struct peer *peer);

#endif
