/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_UNIX_LISTENER_H
#define TRANSPORTS_UNIX_LISTENER_H

/**
 * The listening side of `unix:PATH` and `shm:PATH`, on one socket.
 *
 * What a client sends first decides: `HSHM` asks for a pair of rings, anything
 * else is the beginning of a plain stream. Peers that have not decided are
 * bounded in number and time; when there are too many, the one that has been
 * silent for longest makes room, so that silence shuts nobody out.
 */

struct listener;
struct poller;
struct transport_options;

/** As struct transport says; -EADDRINUSE when somebody listens at `path`. */
int unix_listen(struct poller *poller, const char *path,
		const struct transport_options *options,
		struct listener **ret_listener);

#endif
