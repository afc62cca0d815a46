/* SPDX-License-Identifier: MIT */

#include "storage/hub.h"

#include <stdlib.h>
#include <string.h>

#include "storage/service.h"

struct hub *hub_lookup(const struct watches *watches,
		       const struct bucket *bucket)
{
	struct list *link;

	list_for_each (link, &watches->hubs) {
		struct hub *hub = container_of(link, struct hub, link);

		if (hub->bucket == bucket)
			return hub;
	}
	return NULL;
}

struct hub *hub_get(struct watches *watches, struct bucket *bucket)
{
	struct hub *hub = hub_lookup(watches, bucket);

	if (hub)
		return hub;
	hub = calloc(1, sizeof(*hub));
	if (!hub || map_init(&hub->keys) < 0) {
		free(hub);
		return NULL;
	}
	hub->watches = watches;
	hub->bucket = bucket;
	hub->n_changes = bucket->n_committed_changes;
	list_init(&hub->ranges);
	list_push_back(&watches->hubs, &hub->link);
	return hub;
}

void hub_put(struct hub *hub)
{
	if (hub->n)
		return;
	list_unlink(&hub->link);
	map_deinit(&hub->keys);
	free(hub);
}

static uint64_t hash_of(struct hub *hub, const char *key)
{
	const struct service *service =
		container_of(hub->watches, struct service, watches);

	return hash_bytes(&service->state.key, key, strlen(key));
}

void hub_enter(struct hub *hub, struct watch *watch)
{
	hub->n++;
	list_push_back(&hub->bucket->watches, &watch->link);
	if (watch->range.key)
		map_add(&hub->keys, &watch->node,
			hash_of(hub, watch->range.key));
	else
		list_push_back(&hub->ranges, &watch->hub_link);
}

void hub_leave(struct hub *hub, struct watch *watch)
{
	hub->n--;
	list_unlink(&watch->link);
	list_unlink(&watch->hub_link);
	if (watch->range.key)
		map_remove(&hub->keys, &watch->node);
}

static void wake_keys(struct hub *hub, uint64_t before, uint64_t committed)
{
	for (const struct version *at = hub->first; at && hub->keys.n_nodes;
	     at = version_next(at, committed)) {
		struct map_node *node =
			map_lookup(&hub->keys, hash_of(hub, at->key->text));

		for (; node; node = map_next(node)) {
			struct watch *watch =
				container_of(node, struct watch, node);

			if (key_range_has(&watch->range, at->key))
				watch_wake(watch, before);
		}
	}
}

/* Nobody knows who watches what is gone. */
static void lose_all(struct hub *hub, uint64_t before)
{
	struct list *link;

	list_for_each (link, &hub->bucket->watches)
		watch_lose(container_of(link, struct watch, link), before);
}

void hub_look(struct hub *hub, uint64_t before, uint64_t committed)
{
	struct list *link;
	int r;

	if (hub->n_changes == hub->bucket->n_committed_changes)
		return;
	hub->n_changes = hub->bucket->n_committed_changes;
	hub->first = bucket_changes_after(hub->bucket, before, &r);
	if (r < 0) {
		lose_all(hub, before);
		return;
	}
	wake_keys(hub, before, committed);
	list_for_each (link, &hub->ranges)
		watch_wake(container_of(link, struct watch, hub_link), before);
}
