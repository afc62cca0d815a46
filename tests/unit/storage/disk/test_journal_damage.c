/* SPDX-License-Identifier: MIT */

/* Every row is damaged in every way: it is seen and named, or harmless. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/storage/disk/life.h"

enum { ROWS_MAX = 100, FLIPS = 40, CUTS = 12 };

struct row {
	enum journal_table table;
	struct store_key key;
	char key_bytes[32];
	size_t n;
	uint8_t *bytes;
	bool is_needed;
};

static struct life life;
static struct row rows[ROWS_MAX];
static size_t n_rows;
static uint64_t revision;
static unsigned n_seen, n_harmless;

static struct store *open_raw(void)
{
	struct store *store;

	assert_int_equal(
		store_open(life.backend, life.path, &journal_layout, 0, &store),
		0);
	return store;
}

/* ---- what is there ---- */

static void take_row(struct store_cursor *cursor, enum journal_table table)
{
	struct row *row = &rows[n_rows++];
	const void *value;

	assert_true(n_rows < ROWS_MAX);
	*row = (struct row){ .table = table, .key = store_cursor_key(cursor) };
	if (row->key.bytes) {
		memcpy(row->key_bytes, row->key.bytes, row->key.n_bytes);
		row->key.bytes = row->key_bytes;
	}
	assert_int_equal(store_cursor_value(cursor, &value, &row->n), 0);
	row->bytes = malloc(row->n + 1);
	assert_non_null(row->bytes);
	memcpy(row->bytes, value, row->n);
}

static void take_rows(void)
{
	struct store_cursor *cursor;
	struct store *store = open_raw();

	n_rows = 0;
	assert_int_equal(store_snapshot(store), 0);
	for (unsigned i = 0; i < JOURNAL_TABLES; i++) {
		assert_int_equal(store_cursor_open(store, i, STORE_AT_OR_AFTER,
						   NULL, &cursor),
				 0);
		while (store_cursor_next(cursor) > 0)
			take_row(cursor, i);
		store_cursor_close(cursor);
	}
	store_close(store);
}

/* With a snapshot, steps before it and after it, and things to be removed. */
static void begin(void **state)
{
	struct world *world = *state;

	life_init(&life, world->backend, world->path, 0);
	assert_int_equal(life_open(&life, NULL), 0);
	for (unsigned i = 0; i < 60; i++) {
		life.slate.keep_from = life.slate.state.revision - 20;
		/* What is old stays as well. */
		life.journal->has_old_steps = false;
		life.journal->has_old_pieces = false;
		assert_int_equal(life_commit(&life, 4), 0);
	}
	assert_in_range(life.n_snapshots, 2, 10);
	revision = life.slate.state.revision;
	assert_in_range(life.journal->facts.whole.begin, 20, revision - 20);
	life_close(&life);
	take_rows();
	assert_in_range(n_rows, 20, ROWS_MAX);
	n_seen = n_harmless = 0;
}

static void end(void)
{
	for (size_t i = 0; i < n_rows; i++)
		free(rows[i].bytes);
	life_deinit(&life);
}

/* ---- what is done to it ---- */

static void put_raw(const struct row *row, const void *bytes, size_t n)
{
	const struct store_piece piece = { bytes, n };
	struct store *store = open_raw();

	assert_int_equal(store_begin(store), 0);
	if (bytes)
		assert_int_equal(
			store_put(store, row->table, &row->key, &piece, 1), 0);
	else
		assert_int_equal(store_delete(store, row->table, &row->key), 0);
	assert_int_equal(store_commit(store), 0);
	store_close(store);
}

/* Seen, and said where; or all is as it was. */
static void look(const struct row *row)
{
	char *why;
	int r;

	r = life_open(&life, &why);
	if (r < 0) {
		assert_int_equal(r, -EBADMSG);
		assert_non_null(why);
		assert_non_null(
			strstr(why, journal_layout.tables[row->table].name));
		free(why);
		n_seen++;
	} else {
		slate_check(&life.slate, revision);
		n_harmless++;
	}
	life_close(&life);
}

static void try(const struct row *row, const void *bytes, size_t n)
{
	put_raw(row, bytes, n);
	look(row);
	put_raw(row, row->bytes, row->n);
}

static bool is_needed(const struct row *row)
{
	const struct journal_facts *facts = &life.journal->facts;

	if (row->table == JOURNAL_STEPS)
		return row->key.number >= facts->extent.first;
	return row->table == JOURNAL_META ||
	       row->key.number >> JOURNAL_PIECE_BITS == facts->whole.generation;
}

static void find_needed(void)
{
	life_check(&life, revision);
	for (size_t i = 0; i < n_rows; i++)
		rows[i].is_needed = is_needed(&rows[i]);
	life_close(&life);
}

static void every_flipped_bit_is_seen(void **state)
{
	unsigned n = 0;

	begin(state);
	find_needed();
	for (size_t i = 0; i < n_rows; i++) {
		struct row *row = &rows[i];

		for (unsigned k = 0; k < FLIPS; k++) {
			uint64_t bit = slate_chance(n) % (row->n * 8);

			if (k < FLIPS / 2)
				bit %= 160;
			row->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			put_raw(row, row->bytes, row->n);
			look(row);
			row->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			n += row->is_needed;
		}
		put_raw(row, row->bytes, row->n);
	}
	assert_int_equal(n_seen, n);
	end();
}

