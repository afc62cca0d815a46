/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_WATCH_H
#define STORAGE_WATCH_H

/**
 * Calls of Watch: first what is there, as of one revision, then what changes,
 * each once, under the credit of the stream.
 *
 * Whoever has been told everything stands still until something it watches is
 * on disk; whoever has no credit goes on from its own place when it has, and
 * ends when changes after that place are not kept any more. So a slow one costs
 * itself alone.
 */

#include <helio/store/v1/store.pb-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "storage/permit.h"
#include "storage/state/bucket.h"

struct hub;
struct service;

enum { WATCH_ENTRIES_MAX = 256 }; /* of one reply */

struct watch {
	struct list link;      /* in bucket.watches */
	struct list hub_link;  /* in hub.ranges, or */
	struct map_node node;  /* in hub.keys */
	struct list stir_link; /* in watches.stirred */
	struct hub *hub;
	struct helio_serving *serving;
	struct guest *guest;
	struct permit permit;
	struct key_range range; /* its texts are its own */
	const char *part;       /* the right to which is enough, or NULL */
	bool keys_only;

	bool is_listing;    /* what is there, as of `told` */
	char *after;        /* the last key that was listed, or NULL */
	uint64_t told;      /* all changes up to it */
	uint64_t split;     /* of this step a part was told: */
	unsigned n_split;   /* so many entries; 0: of none */
	bool is_current;    /* told is watches.seen, whatever it says */
	bool was_live;      /* said so */
	bool owes_revision; /* it is to be told where it is */
	bool is_blocked;    /* no credit */
	uint64_t n_changes; /* of the bucket, when a revision was told last */
};

struct watches {
	struct list hubs;    /* struct hub */
	struct list stirred; /* struct watch: with something to tell */
	uint64_t seen;       /* the revision up to which hubs were told */
	/* What is put together for one reply. */
	Helio__Store__V1__Entry entries[WATCH_ENTRIES_MAX];
	Helio__Store__V1__Entry *shown[WATCH_ENTRIES_MAX];
};

/** Of Watch. */
extern const struct wish_type watch_type;

void watches_init(struct watches *watches);

/** How many there are of a bucket. */
unsigned watches_count(const struct watches *watches,
		       const struct bucket *bucket);
/** That it was dropped is on disk, and it will be freed. */
void watches_dropped(struct watches *watches, const struct bucket *bucket);

/** Tell what is on disk by now. True: there is more to tell at once. */
bool watches_turn(struct service *service);
/** Now and then. */
void watches_tick(struct watches *watches);
void watches_end(struct watches *watches);

/* ---- between the files that are the watch ---- */

/** Something that it watches has changed, after this revision. */
void watch_wake(struct watch *watch, uint64_t before);

/** The same, but some of what has changed is not kept already. */
void watch_lose(struct watch *watch, uint64_t before);

enum watch_outcome {
	WATCH_DONE,    /* nothing more to tell now */
	WATCH_MORE,    /* there may be */
	WATCH_BLOCKED, /* no credit */
	WATCH_LATE,    /* what follows is not kept any more */
	WATCH_BROKEN,  /* no memory */
};

/** One reply. `committed` is the revision up to which may be told. */
enum watch_outcome watch_step(struct watches *watches, struct watch *watch,
			      uint64_t committed);

#endif
