/* SPDX-License-Identifier: MIT */

/*
 * What every backend does with files and transactions: this suite runs over all
 * of them. What only one of them can do wrong is in a file of its own.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/backend/backend.h"
#include "tests/unit/storage/world.h"

/* ---- files ---- */

static void a_file_that_is_not_there_is_made_only_on_request(void **state)
{
	struct world *world = *state;
	struct store *store;

	assert_int_equal(store_open(world->backend, world->path, &world_layout,
				    0, &store),
			 -ENOENT);
	store = world_open(world, STORE_CREATE);
	commit_number(store, 1, "one");
	store_close(store);

	store = world_open(world, STORE_CREATE);
	assert_committed(store, 1, "one");
	store_close(store);
	store = world_open(world, STORE_READ_ONLY);
	assert_committed(store, 1, "one");
	store_close(store);
}

static void a_file_of_another_layout_is_refused(void **state)
{
	struct world *world = *state;
	struct store_layout layout = world_layout;
	struct store *store;

	store_close(world_open(world, STORE_CREATE));
	layout.application = "HLxx";
	assert_int_equal(store_open(world->backend, world->path, &layout,
				    STORE_CREATE, &store),
			 -EBADMSG);
	layout = world_layout;
	layout.version = 2;
	assert_int_equal(
		store_open(world->backend, world->path, &layout, 0, &store),
		-EPROTO);
	layout.version = 4;
	assert_int_equal(
		store_open(world->backend, world->path, &layout, 0, &store),
		-EBADMSG);
	layout = world_layout;
	layout.n_tables = 2;
	assert_int_equal(
		store_open(world->backend, world->path, &layout, 0, &store),
		-EBADMSG);
	store_close(world_open(world, 0));
}

static void a_layout_that_is_none_is_refused(void **state)
{
	struct world *world = *state;
	struct store_layout layout = world_layout;
	struct store *store;

	layout.tables[0].name = "a; DROP TABLE b";
	assert_int_equal(store_open(world->backend, world->path, &layout,
				    STORE_CREATE, &store),
			 -EINVAL);
	layout = world_layout;
	layout.application = "HL";
	assert_int_equal(store_open(world->backend, world->path, &layout,
				    STORE_CREATE, &store),
			 -EINVAL);
}

static void a_file_is_removed_with_all_that_belongs_to_it(void **state)
{
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE);
	uint64_t n_bytes = 0;

	commit_number(store, 1, "one");
	assert_int_equal(store_bytes(world->backend, world->path, &n_bytes), 0);
	assert_true(n_bytes > 0);
	store_close(store);
	assert_int_equal(store_unlink(world->backend, world->path), 0);
	assert_int_equal(store_unlink(world->backend, world->path), -ENOENT);
	assert_int_equal(store_bytes(world->backend, world->path, &n_bytes),
			 -ENOENT);

	store = world_open(world, STORE_CREATE);
	assert_committed(store, 1, NULL);
	store_close(store);
}

/* ---- transactions ---- */

static void what_is_put_is_read_in_its_transaction_and_after(void **state)
{
	struct store *store = world_open(*state, STORE_CREATE);

	assert_int_equal(store_begin(store), 0);
	put_number(store, 7, "seven");
	put_number(store, INT64_MAX, "last");
	put_name(store, "", "no letters");
	put_name(store, "a", "");
	assert_number(store, 7, "seven");
	assert_name(store, "", "no letters");
	assert_int_equal(store_commit(store), 0);

	assert_committed(store, 7, "seven");
	assert_committed(store, INT64_MAX, "last");
	assert_int_equal(store_snapshot(store), 0);
	assert_name(store, "", "no letters");
	assert_name(store, "a", "");
	assert_name(store, "b", NULL);
	store_end(store);
	store_close(store);
}

static void what_is_put_again_takes_the_place_of_the_first(void **state)
{
	struct store *store = world_open(*state, STORE_CREATE);

	commit_number(store, 1, "one");
	assert_int_equal(store_begin(store), 0);
	put_number(store, 1, "uno");
	put_number(store, 1, "ein");
	put_name(store, "k", "1");
	put_name(store, "k", "22");
	assert_int_equal(store_commit(store), 0);
	assert_committed(store, 1, "ein");
	assert_int_equal(store_snapshot(store), 0);
	assert_name(store, "k", "22");
	assert_walk(store, WORLD_NUMBERS, STORE_AT_OR_AFTER, NULL, "1");
	store_end(store);
	store_close(store);
}

