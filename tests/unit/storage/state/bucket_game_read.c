/* SPDX-License-Identifier: MIT */

/* What readers see. */

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/state/bucket.h"
#include "storage/state/value.h"
#include "tests/unit/storage/state/bucket_check.h"
#include "tests/unit/storage/state/bucket_game.h"

static void check_version(const struct version *version,
			  const struct model_version *is)
{
	char bytes[VALUE_MAX];

	if (!is) {
		assert_null(version);
		return;
	}
	assert_non_null(version);
	assert_string_equal(version->key->text, is->key);
	assert_int_equal(version->revision, is->revision);
	assert_int_equal(version->unix_ms, is->unix_ms);
	assert_int_equal(version->expires_unix_ms, is->expires);
	assert_int_equal(!version->value, is->is_deleted);
	assert_int_equal(!version->writer, is->is_expired);
	if (!version->value)
		return;
	assert_int_equal(version->created_revision, is->created);
	assert_int_equal(version->value->n_bytes, is->n_value);
	model_value(is->value, is->n_value, bytes);
	assert_memory_equal(version->value->bytes, bytes, is->n_value);
}

/* A key that is not there any more is one that was deleted. */
static void check_key_at(const struct bucket *bucket, int index,
			 const char *text, uint64_t revision)
{
	const struct key *key = bucket_key(bucket, text);
	const struct model_version *is =
		model_at(&game.model, index, text, revision);
	const struct version *version = NULL;
	int error = 0;

	if (key)
		version = key_at(key, revision, &error);
	if (revision < bucket->first_revision) {
		assert_true(!key || error == -ERANGE);
		return;
	}
	assert_int_equal(error, 0);
	if (!version && is && is->is_deleted)
		return;
	check_version(version, is);
}

static bool is_told(const struct key_range *range, const char *after,
		    bool reverse, const char *text)
{
	if (range->key && strcmp(range->key, text) != 0)
		return false;
	if (range->prefix &&
	    strncmp(text, range->prefix, strlen(range->prefix)) != 0)
		return false;
	if (range->from && strcmp(text, range->from) < 0)
		return false;
	if (range->until && strcmp(text, range->until) >= 0)
		return false;
	if (!after)
		return true;
	return reverse ? strcmp(text, after) < 0 : strcmp(text, after) > 0;
}

/* Those that are there as of a revision, in their order. */
static void check_range(const struct bucket *bucket, int index,
			uint64_t revision)
{
	const struct key_range range = {
		.key = draw(8) ? NULL : game_keys[draw(N_KEYS)],
		.prefix = draw(3) ? NULL : game_keys[draw(N_KEYS)],
		.from = draw(3) ? NULL : game_keys[draw(N_KEYS)],
		.until = draw(3) ? NULL : game_keys[draw(N_KEYS)],
	};
	const char *after = draw(2) ? NULL : game_keys[draw(N_KEYS)];
	bool reverse = draw(2);
	size_t n_expected = 0;
	size_t n = 0;
	const struct key *key;

	for (size_t i = 0; i < N_KEYS; i++) {
		const struct model_version *is =
			model_at(&game.model, index, game_keys[i], revision);

		n_expected += is && !is->is_deleted &&
			      is_told(&range, after, reverse, game_keys[i]);
	}
	while ((key = bucket_next_key(bucket, &range, after, reverse))) {
		int error;
		const struct version *version = key_at(key, revision, &error);

		assert_true(is_told(&range, after, reverse, key->text));
		n += version && version->value;
		after = key->text;
	}
	assert_int_equal(n, n_expected);
}

/* All that was committed after a revision, as it was done. */
static void check_changes(const struct bucket *bucket, int index,
			  uint64_t after)
{
	const struct version *version;
	int error;

	version = bucket_changes_after(bucket, after, &error);
	assert_int_equal(error, after < bucket->first_revision ? -ERANGE : 0);
	if (error)
		return;
	for (size_t i = 0; i < game.model.n_versions; i++) {
		const struct model_version *is = &game.model.versions[i];

		if (is->bucket != (size_t)index || is->revision <= after ||
		    is->revision > game.model.committed)
			continue;
		check_version(version, is);
		version = version_next(version, game.model.committed);
	}
	assert_null(version);
}

/* As many as `history` says, if it was not forgotten meanwhile. */
static void check_history(const struct bucket *bucket, int index,
			  const char *text)
{
	const struct model_bucket *model = &game.model.buckets[index];
	const struct key *key = bucket_key(bucket, text);
	const struct version *version = key ? key->on_disk : NULL;
	uint64_t revision = game.model.committed;
	const struct model_version *is;
	unsigned n = 0;

	for (; version; version = version->older) {
		is = model_at(&game.model, index, text, revision);
		check_version(version, is);
		revision = is->revision - 1;
		n++;
	}
	is = model_at(&game.model, index, text, revision);
	if (n < model->history && is && !model->was_changed)
		assert_true(is->is_deleted &&
			    is->revision <= bucket->first_revision);
}

static void watch(const struct bucket *bucket, int index, unsigned name)
{
	if (game.watched_created[name] != bucket->created_revision) {
		game.watched_created[name] = bucket->created_revision;
		game.watched[name] = bucket->created_revision;
	}
	game.n_lost += game.watched[name] < bucket->first_revision;
	check_changes(bucket, index, game.watched[name]);
	game.watched[name] = game.model.committed;
}

/* No further back than that, and no less far than it must be. */
static void check_first(const struct bucket *bucket, int index)
{
	uint64_t first = model_first(&game.model, index);

	if (first < game.cut) {
		assert_in_range(bucket->first_revision, first, game.cut);
		return;
	}
	assert_true(bucket->first_revision <= bucket->revision_on_disk);
	if (!game.model.buckets[index].was_changed)
		assert_int_equal(bucket->first_revision, first);
}

static void check_reads(unsigned name)
{
	int index = model_find(&game.model, game_names[name]);
	const struct bucket *bucket =
		bucket_lookup(game.state, game_names[name]);
	uint64_t first;
	uint64_t revision;

	assert_int_equal(bucket != NULL, index >= 0);
	if (!bucket || bucket->created_revision > game.model.committed)
		return;
	first = bucket->first_revision;
	check_first(bucket, index);
	if (game.model.buckets[index].history == 1 &&
	    !game.model.buckets[index].was_changed)
		assert_int_equal(bucket->n_kept_bytes,
				 model_bytes(&game.model, index));
	revision = first + draw((unsigned)(game.model.committed - first) + 1);
	for (size_t i = 0; i < N_KEYS; i++) {
		check_key_at(bucket, index, game_keys[i], game.model.committed);
		check_key_at(bucket, index, game_keys[i], revision);
		check_key_at(bucket, index, game_keys[i], first);
		check_key_at(bucket, index, game_keys[i], first - 1);
		check_history(bucket, index, game_keys[i]);
	}
	check_range(bucket, index, draw(2) ? revision : game.model.committed);
	check_changes(bucket, index, revision);
	check_changes(bucket, index, first - 1);
	watch(bucket, index, name);
}

void game_check(void)
{
	bucket_check(game.state, "b3");
	for (unsigned i = 0; i < N_NAMES; i++)
		check_reads(i);
}
