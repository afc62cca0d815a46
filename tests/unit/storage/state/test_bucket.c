/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/status.h"
#include "storage/state/party.h"
#include "storage/state/value.h"
#include "tests/unit/storage/state/bucket_world.h"

typedef Helio__Store__V1__BucketConfig config_type;

static config_type config_of(unsigned history, uint64_t window_bytes)
{
	config_type config = HELIO__STORE__V1__BUCKET_CONFIG__INIT;

	config.has_history = true;
	config.history = history;
	config.has_window_bytes = true;
	config.window_bytes = window_bytes;
	return config;
}

static const struct bucket *bucket_in(struct bucket_world *world,
				      const char *name)
{
	const struct bucket *bucket = bucket_lookup(&world->state, name);

	assert_non_null(bucket);
	return bucket;
}

static size_t n_versions(const struct bucket *bucket, const char *text)
{
	const struct key *key = bucket_key(bucket, text);
	const struct version *version = key ? key->newest : NULL;
	size_t n = 0;

	for (; version; version = version->older)
		n++;
	return n;
}

static void readers_see_what_is_on_disk(void **state)
{
	struct bucket_world *world = *state;

	assert_int_equal(world_create(world, "b", NULL), STATUS_OK);
	assert_int_equal(world_put(world, "b", "k", "one", ANY), STATUS_OK);
	world_commit(world);
	assert_int_equal(world_put(world, "b", "k", "two", ANY), STATUS_OK);
	assert_string_equal(world_get_at(world, "b", "k", 2), "one");
	assert_string_equal(world_get_at(world, "b", "k", 3), "two");
	assert_int_equal(bucket_in(world, "b")->revision_on_disk, 2);
	world_commit(world);
	assert_string_equal(world_get_at(world, "b", "k", 2), "one");
	assert_string_equal(world_get_at(world, "b", "k", 1), "never");
	assert_string_equal(world_get_at(world, "b", "k", 0), "lost");
	assert_int_equal(bucket_in(world, "b")->revision_on_disk, 3);
}

static void only_as_much_as_the_window_has_is_kept(void **state)
{
	struct bucket_world *world = *state;
	config_type config = config_of(1, 3 * (BUCKET_VERSION_BYTES + 4));
	char value[] = "0..";

	world_create(world, "b", &config);
	for (unsigned i = 2; i < 10; i++) {
		value[0] = (char)('0' + i);
		world_put(world, "b", i % 2 ? "x" : "y", value, ANY);
	}
	world_commit(world);
	assert_int_equal(bucket_in(world, "b")->first_revision, 6);
	assert_string_equal(world_get_at(world, "b", "x", 5), "lost");
	assert_string_equal(world_get_at(world, "b", "x", 6), "5..");
	assert_string_equal(world_get_at(world, "b", "y", 6), "6..");
	assert_string_equal(world_get_at(world, "b", "y", 9), "8..");
	assert_int_equal(n_versions(bucket_in(world, "b"), "x"), 3);
	assert_int_equal(n_versions(bucket_in(world, "b"), "y"), 2);
}

static void history_outlives_the_window(void **state)
{
	struct bucket_world *world = *state;
	config_type config = config_of(3, 0);

	world_create(world, "b", &config);
	for (unsigned i = 0; i < 9; i++) {
		world_put(world, "b", "k", "v", ANY);
		world_commit(world);
	}
	assert_int_equal(n_versions(bucket_in(world, "b"), "k"), 3);
	assert_true(bucket_key(bucket_in(world, "b"), "k")->is_cut);
	config.history = 1;
	assert_int_equal(world_change(world, "b", &config), STATUS_OK);
	world_put(world, "b", "k", "v", ANY);
	world_put(world, "b", "other", "v", ANY);
	world_commit(world);
	assert_int_equal(n_versions(bucket_in(world, "b"), "k"), 1);
}