static void what_is_deleted_is_gone_and_may_have_been_gone(void **state)
{
	struct store *store = world_open(*state, STORE_CREATE);
	struct store_key one = number_of(1);
	struct store_key name = name_of("k");

	commit_number(store, 1, "one");
	assert_int_equal(store_begin(store), 0);
	put_name(store, "k", "v");
	assert_int_equal(store_delete(store, WORLD_NUMBERS, &one), 0);
	assert_int_equal(store_delete(store, WORLD_NUMBERS, &one), 0);
	assert_int_equal(store_delete(store, WORLD_NAMES, &name), 0);
	assert_int_equal(store_delete(store, WORLD_OTHERS, &one), 0);
	assert_number(store, 1, NULL);
	assert_int_equal(store_commit(store), 0);
	assert_committed(store, 1, NULL);
	store_close(store);
}

static void what_is_rolled_back_never_was(void **state)
{
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE);

	commit_number(store, 1, "one");
	assert_int_equal(store_begin(store), 0);
	put_number(store, 1, "uno");
	put_number(store, 2, "two");
	store_rollback(store);
	assert_committed(store, 1, "one");
	assert_committed(store, 2, NULL);

	/* To close it is to roll back too. */
	assert_int_equal(store_begin(store), 0);
	put_number(store, 2, "two");
	store_close(store);
	store = world_open(world, 0);
	assert_committed(store, 2, NULL);
	commit_number(store, 2, "zwei");
	store_close(store);
}

static void calls_out_of_turn_are_refused(void **state)
{
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE);
	const struct store_key none = number_of(0);
	const struct store_key high = number_of((uint64_t)INT64_MAX + 1);
	const struct store_key one = number_of(1);
	const struct store_piece huge[] = { { "", 0 },
					    { NULL, STORE_VALUE_MAX },
					    { NULL, SIZE_MAX } };
	const void *value;
	size_t n;

	assert_int_equal(store_commit(store), -EINVAL);
	assert_int_equal(store_get(store, 0, &one, &value, &n), -EINVAL);
	assert_int_equal(store_put(store, 0, &one, NULL, 0), -EINVAL);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_begin(store), -EINVAL);
	assert_int_equal(store_snapshot(store), -EINVAL);
	assert_int_equal(store_checkpoint(store), -EINVAL);
	assert_int_equal(store_put(store, 0, &none, NULL, 0), -EINVAL);
	assert_int_equal(store_put(store, 0, &high, NULL, 0), -EINVAL);
	assert_int_equal(store_put(store, 3, &one, NULL, 0), -EINVAL);
	assert_int_equal(store_put(store, 0, &one, huge, 3), -EMSGSIZE);
	assert_int_equal(store_read(store, WORLD_NAMES, 1, 0, NULL, 0),
			 -EINVAL);
	assert_int_equal(store_put(store, 0, &one, NULL, 0), 0);
	assert_int_equal(store_commit(store), 0);
	assert_committed(store, 1, "");
	store_close(store);

	store = world_open(world, STORE_READ_ONLY);
	assert_int_equal(store_begin(store), -EROFS);
	assert_int_equal(store_checkpoint(store), -EROFS);
	assert_int_equal(store_seal(store), -EROFS);
	store_close(store);
}

static void a_key_has_at_most_its_length(void **state)
{
	struct store *store = world_open(*state, STORE_CREATE);
	char long_name[STORE_KEY_MAX + 2];
	const struct store_piece piece = { "v", 1 };
	struct store_key key;

	memset(long_name, 0xff, sizeof(long_name));
	long_name[STORE_KEY_MAX + 1] = '\0';
	assert_int_equal(store_begin(store), 0);
	key = name_of(long_name);
	assert_int_equal(store_put(store, WORLD_NAMES, &key, &piece, 1),
			 -EINVAL);
	long_name[STORE_KEY_MAX] = '\0';
	put_name(store, long_name, "v");
	assert_name(store, long_name, "v");
	assert_walk(store, WORLD_NAMES, STORE_BEFORE, &(struct store_key){ 0 },
		    "");
	assert_int_equal(store_commit(store), 0);
	store_close(store);
}

