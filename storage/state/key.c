/* SPDX-License-Identifier: MIT */

#include "storage/state/key.h"

#include <stdlib.h>
#include <string.h>

#include "storage/state/party.h"
#include "storage/state/state.h"
#include "storage/state/value.h"

/* ---- finding ---- */

/* Strangers choose the text, and do not know what it becomes. */
static uint64_t hash_of(const struct bucket *bucket, const char *text, size_t n)
{
	return hash_bytes(&bucket->state->key, text, n) +
	       map_hash_u64((uintptr_t)bucket);
}

static struct map *map_of(const struct bucket *bucket, uint64_t hash)
{
	return &bucket->state->keys[hash >> 32 & (STATE_KEY_MAPS - 1)];
}

static bool is_search(const struct key_search *search,
		      const struct bucket *bucket, const char *text, size_t n)
{
	return search->bucket == bucket && search->n_bytes == n &&
	       !memcmp(search->text, text, n);
}

/* NULL: it is too long to be a key. */
static struct key_search *search_for(const struct bucket *bucket,
				     const char *text)
{
	struct key_search *search = &bucket->state->search;
	size_t n = strlen(text);

	if (is_search(search, bucket, text, n))
		return search;
	if (n > sizeof(search->text))
		return NULL;
	search->bucket = bucket;
	search->hash = hash_of(bucket, text, n);
	search->key = NULL;
	search->n_bytes = n;
	memcpy(search->text, text, n);
	return search;
}
_Static_assert(sizeof(((struct key_search *)0)->text) == BUCKET_KEY_MAX_BYTES,
	       "each key can be looked for");

static struct key *lookup(const struct key_search *search)
{
	struct map_node *node =
		map_lookup(map_of(search->bucket, search->hash), search->hash);

	for (; node; node = map_next(node)) {
		struct key *key = container_of(node, struct key, map_node);

		if (key->bucket == search->bucket &&
		    key->n_bytes == search->n_bytes &&
		    !memcmp(key->text, search->text, search->n_bytes))
			return key;
	}
	return NULL;
}

struct key *bucket_key(const struct bucket *bucket, const char *text)
{
	struct key_search *search = search_for(bucket, text);

	if (!search)
		return NULL;
	if (search->key)
		return search->key;
	search->key = lookup(search);
	if (search->key) {
		key_fetch(search->key);
		fetch(search->key->newest, VERSION_HOT_BYTES);
	}
	return search->key;
}

void bucket_fetch_key(const struct state *state, const char *bucket,
		      const char *text)
{
	const struct bucket *found =
		bucket ? bucket_lookup(state, bucket) : NULL;
	const struct key_search *search = NULL;

	if (found && text)
		search = search_for(found, text);
	if (search)
		map_fetch(map_of(found, search->hash), search->hash);
}

struct key *key_new(struct bucket *bucket, const char *text)
{
	struct key_search *search = search_for(bucket, text);
	struct key *key = NULL;

	if (search)
		key = malloc(sizeof(*key) + search->n_bytes + 1);
	if (!key)
		return NULL;
	*key = (struct key){ .bucket = bucket,
			     .n_bytes = (uint16_t)search->n_bytes };
	memcpy(key->text, text, search->n_bytes + 1);
	order_add(&bucket->keys, &key->node);
	map_add(map_of(bucket, search->hash), &key->map_node, search->hash);
	search->key = key;
	return key;
}

/* ---- what counts ---- */

static bool is_present(const struct key *key)
{
	return key->newest && key->newest->value;
}

/* A key that is there counts with what is kept of it, else it does not. */
static void count(struct key *key)
{
	if (!is_present(key))
		return;
	key->bucket->n_present++;
	key->bucket->n_kept_bytes += key->n_kept_bytes;
}

static void uncount(struct key *key)
{
	if (!is_present(key))
		return;
	key->bucket->n_present--;
	key->bucket->n_kept_bytes -= key->n_kept_bytes;
}

static void charge(struct version *version, int sign)
{
	struct bucket *bucket = version->key->bucket;
	int64_t n = sign * (int64_t)version->n_bytes;

	bucket->n_bytes += (uint64_t)n;
	party_charge(bucket->state, version->writer, n);
}

/* `history` keeps this one, which is older than all that it keeps. */
static void keep(struct key *key, struct version *version)
{
	key->kept_oldest = version;
	key->n_kept++;
	key->n_kept_bytes += version->n_bytes;
}

