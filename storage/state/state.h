/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_STATE_H
#define STORAGE_STATE_STATE_H

/**
 * All that a store knows, in memory: buckets, queues, messages that are to
 * leave. It knows neither the disk nor the bus, and no clock.
 *
 * It changes by steps (journal.proto), one for each transaction, and by nothing
 * else; the same steps make the same state. A request is judged against what
 * all steps so far have made, on disk or not (storage/state/judge.h), and
 * becomes a step. Readers see what is on disk: a step is applied when it is
 * made, and committed once it was written; one that could not be written is
 * taken back.
 *
 *	request -> judge -> step -> state_apply() -> [disk] -> state_commit()
 *	                                                  `--> state_revert()
 *
 * One thread uses it. Times are in milliseconds since 1970 and never run
 * backwards: `now` is at least state.unix_ms.
 */

#include <helio/store/v1/journal.pb-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/order.h"
#include "base/spare.h"
#include "storage/state/undo.h"

struct bucket;
struct party;
struct queue;

enum {
	STATE_NAME_MAX_BYTES = 64, /* of a bucket or a queue */
	STATE_BUCKETS_MAX = 1024,
	STATE_QUEUES_MAX = 1024,
	STATE_OUTGOING_MAX = 65536, /* messages that have not left */
	STATE_PARTY_OUTGOING_MAX = STATE_OUTGOING_MAX / 4, /* of a durable id */
	STATE_KEY_MAPS = 256,
	STATE_SPARES_MAX = 1024,
};

struct state_limits {
	uint64_t bytes_max;        /* of all; 0: 1 GiB */
	uint64_t party_bytes_max;  /* of what one durable id wrote, submitted
				    * or sends; 0: 256 MiB */
	unsigned party_things_max; /* buckets and queues; 0: 64 */
};

/**
 * The key that was looked for last. Who changes one looks for it several times:
 * for it to be fetched, to judge by it, to change it.
 */
struct key_search {
	const struct bucket *bucket; /* NULL: none was; it may be gone */
	uint64_t hash;
	struct key *key; /* NULL: it was not found, or not yet */
	size_t n_bytes;
	char text[512];
};

struct state {
	struct state_limits limits;
	uint64_t revision;  /* of the last step applied */
	uint64_t committed; /* of the last one on disk */
	uint64_t unix_ms;   /* of the last step applied */
	uint64_t next_job;
	uint64_t next_outgoing;
	char id[33]; /* of the store, in keys of messages; the service sets it
		      */
	uint64_t n_bytes; /* what all of it is charged */

	struct hash_key key;
	struct map parties; /* storage/state/party.h */
	struct map accounts;
	struct party *last_party; /* who was asked for last; no reference */
	struct order buckets;     /* struct bucket, by name */
	/* struct key, by bucket and text. Many maps, for none of them to take
	 * long when it grows. */
	struct map keys[STATE_KEY_MAPS];
	struct key_search search;
	struct order queues;  /* struct queue, by name */
	struct order waking;  /* struct queue, by when something is due */
	struct list outgoing; /* struct outgoing, by number */
	size_t n_outgoing;
	struct map outgoing_numbers;
	struct order expiring; /* struct bucket, by its first key that ends */
	struct list dropped; /* struct bucket, of which there is more to free */
	struct list dropped_queues; /* struct queue, the same */

	/* As many as one batch comes and goes with. */
	struct spares spare_versions, spare_steps;

	struct list undos; /* of the steps that are not committed, in order */
	struct undo_step *applying; /* the last of them, while it is applied */
	/* Told of every step once it is committed; may be NULL. */
	void (*on_committed)(struct state *state, uint64_t revision);
	/* Told of a bucket whose drop is committed: whoever watches it is to be
	 * unlinked now, for it is freed. May be NULL. */
	void (*on_dropped)(struct state *state, struct bucket *bucket);
	/* Of a queue: whoever waits there, or follows a job, the same. */
	void (*on_queue_dropped)(struct state *state, struct queue *queue);