static void what_is_cut_short_is_seen(void **state)
{
	unsigned n = 0;

	begin(state);
	find_needed();
	for (size_t i = 0; i < n_rows; i++)
		for (unsigned k = 0; k < CUTS; k++) {
			struct row *row = &rows[i];

			try(row, row->bytes,
			    k < 3 ? row->n - 1 - k
				  : slate_chance(i * CUTS + k) % row->n);
			n += row->is_needed;
		}
	assert_int_equal(n_seen, n);
	end();
}

/* Whole steps are gone from the end of a row. */
static void fewer_steps_are_seen(void **state)
{
	const uint8_t *bytes;
	unsigned n_tried = 0;
	size_t n;

	begin(state);
	find_needed();
	for (size_t i = 0; i < n_rows; i++) {
		struct record_reader reader = { rows[i].bytes, rows[i].n };

		if (rows[i].table != JOURNAL_STEPS || !rows[i].is_needed)
			continue;
		while (record_next(&reader, &bytes, &n) > 0 && reader.n_left) {
			try(&rows[i], rows[i].bytes, rows[i].n - reader.n_left);
			n_tried++;
		}
	}
	assert_int_equal(n_seen, n_tried);
	assert_true(n_tried > 10);
	end();
}

static void a_row_that_is_gone_is_seen(void **state)
{
	unsigned n = 0;

	begin(state);
	find_needed();
	for (size_t i = 0; i < n_rows; i++) {
		try(&rows[i], NULL, 0);
		n += rows[i].is_needed;
	}
	assert_int_equal(n_seen, n);
	end();
}

static void a_row_in_the_place_of_another_is_seen(void **state)
{
	unsigned n = 0;

	begin(state);
	find_needed();
	for (size_t i = 0; i + 1 < n_rows; i++) {
		if (rows[i].table != rows[i + 1].table)
			continue;
		try(&rows[i], rows[i + 1].bytes, rows[i + 1].n);
		n += rows[i].is_needed;
	}
	assert_int_equal(n_seen, n);
	end();
}

static void rows_that_change_places_are_seen(void **state)
{
	unsigned n = 0;

	begin(state);
	find_needed();
	for (size_t i = 0; i + 1 < n_rows; i++) {
		if (rows[i].table != rows[i + 1].table)
			continue;
		put_raw(&rows[i + 1], rows[i].bytes, rows[i].n);
		try(&rows[i], rows[i + 1].bytes, rows[i + 1].n);
		put_raw(&rows[i + 1], rows[i + 1].bytes, rows[i + 1].n);
		n += rows[i].is_needed || rows[i + 1].is_needed;
	}
	assert_int_equal(n_seen, n);
	end();
}

static void a_row_too_many_is_seen(void **state)
{
	struct row row;

	begin(state);
	row = rows[n_rows - 1];
	for (size_t i = 0; i < n_rows; i++)
		if (rows[i].table == JOURNAL_STEPS)
			row = rows[i];
	row.key.number = revision + 1;
	put_raw(&row, row.bytes, row.n);
	look(&row);
	assert_int_equal(n_seen, 1);
	end();
}

/* As it was, but for rows of the past: pages that were not written. */
static void an_old_row_of_meta_is_seen(void **state)
{
	struct row old[8];
	size_t n_old = 0;

	begin(state);
	for (size_t i = 0; i < n_rows && rows[i].table == JOURNAL_META; i++)
		old[n_old++] = rows[i];
	life_check(&life, revision);
	life.snapshot.journal_bytes = 0;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(life_commit(&life, 4), 0);
	revision = life.slate.state.revision;
	life_close(&life);
	for (size_t i = 0; i < n_rows; i++)
		if (i >= n_old)
			free(rows[i].bytes);
	take_rows();
	for (size_t i = 0; i < n_old; i++)
		try(&rows[i], old[i].bytes, old[i].n);
	/* Whose it is has not changed. */
	assert_int_equal(n_seen, n_old - 1);
	for (size_t i = 0; i < n_old; i++)
		free(old[i].bytes);
	end();
}

/* Not even if nothing else is left of it. */
static void what_lost_its_name_is_no_new_store(void **state)
{
	begin(state);
	for (size_t i = 0; i < n_rows; i++)
		if (rows[i].table == JOURNAL_META)
			put_raw(&rows[i], NULL, 0);
	look(&rows[0]);
	assert_int_equal(n_seen, 1);
	end();
}

#define IN_MEMORY(test)                                            \
	cmocka_unit_test_setup_teardown(test, world_set_up_memory, \
					world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_MEMORY(every_flipped_bit_is_seen),
		IN_MEMORY(what_is_cut_short_is_seen),
		IN_MEMORY(fewer_steps_are_seen),
		IN_MEMORY(a_row_that_is_gone_is_seen),
		IN_MEMORY(a_row_in_the_place_of_another_is_seen),
		IN_MEMORY(rows_that_change_places_are_seen),
		IN_MEMORY(a_row_too_many_is_seen),
		IN_MEMORY(an_old_row_of_meta_is_seen),
		IN_MEMORY(what_lost_its_name_is_no_new_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
