/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_BUCKET_H
#define STORAGE_STATE_BUCKET_H

/**
 * Buckets: keys in order, versions of each, and the newest changes of a bucket
 * in the order in which they were made: its window.
 *
 * A version is kept while it is not on disk, or the newest that is; while it is
 * one of as many as the bucket's `history` says; and while it or the next newer
 * one is in the window, so that one can read as of any revision since
 * first_revision. A version that says that its key was deleted goes when it
 * leaves the window, with all that was before it. A smaller `history` holds for
 * a key from its next change on.
 *
 * All that reads takes the revision as of which it is to be: state.committed
 * or one before it. Reading changes nothing.
 */

#include <helio/store/v1/journal.pb-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/order.h"
#include "storage/state/undo.h"

struct draft;
struct party;
struct state;
struct value;

enum {
	BUCKET_HISTORY_MAX = 64,
	BUCKET_KEY_MAX_BYTES = 512,
	BUCKET_VALUE_MAX_BYTES = 1024 * 1024,
	BUCKET_WINDOW_MAX_BYTES = 64 * 1024 * 1024,
	/* What a version is charged beside the bytes of its key and value. */
	BUCKET_VERSION_BYTES = 224,
};

/* What every put touches stands together, in both of these. */
struct version {
	struct version *older; /* of its key, or NULL */
	struct version *newer; /* which may not be on disk yet */
	struct key *key;
	struct value *value; /* NULL: deleted */
	uint64_t revision;
	struct list link; /* in bucket.pending or bucket.changes */
	uint32_t n_bytes; /* that it is charged */
	/* Versions that `history` has let go for it, to take it back. */
	uint32_t n_outdated;
	struct party *writer;      /* NULL: the store, for it was expired */
	uint64_t created_revision; /* of the life that it ends, if deleted */
	uint64_t unix_ms;
	uint64_t expires_unix_ms; /* 0: never */
	struct undo undo;
	uint64_t bucket_revision_before;
};

struct key {
	struct order_node expiry_node; /* in bucket.expiring, by that time */
	struct order_node node;        /* in bucket.keys */
	uint64_t expires_unix_ms;      /* 0: never, and not in there */
	struct version *oldest;
	struct version *on_disk; /* the newest that is, or NULL */
	/* Of all versions that are applied: the oldest that `history` keeps,
	 * how many it keeps, and their bytes. */
	struct version *kept_oldest;
	uint32_t n_kept, n_kept_bytes;
	uint32_t n_on_disk; /* versions */
	bool is_cut;        /* versions older than the oldest were removed */
	struct version *newest; /* may not be on disk yet */
	struct bucket *bucket;
	struct map_node map_node; /* in state.keys */
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

/** Of a configuration, which may be NULL. What is out of range is brought in.
 */
struct bucket_limits bucket_limits_of(
	const Helio__Store__V1__BucketConfig *config);
bool bucket_limits_equal(const struct bucket_limits *a,
			 const struct bucket_limits *b);

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
	struct list changes;     /* struct version, of the window, in order */
	struct list pending;     /* struct version, not on disk yet, in order */
	uint64_t n_present;      /* keys that are there, by the newest */
	uint64_t n_bytes;        /* of all versions that are in memory */
	uint64_t n_kept_bytes;   /* of present keys, as `history` keeps them */
	uint64_t n_window_bytes;
	/* As it is on disk. */
	struct bucket_limits limits_on_disk;
	uint64_t revision_on_disk;

	struct order_node expiry_node; /* in state.expiring, if there is one */
	struct order expiring;         /* struct key, by when it ends */
	uint64_t first_expiry;         /* of the first of them */

	struct undo created, dropped;
	struct list dropped_link; /* in state.dropped */
	struct list watches;      /* the service's: told of news, see below */
	uint64_t n_committed_changes; /* grows; for who wants to see news */
};

/** Committed or not; NULL: there is none. A dropped one is gone at once. */
struct bucket *bucket_lookup(const struct state *state, const char *name);

/** Whether it is one of a key: see state_is_key(). */
bool bucket_is_key(const char *key);

struct key *bucket_key(const struct bucket *bucket, const char *text);
/** It will be looked for soon. Both may be anything, or NULL. */
void bucket_fetch_key(const struct state *state, const char *bucket,
		      const char *text);

/**
 * The version of a key as of a revision, also one that says that it was
 * deleted. NULL: it had none then. -ERANGE in *ret_error (else 0): what it was
 * is not kept any more. That may be asked of a bucket alone, for all its keys.
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
 * The first change after this revision that is on disk, or NULL; version_next()
 * goes on. -ERANGE in *ret_error: they are not all kept. Those of one revision
 * come in the order of their transaction.
 */
const struct version *bucket_changes_after(const struct bucket *bucket,
					   uint64_t revision, int *ret_error);
/** The change after this one that is not later than `revision`, or NULL. */
const struct version *version_next(const struct version *version,
				   uint64_t revision);

/** As it is told. Points into `version`, which must stay. */
void version_describe(const struct version *version, bool keys_only,
		      Helio__Store__V1__Entry *ret_entry);
/** But for its watches, which the service counts. */
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
/** Returns 0 or -ENOMEM. */
int bucket_init_all(struct state *state);
/** As state_sweep(). */
bool bucket_sweep(struct state *state, size_t n_max);
void bucket_free_all(struct state *state);
/** When the first key of any bucket ends; UINT64_MAX: none does. */
uint64_t bucket_due(const struct state *state);
int bucket_draft_due(struct state *state, uint64_t now, size_t n_max,
		     struct draft *draft);

/* ---- between the files that are buckets: see also key.h ---- */

/** A new one that is not in the state yet, or NULL: no memory. */
struct bucket *bucket_new(struct state *state, const char *name,
			  const Helio__Store__V1__BucketConfig *config);
/** NULL: no memory; of NULL it is one in which nothing is said. */
Helio__Store__V1__BucketConfig *bucket_copy_config(
	const Helio__Store__V1__BucketConfig *config);
/** Without a key, and not in the state. Returns NULL; NULL is fine. */
struct bucket *bucket_free(struct bucket *bucket);
/** In the state, or out of it, with all its keys. */
void bucket_enter(struct bucket *bucket);
void bucket_leave(struct bucket *bucket);
/** The first of its keys that end may be another one. */
void bucket_place_expiry(struct bucket *bucket);
/** A step that was known to be on disk has changed it. */
void bucket_has_changed(struct bucket *bucket, uint64_t revision);
/** The window is no larger than it may be. */
void bucket_trim_window(struct bucket *bucket);

#endif
