/* SPDX-License-Identifier: MIT */

#include "switch/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "switch/bus.h"
#include "switch/envoy.h"
#include "switch/uplink.h"

enum { CREDIT_SHARE = 4 }; /* credit goes back by the quarter */

static uint64_t hash_pattern(const struct uplink *uplink, const char *pattern,
			     size_t n)
{
	return hash_bytes(&uplink->bus->routes.key, pattern, n);
}

static struct feed *lookup(const struct uplink *uplink, const char *pattern,
			   size_t n)
{
	struct map_node *node =
		map_lookup(&uplink->feeds, hash_pattern(uplink, pattern, n));

	for (; node; node = map_next(node)) {
		struct feed *feed = container_of(node, struct feed, by_pattern);

		if (feed->n_pattern == n && !memcmp(feed->pattern, pattern, n))
			return feed;
	}
	return NULL;
}

int feed_get(struct uplink *uplink, const char *pattern, size_t n,
	     struct feed **ret_feed)
{
	struct feed *feed = lookup(uplink, pattern, n);

	if (!feed) {
		feed = malloc(sizeof(*feed) + n);
		if (!feed)
			return -ENOMEM;
		*feed = (struct feed){
			.uplink = uplink,
			.id = ++uplink->last_receiver,
			.n_pattern = n,
		};
		list_init(&feed->members);
		memcpy(feed->pattern, pattern, n);
		map_add(&uplink->feeds, &feed->by_pattern,
			hash_pattern(uplink, pattern, n));
		map_add(&uplink->feed_ids, &feed->by_id,
			map_hash_u64(feed->id));
	}
	*ret_feed = feed;
	return 0;
}

void feed_settle(struct feed *feed)
{
	if (feed->n_members)
		return;
	map_remove(&feed->uplink->feeds, &feed->by_pattern);
	map_remove(&feed->uplink->feed_ids, &feed->by_id);
	free(feed);
}

struct feed *feed_lookup(const struct uplink *uplink, uint32_t id)
{
	struct map_node *node = map_lookup(&uplink->feed_ids, map_hash_u64(id));

	for (; node; node = map_next(node)) {
		struct feed *feed = container_of(node, struct feed, by_id);

		if (feed->id == id)
			return feed;
	}
	return NULL;
}

void feed_take(struct feed *feed, uint32_t n_messages, uint64_t n_bytes)
{
	feed->n_messages += n_messages;
	feed->n_bytes += n_bytes;
	if (feed->n_messages < FEED_CREDIT_MESSAGES / CREDIT_SHARE &&
	    feed->n_bytes < FEED_CREDIT_BYTES / CREDIT_SHARE)
		return;
	envoy_grant(feed->uplink, feed->id, feed->n_messages, feed->n_bytes);
	feed->n_messages = 0;
	feed->n_bytes = 0;
}
