/* SPDX-License-Identifier: MIT */

#include "storage/state/bucket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/state/draft.h"
#include "storage/state/key.h"
#include "storage/state/party.h"
#include "storage/state/state.h"

#define MIB (UINT64_C(1) << 20)

/* ---- limits ---- */

static uint64_t limit_of(bool is_there, uint64_t value, uint64_t otherwise,
			 uint64_t max)
{
	if (!is_there)
		return otherwise;
	return value < max ? value : max;
}

struct bucket_limits bucket_limits_of(
	const Helio__Store__V1__BucketConfig *config)
{
	static const Helio__Store__V1__BucketConfig none =
		HELIO__STORE__V1__BUCKET_CONFIG__INIT;
	const Helio__Store__V1__BucketConfig *c = config ? config : &none;
	struct bucket_limits limits = {
		.history = (unsigned)limit_of(c->has_history, c->history, 1,
					      BUCKET_HISTORY_MAX),
		.ttl_ms = limit_of(c->has_ttl_ms, c->ttl_ms, 0, UINT64_MAX),
		.bytes_max = limit_of(c->has_bytes_max, c->bytes_max, 64 * MIB,
				      UINT64_MAX),
		.keys_max = limit_of(c->has_keys_max, c->keys_max, 1000000,
				     UINT64_MAX),
		.value_max = limit_of(c->has_value_max, c->value_max,
				      BUCKET_VALUE_MAX_BYTES,
				      BUCKET_VALUE_MAX_BYTES),
		.window_bytes = limit_of(c->has_window_bytes, c->window_bytes,
					 8 * MIB, BUCKET_WINDOW_MAX_BYTES),
	};

	if (!limits.history)
		limits.history = 1;
	return limits;
}

bool bucket_limits_equal(const struct bucket_limits *a,
			 const struct bucket_limits *b)
{
	return a->history == b->history && a->ttl_ms == b->ttl_ms &&
	       a->bytes_max == b->bytes_max && a->keys_max == b->keys_max &&
	       a->value_max == b->value_max &&
	       a->window_bytes == b->window_bytes;
}

/* ---- in orders ---- */

static struct bucket *bucket_of(struct order_node *node)
{
	return node ? container_of(node, struct bucket, node) : NULL;
}

static int compare_buckets(const struct order_node *a,
			   const struct order_node *b)
{
	return strcmp(const_container_of(a, struct bucket, node)->name,
		      const_container_of(b, struct bucket, node)->name);
}

static int compare_name(const void *name, const struct order_node *node)
{
	return strcmp(name,
		      const_container_of(node, struct bucket, node)->name);
}

static int compare_keys(const struct order_node *a, const struct order_node *b)
{
	return strcmp(const_container_of(a, struct key, node)->text,
		      const_container_of(b, struct key, node)->text);
}

static uint64_t expiry_of(const struct order_node *node)
{
	return const_container_of(node, struct key, expiry_node)
		->expires_unix_ms;
}

static int compare_expiries(const struct order_node *a,
			    const struct order_node *b)
{
	return (expiry_of(a) > expiry_of(b)) - (expiry_of(a) < expiry_of(b));
}

static uint64_t first_expiry_of(const struct order_node *node)
{
	return const_container_of(node, struct bucket, expiry_node)
		->first_expiry;
}

static int compare_first_expiries(const struct order_node *a,
				  const struct order_node *b)
{
	uint64_t x = first_expiry_of(a);
	uint64_t y = first_expiry_of(b);

	return (x > y) - (x < y);
}

int bucket_init_all(struct state *state)
{
	int r = 0;

	order_init(&state->buckets, compare_buckets);
	order_init(&state->expiring, compare_first_expiries);
	for (size_t i = 0; !r && i < STATE_KEY_MAPS; i++)
		r = map_init(&state->keys[i]);
	return r;
}

struct bucket *bucket_lookup(const struct state *state, const char *name)
{
	struct bucket *bucket =
		bucket_of(order_seek(&state->buckets, name, compare_name));

	return bucket && !strcmp(bucket->name, name) ? bucket : NULL;
}

/* ---- there, or not ---- */

struct bucket *bucket_new(struct state *state, const char *name,
			  const Helio__Store__V1__BucketConfig *config)
{
	struct bucket *bucket = calloc(1, sizeof(*bucket));

	if (!bucket)
		return NULL;
	bucket->state = state;
	snprintf(bucket->name, sizeof(bucket->name), "%s", name);
	order_init(&bucket->keys, compare_keys);
	order_init(&bucket->expiring, compare_expiries);
	list_init(&bucket->changes);
	list_init(&bucket->pending);
	list_init(&bucket->dropped_link);
	list_init(&bucket->watches);
	bucket->config = bucket_copy_config(config);
	if (!bucket->config)
		return bucket_free(bucket);
	bucket->limits = bucket_limits_of(bucket->config);
	bucket->limits_on_disk = bucket->limits;
	return bucket;
}

