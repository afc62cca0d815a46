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

/* The last change of these from before `revision`, or 0. */
static uint64_t last_before(const struct list *changes, uint64_t revision)
{
	const struct list *link = NULL;
	uint64_t last = 0;

	list_for_each (link, changes) {
		const struct version *version =
			const_container_of(link, struct version, link);

		if (version->revision >= revision)
			break;
		last = version->revision;
	}
	return last;
}

/* How far one can look back with the steps that are kept. */
static uint64_t first_revision_of(const struct bucket *bucket,
				  uint64_t keep_from)
{
	uint64_t last = last_before(&bucket->pending, keep_from);

	if (!last)
		last = last_before(&bucket->changes, keep_from);
	return last ? last : bucket->first_revision;
}

static int add_bucket(const struct bucket *bucket,
		      const struct image_cursor *cursor, struct buffer *out)
{
	Helio__Store__V1__Row row = HELIO__STORE__V1__ROW__INIT;
	Helio__Store__V1__Bucket told;

	bucket_describe(bucket, &told);
	told.revision = bucket->revision;
	told.first_revision = first_revision_of(bucket, cursor->keep_from);
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
		r = add_bucket(bucket, cursor, out);
		if (r < 0)
			return r;
		go_to(cursor, bucket->name);
	}
	return 0;
}

/* ---- keys ---- */

/* Which of a key's versions are told: from `first` on, and from `kept`. */
struct told {
	const struct version
		*first;             /* from before the steps, if there is one */
	const struct version *kept; /* the oldest that `history` keeps */
};

/* What is before a deletion that is not in the steps is forgotten. */
static const struct version *older_than(const struct version *version,
					uint64_t keep_from)
{
	const struct version *older = version->older;

	if (older && !older->value && older->revision < keep_from)
		return NULL;
	return older;
}

static struct told what_to_tell(const struct key *key, uint64_t keep_from)
{
	unsigned history = key->bucket->limits.history;
	const struct version *version = key->newest;
	struct told told = { .kept = version };

	for (unsigned n = 1; version && n < history; n++) {
		version = older_than(version, keep_from);
		if (version)
			told.kept = version;
	}
	version = told.kept;
	while (version && version->revision >= keep_from)
		version = older_than(version, keep_from);
	told.first = version ? version : told.kept;
	return told;
}

/* Else the steps have all of it, or say that it is gone. */
static bool is_to_tell(const struct key *key, const struct image_cursor *cursor)
{
	if (!key->newest->value && key->newest->revision < cursor->keep_from)
		return false;
	return key->is_cut || key->oldest->revision <= cursor->begin;
}

/* As many as go into one row; told.first is the next one then. */
static int add_row(struct told *told, bool is_cut, struct buffer *out)
{
	const struct bucket *bucket = told->first->key->bucket;
	Helio__Store__V1__Versions versions = HELIO__STORE__V1__VERSIONS__INIT;
	Helio__Store__V1__Row row = HELIO__STORE__V1__ROW__INIT;
	Helio__Store__V1__Entry entries[ENTRIES_MAX];
	Helio__Store__V1__Entry *pointers[ENTRIES_MAX];
	size_t n_bytes = 0;
	size_t n = 0;

	while (told->first && n < ENTRIES_MAX && n_bytes < ROW_BYTES) {
		const struct version *version = told->first;

		version_describe(version, false, &entries[n]);
		if (n)
			entries[n].key = NULL;
		pointers[n] = &entries[n];
		n_bytes += version->n_bytes;
		n++;
		told->first = version->revision < told->kept->revision
				      ? told->kept
				      : version->newer;
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
	struct told told = what_to_tell(key, cursor->keep_from);
	const struct version *older = told.first->older;
	bool is_cut =
		key->is_cut || (older && older->revision < cursor->keep_from);
	size_t n_before = out->n;
	int r = 0;

	while (!r && told.first)
		r = add_row(&told, is_cut, out);
	if (r < 0)
		out->n = n_before;
	return r;
}

static const struct key *next_of(const struct key *key)
{
	const struct order_node *node = key ? order_next(&key->node) : NULL;

	return node ? const_container_of(node, struct key, node) : NULL;
}

/* Neighbours stand anywhere: the next three come nearer while this is told. */
static void fetch_ahead(const struct key *key)
{
	const struct key *first = next_of(key);
	const struct key *second = next_of(first);
	const struct key *third = next_of(second);

	if (!third)
		return;
	fetch(third, sizeof(*third));
	fetch(second->newest, VERSION_HOT_BYTES);
	fetch(first->newest->value, VERSION_HOT_BYTES);
}

/* The bucket's keys; 1: all were told. */
static int add_keys_of(const struct bucket *bucket, struct image_cursor *cursor,
		       size_t n_bytes, struct buffer *out)
{
	const struct key_range all = { .key = NULL };
	const struct key *key = bucket_next_key(
		bucket, &all, *cursor->key ? cursor->key : NULL, false);

	while (key && out->n < n_bytes) {
		int r;

		fetch_ahead(key);
		r = is_to_tell(key, cursor) ? add_key(key, cursor, out) : 0;
		if (r < 0)
			return r;
		memcpy(cursor->key, key->text, key->n_bytes + 1);
		key = next_of(key);
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
	r = add_bucket(bucket, cursor, out);
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
