/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_BUCKET_H
#define STORAGE_STATE_BUCKET_H

/**
 * Buckets: keys in order, versions of each, and all changes of a bucket in the
 * order in which they were made.
 *
 * A version is kept while it is the newest, or the newest of those on disk; one
 * of as many as the bucket's `history` says; or one of the changes of the
 * bucket's window. What is not kept was removed from the old end of the
 * changes, and first_revision tells how far one can look back.
 *
 * All that reads takes the revision as of which it is to be: state.committed
 * or one before it. Reading changes nothing.
 */

#include <helio/store/v1/journal.pb-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/order.h"

struct party;
struct state;
struct value;

enum {
	BUCKET_HISTORY_MAX = 64,
	BUCKET_KEY_MAX_BYTES = 512,
	BUCKET_VALUE_MAX_BYTES = 1024 * 1024,
	/* What a version and a key are charged beside their bytes. */
	BUCKET_VERSION_BYTES = 96,
	BUCKET_KEY_BYTES = 128,
};

struct version {
	struct version *older; /* of its key, or NULL */
	struct list link;      /* in bucket.changes, by revision */
	struct key *key;
	struct value *value;  /* NULL: deleted */
	struct party *writer; /* NULL: the store, for it was expired */
	uint64_t revision;
	uint64_t unix_ms;
	uint64_t created_revision;
	uint64_t expires_unix_ms; /* 0: never */
	bool is_in_window;
};

struct key {
	struct order_node node;        /* in bucket.keys */
	struct order_node expiry_node; /* in state.expiring, if it is there */
	struct bucket *bucket;
	struct version *newest; /* may not be on disk yet */
	bool is_expiring;
	bool is_cut; /* versions older than the oldest were removed */
	uint16_t n_bytes;
	char text[]; /* terminated */
};

/** What is asked for, filled from BucketConfig: nothing is 0 but ttl_ms. */
struct bucket_limits {
	unsigned history;
	uint64_t ttl_ms; /* 0: none */
	uint64_t bytes_max;
	uint64_t keys_max;
	uint64_t value_max;
	uint64_t window_bytes;
};

struct bucket {
	struct order_node node; /* in state.buckets */
	struct state *state;
	char name[65];
	Helio__Store__V1__BucketConfig *config; /* as it was given */
	struct bucket_limits limits;
	struct party *owner; /* who created it */
	uint64_t created_revision;
	uint64_t revision;       /* of the last step that changed it */
	uint64_t first_revision; /* one can look back as far as this */
	struct order keys;       /* struct key */
	struct list changes;     /* struct version, all of them, by revision */
	uint64_t n_present;      /* keys that are there, by the newest */
	uint64_t n_bytes;        /* charged, the past included */
	uint64_t n_window_bytes;
	struct list watches; /* the service's: told of news, see below */
	uint64_t n_committed_changes; /* grows; for who wants to see news */
};

/** Committed or not; NULL: there is none. A dropped one is gone at once. */
struct bucket *bucket_lookup(const struct state *state, const char *name);

/** Whether this is a name of a bucket or a queue. */
bool state_is_name(const char *name);
/** Whether it is one of a key: UTF-8, no control characters, not too long. */
bool bucket_is_key(const char *key);

struct key *bucket_key(const struct bucket *bucket, const char *key);

/**
 * The version of a key as of a revision, also one that says that it was
 * deleted. NULL: it had none then. -ERANGE in *ret_error (else 0): what it was
 * is not kept any more.
 */
const struct version *key_at(const struct key *key, uint64_t revision,
			     int *ret_error);

/** Which keys; all members may be NULL. */
struct key_range {
	const char *key;    /* this one alone */
	const char *prefix; /* those that begin so */
	const char *from;   /* from this one on */
	const char *until;  /* up to, and without, this one */
};

bool key_range_has(const struct key_range *range, const struct key *key);

/**
 * The first key of the range (the last one, `reverse`) that comes after
 * `after` (before it), which may not be there and may be NULL: from the end.
 * Keys of which nothing is there as of some revision are told as well.
 */
struct key *bucket_next_key(const struct bucket *bucket,
			    const struct key_range *range, const char *after,
			    bool reverse);

/**
 * The first change after this revision, or NULL; list_next in bucket.changes
 * goes on, up to state.committed. -ERANGE in *ret_error: they are not all kept.
 */
const struct version *bucket_changes_after(const struct bucket *bucket,
					   uint64_t revision, int *ret_error);
/** The change after this one that is not later than `revision`, or NULL. */
const struct version *version_next(const struct version *version,
				   uint64_t revision);

/** As it is told. Points into `version`, which must stay. */
void version_describe(const struct version *version, bool keys_only,
		      Helio__Store__V1__Entry *ret_entry);
void bucket_describe(const struct bucket *bucket,
		     Helio__Store__V1__Bucket *ret_bucket);

/* ---- between the files that are the state ---- */

int bucket_apply_set(struct state *state, const Helio__Store__V1__Step *step,
		     const Helio__Store__V1__Bucket *change);
int bucket_apply_drop(struct state *state, const Helio__Store__V1__Step *step,
		      const char *name);
int bucket_apply_version(struct state *state,
			 const Helio__Store__V1__Step *step,
			 const Helio__Store__V1__Version *change);
void bucket_free_all(struct state *state);

#endif
