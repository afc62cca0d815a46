/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_AUDIENCE_H
#define SWITCH_AUDIENCE_H

/**
 * Audiences: all targets of a subject, one object for all subjects of a branch
 * that have the same.
 *
 * A branch is a part of all subjects; see switch/route.h. An audience lives
 * until its branch changes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"

struct target;

enum { N_BRANCHES = 64 };

struct audience {
	struct map_node node; /* in audience_table.by_targets */
	struct list link;     /* in audience_table.of_branch */
	uint8_t branch;
	size_t n_targets;
	struct target *capture; /* one of the targets, or NULL */
	struct target *targets[];
};

struct audience_table {
	struct map by_targets;
	struct list of_branch[N_BRANCHES];
	size_t n_targets; /* of all together */
};

/** Returns 0 or -ENOMEM. */
int audience_table_init(struct audience_table *table);

/** Frees the audiences too. Safe on a zeroed one. */
void audience_table_deinit(struct audience_table *table);

/**
 * The audience of these targets, which are sorted; NULL: there is none. `hash`
 * comes from audience_hash().
 */
struct audience *audience_lookup(const struct audience_table *table,
				 unsigned branch, uint64_t hash,
				 struct target *const *targets,
				 size_t n_targets);

uint64_t audience_hash(const struct hash_key *key, unsigned branch,
		       struct target *const *targets, size_t n_targets);

/** A new one, whose capture is to be set. NULL: no memory. */
struct audience *audience_new(struct audience_table *table, unsigned branch,
			      uint64_t hash, struct target *const *targets,
			      size_t n_targets);

/** Whether there is no place for one more, of so many targets. */
bool audience_table_is_full(const struct audience_table *table,
			    size_t n_targets);

/** Free all of a branch. */
void audience_table_forget(struct audience_table *table, unsigned branch);

#endif
