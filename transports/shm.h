/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_SHM_H
#define TRANSPORTS_SHM_H

/**
 * A channel over a pair of rings in a memfd, set up over a Unix socket.
 *
 * The client wakes the switch by an eventfd, which the switch watches and
 * never reads. The switch wakes the client by a byte on the socket: a write to
 * an eventfd blocks, whatever we ask for, once somebody who shares it has
 * filled it and taken O_NONBLOCK off it; MSG_DONTWAIT is nobody's to take. The
 * socket's end is the other side's death.
 */

#include "transports/shm_setup.h"

struct channel;
struct channel_evidence;
struct poller;

/**
 * The switch's side: make the memory and send the answer. `setup` is what is
 * granted. From success on the channel owns `fd`. 0 or a negative errno.
 */
int shm_new_server(struct poller *poller, int fd, const struct shm_setup *setup,
		   const struct channel_evidence *evidence,
		   struct channel **ret_channel);

/**
 * The client's side: ask for `setup` on a connected socket. The channel is
 * connecting until the answer has come. From success on it owns `fd`. Returns
 * 0 or a negative errno.
 */
int shm_new_client(struct poller *poller, int fd, const struct shm_setup *setup,
		   struct channel **ret_channel);

#endif
