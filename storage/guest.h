/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_GUEST_H
#define STORAGE_GUEST_H

/**
 * Who calls, and how much of the store each of them makes wait. One is known
 * while something of it is there, and for a while afterwards.
 */

#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"

struct helio_message;

enum {
	GUESTS_IDLE_MAX = 4096, /* the oldest goes for a new one */
	/* Of one, at a time: calls that wait, streams among them. */
	GUEST_CALLS_MAX = 8192,
	/* Of one: what of its changes waits for the disk. */
	GUEST_WAITING_BYTES_MAX = 16 * 1024 * 1024,
};

struct guest {
	struct map_node node;
	struct list idle_link; /* in guests.idle when nobody holds it */
	struct guests *guests;
	unsigned n_refs;
	uint64_t n_bytes;       /* that wait for the disk */
	const char *durable_id; /* behind the principal */
	char principal[];
};

struct guests {
	struct map by_name; /* by principal */
	struct guest *last; /* who was asked for last, or NULL */
	struct list idle;   /* the oldest first */
	unsigned n_idle;
	struct hash_key key;
};

/** Returns 0 or a negative errno. */
int guests_init(struct guests *guests);
/** Nobody holds one any more. Safe on a zeroed one. */
void guests_deinit(struct guests *guests);

/** Whose message it is: a new reference, or NULL: no memory. */
struct guest *guest_get(struct guests *guests,
			const struct helio_message *message);
/** Returns NULL. NULL is fine. */
struct guest *guest_put(struct guest *guest);

#endif