static void a_deleted_key_is_forgotten_with_its_history(void **state)
{
	struct bucket_world *world = *state;
	config_type config = config_of(5, 2 * (BUCKET_VERSION_BYTES + 2));

	world_create(world, "b", &config);
	world_put(world, "b", "k", "1", ANY);
	world_put(world, "b", "k", "2", ANY);
	assert_int_equal(world_delete(world, "b", "k", ANY), STATUS_OK);
	assert_int_equal(world_delete(world, "b", "k", ANY), STATUS_OK);
	assert_int_equal(world->n_changes, 0);
	world_commit(world);
	assert_int_equal(n_versions(bucket_in(world, "b"), "k"), 3);
	world_put(world, "b", "a", "1", ANY);
	world_put(world, "b", "a", "2", ANY);
	world_commit(world);
	assert_null(bucket_key(bucket_in(world, "b"), "k"));
	assert_int_equal(bucket_in(world, "b")->first_revision, 4);
}

static void a_key_ends_when_its_time_is_over(void **state)
{
	struct bucket_world *world = *state;
	const struct version *version;

	world_create(world, "b", NULL);
	world_put_for(world, "b", "soon", "v", 10);
	world_put_for(world, "b", "sooner", "v", 5);
	for (unsigned i = 0; i < 10; i++)
		world_put_for(world, "b", (char[]){ (char)('0' + i), 0 }, "v",
			      20);
	assert_int_equal(state_due(&world->state), 1005);
	world->now = 1004;
	assert_int_equal(world_expire(world), 0);
	world->now = 1005;
	assert_int_equal(world_expire(world), 1);
	assert_int_equal(state_due(&world->state), 1010);
	world_put_for(world, "b", "soon", "v", 0);
	assert_int_equal(state_due(&world->state), 1020);
	world->now = 1020;
	assert_int_equal(world_expire(world), 10);
	assert_int_equal(state_due(&world->state), UINT64_MAX);
	version = bucket_key(bucket_in(world, "b"), "sooner")->newest;
	assert_null(version->value);
	assert_null(version->writer);
	assert_int_equal(bucket_in(world, "b")->n_present, 1);
}

static void a_step_is_taken_back_whole(void **state)
{
	struct bucket_world *world = *state;
	config_type config = config_of(2, 100);
	char *before;
	char *after;

	world_create(world, "b", &config);
	world_create(world, "c", &config);
	world_put(world, "b", "k", "1", ANY);
	world_put_for(world, "b", "k2", "1", 10);
	world_commit(world);
	before = state_dump(&world->state, false);
	world_put(world, "b", "k", "2", ANY);
	world_put(world, "b", "k", "3", ANY);
	world_put(world, "b", "new", "3", ANY);
	world_delete(world, "b", "k2", ANY);
	world_change(world, "b", &config);
	world_drop(world, "b");
	world_create(world, "b", NULL);
	world_put(world, "b", "k", "4", ANY);
	world_drop(world, "c");
	assert_int_equal(world->state.revision, 12);
	state_revert(&world->state);
	after = state_dump(&world->state, false);
	assert_string_equal(after, before);
	free(before);
	free(after);
}

/* It was the last one that was looked for. */
static void a_key_that_was_taken_back_is_not_found(void **state)
{
	struct bucket_world *world = *state;
	const struct bucket *bucket;

	world_create(world, "b", NULL);
	world_commit(world);
	bucket = bucket_in(world, "b");
	world_put(world, "b", "k", "1", ANY);
	assert_non_null(bucket_key(bucket, "k"));
	state_revert(&world->state);
	assert_null(bucket_key(bucket, "k"));
	assert_int_equal(world_put(world, "b", "k", "2", 0), STATUS_OK);
	assert_int_equal(world_put(world, "b", "k2", "2", 0), STATUS_OK);
	assert_string_equal(bucket_key(bucket, "k")->text, "k");
	assert_string_equal(bucket_key(bucket, "k2")->text, "k2");
}