struct bucket *bucket_free(struct bucket *bucket)
{
	if (!bucket)
		return NULL;
	if (bucket->config)
		helio__store__v1__bucket_config__free_unpacked(bucket->config,
							       NULL);
	party_unref(bucket->state, bucket->owner);
	free(bucket);
	return NULL;
}

void bucket_enter(struct bucket *bucket)
{
	order_add(&bucket->state->buckets, &bucket->node);
	if (bucket->first_expiry)
		order_add(&bucket->state->expiring, &bucket->expiry_node);
	if (bucket->owner)
		bucket->owner->account->n_things++;
}

void bucket_leave(struct bucket *bucket)
{
	order_remove(&bucket->state->buckets, &bucket->node);
	if (bucket->first_expiry)
		order_remove(&bucket->state->expiring, &bucket->expiry_node);
	if (bucket->owner)
		bucket->owner->account->n_things--;
}

bool bucket_sweep(struct state *state, size_t n_max)
{
	while (n_max && !list_is_empty(&state->dropped)) {
		struct bucket *bucket = container_of(
			state->dropped.next, struct bucket, dropped_link);
		struct order_node *node = order_pop(&bucket->keys);
		size_t n = 1;

		if (node) {
			n = key_destroy(container_of(node, struct key, node));
		} else {
			list_unlink(&bucket->dropped_link);
			bucket_free(bucket);
		}
		n_max -= n < n_max ? n : n_max;
	}
	return !list_is_empty(&state->dropped);
}

void bucket_free_all(struct state *state)
{
	struct order_node *node;

	while ((node = order_first(&state->buckets))) {
		struct bucket *bucket = bucket_of(node);

		bucket_leave(bucket);
		list_push_back(&state->dropped, &bucket->dropped_link);
	}
	bucket_sweep(state, SIZE_MAX);
	for (size_t i = 0; i < STATE_KEY_MAPS; i++)
		map_deinit(&state->keys[i]);
}

/* The first of these changes, if it is before `revision`. */
static uint64_t first_of(const struct list *changes, uint64_t revision)
{
	const struct version *first =
		const_container_of(changes->next, struct version, link);

	if (list_is_empty(changes) || first->revision > revision)
		return revision;
	return first->revision;
}

uint64_t state_keep_from(const struct state *state)
{
	struct order_node *node = order_first(&state->buckets);
	uint64_t from = UINT64_MAX;

	for (; node; node = order_next(node)) {
		const struct bucket *bucket = bucket_of(node);

		from = first_of(&bucket->changes, from);
		from = first_of(&bucket->pending, from);
	}
	return from;
}

/* ---- keys that end ---- */

void bucket_place_expiry(struct bucket *bucket)
{
	struct order *expiring = &bucket->state->expiring;
	struct order_node *first = order_first(&bucket->expiring);
	uint64_t expiry = first ? expiry_of(first) : 0;

	if (expiry == bucket->first_expiry)
		return;
	if (bucket->first_expiry)
		order_remove(expiring, &bucket->expiry_node);
	bucket->first_expiry = expiry;
	if (expiry)
		order_add(expiring, &bucket->expiry_node);
}

uint64_t bucket_due(const struct state *state)
{
	struct order_node *node = order_first(&state->expiring);

	return node ? first_expiry_of(node) : UINT64_MAX;
}

static int draft_expiry(struct draft *draft, const struct key *key)
{
	Helio__Store__V1__Entry *entry;

	entry = draft_add_version(draft, key->bucket->name, key->text);
	if (!entry)
		return -ENOMEM;
	entry->has_is_deleted = entry->is_deleted = true;
	entry->has_is_expired = entry->is_expired = true;
	entry->has_created_revision = true;
	entry->created_revision = key->newest->created_revision;
	return 0;
}

static int draft_due_of(const struct bucket *bucket, uint64_t now,
			size_t *n_left, struct draft *draft)
{
	struct order_node *node = order_first(&bucket->expiring);

	for (; node && expiry_of(node) <= now; node = order_next(node)) {
		int r;

		if (!*n_left)
			return 1;
		r = draft_expiry(draft,
				 container_of(node, struct key, expiry_node));
		if (r)
			return r;
		--*n_left;
	}
	return 0;
}

int bucket_draft_due(struct state *state, uint64_t now, size_t n_max,
		     struct draft *draft)
{
	struct order_node *node = order_first(&state->expiring);
	int r = 0;

	for (; !r && node && first_expiry_of(node) <= now;
	     node = order_next(node))
		r = draft_due_of(container_of(node, struct bucket, expiry_node),
				 now, &n_max, draft);
	return r;
}
