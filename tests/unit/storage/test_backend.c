/* SPDX-License-Identifier: MIT */

/*
 * What every backend does: this suite runs over all of them. What only one of
 * them can do wrong is in a file of its own.
 */

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
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

/* ---- snapshots ---- */

static void a_snapshot_stays_as_it_is(void **state)
{
	struct world *world = *state;
	struct store *writer = world_open(world, STORE_CREATE);
	struct store *reader = world_open(world, STORE_READ_ONLY);
	struct store_key one = number_of(1);

	commit_number(writer, 1, "one");
	assert_int_equal(store_snapshot(reader), 0);
	commit_number(writer, 1, "uno");
	commit_number(writer, 2, "due");
	assert_int_equal(store_begin(writer), 0);
	assert_int_equal(store_delete(writer, WORLD_NUMBERS, &one), 0);

	assert_number(reader, 1, "one");
	assert_walk(reader, WORLD_NUMBERS, STORE_AT_OR_AFTER, NULL, "1");
	store_end(reader);

	/* What is not committed is seen by nobody else. */
	assert_committed(reader, 1, "uno");
	assert_committed(reader, 2, "due");
	assert_int_equal(store_commit(writer), 0);
	assert_committed(reader, 1, NULL);
	store_close(reader);
	store_close(writer);
}

static void there_are_many_readers(void **state)
{
	struct world *world = *state;
	struct store *writer = world_open(world, STORE_CREATE);
	struct store *readers[8];

	for (unsigned i = 0; i < 8; i++) {
		readers[i] = world_open(world, STORE_READ_ONLY);
		commit_number(writer, i + 1, "v");
		assert_int_equal(store_snapshot(readers[i]), 0);
	}
	commit_number(writer, 9, "v");
	for (unsigned i = 0; i < 8; i++) {
		assert_number(readers[i], i + 1, "v");
		assert_number(readers[i], i + 2, NULL);
		store_close(readers[i]);
	}
	store_close(writer);
}

/* ---- cursors ---- */

static void cursors_go_both_ways_from_everywhere(void **state)
{
	struct store *store = world_open(*state, STORE_CREATE);
	struct store_key three = number_of(3);
	struct store_key four = number_of(4);

	assert_int_equal(store_begin(store), 0);
	put_number(store, 4, "");
	put_number(store, 1, "");
	put_number(store, 2, "");
	put_number(store, 9, "");
	assert_walk(store, 0, STORE_AT_OR_AFTER, NULL, "1,2,4,9");
	assert_walk(store, 0, STORE_AFTER, NULL, "1,2,4,9");
	assert_walk(store, 0, STORE_AT_OR_BEFORE, NULL, "9,4,2,1");
	assert_walk(store, 0, STORE_BEFORE, NULL, "9,4,2,1");
	assert_walk(store, 0, STORE_AT_OR_AFTER, &three, "4,9");
	assert_walk(store, 0, STORE_AFTER, &three, "4,9");
	assert_walk(store, 0, STORE_AT_OR_AFTER, &four, "4,9");
	assert_walk(store, 0, STORE_AFTER, &four, "9");
	assert_walk(store, 0, STORE_AT_OR_BEFORE, &three, "2,1");
	assert_walk(store, 0, STORE_BEFORE, &three, "2,1");
	assert_walk(store, 0, STORE_AT_OR_BEFORE, &four, "4,2,1");
	assert_walk(store, 0, STORE_BEFORE, &four, "2,1");
	assert_walk(store, WORLD_OTHERS, STORE_AFTER, NULL, "");
	assert_int_equal(store_commit(store), 0);
	store_close(store);
}

static void keys_are_in_the_order_of_their_bytes(void **state)
{
	struct store *store = world_open(*state, STORE_CREATE);
	struct store_key b = name_of("b");
	struct store_key empty = name_of("");

	assert_int_equal(store_begin(store), 0);
	put_name(store, "b", "");
	put_name(store, "ab", "");
	put_name(store, "a", "");
	put_name(store, "B", "");
	put_name(store, "\xff\xff", "");
	assert_walk(store, WORLD_NAMES, STORE_AT_OR_AFTER, NULL,
		    "B,a,ab,b,\xff\xff");
	assert_walk(store, WORLD_NAMES, STORE_AFTER, &empty,
		    "B,a,ab,b,\xff\xff");
	assert_walk(store, WORLD_NAMES, STORE_BEFORE, NULL,
		    "\xff\xff,b,ab,a,B");
	assert_walk(store, WORLD_NAMES, STORE_AT_OR_AFTER, &b, "b,\xff\xff");
	assert_walk(store, WORLD_NAMES, STORE_BEFORE, &b, "ab,a,B");
	assert_int_equal(store_commit(store), 0);
	store_close(store);
}

