/* SPDX-License-Identifier: MIT */

#include "switch/group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "switch/bus.h"
#include "switch/peer.h"
#include "switch/subscription.h"

int group_table_init(struct group_table *table)
{
	return map_init(&table->by_name);
}

void group_table_deinit(struct group_table *table)
{
	map_deinit(&table->by_name);
}

static uint64_t hash_group(const struct bus *bus, const char *name,
			   size_t n_name, const struct subscription *sub)
{
	return hash_bytes(&bus->routes.key, name, n_name) ^
	       hash_bytes(&bus->routes.key, sub->pattern, sub->n_pattern) * 3;
}

static struct group *group_lookup(const struct bus *bus, uint64_t hash,
				  const char *name, size_t n_name,
				  const struct subscription *sub)
{
	struct map_node *node = map_lookup(&bus->groups.by_name, hash);

	for (; node; node = map_next(node)) {
		struct group *group = container_of(node, struct group, node);

		if (group->n_name == n_name &&
		    group->n_pattern == sub->n_pattern &&
		    !memcmp(group->text, name, n_name) &&
		    !memcmp(group->text + n_name, sub->pattern, sub->n_pattern))
			return group;
	}
	return NULL;
}

static int group_new(struct bus *bus, const char *name, size_t n_name,
		     const struct subscription *sub, struct group **ret_group)
{
	struct group *group;
	int r;

	group = malloc(sizeof(*group) + n_name + sub->n_pattern);
	if (!group)
		return -ENOMEM;
	*group = (struct group){
		.target.kind = TARGET_GROUP,
		.bus = bus,
		.n_name = n_name,
		.n_pattern = sub->n_pattern,
	};
	list_init(&group->target.link);
	list_init(&group->members);
	list_init(&group->leaves);
	memcpy(group->text, name, n_name);
	memcpy(group->text + n_name, sub->pattern, sub->n_pattern);

	r = route_add(&bus->routes, sub->pattern, sub->n_pattern,
		      &group->target);
	if (r < 0) {
		free(group);
		return r;
	}
	map_add(&bus->groups.by_name, &group->node,
		hash_group(bus, name, n_name, sub));
	*ret_group = group;
	return 0;
}

int group_join(struct bus *bus, const char *name, size_t n_name,
	       struct subscription *sub)
{
	struct group *group;
	int r;

	group = group_lookup(bus, hash_group(bus, name, n_name, sub), name,
			     n_name, sub);
	if (!group) {
		r = group_new(bus, name, n_name, sub, &group);
		if (r < 0)
			return r;
	}
	list_push_back(&group->members, &sub->group_link);
	group->n_members++;
	sub->group = group;
	return 0;
}

static struct group_leaf *leaf_lookup_in(const struct group *group,
					 const struct peer *peer)
{
	struct list *link;

	list_for_each (link, &group->leaves) {
		struct group_leaf *leaf =
			container_of(link, struct group_leaf, link);

		if (leaf->peer == peer)
			return leaf;
	}
	return NULL;
}

bool group_is_chosen_by(const struct group *group, const struct peer *leaf)
{
	return leaf_lookup_in(group, leaf) != NULL;
}

int group_activate(struct subscription *sub)
{
	const struct peer *peer = sub->receiver.peer;
	struct group_leaf *leaf = leaf_lookup_in(sub->group, peer);

	if (sub->active_in)
		return 0;
	if (!leaf) {
		leaf = malloc(sizeof(*leaf));
		if (!leaf)
			return -ENOMEM;
		*leaf = (struct group_leaf){ .peer = peer };
		list_init(&leaf->link);
		list_push_back(&sub->group->leaves, &leaf->link);
	}
	leaf->n_active++;
	sub->active_in = leaf;
	return 0;
}

static void deactivate(struct subscription *sub)
{
	struct group_leaf *leaf = sub->active_in;

	sub->active_in = NULL;
	if (!leaf || --leaf->n_active)
		return;
	list_unlink(&leaf->link);
	free(leaf);
}

void group_leave(struct group *group, struct subscription *sub)
{
	list_unlink(&sub->group_link);
	sub->group = NULL;
	deactivate(sub);
	if (--group->n_members)
		return;
	route_remove(&group->bus->routes, &group->target);
	map_remove(&group->bus->groups.by_name, &group->node);
	free(group);
}

struct subscription *group_pick(struct group *group,
				const struct message *message)
{
	struct subscription *full = NULL;

	for (size_t i = 0; i < group->n_members; i++) {
		struct list *link = list_pop_front(&group->members);
		struct subscription *sub =
			container_of(link, struct subscription, group_link);

		list_push_back(&group->members, link);
		if (subscription_has_room(sub, message))
			return sub;
		/* Who is told of the loss should be there to hear it. */
		if (!full || peer_is_there(sub->receiver.peer))
			full = sub;
	}
	return full;
}
