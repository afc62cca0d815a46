/* SPDX-License-Identifier: MIT */
#ifndef XENSTORE_OWNER_H
#define XENSTORE_OWNER_H

/**
 * Whose nodes they are: what stands below /local/domain/N is domain N's to
 * write, all else is the host's, as domain 0. Each has its turn, and no more
 * than a rate: who writes without end delays itself alone.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"

enum {
	OWNER_RATE = 500,   /* nodes of a guest that are looked at, a second */
	OWNER_BURST = 2000, /* after a rest */
	OWNER_HOST_RATE = 5000, /* the same of what is the host's */
	OWNER_HOST_BURST = 20000,
	OWNER_NEW_MAX = 1024, /* nodes that events told of, not looked at yet */
};

struct owner {
	struct map_node by_domid;
	struct list turn;  /* in mirror.line while something is to look at */
	struct list stale; /* struct node, in the order of their events */
	uint32_t domid;
	unsigned n_nodes;
	unsigned n_new;
	unsigned n_missed; /* nodes that had no room, since the last look, */
	unsigned n_missed_before; /* and since the one before until then */
	bool is_to_retry;
	uint64_t paid_ns; /* what was looked at is paid for until then */
};

/** The domid, of the host 0. */
uint32_t owner_domid(const char *path);

/**
 * The owner of a path, made if it is not known. NULL: no memory. It lasts as
 * long as the map; there are no more than domids.
 */
struct owner *owner_of(struct map *owners, const char *path);

/** All of them; no node may be there any more. */
void owners_free(struct map *owners);

/** 0: it may look at a node now; or when it may. */
uint64_t owner_due_ns(const struct owner *owner, uint64_t now_ns);
/** A node is looked at. */
void owner_pay(struct owner *owner, uint64_t now_ns);

#endif