static void a_key_that_was_fetched_is_found(void **state)
{
	struct bucket_world *world = *state;
	const struct state *of = &world->state;
	const struct bucket *bucket;

	world_create(world, "b", NULL);
	bucket = bucket_in(world, "b");
	bucket_fetch_key(of, NULL, "k");
	bucket_fetch_key(of, "other", "k");
	bucket_fetch_key(of, "b", NULL);
	bucket_fetch_key(of, "b", "k");
	assert_null(bucket_key(bucket, "k"));
	world_put(world, "b", "k", "1", ANY);
	bucket_fetch_key(of, "b", "k");
	assert_string_equal(bucket_key(bucket, "k")->text, "k");
}

static unsigned n_told;

static void count_dropped(struct state *state, struct bucket *bucket)
{
	assert_string_equal(bucket->name, "b");
	n_told++;
}

static void a_dropped_bucket_is_freed_piece_by_piece(void **state)
{
	struct bucket_world *world = *state;
	uint64_t n_before;
	char key[8];

	n_told = 0;
	world->state.on_dropped = count_dropped;
	world_create(world, "b", NULL);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "%u", i);
		world_put_for(world, "b", key, "v", 10);
	}
	world_drop(world, "b");
	n_before = world->state.n_bytes;
	assert_null(bucket_lookup(&world->state, "b"));
	assert_int_equal(state_due(&world->state), UINT64_MAX);
	assert_int_equal(n_told, 0);
	world_commit(world);
	assert_int_equal(n_told, 1);
	assert_in_range(world->state.n_bytes, 1, n_before - 1);
	while (state_sweep(&world->state, 100))
		assert_in_range(world->state.n_bytes, 1, n_before - 1);
	assert_int_equal(world->state.n_bytes, 0);
	assert_null(account_lookup(&world->state, "web"));
}

static void keys_are_found_by_range(void **state)
{
	static const char *const texts[] = { "a", "a/1", "a/2", "a0", "b" };
	struct bucket_world *world = *state;
	const struct key_range below = { .prefix = "a/" };
	const struct key_range some = { .from = "a/1", .until = "a0" };
	const struct key_range one = { .key = "a" };
	const struct key_range all = { .key = NULL };
	const struct bucket *b;

	world_create(world, "b", NULL);
	for (unsigned i = 0; i < 5; i++)
		world_put(world, "b", texts[4 - i], "v", ANY);
	b = bucket_in(world, "b");
#define NEXT(range, after, reverse) bucket_next_key(b, &(range), after, reverse)
	assert_string_equal(NEXT(below, NULL, false)->text, "a/1");
	assert_string_equal(NEXT(below, "a/1", false)->text, "a/2");
	assert_null(NEXT(below, "a/2", false));
	assert_string_equal(NEXT(below, NULL, true)->text, "a/2");
	assert_string_equal(NEXT(below, "a/2", true)->text, "a/1");
	assert_null(NEXT(below, "a/1", true));
	assert_string_equal(NEXT(some, NULL, true)->text, "a/2");
	assert_string_equal(NEXT(some, "a/10", false)->text, "a/2");
	assert_string_equal(NEXT(one, NULL, false)->text, "a");
	assert_string_equal(NEXT(one, NULL, true)->text, "a");
	assert_null(NEXT(one, "a", false));
	assert_null(NEXT(one, "a", true));
	assert_string_equal(NEXT(all, NULL, true)->text, "b");
	assert_null(NEXT(all, "b", false));
#undef NEXT
}

int main(void)
{
#define TEST(name)                                                 \
	cmocka_unit_test_setup_teardown(name, bucket_world_set_up, \
					bucket_world_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(readers_see_what_is_on_disk),
		TEST(only_as_much_as_the_window_has_is_kept),
		TEST(history_outlives_the_window),
		TEST(a_deleted_key_is_forgotten_with_its_history),
		TEST(a_key_ends_when_its_time_is_over),
		TEST(a_step_is_taken_back_whole),
		TEST(a_key_that_was_taken_back_is_not_found),
		TEST(a_key_that_was_fetched_is_found),
		TEST(a_dropped_bucket_is_freed_piece_by_piece),
		TEST(keys_are_found_by_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
