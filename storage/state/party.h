/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_PARTY_H
#define STORAGE_STATE_PARTY_H

/**
 * Who wrote, submitted or works, each kept once. What they have here is charged
 * to their account, which is a durable id's: it outlives a life of the
 * principal, and its names.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/map.h"

struct state;

struct account {
	struct map_node node; /* in state.accounts */
	uint64_t n_refs;
	uint64_t n_bytes;  /* of versions, jobs and messages */
	uint64_t n_jobs;   /* not ended, of all queues */
	size_t n_outgoing; /* messages that have not left */
	unsigned n_things; /* buckets and queues */
	char durable_id[];
};

struct party {
	struct map_node node; /* in state.parties */
	uint64_t n_refs;
	struct account *account;
	char principal[];
};

/** A new reference, or NULL: no memory. */
struct party *party_get(struct state *state, const char *principal,
			const char *durable_id);
struct party *party_ref(struct party *party);
/** Returns NULL. NULL is fine. */
struct party *party_unref(struct state *state, struct party *party);

/** The account of a durable id, or NULL: it has nothing here. No reference. */
struct account *account_lookup(const struct state *state,
			       const char *durable_id);

/** More, or less, is charged to its account, and to the state. */
void party_charge(struct state *state, struct party *party, int64_t n_bytes);

#endif
