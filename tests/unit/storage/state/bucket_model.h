/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_STORAGE_STATE_BUCKET_MODEL_H
#define TESTS_UNIT_STORAGE_STATE_BUCKET_MODEL_H

/**
 * Buckets as a flat list of all that was ever written, with nothing forgotten.
 * What is asked of it is found by looking at all of it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_FOR_EVER UINT64_MAX

/** A bucket, from its creation to its drop. */
struct model_bucket {
	char name[8];
	uint64_t created;
	uint64_t dropped; /* or MODEL_FOR_EVER */
	uint64_t window_bytes;
	unsigned history;
	uint64_t bytes_max;
	uint64_t keys_max;
	uint64_t ttl_ms;
	bool was_changed; /* its window or history */
};

struct model_version {
	size_t bucket; /* index */
	char key[16];
	uint64_t revision;
	uint64_t created;
	uint64_t unix_ms;
	uint64_t expires; /* 0: never */
	bool is_deleted;
	bool is_expired;
	uint64_t value; /* the number of which it is made */
	size_t n_value;
};

/** What a bucket was before it was changed. */
struct model_change {
	size_t bucket;
	uint64_t revision;
	struct model_bucket before;
};

struct model {
	struct model_bucket *buckets;
	size_t n_buckets, n_buckets_max;
	struct model_version *versions; /* in the order of their making */
	size_t n_versions, n_versions_max;
	struct model_change *changes;
	size_t n_changes, n_changes_max;
	uint64_t committed;
};

void model_deinit(struct model *model);

/** Index of the one that is there, or -1. */
int model_find(const struct model *model, const char *name);
/** A new one. */
struct model_bucket *model_create(struct model *model, const char *name,
				  uint64_t revision);
void model_change(struct model *model, int bucket, uint64_t revision,
		  unsigned history, uint64_t window_bytes);
/** One more; its created, if it is no deletion, is found out. */
void model_write(struct model *model, const struct model_version *version);
/** Nothing after this revision was. */
void model_truncate(struct model *model, uint64_t revision);

/** The newest of a key that is not after `revision`, or NULL. */
const struct model_version *model_at(const struct model *model, int bucket,
				     const char *key, uint64_t revision);
/** The revision of the key that is there, or 0. */
uint64_t model_revision(const struct model *model, int bucket, const char *key);
uint64_t model_n_present(const struct model *model, int bucket);
/** What of present keys is charged, if `history` is 1. */
uint64_t model_bytes(const struct model *model, int bucket);
uint64_t model_version_bytes(const struct model_version *version);
/** How far one can look back, by the sizes of what is committed. */
uint64_t model_first(const struct model *model, int bucket);
/** When the first key ends. */
uint64_t model_due(const struct model *model);

/** The bytes of a value. */
void model_value(uint64_t value, size_t n, char *bytes);

#endif
