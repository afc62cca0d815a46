/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_JUDGE_WRITE_H
#define STORAGE_STATE_JUDGE_WRITE_H

/**
 * Writing to buckets, as the judges have it in common. What returns a status
 * has given the reason if it is not OK.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/state/judge.h"

struct bucket;
struct key;

/** A write that is wanted, and what it is about. */
struct judged_write {
	const struct bucket *bucket;
	const struct key *key;            /* NULL: there never was one */
	const char *text;                 /* of the key */
	const ProtobufCBinaryData *value; /* NULL: it is to be deleted */
	uint64_t ttl_ms;
	bool has_ttl;
};

/** More keys and bytes in a bucket. */
struct judged_growth {
	const struct bucket *bucket;
	int64_t n_keys;
	int64_t n_bytes;
};

unsigned judge_name(const char *name, struct judgement *out);
/** A bucket by a name that a stranger chose, or NULL. */
unsigned judge_find_bucket(const struct draft *draft, const char *name,
			   const struct bucket **ret_bucket,
			   struct judgement *out);
/** A key; *ret_key may be NULL. */
unsigned judge_find_key(const struct draft *draft, const char *bucket,
			const char *key, const struct bucket **ret_bucket,
			const struct key **ret_key, struct judgement *out);
/** The revision of a key that is there, or 0. `key` may be NULL. */
uint64_t judge_revision_of(const struct key *key);
/** That it has this revision. */
unsigned judge_revision(const struct bucket *bucket, const char *text,
			const struct key *key, uint64_t revision,
			struct judgement *out);

/** How the bucket grows by it, added to `growth`. */
void judge_grow(const struct judged_write *write, struct judged_growth *growth);
/** Its value. */
unsigned judge_value(const struct judged_write *write, struct judgement *out);
/** The bucket's quotas. */
unsigned judge_growth(const struct judged_growth *growth,
		      struct judgement *out);
/** What its version will be charged. */
uint64_t judge_write_bytes(const struct judged_write *write);
/** Put it into the draft, if it changes anything. */
unsigned judge_draft_write(struct draft *draft,
			   const struct judged_write *write,
			   struct judgement *out);

#endif