	uint64_t keep_from; /* while it is read from disk: see image.h */
	uint64_t loaded;    /* the last step that was read */
};

/** A message that is to leave. */
struct outgoing {
	struct list link;
	struct map_node node; /* in state.outgoing_numbers */
	struct undo undo, sent_undo;
	uint64_t number;
	uint64_t revision; /* of the step that has it */
	bool is_taken;     /* whoever sends has it in hand */
	bool is_sent;      /* a step says so, which may not be on disk yet */
	size_t n_bytes;
	struct party *party;
	Helio__Store__V1__Message *message; /* unpacked */
	char key[64];
};

/** Whether this is a name of a bucket or a queue. */
bool state_is_name(const char *name);
/** Whether it is UTF-8 of 1 to `n_max` bytes without control characters. */
bool state_is_key(const char *key, size_t n_max);

/** Returns 0 or -ENOMEM. Limits may be NULL. */
int state_init(struct state *state, const struct state_limits *limits);
/** Frees all of it. Safe on a zeroed one. */
void state_deinit(struct state *state);

/**
 * Apply a step that was judged: its revision is the next. -ENOMEM: nothing was
 * changed. -EBADMSG: it does not fit to what is there, and nothing was changed.
 */
int state_apply(struct state *state, const Helio__Store__V1__Step *step);
/** All steps up to this revision are on disk. */
void state_commit(struct state *state, uint64_t revision);
/**
 * Free up to `n_max` versions, and jobs, of buckets and queues that were
 * dropped; true: there are more. state_commit() frees some, so this is for who
 * has nothing else to do.
 */
bool state_sweep(struct state *state, size_t n_max);
/** Take back all steps after the last one that is committed. */
void state_revert(struct state *state);

/**
 * The first step that the windows of all buckets have in them: so far back the
 * journal is to be kept, if it is to be as good after a restart. UINT64_MAX:
 * none.
 */
uint64_t state_keep_from(const struct state *state);

/* When it is read from the disk (storage/disk): see storage/state/image.h. */

/* ---- time ---- */

/**
 * When the first thing falls due: a key or a lease that is over, a job whose
 * time to begin or to be given up has come, one that is to be forgotten.
 * UINT64_MAX: nothing does. It may be told too early: state_draft_due() finds
 * nothing then, and it is right again.
 */
uint64_t state_due(const struct state *state);

struct draft;
/**
 * Put what is due by `now` into the draft, at most `n_max` changes; 1: there
 * may be more. Jobs that may begin now are ready afterwards without a change.
 * Returns 0, 1 or -ENOMEM.
 */
int state_draft_due(struct state *state, uint64_t now, size_t n_max,
		    struct draft *draft);

/* ---- for tests ---- */

/**
 * All of it as lines of text, in an order of its own: equal states, equal
 * texts. Freed by the caller. NULL: no memory. `is_committed_only`: as readers
 * see it, queues left out.
 */
char *state_dump(const struct state *state, bool is_committed_only);

/* ---- between the files that are the state ---- */

/** One change, all of it or nothing. 0, -ENOMEM or -EBADMSG. */
int state_apply_change(struct state *state, const Helio__Store__V1__Step *step,
		       const Helio__Store__V1__Change *change);

/** What one is charged. */
size_t outgoing_bytes(const Helio__Store__V1__Message *message);
int outgoing_apply(struct state *state, const Helio__Store__V1__Outgoing *in,
		   uint64_t revision);
int outgoing_apply_sent(struct state *state, uint64_t number);
int outgoing_apply_key(struct state *state,
		       const Helio__Store__V1__OutgoingKey *in);
/** NULL: there is none. */
struct outgoing *outgoing_lookup(const struct state *state, uint64_t number);
void outgoing_free_all(struct state *state);

#endif