static void cursors_bring_values_short_and_long(void **state)
{
	static char bytes[100000];
	const struct store_piece long_piece = { bytes, sizeof(bytes) };
	struct store *store = world_open(*state, STORE_CREATE);
	const struct store_key number = number_of(2);
	const struct store_key name = name_of("2");
	struct store_cursor *cursor;
	const void *value;
	size_t n;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7 + i / 256);
	assert_int_equal(store_begin(store), 0);
	put_number(store, 1, "short");
	put_name(store, "1", "short");
	assert_int_equal(store_put(store, 0, &number, &long_piece, 1), 0);
	assert_int_equal(store_put(store, 1, &name, &long_piece, 1), 0);
	assert_int_equal(store_commit(store), 0);

	assert_int_equal(store_snapshot(store), 0);
	for (unsigned table = 0; table < 2; table++) {
		assert_int_equal(store_cursor_open(store, table, STORE_AFTER,
						   NULL, &cursor),
				 0);
		assert_int_equal(store_cursor_value(cursor, &value, &n),
				 -EINVAL);
		assert_int_equal(store_cursor_next(cursor), 1);
		assert_int_equal(store_cursor_value(cursor, &value, &n), 0);
		assert_int_equal(n, 5);
		assert_memory_equal(value, "short", 5);
		assert_int_equal(store_cursor_next(cursor), 1);
		assert_int_equal(store_cursor_value(cursor, &value, &n), 0);
		assert_int_equal(n, sizeof(bytes));
		assert_memory_equal(value, bytes, n);
		assert_int_equal(store_cursor_next(cursor), 0);
		assert_int_equal(store_cursor_value(cursor, &value, &n),
				 -EINVAL);
		store_cursor_close(cursor);
	}
	store_end(store);
	store_close(store);
}

static void several_cursors_do_not_disturb_each_other(void **state)
{
	struct store *store = world_open(*state, STORE_CREATE);
	struct store_cursor *cursors[3];

	assert_int_equal(store_begin(store), 0);
	for (unsigned i = 1; i <= 5; i++)
		put_number(store, i, "v");
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(store_cursor_open(store, 0, STORE_AFTER, NULL,
						   &cursors[i]),
				 0);
	for (unsigned turn = 1; turn <= 5; turn++) {
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(store_cursor_next(cursors[i]), 1);
			assert_int_equal(store_cursor_key(cursors[i]).number,
					 turn);
			assert_number(store, turn, "v");
		}
	}
	for (unsigned i = 0; i < 3; i++)
		store_cursor_close(cursors[i]);
	store_cursor_close(NULL);
	store_rollback(store);
	store_close(store);
}

/* ---- values ---- */

static void pieces_make_one_value(void **state)
{
	struct store *store = world_open(*state, STORE_CREATE);
	const struct store_piece pieces[] = {
		{ "he", 2 }, { NULL, 0 }, { "llo, ", 5 }, { "world", 5 }
	};
	struct store_key one = number_of(1);
	struct store_key name = name_of("n");

	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_put(store, 0, &one, pieces, 4), 0);
	assert_int_equal(store_put(store, 1, &name, pieces, 4), 0);
	assert_number(store, 1, "hello, world");
	assert_name(store, "n", "hello, world");
	assert_int_equal(store_put(store, 0, &one, pieces, 0), 0);
	assert_number(store, 1, "");
	assert_int_equal(store_commit(store), 0);
	store_close(store);
}

static void a_part_of_a_value_can_be_read(void **state)
{
	struct store *store = world_open(*state, STORE_CREATE);
	char part[8];

	assert_int_equal(store_begin(store), 0);
	put_number(store, 1, "0123456789");
	put_number(store, 2, "ab");
	assert_int_equal(store_read(store, 0, 1, 4, part, 6), 1);
	assert_memory_equal(part, "456789", 6);
	assert_int_equal(store_read(store, 0, 1, 4, part, 7), 0);
	assert_int_equal(store_read(store, 0, 1, 11, part, 0), 0);
	assert_int_equal(store_read(store, 0, 1, 10, part, 0), 1);
	assert_int_equal(store_read(store, 0, 2, 0, part, 2), 1);
	assert_memory_equal(part, "ab", 2);
	assert_int_equal(store_read(store, 0, 3, 0, part, 1), 0);
	assert_int_equal(store_read(store, 0, 1, 0, part, 1), 1);
	/* What was put in between is what is read. */
	put_number(store, 1, "X");
	assert_int_equal(store_read(store, 0, 1, 0, part, 1), 1);
	assert_memory_equal(part, "X", 1);
	assert_int_equal(store_commit(store), 0);
	store_close(store);
}

