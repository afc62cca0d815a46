/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_FEED_H
#define SWITCH_FEED_H

/**
 * A pattern whose messages come from the host once, for all plain
 * subscriptions to it.
 *
 * We take what comes at once and give the credit back: whoever is slow among
 * our own lets it wait in a queue of its own, and slows nobody.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"

struct uplink;

enum { FEED_CREDIT_MESSAGES = 65536 };

#define FEED_CREDIT_BYTES (UINT64_C(8) << 20)

struct feed {
	struct map_node by_pattern; /* in uplink.feeds */
	struct map_node by_id;      /* in uplink.feed_ids */
	struct uplink *uplink;
	uint32_t id;
	struct list members; /* of struct envoy, by feed_link */
	size_t n_members;
	uint32_t n_messages; /* taken, and not given back yet */
	uint64_t n_bytes;
	size_t n_pattern;
	char pattern[];
};

/** That of the pattern, made if need be. Returns 0 or -ENOMEM. */
int feed_get(struct uplink *uplink, const char *pattern, size_t n_pattern,
	     struct feed **ret_feed);

/** Free it if it has no members. */
void feed_settle(struct feed *feed);

/** NULL if there is none of this id. */
struct feed *feed_lookup(const struct uplink *uplink, uint32_t id);

/** A frame came by it: `n_messages` is 1 for the first of a message. */
void feed_take(struct feed *feed, uint32_t n_messages, uint64_t n_bytes);

#endif
