/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_GROUP_H
#define SWITCH_GROUP_H

/**
 * Groups: subscriptions to the same pattern that share its messages.
 *
 * Each message goes to one member: to the next in turn that has room for it,
 * so that a slow member slows nobody. A group is its pattern and its name.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "switch/route.h"

struct bus;
struct message;
struct peer;
struct subscription;

/** A leaf that chooses among members of its own. */
struct group_leaf {
	struct list link; /* in group.leaves */
	const struct peer *peer;
	size_t n_active;
};

struct group {
	struct target target; /* what stands in the route table */
	struct map_node node; /* in group_table.by_name */
	struct bus *bus;
	struct list members; /* the first is next in turn */
	size_t n_members;
	struct list leaves; /* with active members */
	size_t n_name;
	size_t n_pattern;
	char text[]; /* name and pattern */
};

struct group_table {
	struct map by_name;
};

int group_table_init(struct group_table *table);
void group_table_deinit(struct group_table *table);

/**
 * Make the subscription a member of the group `name` of its pattern. Returns
 * 0 or -ENOMEM.
 */
int group_join(struct bus *bus, const char *name, size_t n_name,
	       struct subscription *subscription);

/** The last one to leave frees the group. */
void group_leave(struct group *group, struct subscription *subscription);

/**
 * The member, which is a leaf's, has got its first credit: from now on the
 * leaf chooses for what its programs say. Returns 0 or -ENOMEM.
 */
int group_activate(struct subscription *subscription);

/** Whether the leaf has chosen already who gets what came by it. */
bool group_is_chosen_by(const struct group *group, const struct peer *leaf);

/** Who gets the next message; never NULL. */
struct subscription *group_pick(struct group *group,
				const struct message *message);

#endif
