/* SPDX-License-Identifier: MIT */

/* Buckets and their keys of rows, and of steps that these may have seen. */

#include <errno.h>
#include <string.h>

#include "storage/state/image.h"
#include "storage/state/key.h"
#include "storage/state/party.h"

typedef const Helio__Store__V1__Step step_type;

/* ---- buckets ---- */

/* It was told before its keys, and is told again after them. */
static int load_again(struct bucket *bucket,
		      const Helio__Store__V1__Bucket *row)
{
	if (bucket->created_revision != row->created_revision)
		return -EBADMSG;
	if (bucket->first_revision < row->first_revision)
		bucket->first_revision = row->first_revision;
	return 0;
}

int bucket_load(struct state *state, const Helio__Store__V1__Bucket *row)
{
	const char *id = row->owner_durable_id ? row->owner_durable_id : "";
	struct bucket *bucket;

	if (!row->name || !state_is_name(row->name) ||
	    row->created_revision > row->revision ||
	    row->created_revision > row->first_revision ||
	    row->first_revision > row->revision)
		return -EBADMSG;
	bucket = bucket_lookup(state, row->name);
	if (bucket)
		return load_again(bucket, row);
	bucket = bucket_new(state, row->name, row->config);
	if (!bucket)
		return -ENOMEM;
	if (row->owner)
		bucket->owner = party_get(state, row->owner, id);
	if (row->owner && !bucket->owner) {
		bucket_free(bucket);
		return -ENOMEM;
	}
	bucket->created_revision = row->created_revision;
	bucket->first_revision = row->first_revision;
	bucket->revision = row->revision;
	bucket->revision_on_disk = row->revision;
	bucket_enter(bucket);
	return 0;
}

/* True: it is about another bucket of this name, or one that is gone. */
static bool is_of_another(const struct bucket *bucket, step_type *step)
{
	return !bucket || bucket->created_revision > step->revision;
}

int bucket_load_set(struct state *state, const Helio__Store__V1__Step *step,
		    const Helio__Store__V1__Bucket *change)
{
	const struct bucket *bucket =
		change->name ? bucket_lookup(state, change->name) : NULL;

	if (bucket && bucket->revision >= step->revision)
		return 0;
	return bucket_apply_set(state, step, change);
}

int bucket_load_drop(struct state *state, const Helio__Store__V1__Step *step,
		     const char *name)
{
	if (is_of_another(name ? bucket_lookup(state, name) : NULL, step))
		return 0;
	return bucket_apply_drop(state, step, name);
}

/* ---- versions of rows ---- */

static int load_entry(struct key *key, const Helio__Store__V1__Entry *entry)
{
	const Helio__Store__V1__Step step = {
		.revision = entry->revision,
		.unix_ms = entry->unix_ms,
		.principal = entry->writer,
		.durable_id = entry->writer_durable_id,
	};
	struct version *version;

	if (key->newest && key->newest->revision >= entry->revision)
		return -EBADMSG;
	version = version_new(key->bucket->state, &step, entry);
	if (!version)
		return -ENOMEM;
	version->created_revision = entry->created_revision;
	key_push(key, version);
	key->on_disk = version;
	key->n_on_disk++;
	return 0;
}

static bool is_row_fit(const Helio__Store__V1__Versions *row)
{
	if (!row->bucket || !row->n_entries || !row->entries[0]->key)
		return false;
	for (size_t i = 0; i < row->n_entries; i++) {
		Helio__Store__V1__Entry entry = *row->entries[i];

		if (!entry.key)
			entry.key = row->entries[0]->key;
		if (!version_is_fit(&entry) ||
		    strcmp(entry.key, row->entries[0]->key) != 0 ||
		    !entry.revision || entry.created_revision > entry.revision)
			return false;
	}
	return true;
}

int bucket_load_versions(struct state *state,
			 const Helio__Store__V1__Versions *row)
{
	struct bucket *bucket;
	struct key *key;
	int r = 0;

	if (!is_row_fit(row))
		return -EBADMSG;
	bucket = bucket_lookup(state, row->bucket);
	if (!bucket)
		return -EBADMSG;
	key = bucket_key(bucket, row->entries[0]->key);
	if (!key)
		key = key_new(bucket, row->entries[0]->key);
	if (!key)
		return -ENOMEM;
	key->is_cut = key->is_cut || row->is_cut;
	for (size_t i = 0; !r && i < row->n_entries; i++)
		r = load_entry(key, row->entries[i]);
	if (!key->newest)
		key_free(key);
	return r;
}

/* ---- versions of steps ---- */

/* One that was there between two that are known. */
static int insert(struct key *key, struct version *older, struct version *newer,
		  step_type *step, const Helio__Store__V1__Entry *entry)
{
	struct version *version = version_new(key->bucket->state, step, entry);

	if (!version)
		return -ENOMEM;
	version->created_revision = entry->created_revision
					    ? entry->created_revision
					    : step->revision;
	key_insert(key, older, version, newer);
	version_enter_window(version);
	return 0;
}

/* The key's row, or a step, has told of this one, or of newer ones. */
static int load_known(struct key *key, step_type *step,
		      const Helio__Store__V1__Entry *entry)
{
	struct version *version = key->newest;
	struct version *newer = NULL;

	for (; version && version->revision > step->revision;
	     version = version->older)
		newer = version;
	if (!version || version->revision < step->revision)
		return insert(key, version, newer, step, entry);
	if (list_is_linked(&version->link))
		return -EBADMSG;
	version_enter_window(version);
	return 0;
}

int bucket_load_version(struct state *state, const Helio__Store__V1__Step *step,
			const Helio__Store__V1__Version *change, bool is_past)
{
	const Helio__Store__V1__Entry *entry = change->entry;
	struct bucket *bucket =
		change->bucket ? bucket_lookup(state, change->bucket) : NULL;
	struct key *key;
	int r;

	if (!change->bucket || !version_is_fit(entry))
		return -EBADMSG;
	if (is_of_another(bucket, step))
		return 0;
	key = bucket_key(bucket, entry->key);
	if (key && key->newest->revision >= step->revision) {
		r = load_known(key, step, entry);
		bucket_has_changed(bucket, step->revision);
		bucket_trim_window(bucket);
		return r;
	}
	if (is_past)
		return key ? -EBADMSG : 0;
	if (entry->is_deleted && (!key || !key->newest->value))
		return 0;
	return bucket_apply_version(state, step, change);
}
