/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_TRANSPORTS_TCP_WORLD_H
#define TESTS_UNIT_TRANSPORTS_TCP_WORLD_H

/**
 * A listener on a free port of loopback and clients of it, in one thread, for
 * tests of the tcp module.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transports/channel.h"
#include "transports/keyfile.h"
#include "transports/poller.h"
#include "transports/transport.h"

extern const struct transport helio_transport;

enum { WORLD_CHANNELS_MAX = 16, WORLD_WAIT_MS = 5000 };

struct world {
	struct poller poller;
	struct listener *listener;
	struct channel *channels[WORLD_CHANNELS_MAX]; /* the listener's */
	unsigned n_channels;
	int look_ms; /* between looks at what no poller tells of; 0: never */
	bool is_plain;
	struct key_pair server;
	struct key_pair enrolled; /* as "web" */
	struct key_pair other;    /* as "db" */
};

/** Handshakes may take one second. */
void world_init(struct world *world, bool is_plain);
void world_init_with(struct world *world, bool is_plain, uint32_t handshake_ms);

/** Frees the listener and its channels. */
void world_deinit(struct world *world);

/** Make the listener's channels the world's; world_init() has done it. */
void world_take_channels(struct world *world);

/** Who is enrolled, as transport_options ask it; `userdata` is the world. */
int world_lookup_key(void *userdata, const uint8_t key[TRANSPORT_KEY_BYTES],
		     char ret_name[256]);

/** What a client needs; `pair` is not looked at when plain. */
struct transport_options world_options(const struct world *world,
				       const struct key_pair *pair);

/** A channel that may still be connecting. */
struct channel *world_connect(struct world *world, const struct key_pair *pair);

/** A client's end, connected, and *ret_server, the listener's end of it. */
struct channel *world_join(struct world *world, const struct key_pair *pair,
			   struct channel **ret_server);

/** //HOST:PORT of the listener. */
const char *world_address(const struct world *world);
int world_port(const struct world *world);

/**
 * Dispatch until `is_done(userdata)`; fails the test when nothing happens for
 * WORLD_WAIT_MS. Returns how many milliseconds it took.
 */
unsigned world_wait(struct world *world, bool (*is_done)(void *userdata),
		    void *userdata);

/** The same, also for what no poller tells of: looks every 20 ms. */
void world_wait_outside(struct world *world, bool (*is_done)(void *userdata),
			void *userdata);

/** Wait until the listener has made `n` channels. */
void world_wait_channels(struct world *world, unsigned n);

/** Write all and flush; waits for room. */
void world_write(struct world *world, struct channel *channel,
		 const void *bytes, size_t n);

/** Wait for `n` bytes and compare them. */
void world_expect(struct world *world, struct channel *channel,
		  const void *bytes, size_t n);

/** Both say something, and hear it. */
void world_talk(struct world *world, struct channel *client,
		struct channel *server);

/** Wait until refill fails; returns the errno. Bytes on the way are eaten. */
int world_wait_end(struct world *world, struct channel *channel,
		   unsigned *ret_ms);

unsigned world_count_fds(void);

#endif
