/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_UNIX_H
#define TRANSPORTS_UNIX_H

/** The transports `unix:PATH` and `shm:PATH`; they listen in the same way. */

#include "transports/transport.h"

extern const struct transport transport_unix;
extern const struct transport transport_shm;

#endif
