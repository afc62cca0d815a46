/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_CONNECT_H
#define TRANSPORTS_VCHAN_CONNECT_H

struct channel;
struct poller;
struct transport_options;
struct vchan_address;

/**
 * Connect to the server that `address` names. What it offers may just have
 * been taken by another program of this domain: then the channel is connecting
 * until the server offers again, for less than a second. As
 * transport->connect(); nothing waits, but for xenstore.
 *
 * The server's domain is watched in xenstore while the channel lives: that is
 * a connection to it and, with libxenstore's shared library, a thread of that
 * library's, which takes no signals.
 */
int vchan_connect(struct poller *poller, const struct vchan_address *address,
		  const struct transport_options *options,
		  struct channel **ret_channel);

#endif