static void a_large_value_is_read_in_parts(void **state)
{
	enum { N_BYTES = 3 << 20 };
	struct store *store = world_open(*state, STORE_CREATE);
	struct store_key one = number_of(1);
	struct store_cursor *cursor;
	struct store_piece pieces[3];
	char *bytes = malloc(N_BYTES);
	char part[64];

	assert_non_null(bytes);
	for (size_t i = 0; i < N_BYTES; i++)
		bytes[i] = (char)(i ^ i >> 8 ^ i >> 16);
	for (size_t i = 0; i < 3; i++)
		pieces[i] = (struct store_piece){ bytes + (i << 20), 1 << 20 };
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_put(store, 0, &one, pieces, 3), 0);
	assert_int_equal(store_commit(store), 0);

	assert_int_equal(store_snapshot(store), 0);
	assert_int_equal(
		store_cursor_open(store, 0, STORE_AFTER, NULL, &cursor), 0);
	assert_int_equal(store_cursor_next(cursor), 1);
	for (size_t at = 0; at < N_BYTES; at += 65521) {
		size_t n = N_BYTES - at < 64 ? N_BYTES - at : 64;

		assert_int_equal(store_cursor_read(cursor, at, part, n), 1);
		assert_memory_equal(part, bytes + at, n);
		assert_int_equal(store_read(store, 0, 1, at, part, n), 1);
		assert_memory_equal(part, bytes + at, n);
	}
	assert_int_equal(store_cursor_read(cursor, N_BYTES, part, 1), 0);
	store_cursor_close(cursor);
	store_end(store);
	store_close(store);
	free(bytes);
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

/* ---- care ---- */

static void a_checkpoint_changes_nothing_that_is_seen(void **state)
{
	struct world *world = *state;
	struct store *writer = world_open(world, STORE_CREATE);
	struct store *beside = world_open(world, 0);

	for (unsigned i = 1; i <= 5; i++) {
		commit_number(writer, i, "v");
		assert_int_equal(store_checkpoint(beside), 0);
		assert_int_equal(store_checkpoint(writer), 0);
	}
	assert_int_equal(store_snapshot(beside), 0);
	assert_walk(beside, 0, STORE_AFTER, NULL, "1,2,3,4,5");
	store_end(beside);
	store_close(beside);
	store_close(writer);
}

static void a_sealed_file_is_read_and_not_written(void **state)
{
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE);
	struct store *sealed;

	commit_number(store, 1, "one");
	assert_int_equal(store_open(world->backend, world->path, &world_layout,
				    STORE_SEALED, &sealed),
			 -EBUSY);
	assert_int_equal(store_seal(store), 0);
	assert_committed(store, 1, "one");
	assert_int_equal(store_begin(store), -EROFS);

	sealed = world_open(world, STORE_SEALED);
	assert_committed(sealed, 1, "one");
	assert_int_equal(store_begin(sealed), -EROFS);
	assert_int_equal(store_check(sealed), 0);
	store_close(sealed);
	store_close(store);

	/* Unless it is opened for that. */
	store = world_open(world, 0);
	commit_number(store, 2, "two");
	assert_int_equal(store_open(world->backend, world->path, &world_layout,
				    STORE_SEALED, &sealed),
			 -EBUSY);
	store_close(store);
}

/* At once: who waits for that holds up what would be written meanwhile. */
static void who_is_in_the_way_of_a_seal_is_told_of(void **state)
{
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE);
	struct store *reader = world_open(world, STORE_READ_ONLY);

	commit_number(store, 1, "one");
	assert_int_equal(store_snapshot(reader), 0);
	assert_int_equal(store_seal(store), -EBUSY);
	assert_number(reader, 1, "one");
	store_end(reader);
	assert_int_equal(store_seal(store), -EBUSY);
	/* It is as usable as before. */
	commit_number(store, 2, "two");
	assert_committed(reader, 2, "two");
	store_close(reader);
	assert_int_equal(store_seal(store), 0);
	store_close(store);
}

static void who_is_beside_the_writer_leaves_a_seal_alone(void **state)
{
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE);
	struct store *beside = world_open(world, STORE_BESIDE);

	commit_number(store, 1, "one");
	assert_int_equal(store_begin(beside), -EROFS);
	assert_int_equal(store_checkpoint(beside), 0);
	assert_committed(beside, 1, "one");
	assert_int_equal(store_seal(store), -EBUSY);
	store_close(beside);
	assert_int_equal(store_seal(store), 0);

	assert_int_equal(store_open(world->backend, world->path, &world_layout,
				    STORE_BESIDE, &beside),
			 -EBUSY);
	store_close(store);
	store_close(world_open(world, STORE_SEALED));
}

