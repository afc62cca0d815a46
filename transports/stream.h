/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_STREAM_H
#define TRANSPORTS_STREAM_H

/**
 * A channel over a connected stream socket: frames and nothing else.
 *
 * Many frames travel in one system call: a refill reads all that the socket
 * has, up to the size of the buffer, and a flush writes all that was
 * committed. What the socket does not take is sent when it can, without the
 * owner's help. A channel has no buffers until it is first used, and fills
 * them from the front whenever they are empty, so that a quiet one stays
 * small.
 */

#include <stddef.h>

struct channel;
struct channel_evidence;
struct poller;

/** Each way; four of the longest frames. */
enum { STREAM_BUFFER_BYTES = 256 * 1024 };

/**
 * `fd` is a non-blocking, connected stream socket; from success on the channel
 * owns it. Returns 0 or a negative errno.
 */
int stream_new(struct poller *poller, int fd,
	       const struct channel_evidence *evidence,
	       struct channel **ret_channel);

#endif
