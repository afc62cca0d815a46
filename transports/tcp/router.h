/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_TCP_ROUTER_H
#define TRANSPORTS_TCP_ROUTER_H

/**
 * The listening side: a ZeroMQ ROUTER whose peers are channels.
 *
 * A ROUTER names its peers by routing ids, which prove nothing and which a
 * peer may choose; who somebody is stands in the user id of each message. It
 * can neither hang up on a peer nor tell when one has gone: a channel that is
 * over is remembered until its connection is, so that what still comes is
 * dropped unread, and who can no longer be reached is found out by sending.
 */

struct address;
struct listener;
struct poller;
struct transport_options;

/** Returns 0 or a negative errno: -EADDRINUSE, -EADDRNOTAVAIL, ... */
int router_new(struct poller *poller, const struct address *address,
	       const struct transport_options *options,
	       struct listener **ret_listener);

#endif
