/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_KEY_H
#define STORAGE_STATE_KEY_H

/** Keys of a bucket and their versions, for the files that are buckets. */

#include "base/fetch.h"
#include "storage/state/bucket.h"

/** Of a version, what is looked at with every put. */
enum { VERSION_HOT_BYTES = 2 * FETCH_LINE_BYTES };

/** Of a key, the same. */
static inline void key_fetch(const struct key *key)
{
	fetch(&key->expires_unix_ms,
	      sizeof(*key) - offsetof(struct key, expires_unix_ms));
}

/** A new one with no version, in the bucket; or NULL: no memory. */
struct key *key_new(struct bucket *bucket, const char *text);
/** With all its versions, none of which is in the window. */
void key_free(struct key *key);
/** The same of a bucket that is no more. Returns how many versions it had. */
size_t key_destroy(struct key *key);

/** It is the newest of its key, and counts. */
void key_push(struct key *key, struct version *version);
/** The newest one is its key's no more, which may have none then. */
void key_pop(struct key *key);
/** It was there between the two, on disk. `older` may be NULL. */
void key_insert(struct key *key, struct version *older, struct version *version,
		struct version *newer);
/** Free the versions that need not be kept. */
void key_trim(struct key *key);
/** Free this version, which is on disk, and all before it; and the key, if it
 * has no others. */
void key_forget(struct key *key, const struct version *version);

/** Whether this can be one. */
bool version_is_fit(const Helio__Store__V1__Entry *entry);
/** Of a step's entry, for no key yet; NULL: no memory. */
struct version *version_new(struct state *state,
			    const Helio__Store__V1__Step *step,
			    const Helio__Store__V1__Entry *entry);
/** Returns NULL. NULL is fine. */
struct version *version_free(struct state *state, struct version *version);
/** It is on disk, and comes into the window, if it is not before that. */
void version_enter_window(struct version *version);

#endif
