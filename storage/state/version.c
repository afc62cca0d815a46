/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <string.h>

#include "storage/state/key.h"
#include "storage/state/party.h"
#include "storage/state/state.h"
#include "storage/state/value.h"

bool version_is_fit(const Helio__Store__V1__Entry *entry)
{
	if (!entry || !entry->key || !*entry->key ||
	    strlen(entry->key) > BUCKET_KEY_MAX_BYTES)
		return false;
	return entry->has_value
		       ? !entry->is_deleted &&
				 entry->value.len <= BUCKET_VALUE_MAX_BYTES
		       : entry->is_deleted;
}

/* ---- taken back, or let go of ---- */

static struct version *version_of(struct undo *undo)
{
	return container_of(undo, struct version, undo);
}

static void take_back(struct state *state, struct undo *undo)
{
	struct version *version = version_of(undo);
	struct key *key = version->key;

	key_pop(key);
	key->bucket->revision = version->bucket_revision_before;
	list_unlink(&version->link);
	version_free(state, version);
	if (!key->newest)
		key_free(key);
}

static void let_go(struct state *state, struct undo *undo)
{
	struct version *version = version_of(undo);
	struct key *key = version->key;
	struct bucket *bucket = key->bucket;

	(void)state;
	key->on_disk = version;
	key->n_on_disk++;
	if (bucket->revision_on_disk < version->revision)
		bucket->revision_on_disk = version->revision;
	bucket->n_committed_changes++;
	key_trim(key);
	version_enter_window(version);
	bucket_trim_window(bucket);
}

/* ---- making ---- */

struct version *version_new(struct state *state,
			    const Helio__Store__V1__Step *step,
			    const Helio__Store__V1__Entry *entry)
{
	const char *id = step->durable_id ? step->durable_id : "";
	struct version *version =
		spares_take(&state->spare_versions, sizeof(*version));

	if (!version)
		return NULL;
	*version = (struct version){
		.revision = step->revision,
		.unix_ms = step->unix_ms,
		.expires_unix_ms = entry->expires_unix_ms,
		.undo = { .take_back = take_back, .let_go = let_go },
	};
	list_init(&version->link);
	if (step->principal)
		version->writer = party_get(state, step->principal, id);
	if (entry->has_value)
		version->value = value_new(entry->value.data, entry->value.len);
	if ((step->principal && !version->writer) ||
	    (entry->has_value && !version->value))
		return version_free(state, version);
	return version;
}

struct version *version_free(struct state *state, struct version *version)
{
	if (!version)
		return NULL;
	party_unref(state, version->writer);
	value_free(version->value);
	spares_put_upto(&state->spare_versions, version, STATE_SPARES_MAX);
	return NULL;
}

/* The step says it too, for when what was before is not known. */
static uint64_t created_revision_of(const struct key *key,
				    const Helio__Store__V1__Step *step,
				    const Helio__Store__V1__Entry *entry)
{
	if (key && key->newest->value)
		return key->newest->created_revision;
	if (entry->created_revision && entry->created_revision < step->revision)
		return entry->created_revision;
	return step->revision;
}

int bucket_apply_version(struct state *state,
			 const Helio__Store__V1__Step *step,
			 const Helio__Store__V1__Version *change)
{
	const Helio__Store__V1__Entry *entry = change->entry;
	struct bucket *bucket =
		change->bucket ? bucket_lookup(state, change->bucket) : NULL;
	struct version *version;
	struct key *key;

	if (!bucket || !version_is_fit(entry))
		return -EBADMSG;
	key = bucket_key(bucket, entry->key);
	if (entry->is_deleted && (!key || !key->newest->value))
		return -EBADMSG;
	if (key && key->newest->revision >= step->revision)
		return -EBADMSG;
	version = version_new(state, step, entry);
	if (!version)
		return -ENOMEM;
	version->created_revision = created_revision_of(key, step, entry);
	if (!key)
		key = key_new(bucket, entry->key);
	if (!key) {
		version_free(state, version);
		return -ENOMEM;
	}
	key_push(key, version);
	list_push_back(&bucket->pending, &version->link);
	version->bucket_revision_before = bucket->revision;
	if (bucket->revision < step->revision)
		bucket->revision = step->revision;
	undo_add(state, &version->undo);
	return 0;
}

/* ---- the window ---- */

/* It is out of the window. */
static void fall_out(struct version *version)
{
	if (version->value)
		key_trim(version->key);
	else
		key_forget(version->key, version);
}

void version_enter_window(struct version *version)
{
	struct bucket *bucket = version->key->bucket;

	list_unlink(&version->link);
	if (version->revision <= bucket->first_revision) {
		fall_out(version);
		return;
	}
	list_push_back(&bucket->changes, &version->link);
	bucket->n_window_bytes += version->n_bytes;
}

void bucket_has_changed(struct bucket *bucket, uint64_t revision)
{
	if (bucket->revision < revision)
		bucket->revision = revision;
	if (bucket->revision_on_disk < revision)
		bucket->revision_on_disk = revision;
}

static void leave_window(struct bucket *bucket, struct version *version)
{
	list_unlink(&version->link);
	bucket->n_window_bytes -= version->n_bytes;
	if (bucket->first_revision < version->revision)
		bucket->first_revision = version->revision;
	fall_out(version);
}

static const struct version *after(const struct version *version)
{
	return const_container_of(version->link.next, struct version, link);
}

/*
 * What leaves was made long ago, and is nowhere near. So it is fetched while
 * those before it leave, as far as is known where it is. The end of the list
 * may be taken for a version: nothing is read through it.
 */
static void fetch_ahead(const struct bucket *bucket,
			const struct version *version)
{
	const struct version *first = after(version);
	const struct version *second;

	if (version->link.next->next == &bucket->changes ||
	    version->link.next == &bucket->changes)
		return;
	second = after(first);
	fetch(after(second), VERSION_HOT_BYTES);
	key_fetch(second->key);
	fetch(second->older, VERSION_HOT_BYTES);
	if (first->older)
		fetch(first->older->value, FETCH_LINE_BYTES);
}

/* Whole transactions leave, and never the last one. */
void bucket_trim_window(struct bucket *bucket)
{
	uint64_t n_max = bucket->limits_on_disk.window_bytes;

	while (!list_is_empty(&bucket->changes)) {
		struct version *version = container_of(bucket->changes.next,
						       struct version, link);

		if (version->revision > bucket->first_revision &&
		    (bucket->n_window_bytes <= n_max ||
		     version->revision >= bucket->revision_on_disk))
			break;
		fetch_ahead(bucket, version);
		leave_window(bucket, version);
	}
}
