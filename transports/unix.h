/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_UNIX_H
#define TRANSPORTS_UNIX_H

/**
 * `unix:PATH` and `shm:PATH`: one listening Unix socket for both.
 *
 * What a client sends first decides: `HSHM` asks for a pair of rings, anything
 * else is the beginning of a plain stream. Peers that have not decided are
 * bounded in number and time; when there are too many, the one that has been
 * silent for longest makes room, so that silence shuts nobody out.
 */

#include "transports/transport.h"

extern const struct transport transport_unix;
extern const struct transport transport_shm;

#endif
