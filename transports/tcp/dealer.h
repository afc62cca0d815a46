/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_TCP_DEALER_H
#define TRANSPORTS_TCP_DEALER_H

/** The connecting side: a ZeroMQ DEALER that is one channel, once. */

struct address;
struct channel;
struct poller;
struct transport_options;

/** Returns 0 or a negative errno; the channel is still connecting. */
int dealer_new(struct poller *poller, const struct address *address,
	       const struct transport_options *options,
	       struct channel **ret_channel);

#endif