/* ---- at random, against a model that cannot be wrong ---- */

enum { N_MODEL = 64 };

struct model {
	unsigned committed[N_MODEL]; /* 0: none; else a length */
	unsigned working[N_MODEL];
};

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void change(struct store *store, struct model *model, uint64_t random)
{
	static char bytes[9000];
	unsigned place = random % N_MODEL;
	struct store_piece piece = { bytes, 1 + (random >> 8) % 9000 };
	char name[16];
	struct store_key number = number_of(place + 1);
	struct store_key key;

	if ((random >> 32) % 8 < 6)
		piece.n_bytes = piece.n_bytes % 100 + 1;
	snprintf(name, sizeof(name), "%u", place);
	key = name_of(name);
	if ((random >> 40) % 3) {
		assert_int_equal(store_put(store, 0, &number, &piece, 1), 0);
		assert_int_equal(store_put(store, 1, &key, &piece, 1), 0);
		model->working[place] = (unsigned)piece.n_bytes;
	} else {
		assert_int_equal(store_delete(store, 0, &number), 0);
		assert_int_equal(store_delete(store, 1, &key), 0);
		model->working[place] = 0;
	}
}

static void compare(struct store *store, const unsigned *lengths)
{
	struct store_cursor *cursor;
	const void *value;
	size_t n;

	assert_int_equal(
		store_cursor_open(store, 0, STORE_AFTER, NULL, &cursor), 0);
	for (unsigned i = 0; i < N_MODEL; i++) {
		char name[16];
		struct store_key key;
		int r;

		snprintf(name, sizeof(name), "%u", i);
		key = name_of(name);
		r = store_get(store, 1, &key, &value, &n);
		assert_int_equal(r, lengths[i] ? 1 : 0);
		if (!r)
			continue;
		assert_int_equal(n, lengths[i]);
		assert_int_equal(store_cursor_next(cursor), 1);
		assert_int_equal(store_cursor_key(cursor).number, i + 1);
		assert_int_equal(store_cursor_value(cursor, &value, &n), 0);
		assert_int_equal(n, lengths[i]);
	}
	assert_int_equal(store_cursor_next(cursor), 0);
	store_cursor_close(cursor);
}

static void any_changes_do_what_a_plain_array_does(void **state)
{
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE);
	struct model model = { 0 };
	uint64_t seed = 20240607;

	for (unsigned turn = 0; turn < 120; turn++) {
		assert_int_equal(store_begin(store), 0);
		for (unsigned i = next_random(&seed) % 30; i > 0; i--)
			change(store, &model, next_random(&seed));
		compare(store, model.working);
		if (next_random(&seed) % 4) {
			assert_int_equal(store_commit(store), 0);
			memcpy(model.committed, model.working,
			       sizeof(model.committed));
		} else {
			store_rollback(store);
			memcpy(model.working, model.committed,
			       sizeof(model.working));
		}
		assert_int_equal(store_snapshot(store), 0);
		compare(store, model.committed);
		store_end(store);
	}
	assert_int_equal(store_check(store), 0);
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER_BOTH(a_file_that_is_not_there_is_made_only_on_request),
		OVER_BOTH(a_file_of_another_layout_is_refused),
		OVER_BOTH(a_layout_that_is_none_is_refused),
		OVER_BOTH(a_file_is_removed_with_all_that_belongs_to_it),
		OVER_BOTH(what_is_put_is_read_in_its_transaction_and_after),
		OVER_BOTH(what_is_put_again_takes_the_place_of_the_first),
		OVER_BOTH(what_is_deleted_is_gone_and_may_have_been_gone),
		OVER_BOTH(what_is_rolled_back_never_was),
		OVER_BOTH(calls_out_of_turn_are_refused),
		OVER_BOTH(a_key_has_at_most_its_length),
		OVER_BOTH(any_changes_do_what_a_plain_array_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
