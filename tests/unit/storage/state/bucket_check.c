/* SPDX-License-Identifier: MIT */

#include "tests/unit/storage/state/bucket_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/state/bucket.h"
#include "storage/state/party.h"

/* What is counted by looking at all of it. */
struct sums {
	uint64_t n_present, n_bytes, n_kept_bytes, n_window_bytes;
	uint64_t n_changes, n_pending, n_versions_linked, n_expiring;
	uint64_t first_expiry;
	bool is_lazy; /* there may be versions that need not be kept */
};

static bool is_needed(const struct version *version, size_t index)
{
	const struct bucket *bucket = version->key->bucket;

	return index < bucket->limits_on_disk.history || !version->newer ||
	       version->newer->revision > bucket->first_revision;
}

/* `index` counts those that are on disk, the newest first. */
static void check_version(const struct version *version, size_t index,
			  struct sums *sums)
{
	const struct state *state = version->key->bucket->state;
	const struct bucket *bucket = version->key->bucket;
	bool is_pending = version->revision > state->committed;

	if (version->older) {
		assert_ptr_equal(version->older->newer, version);
		assert_true(version->older->revision < version->revision);
	} else {
		assert_ptr_equal(version->key->oldest, version);
	}
	assert_int_equal(list_is_linked(&version->link),
			 is_pending ||
				 version->revision > bucket->first_revision);
	if (!is_pending && list_is_linked(&version->link))
		sums->n_window_bytes += version->n_bytes;
	sums->n_versions_linked += list_is_linked(&version->link);
	sums->n_bytes += version->n_bytes;
	if (!is_pending && !version->value)
		assert_true(version->revision > bucket->first_revision);
	if (!is_pending && !sums->is_lazy)
		assert_true(is_needed(version, index));
}

static void check_kept(const struct key *key)
{
	const struct version *version = key->newest;
	uint64_t n_bytes = 0;
	size_t n = 0;

	for (; version; version = version->older) {
		n++;
		n_bytes += version->n_bytes;
		if (version == key->kept_oldest)
			break;
	}
	assert_non_null(version);
	assert_int_equal(n, key->n_kept);
	assert_int_equal(n_bytes, key->n_kept_bytes);
}

static void check_key(const struct key *key, struct sums *sums)
{
	const struct state *state = key->bucket->state;
	const struct version *version = key->newest;
	const struct version *on_disk = NULL;
	size_t n_on_disk = 0;

	assert_non_null(version);
	assert_null(version->newer);
	check_kept(key);
	if (version->value) {
		sums->n_present++;
		sums->n_kept_bytes += key->n_kept_bytes;
	}
	assert_int_equal(key->expires_unix_ms,
			 version->value ? version->expires_unix_ms : 0);
	if (key->expires_unix_ms) {
		sums->n_expiring++;
		if (!sums->first_expiry ||
		    version->expires_unix_ms < sums->first_expiry)
			sums->first_expiry = version->expires_unix_ms;
	}
	for (; version; version = version->older) {
		check_version(version, n_on_disk, sums);
		if (version->revision > state->committed)
			continue;
		if (!on_disk)
			on_disk = version;
		n_on_disk++;
	}
	assert_ptr_equal(key->on_disk, on_disk);
	assert_int_equal(key->n_on_disk, n_on_disk);
}

static uint64_t check_list(const struct list *list, uint64_t revision)
{
	const struct list *link = NULL;
	uint64_t n = 0;

	list_for_each (link, list) {
		const struct version *version =
			const_container_of(link, struct version, link);

		assert_true(version->revision >= revision);
		revision = version->revision;
		n++;
	}
	return n;
}

static void check_bucket(const struct bucket *bucket, bool is_lazy)
{
	struct order_node *node = order_first(&bucket->keys);
	struct sums sums = { .is_lazy = is_lazy };

	for (; node; node = order_next(node))
		check_key(const_container_of(node, struct key, node), &sums);
	sums.n_changes = check_list(&bucket->changes, bucket->first_revision);
	sums.n_pending = check_list(&bucket->pending, 0);
	assert_int_equal(sums.n_versions_linked,
			 sums.n_changes + sums.n_pending);
	assert_int_equal(sums.n_present, bucket->n_present);
	assert_int_equal(sums.n_bytes, bucket->n_bytes);
	assert_int_equal(sums.n_kept_bytes, bucket->n_kept_bytes);
	assert_int_equal(sums.n_window_bytes, bucket->n_window_bytes);
	assert_int_equal(sums.n_expiring, bucket->expiring.n_nodes);
	assert_int_equal(sums.first_expiry, bucket->first_expiry);
	assert_true(bucket->revision_on_disk <= bucket->revision);
	assert_true(bucket->created_revision > bucket->state->committed ||
		    bucket->first_revision <= bucket->revision_on_disk);
}

/* Dropped buckets are charged until they were freed. */
static void check_charges(const struct state *state)
{
	struct order_node *node = order_first(&state->buckets);
	const struct list *link = NULL;
	uint64_t n_bytes = 0;

	for (; node; node = order_next(node))
		n_bytes +=
			const_container_of(node, struct bucket, node)->n_bytes;
	list_for_each (link, &state->outgoing)
		n_bytes += const_container_of(link, struct outgoing, link)
				   ->n_bytes;
	if (list_is_empty(&state->undos) && list_is_empty(&state->dropped))
		assert_int_equal(n_bytes, state->n_bytes);
	else
		assert_true(n_bytes <= state->n_bytes);
}

void bucket_check(const struct state *state, const char *lazy)
{
	struct order_node *node = order_first(&state->buckets);
	size_t n_expiring = 0;

	for (; node; node = order_next(node)) {
		const struct bucket *bucket =
			const_container_of(node, struct bucket, node);

		check_bucket(bucket, !strcmp(bucket->name, lazy));
		n_expiring += bucket->first_expiry != 0;
	}
	assert_int_equal(n_expiring, state->expiring.n_nodes);
	check_charges(state);
}