static void a_copy_is_as_of_one_moment(void **state)
{
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE);
	struct store *reader = world_open(world, STORE_READ_ONLY);
	char *path = world_path(world, "copy");
	struct store *copy;

	commit_number(store, 1, "one");
	assert_int_equal(store_begin(store), 0);
	put_number(store, 2, "two");
	assert_int_equal(store_backup(reader, path), 0);
	assert_int_equal(store_backup(reader, path), -EEXIST);
	assert_int_equal(store_commit(store), 0);

	assert_int_equal(store_open(world->backend, path, &world_layout,
				    STORE_SEALED, &copy),
			 0);
	assert_committed(copy, 1, "one");
	assert_committed(copy, 2, NULL);
	assert_int_equal(store_check(copy), 0);
	store_close(copy);
	store_close(reader);
	store_close(store);
	free(path);
}

/* ---- threads ---- */

enum { N_THREADED = 500 };

struct crew {
	struct world *world;
	atomic_bool is_done;
};

static void *checkpoint_beside(void *userdata)
{
	struct crew *crew = userdata;
	struct store *store = world_open(crew->world, 0);

	while (!atomic_load(&crew->is_done))
		assert_int_equal(store_checkpoint(store), 0);
	store_close(store);
	return NULL;
}

/* Numbers and names are put together, so there is one of each or neither. */
static void *read_beside(void *userdata)
{
	struct crew *crew = userdata;
	struct store *store = world_open(crew->world, STORE_READ_ONLY);
	struct store_cursor *cursor;
	uint64_t last = 0;
	uint64_t n;

	while (!atomic_load(&crew->is_done)) {
		assert_int_equal(store_snapshot(store), 0);
		assert_int_equal(store_cursor_open(store, 0, STORE_BEFORE, NULL,
						   &cursor),
				 0);
		n = store_cursor_next(cursor) == 1
			    ? store_cursor_key(cursor).number
			    : 0;
		store_cursor_close(cursor);
		assert_true(n >= last);
		last = n;
		for (uint64_t i = n > 5 ? n - 5 : 1; i <= n + 1; i++) {
			char name[16];

			snprintf(name, sizeof(name), "%llu",
				 (unsigned long long)i);
			assert_name(store, name, i <= n ? "v" : NULL);
		}
		store_end(store);
	}
	store_close(store);
	return NULL;
}

static void a_writer_a_reader_and_a_checkpointer_work_together(void **state)
{
	struct crew crew = { .world = *state };
	struct store *store = world_open(*state, STORE_CREATE);
	void *(*const crew_members[])(void *) = { checkpoint_beside,
						  read_beside, read_beside };
	pthread_t threads[3];

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						crew_members[i], &crew),
				 0);
	for (unsigned i = 1; i <= N_THREADED; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%u", i);
		assert_int_equal(store_begin(store), 0);
		put_number(store, i, "v");
		put_name(store, name, "v");
		assert_int_equal(store_commit(store), 0);
	}
	atomic_store(&crew.is_done, true);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(store_check(store), 0);
	store_close(store);
}

#define OVER_BOTH(test)                                                   \
	{ "sqlite: " #test, (test), world_set_up_sqlite, world_tear_down, \
	  NULL },                                                         \
	{                                                                 \
		"memory: " #test, (test), world_set_up_memory,            \
			world_tear_down, NULL                             \
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
		OVER_BOTH(a_snapshot_stays_as_it_is),
		OVER_BOTH(there_are_many_readers),
		OVER_BOTH(cursors_go_both_ways_from_everywhere),
		OVER_BOTH(keys_are_in_the_order_of_their_bytes),
		OVER_BOTH(cursors_bring_values_short_and_long),
		OVER_BOTH(several_cursors_do_not_disturb_each_other),
		OVER_BOTH(pieces_make_one_value),
		OVER_BOTH(a_part_of_a_value_can_be_read),
		OVER_BOTH(a_large_value_is_read_in_parts),
		OVER_BOTH(any_changes_do_what_a_plain_array_does),
		OVER_BOTH(a_checkpoint_changes_nothing_that_is_seen),
		OVER_BOTH(a_sealed_file_is_read_and_not_written),
		OVER_BOTH(who_is_in_the_way_of_a_seal_is_told_of),
		OVER_BOTH(who_is_beside_the_writer_leaves_a_seal_alone),
		OVER_BOTH(a_copy_is_as_of_one_moment),
		OVER_BOTH(a_writer_a_reader_and_a_checkpointer_work_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
