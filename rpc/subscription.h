/* SPDX-License-Identifier: MIT */
#ifndef RPC_SUBSCRIPTION_H
#define RPC_SUBSCRIPTION_H

/**
 * What we subscribed, and how messages for it reach the program.
 */

#include <stddef.h>
#include <stdint.h>

#include "rpc/registration.h"

struct incoming;

/** Deliveries to a log that are not answered: numbers that follow each other.
 */
struct run {
	uint32_t first;
	uint32_t n;
};

struct helio_subscription {
	struct registration registration;
	char *group; /* or NULL */
	char *capture;
	enum helio_overflow overflow;
	uint32_t queue_messages;
	uint64_t queue_bytes;
	helio_message_fn on_message;
	helio_observe_fn on_observed;
	helio_gap_fn on_gap;

	/* Of a log: what came and was not answered, the oldest first. */
	struct run *runs;
	size_t n_runs;
	size_t n_runs_room;
};

void helio_subscription_deliver(struct registration *registration,
				const struct incoming *incoming);

void helio_subscription_gap(struct registration *registration, uint64_t n_lost,
			    const char *reason);

#endif
