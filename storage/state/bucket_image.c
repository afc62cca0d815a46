/* SPDX-License-Identifier: MIT */

/* Buckets and their keys as rows. */

#include <string.h>

#include "storage/state/draft.h"
#include "storage/state/image.h"
#include "storage/state/key.h"
#include "storage/state/party.h"
#include "storage/state/value.h"

enum {
	ROW_BYTES = 256 * 1024, /* of values; a row has one, or ends with it */
	ENTRIES_MAX = BUCKET_HISTORY_MAX + 1,
};

static int compare_beyond(const void *name, const struct order_node *node)
{
	const struct bucket *bucket =
		const_container_of(node, struct bucket, node);

	return strcmp(name, bucket->name) >= 0 ? 1 : -1;
}

/* Those made since it was begun are in the steps, with all that they have. */
static const struct bucket *bucket_after(const struct state *state,
					 const struct image_cursor *cursor)
{
	struct order_node *node =
		order_seek(&state->buckets, cursor->name, compare_beyond);

	for (; node; node = order_next(node)) {
		const struct bucket *bucket =
			const_container_of(node, struct bucket, node);

		if (bucket->created_revision <= cursor->begin)
			return bucket;
	}
	return NULL;
}

static void go_to(struct image_cursor *cursor, const char *name)
{
	memcpy(cursor->name, name, strlen(name) + 1);
	cursor->key[0] = '\0';
}

static void end_part(struct image_cursor *cursor)
{
	go_to(cursor, "");
	cursor->part =
		cursor->part == IMAGE_BUCKETS ? IMAGE_QUEUES : IMAGE_JOBS;
}

/* ---- buckets ---- */

static int add_bucket(const struct bucket *bucket, struct buffer *out)
{
	Helio__Store__V1__Row row = HELIO__STORE__V1__ROW__INIT;
	Helio__Store__V1__Bucket told;

	bucket_describe(bucket, &told);
	told.revision = bucket->revision;
	told.has_keys = told.has_bytes = false;
	row.what_case = HELIO__STORE__V1__ROW__WHAT_BUCKET;
	row.bucket = &told;
	return image_add(out, &row);
}

static int add_buckets(const struct state *state, struct image_cursor *cursor,
		       size_t n_bytes, struct buffer *out)
{
	while (out->n < n_bytes) {
		const struct bucket *bucket = bucket_after(state, cursor);
		int r;

		if (!bucket) {
			end_part(cursor);
			break;
		}
		r = add_bucket(bucket, out);
		if (r < 0)
			return r;
		go_to(cursor, bucket->name);
	}
	return 0;
}

/* ---- keys ---- */

/* The newest one from before `keep_from`, or the oldest that is kept. */
static const struct version *first_to_tell(const struct key *key,
					   uint64_t keep_from)
{
	const struct version *kept = key->kept_oldest;
	const struct version *version = kept;

	while (version && version->revision >= keep_from)
		version = version->older;
	return version ? version : kept;
}

/* Else the steps have all of it, or say that it is gone. */
static bool is_to_tell(const struct key *key, const struct image_cursor *cursor)
{
	if (!key->newest->value && key->newest->revision < cursor->keep_from)
		return false;
	return key->is_cut || key->oldest->revision <= cursor->begin;
}

/* Those between it and what is kept are in the steps. */
static const struct version *next_to_tell(const struct version *version)
{
	const struct version *kept = version->key->kept_oldest;

	return version->revision < kept->revision ? kept : version->newer;
}

/* From *version on, as many as go into one row; then it is the next one. */
static int add_row(const struct version **version, bool is_cut,
		   struct buffer *out)
{
	const struct bucket *bucket = (*version)->key->bucket;
	Helio__Store__V1__Versions versions = HELIO__STORE__V1__VERSIONS__INIT;
	Helio__Store__V1__Row row = HELIO__STORE__V1__ROW__INIT;
	Helio__Store__V1__Entry entries[ENTRIES_MAX];
	Helio__Store__V1__Entry *pointers[ENTRIES_MAX];
	size_t n_bytes = 0;
	size_t n = 0;

	while (*version && n < ENTRIES_MAX && n_bytes < ROW_BYTES) {
		version_describe(*version, false, &entries[n]);
		if (n)
			entries[n].key = NULL;
		pointers[n] = &entries[n];
		n_bytes += version_bytes(*version);
		n++;
		*version = next_to_tell(*version);
	}
	versions.bucket = draft_text(bucket->name);
	versions.entries = pointers;
	versions.n_entries = n;
	versions.has_is_cut = versions.is_cut = is_cut;
	row.what_case = HELIO__STORE__V1__ROW__WHAT_VERSIONS;
	row.versions = &versions;
	return image_add(out, &row);
}

/* All of it or nothing. */
static int add_key(const struct key *key, const struct image_cursor *cursor,
		   struct buffer *out)
{
	const struct version *version = first_to_tell(key, cursor->keep_from);
	const struct version *older = version->older;
	bool is_cut =
		key->is_cut || (older && older->revision < cursor->keep_from);
	size_t n_before = out->n;
	int r = 0;

	while (!r && version)
		r = add_row(&version, is_cut, out);
	if (r < 0)
		out->n = n_before;
	return r;
}

/* The bucket's keys; 1: all were told. */
static int add_keys_of(const struct bucket *bucket, struct image_cursor *cursor,
		       size_t n_bytes, struct buffer *out)
{
	const struct key_range all = { NULL };
	const struct key *key = bucket_next_key(
		bucket, &all, *cursor->key ? cursor->key : NULL, false);
	struct order_node *node;

	while (key && out->n < n_bytes) {
		int r = is_to_tell(key, cursor) ? add_key(key, cursor, out) : 0;

		if (r < 0)
			return r;
		memcpy(cursor->key, key->text, key->n_bytes + 1);
		node = order_next(&key->node);
		key = node ? const_container_of(node, struct key, node) : NULL;
	}
	return !key;
}

/*
 * The bucket is told once more after its keys: how far one can look back may
 * have changed while they were told. 1: all was told.
 */
static int add_content(const struct state *state, struct image_cursor *cursor,
		       size_t n_bytes, struct buffer *out)
{
	const struct bucket *bucket = bucket_lookup(state, cursor->name);
	int r;

	if (!bucket || bucket->created_revision > cursor->begin)
		return 1;
	r = add_keys_of(bucket, cursor, n_bytes, out);
	if (r <= 0)
		return r;
	r = add_bucket(bucket, out);
	return r < 0 ? r : 1;
}

static int add_contents(const struct state *state, struct image_cursor *cursor,
			size_t n_bytes, struct buffer *out)
{
	while (out->n < n_bytes) {
		int r = add_content(state, cursor, n_bytes, out);
		const struct bucket *bucket;

		if (r <= 0)
			return r;
		bucket = bucket_after(state, cursor);
		if (!bucket) {
			end_part(cursor);
			break;
		}
		go_to(cursor, bucket->name);
	}
	return 0;
}

int bucket_image(const struct state *state, struct image_cursor *cursor,
		 size_t n_bytes, struct buffer *out)
{
	if (cursor->part == IMAGE_BUCKETS)
		return add_buckets(state, cursor, n_bytes, out);
	return add_contents(state, cursor, n_bytes, out);
}
