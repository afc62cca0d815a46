/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_END_H
#define TESTS_XEN_END_H

/**
 * Our end of a vchan, for cmocka tests: pseudo-random bytes go both ways
 * through the channel, in odd pieces, and it sleeps whenever it may.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/xen/world.h"
#include "transports/channel.h"
#include "transports/poller.h"

struct end {
	struct poller poller;
	struct channel *channel;
	uint64_t n_sent;
	uint64_t n_got;
	uint64_t seed;          /* of what is sent */
	uint64_t expected_seed; /* of what comes */
	unsigned n_ready;
};

enum { END_WAIT_MS = 10000 };

void end_init(struct end *end, uint64_t seed, uint64_t expected_seed);
void end_deinit(struct end *end);

/** Let go of the channel, and begin both streams anew. */
void end_close(struct end *end);

/** Connect from `domid` to `rest`, "DOMID/PORT"; returns what connect() does.
 */
int end_connect(struct end *end, struct xen_world *world, uint32_t domid,
		const char *rest);

/** Where a server and a client meet. */
struct end_meeting {
	uint32_t server;
	uint32_t client;
	const char *port;
};

/**
 * Offer a channel with rings of these orders, left and right, and its keys;
 * fails the test.
 */
void end_offer(struct end *end, struct xen_world *world,
	       const struct end_meeting *meeting, const unsigned orders[2]);

/** Send and receive so many bytes more; NULL or what went wrong. */
const char *end_exchange(struct end *end, uint64_t n_send, uint64_t n_expect);

/**
 * Dispatch, at most END_WAIT_MS, until the channel is over; returns its error,
 * or 0 when it is not over by then. Bytes that come are dropped.
 */
int end_await_error(struct end *end);

#endif
