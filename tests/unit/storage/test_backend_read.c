/* SPDX-License-Identifier: MIT */

/*
 * What every backend does for those who read: snapshots, cursors, values.
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER_BOTH(a_snapshot_stays_as_it_is),
		OVER_BOTH(there_are_many_readers),
		OVER_BOTH(cursors_go_both_ways_from_everywhere),
		OVER_BOTH(keys_are_in_the_order_of_their_bytes),
		OVER_BOTH(cursors_bring_values_short_and_long),
		OVER_BOTH(several_cursors_do_not_disturb_each_other),
		OVER_BOTH(pieces_make_one_value),
		OVER_BOTH(a_part_of_a_value_can_be_read),
		OVER_BOTH(a_large_value_is_read_in_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
