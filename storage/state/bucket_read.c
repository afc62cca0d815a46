/* SPDX-License-Identifier: MIT */

/* What readers see of buckets. */

#include <errno.h>
#include <string.h>

#include "storage/state/bucket.h"
#include "storage/state/draft.h"
#include "storage/state/party.h"
#include "storage/state/state.h"
#include "storage/state/value.h"

static struct key *key_of(struct order_node *node)
{
	return node ? container_of(node, struct key, node) : NULL;
}

/* ---- finding keys ---- */

static int compare_at(const void *text, const struct order_node *node)
{
	return strcmp(text, const_container_of(node, struct key, node)->text);
}

static int compare_beyond(const void *text, const struct order_node *node)
{
	return compare_at(text, node) >= 0 ? 1 : -1;
}

static int compare_beyond_prefix(const void *prefix,
				 const struct order_node *node)
{
	const char *text = const_container_of(node, struct key, node)->text;

	return strncmp(prefix, text, strlen(prefix)) >= 0 ? 1 : -1;
}

bool key_range_has(const struct key_range *range, const struct key *key)
{
	const char *text = key->text;

	if (range->key && strcmp(text, range->key) != 0)
		return false;
	if (range->prefix &&
	    strncmp(text, range->prefix, strlen(range->prefix)) != 0)
		return false;
	if (range->from && strcmp(text, range->from) < 0)
		return false;
	return !range->until || strcmp(text, range->until) < 0;
}

/* A place before which, or from which on, something is to be. */
struct bound {
	const char *text; /* NULL: there is none */
	int (*compare)(const void *text, const struct order_node *node);
};

enum { N_BOUNDS = 4 };

static struct key *first_from(const struct order *keys,
			      const struct bound bounds[N_BOUNDS])
{
	struct key *first = key_of(order_first(keys));

	for (unsigned i = 0; first && i < N_BOUNDS; i++) {
		struct key *key;

		if (!bounds[i].text)
			continue;
		key = key_of(
			order_seek(keys, bounds[i].text, bounds[i].compare));
		if (!key || strcmp(key->text, first->text) > 0)
			first = key;
	}
	return first;
}

static struct key *last_before(const struct order *keys,
			       const struct bound bounds[N_BOUNDS])
{
	struct key *last = key_of(order_last(keys));

	for (unsigned i = 0; last && i < N_BOUNDS; i++) {
		struct order_node *node = NULL;
		struct key *key;

		if (bounds[i].text)
			node = order_seek(keys, bounds[i].text,
					  bounds[i].compare);
		if (!node)
			continue;
		key = key_of(order_prev(node));
		if (!key || strcmp(key->text, last->text) < 0)
			last = key;
	}
	return last;
}

struct key *bucket_next_key(const struct bucket *bucket,
			    const struct key_range *range, const char *after,
			    bool reverse)
{
	const struct bound from[N_BOUNDS] = {
		{ range->key, compare_at },
		{ range->prefix, compare_at },
		{ range->from, compare_at },
		{ after, compare_beyond },
	};
	const struct bound before[N_BOUNDS] = {
		{ range->key, compare_beyond },
		{ range->prefix, compare_beyond_prefix },
		{ range->until, compare_at },
		{ after, compare_at },
	};
	struct key *key = reverse ? last_before(&bucket->keys, before)
				  : first_from(&bucket->keys, from);

	return key && key_range_has(range, key) ? key : NULL;
}

/* ---- versions ---- */

const struct version *key_at(const struct key *key, uint64_t revision,
			     int *ret_error)
{
	const struct version *version = key->newest;

	*ret_error = 0;
	if (revision < key->bucket->first_revision) {
		*ret_error = -ERANGE;
		return NULL;
	}
	if (revision <= key->bucket->state->committed)
		version = key->on_disk;
	while (version && version->revision > revision)
		version = version->older;
	return version;
}

const struct version *version_next(const struct version *version,
				   uint64_t revision)
{
	const struct list *next = version->link.next;
	const struct version *after =
		const_container_of(next, struct version, link);

	if (next == &version->key->bucket->changes ||
	    after->revision > revision)
		return NULL;
	return after;
}

/* Most who ask are near the end, or at the beginning. */
const struct version *bucket_changes_after(const struct bucket *bucket,
					   uint64_t revision, int *ret_error)
{
	const struct list *link = &bucket->changes;
	const struct version *after = NULL;

	*ret_error = 0;
	if (revision < bucket->first_revision) {
		*ret_error = -ERANGE;
		return NULL;
	}
	for (link = link->prev; link != &bucket->changes; link = link->prev) {
		const struct version *version =
			const_container_of(link, struct version, link);

		if (version->revision <= revision)
			break;
		after = version;
	}
	return after;
}

/* ---- as it is told ---- */

void version_describe(const struct version *version, bool keys_only,
		      Helio__Store__V1__Entry *ret_entry)
{
	Helio__Store__V1__Entry *entry = ret_entry;
	const struct party *writer = version->writer;

	*entry = (Helio__Store__V1__Entry)HELIO__STORE__V1__ENTRY__INIT;
	entry->key = version->key->text;
	entry->has_revision = true;
	entry->revision = version->revision;
	entry->has_unix_ms = true;
	entry->unix_ms = version->unix_ms;
	entry->has_created_revision = true;
	entry->created_revision = version->created_revision;
	entry->has_is_deleted = entry->is_deleted = !version->value;
	entry->has_is_expired = entry->is_expired = !version->value && !writer;
	entry->has_expires_unix_ms = version->expires_unix_ms != 0;
	entry->expires_unix_ms = version->expires_unix_ms;
	if (version->value && !keys_only) {
		entry->has_value = true;
		entry->value.data = version->value->bytes;
		entry->value.len = version->value->n_bytes;
	}
	if (writer) {
		entry->writer = draft_text(writer->principal);
		entry->writer_durable_id =
			draft_text(writer->account->durable_id);
	}
}

void bucket_describe(const struct bucket *bucket,
		     Helio__Store__V1__Bucket *ret_bucket)
{
	Helio__Store__V1__Bucket *out = ret_bucket;

	*out = (Helio__Store__V1__Bucket)HELIO__STORE__V1__BUCKET__INIT;
	out->name = draft_text(bucket->name);
	out->config = bucket->config;
	out->has_created_revision = true;
	out->created_revision = bucket->created_revision;
	out->has_revision = true;
	out->revision = bucket->revision_on_disk;
	out->has_first_revision = true;
	out->first_revision = bucket->first_revision;
	out->has_keys = true;
	out->keys = bucket->n_present;
	out->has_bytes = true;
	out->bytes = bucket->n_kept_bytes;
	if (bucket->owner) {
		out->owner = bucket->owner->principal;
		out->owner_durable_id = bucket->owner->account->durable_id;
	}
}
