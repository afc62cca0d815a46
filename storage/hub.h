/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_HUB_H
#define STORAGE_HUB_H

/**
 * Who watches one bucket: those that watch one key are found by it, so that a
 * change costs them nothing that they do not watch.
 */

#include <stdint.h>

#include "base/list.h"
#include "base/map.h"

struct bucket;
struct version;
struct watch;
struct watches;

struct hub {
	struct list link; /* in watches.hubs */
	struct watches *watches;
	struct bucket *bucket;
	struct list ranges; /* struct watch, of several keys */
	struct map keys;    /* struct watch, of one key */
	unsigned n;
	uint64_t n_changes;          /* of the bucket, that were seen */
	const struct version *first; /* of those that are told now, or NULL */
};

/** NULL: nobody watches it. */
struct hub *hub_lookup(const struct watches *watches,
		       const struct bucket *bucket);
/** The same, or a new one; NULL: no memory. */
struct hub *hub_get(struct watches *watches, struct bucket *bucket);
/** Free it, if nobody is left. */
void hub_put(struct hub *hub);

void hub_enter(struct hub *hub, struct watch *watch);
void hub_leave(struct hub *hub, struct watch *watch);

/**
 * Wake those who watch what was changed after `before`, up to `committed`. To
 * be called for each commit.
 */
void hub_look(struct hub *hub, uint64_t before, uint64_t committed);

#endif
