/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_TRANSPORTS_UNIX_WORLD_H
#define TESTS_UNIT_TRANSPORTS_UNIX_WORLD_H

/** A listener in a folder of its own, and the channels that it made. */

#include "transports/channel.h"
#include "transports/poller.h"
#include "transports/transport.h"

enum { N_CHANNELS_MAX = 4 };

struct world {
	char folder[64];
	char path[80];
	struct poller poller;
	struct listener *listener;
	struct channel *channels[N_CHANNELS_MAX];
	unsigned n_channels;
};

/** A poller and an empty folder; a test has 30 s. */
void world_init(struct world *world);

/** Frees all channels and the listener; nothing else may be left behind. */
void world_deinit(struct world *world);

/** Listens at `path`; returns 0 or a negative errno. */
int world_listen(struct world *world, const struct transport_options *options);

/** A socket that is connected to `path`. */
int call_in(struct world *world);

#endif
