/* SPDX-License-Identifier: MIT */
#ifndef TESTS_CONFORMANCE_CONFORMANCE_H
#define TESTS_CONFORMANCE_CONFORMANCE_H

/**
 * What every channel has to do, whatever it is made of.
 *
 * A kind of channel brings a small table and gets all of the tests; what only
 * it can do wrong is tested beside it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "transports/channel.h"
#include "transports/transport.h"

enum { CONFORMANCE_ADDRESS_BYTES = 256 };

struct conformance {
	const char *name; /* for people */
	const char *scheme;
	/*
	 * Say where to listen and connect, with which options (all zero but
	 * the listener's name, "conformance"). `folder` is fresh and empty.
	 * NULL: the kind has no addresses, pair_new() makes both ends.
	 */
	void (*set_up)(const struct conformance *kind, const char *folder,
		       char ret_address[CONFORMANCE_ADDRESS_BYTES],
		       struct transport_options *listening,
		       struct transport_options *connecting);
	/* What a listener calls it, up to the last slash; NULL: the same. */
	const char *listening_at;
	/*
	 * Called before either side does something, by kinds whose sides must
	 * not seem to be one and the same. May be NULL.
	 */
	void (*enter)(bool is_listening);
	enum evidence_kind evidence; /* that the listening side gets */
	uint32_t ring_bytes;         /* for set_up; of a pair: its size */
	unsigned death_ms;  /* bound for seeing a killed peer; 0: 100 */
	bool makes_up;      /* for some allocations that failed, by another */
	bool has_no_faults; /* allocates where we must not let it fail */
};

/** Run all tests over one kind. Returns how many failed. */
int conformance_run(const struct conformance *kind);

#endif