/* Of those that it keeps, the oldest one is one too many. */
static void outdate(struct key *key)
{
	struct version *version = key->kept_oldest;

	key->kept_oldest = version->newer;
	key->n_kept--;
	key->n_kept_bytes -= version->n_bytes;
}

static void keep_newer(struct key *key, struct version *version)
{
	if (!key->n_kept)
		key->kept_oldest = version;
	key->n_kept++;
	key->n_kept_bytes += version->n_bytes;
	while (key->n_kept > key->bucket->limits.history) {
		outdate(key);
		version->n_outdated++;
	}
}

/* As it was before; what `history` has let go of may be freed meanwhile. */
static void keep_no_more(struct key *key, const struct version *version)
{
	struct version *older = version->older;

	key->n_kept--;
	key->n_kept_bytes -= version->n_bytes;
	if (key->n_kept)
		older = key->kept_oldest->older;
	else
		key->kept_oldest = NULL;
	for (unsigned i = 0; older && i < version->n_outdated; i++) {
		keep(key, older);
		older = older->older;
	}
}

/* ---- when it ends ---- */

static void place_expiry(struct key *key)
{
	struct bucket *bucket = key->bucket;
	uint64_t expires = is_present(key) ? key->newest->expires_unix_ms : 0;

	if (expires == key->expires_unix_ms)
		return;
	if (key->expires_unix_ms)
		order_remove(&bucket->expiring, &key->expiry_node);
	key->expires_unix_ms = expires;
	if (expires)
		order_add(&bucket->expiring, &key->expiry_node);
	bucket_place_expiry(bucket);
}

/* ---- versions ---- */

static void attach(struct key *key, struct version *version)
{
	uint32_t n_value = version->value ? version->value->n_bytes : 0;

	version->key = key;
	version->n_bytes = BUCKET_VERSION_BYTES + key->n_bytes + n_value;
}

void key_push(struct key *key, struct version *version)
{
	uncount(key);
	attach(key, version);
	version->older = key->newest;
	if (key->newest)
		key->newest->newer = version;
	else
		key->oldest = version;
	key->newest = version;
	keep_newer(key, version);
	count(key);
	charge(version, 1);
	place_expiry(key);
}

void key_pop(struct key *key)
{
	struct version *version = key->newest;

	uncount(key);
	charge(version, -1);
	keep_no_more(key, version);
	key->newest = version->older;
	if (key->newest)
		key->newest->newer = NULL;
	else
		key->oldest = NULL;
	count(key);
	place_expiry(key);
}

void key_insert(struct key *key, struct version *older, struct version *version,
		struct version *newer)
{
	uncount(key);
	attach(key, version);
	version->older = older;
	version->newer = newer;
	newer->older = version;
	if (older)
		older->newer = version;
	else
		key->oldest = version;
	key->n_on_disk++;
	if (version->revision > key->kept_oldest->revision)
		keep_newer(key, version);
	count(key);
	charge(version, 1);
}

static void free_oldest(struct key *key)
{
	struct version *version = key->oldest;

	charge(version, -1);
	if (key->kept_oldest == version) {
		uncount(key);
		outdate(key);
		count(key);
	}
	if (key->on_disk == version)
		key->on_disk = NULL;
	key->oldest = version->newer;
	key->oldest->older = NULL;
	key->n_on_disk--;
	key->is_cut = true;
	version_free(key->bucket->state, version);
}

void key_trim(struct key *key)
{
	const struct bucket *bucket = key->bucket;

	while (key->n_on_disk > bucket->limits_on_disk.history &&
	       key->oldest->newer->revision <= bucket->first_revision)
		free_oldest(key);
}

void key_forget(struct key *key, const struct version *version)
{
	uint64_t revision = version->revision;

	while (key->oldest != key->newest && key->oldest->revision <= revision)
		free_oldest(key);
	if (key->oldest->revision <= revision)
		key_free(key);
}

size_t key_destroy(struct key *key)
{
	struct version *version = key->newest;
	size_t n = 0;

	while (version) {
		struct version *older = version->older;

		charge(version, -1);
		version_free(key->bucket->state, version);
		version = older;
		n++;
	}
	map_remove(map_of(key->bucket, key->map_node.hash), &key->map_node);
	if (key->bucket->state->search.key == key)
		key->bucket->state->search.key = NULL;
	free(key);
	return n;
}

void key_free(struct key *key)
{
	uncount(key);
	order_remove(&key->bucket->keys, &key->node);
	key_destroy(key);
}
