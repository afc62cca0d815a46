/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_RAW_H
#define TESTS_XEN_RAW_H

/**
 * A peer of vchan by hand, for cmocka tests: nothing of it is checked, all of
 * it can be reached, and it does no more than it is told.
 *
 * Left to itself it does as MirageOS's vchan: it maps and grants both rings
 * writable, leaves no word with the kernel for when it ends, and consumes what
 * it has read only when it reads again.
 */

#include <stddef.h>
#include <stdint.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "tests/xen/end.h"
#include "transports/ring.h"

struct raw {
	xenevtchn_handle *events;
	evtchn_port_t port;
	xengntshr_handle *given; /* a server's */
	xengnttab_handle *taken; /* a client's */
	uint32_t ring_ref;
	struct ring_page *page;
	uint8_t *left;
	uint8_t *right;
	uint64_t n_sent;
	uint64_t n_got;
	uint64_t seed;
	uint64_t expected_seed;
};

/** Pages, grants and a port for the meeting's client; fails the test. */
void raw_serve(struct raw *raw, struct xen_world *world,
	       const struct end_meeting *meeting, const unsigned orders[2]);

/** Say where they are, with the permissions that all servers set. */
void raw_publish(const struct raw *raw, struct xen_world *world,
		 const struct end_meeting *meeting);

/** Write one key, readable by the client only, as the server. */
void raw_put(struct xen_world *world, const struct end_meeting *meeting,
	     const char *key, const void *value, size_t n_value);

/** Give a key to another domain, as domain 0; the client may read it still. */
void raw_give_key(struct xen_world *world, const struct end_meeting *meeting,
		  const char *key, uint32_t owner);

/** Take what the meeting's server offers; fails the test. */
void raw_connect(struct raw *raw, struct xen_world *world,
		 const struct end_meeting *meeting);

/** Ring. */
void raw_notify(const struct raw *raw);

/** Say that we go, then let go of everything. */
void raw_close(struct raw *raw);

/** Send and receive, for a thread: NULL or what went wrong. */
const char *raw_exchange(struct raw *raw, uint64_t n_send, uint64_t n_expect);

#endif
