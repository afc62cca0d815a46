/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_TRANSPORTS_VCHAN_WORLD_H
#define TESTS_UNIT_TRANSPORTS_VCHAN_WORLD_H

/**
 * A listener in domain 0 of a stand-in's world and clients in other domains,
 * all in one process, for tests of the vchan module.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "tests/xen/world.h"
#include "transports/channel.h"
#include "transports/poller.h"
#include "transports/transport.h"

extern const struct transport helio_transport_vchan;

enum {
	WORLD_CHANNELS_MAX = 64,
	WORLD_NEWS_MAX = 32,
	WORLD_WAIT_MS = 5000,
	WEB = 5, /* domains that are there from the start */
	DB = 6,
};

#define WEB_UUID "55555555-5555-5555-5555-555555555555"
#define DB_UUID  "66666666-6666-6666-6666-666666666666"

struct news {
	struct transport_domain domain;
	bool is_up;
};

struct world {
	struct xen_world xen;
	struct xen_census empty; /* the world before anything was listened to */
	struct poller server_poller;
	struct poller client_poller;
	uint32_t server; /* the listener's domain */
	uint32_t client; /* whose connects are under way */
	struct listener *listener;
	struct channel *channels[WORLD_CHANNELS_MAX]; /* the listener's */
	unsigned n_channels;
	unsigned n_silent;
	const char *broken; /* why one was hung up on before it spoke */
	unsigned n_texts;
	char text[128];   /* the last that the listener told */
	unsigned n_ready; /* calls of any on_ready */
	struct news news[WORLD_NEWS_MAX];
	unsigned n_news;
	uint32_t refused_domid; /* not served; 0: none */
	char error[256];        /* of the last listen or connect */
};

/** Domains, and nobody listening. */
void world_init(struct world *world);

/** Frees everything, and fails the test when any domain still holds anything */
void world_deinit(struct world *world);

/** Listen in the world's server, by `rest`; returns what listen() does. */
int world_listen_with(struct world *world, const char *rest,
		      struct transport_options options);

/** The same of "*" + "/bus", which succeeds, and the first turn. */
void world_listen(struct world *world);

/** Connect from a domain; returns what connect() does. */
int world_connect(struct world *world, uint32_t domid, const char *rest,
		  struct channel **ret_channel);

/** A client's end, and *ret_server, the listener's end, after one byte. */
struct channel *world_join(struct world *world, uint32_t domid,
			   struct channel **ret_server);

/** Dispatch both pollers, after at most so long. */
void world_turn(struct world *world, int timeout_ms);

/** Dispatch until the condition holds; fails the test after WORLD_WAIT_MS. */
#define world_await(world, condition)                                          \
	do {                                                                   \
		uint64_t end_ns_ = clock_now_ns() + WORLD_WAIT_MS * NS_PER_MS; \
		while (!(condition)) {                                         \
			assert_true(clock_now_ns() < end_ns_);                 \
			world_turn((world), 10);                               \
		}                                                              \
	} while (0)

void world_write(struct channel *channel, const char *text);
void world_expect(struct world *world, struct channel *channel,
		  const char *text);

/** Free one of the listener's channels. */
void world_drop(struct world *world, struct channel *channel);

/** What a domain holds. */
struct xen_count world_count(struct world *world, uint32_t domid);

/** Write a node as dom0, for a domain to read if it is not 0. */
void world_put(struct world *world, const char *path, const char *text,
	       uint32_t owner, uint32_t reader);

/** The text of a node as dom0 reads it; "" when there is none. */
void world_get(struct world *world, const char *path, char ret_text[64]);

void world_remove(struct world *world, const char *path);

/** Let a domain see what dom0 sees of domains, by permissions. */
void world_let_see(struct world *world, uint32_t domid);

#endif
