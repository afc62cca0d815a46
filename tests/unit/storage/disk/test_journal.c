/* SPDX-License-Identifier: MIT */

/* Stores that are written, closed, opened: on both backends. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "tests/fault.h"
#include "tests/unit/storage/disk/life.h"

static struct life life;

static void begin(void **state)
{
	struct world *world = *state;

	life_init(&life, world->backend, world->path, 0);
	assert_int_equal(life_open(&life, NULL), 0);
}

static void a_new_one_has_a_name_of_its_own(void **state)
{
	char id[64];

	begin(state);
	snprintf(id, sizeof(id), "%s", journal_id(life.journal));
	assert_int_equal(strlen(id), 32);
	slate_check(&life.slate, 0);
	life_check(&life, 0);
	assert_string_equal(journal_id(life.journal), id);
	assert_int_equal(life.slate.first, 0);
	assert_int_equal(life_commit(&life, 3), 0);
	life_check(&life, 3);
	assert_string_equal(journal_id(life.journal), id);
	life_deinit(&life);
}

static void what_was_committed_is_there_again(void **state)
{
	uint64_t n_steps = 0;

	begin(state);
	for (unsigned i = 0; i < 600; i++) {
		unsigned n = (unsigned)(slate_chance(i) % 12);

		assert_int_equal(life_commit(&life, n), 0);
		n_steps += n;
		if (slate_chance(i + 1000) % 20 == 0)
			life_check(&life, n_steps);
	}
	assert_true(life.n_snapshots > 20);
	life_check(&life, n_steps);
	assert_true(life.slate.end > n_steps / 2);
	assert_true(life.slate.begin <= life.slate.end);
	life_deinit(&life);
}

/* Of snapshots in many pieces, each moment is one at which it may end. */
static void a_snapshot_may_be_cut_short_anywhere(void **state)
{
	uint64_t n;

	begin(state);
	for (unsigned round = 0; round < 40; round++) {
		uint64_t revision = life.slate.state.revision;

		for (unsigned i = 0; i < round; i++)
			assert_int_equal(life_commit(&life, 20), 0);
		life_check(&life, revision + 20 * round);
	}
	assert_true(life.n_snapshots > 3);
	life.snapshot.journal_bytes = UINT64_MAX;
	while (life.journal->has_old_steps || life.journal->has_old_pieces)
		assert_int_equal(life_commit(&life, 0), 0);
	n = life.journal->facts.whole.n_pieces;
	life_close(&life);
	assert_int_equal(life_n_rows(&life, JOURNAL_PIECES), n);
	life_deinit(&life);
}

/* Else the rest of a long one would be taken for a part of the next. */
static void no_generation_is_used_twice(void **state)
{
	uint64_t n;

	begin(state);
	life.slate.row_bytes = 3000;
	while (!life.snapshot.is_running)
		assert_int_equal(life_commit(&life, 4), 0);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(life_commit(&life, 1), 0);
	assert_int_equal(life.n_snapshots, 0);
	life_check(&life, life.slate.state.revision);
	life.slate.row_bytes = 10;
	while (!life.n_snapshots)
		assert_int_equal(life_commit(&life, 1), 0);
	life.snapshot.journal_bytes = UINT64_MAX;
	while (life.journal->has_old_pieces)
		assert_int_equal(life_commit(&life, 0), 0);
	n = life.journal->facts.whole.n_pieces;
	assert_in_range(n, 1, 5);
	life_close(&life);
	assert_int_equal(life_n_rows(&life, JOURNAL_PIECES), n);
	life_deinit(&life);
}

static void what_is_old_goes_by_and_by(void **state)
{
	size_t n;

	begin(state);
	for (unsigned i = 0; i < 400; i++)
		assert_int_equal(life_commit(&life, 1), 0);
	/* Each ends a snapshot, and begins none. */
	life.snapshot.journal_bytes = UINT64_MAX;
	n = life.journal->facts.extent.n_bytes;
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(life_commit(&life, 0), 0);
	assert_false(life.journal->has_old_steps);
	assert_false(life.journal->has_old_pieces);
	life_close(&life);
	assert_in_range(life_n_rows(&life, JOURNAL_STEPS), 1, 150);
	assert_in_range(life_n_rows(&life, JOURNAL_PIECES), 1, 10);
	life_check(&life, 400);
	assert_int_equal(life.journal->facts.extent.n_bytes, n);
	life_deinit(&life);
}

static void few_rows_go_with_one_commit(void **state)
{
	size_t n;

	begin(state);
	life.snapshot.journal_bytes = UINT64_MAX;
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(life_commit(&life, 1), 0);
	life.snapshot.journal_bytes = 100;
	life.snapshot.piece_bytes = SIZE_MAX;
	assert_int_equal(life_commit(&life, 1), 0);
	assert_int_equal(life.n_snapshots, 1);
	life_close(&life);
	n = life_n_rows(&life, JOURNAL_STEPS);
	assert_int_equal(n, 301);
	for (unsigned i = 0; i < 50; i++) {
		life_check(&life, 301);
		life.snapshot.journal_bytes = UINT64_MAX;
		assert_int_equal(life_commit(&life, 0), 0);
		life_close(&life);
		assert_in_range(life_n_rows(&life, JOURNAL_STEPS), n - 3,
				n - 1);
		n = life_n_rows(&life, JOURNAL_STEPS);
	}
	life_deinit(&life);
}

/* As it is when nothing is written while a snapshot is taken. */
static void the_last_step_always_stays(void **state)
{
	begin(state);
	life.snapshot.journal_bytes = 100;
	life.snapshot.piece_bytes = SIZE_MAX;
	assert_int_equal(life_commit(&life, 5), 0);
	assert_int_equal(life_commit(&life, 0), 0);
	assert_int_equal(life.n_snapshots, 1);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(life_commit(&life, 0), 0);
	life_close(&life);
	assert_int_equal(life_n_rows(&life, JOURNAL_STEPS), 1);
	life_check(&life, 5);
	assert_int_equal(life.slate.first, 1);
	life_deinit(&life);
}

/* Else one that is written faster than it is told would never end. */
static void a_piece_is_twice_as_long_as_the_batch(void **state)
{
	struct journal_batch batch = { .n_steps = 1 };

	begin(state);
	assert_int_equal(life_commit(&life, 100), 0);
	snapshot_fill(&life.snapshot, &life.slate.state, life.journal, &batch);
	assert_in_range(batch.n_rows, 4000, 4500);
	assert_true(batch.is_snapshot_first);
	batch.n_steps = 7000;
	snapshot_fill(&life.snapshot, &life.slate.state, life.journal, &batch);
	assert_in_range(batch.n_rows, 14000, 14500);
	assert_false(batch.is_snapshot_first);
	life_deinit(&life);
}

/* ---- batches by hand ---- */

static int commit_rows(struct journal_batch *batch, size_t n_rows,
		       size_t row_bytes)
{
	struct buffer rows;
	struct image_cursor cursor;
	int r;

	buffer_init(&rows, SIZE_MAX);
	image_begin(&cursor, &life.slate.state, UINT64_MAX);
	life.slate.row_bytes = row_bytes;
	assert_int_equal(image_next(&life.slate.state, &cursor, n_rows, &rows),
			 0);
	batch->rows = rows.bytes;
	batch->n_rows = rows.n;
	r = journal_commit(life.journal, batch);
	buffer_deinit(&rows);
	return r;
}

static void a_row_may_be_longer_than_a_piece(void **state)
{
	struct journal_batch batch = {
		.is_snapshot_first = true,
		.is_snapshot_last = true,
		.snapshot_begin = 7,
		.snapshot_end = 7,
		.keep_from = UINT64_MAX,
	};

	begin(state);
	life.snapshot.journal_bytes = UINT64_MAX;
	assert_int_equal(life_commit(&life, 7), 0);
	assert_int_equal(commit_rows(&batch, SIZE_MAX, 700000), 0);
	life_check(&life, 7);
	assert_int_equal(life.slate.n_rows, SLATE_PLACES);
	assert_int_equal(commit_rows(&batch, 1, 20000000), 0);
	assert_int_equal(life_open(&life, NULL), 0);
	assert_int_equal(life.slate.n_rows, 1);
	assert_int_equal(life.journal->facts.whole.n_pieces, 3);
	life_deinit(&life);
}

static void what_does_not_follow_is_refused(void **state)
{
	struct journal_batch batch = { .first = 1, .last = 1 };

	begin(state);
	assert_int_equal(journal_commit(life.journal, &batch), -EINVAL);
	batch.steps = "something";
	batch.n_steps = 9;
	batch.first = 2;
	batch.last = 2;
	assert_int_equal(journal_commit(life.journal, &batch), -EINVAL);
	batch.first = 1;
	batch.last = 0;
	assert_int_equal(journal_commit(life.journal, &batch), -EINVAL);
	batch = (struct journal_batch){ .rows = "row", .n_rows = 3 };
	assert_int_equal(journal_commit(life.journal, &batch), -EINVAL);
	batch.is_snapshot_first = true;
	batch.snapshot_begin = 1;
	assert_int_equal(journal_commit(life.journal, &batch), -EINVAL);
	assert_int_equal(life_commit(&life, 1), 0);
	life_check(&life, 1);
	life_deinit(&life);
}

/* ---- what windows need ---- */

static uint64_t snapshot_with(uint64_t keep_from)
{
	uint64_t last = life.slate.state.revision;
	struct journal_batch batch = {
		.is_snapshot_first = true,
		.is_snapshot_last = true,
		.snapshot_begin = last,
		.snapshot_end = last,
		.keep_from = keep_from,
	};

	assert_int_equal(commit_rows(&batch, SIZE_MAX, 10), 0);
	life_check(&life, last);
	return life.slate.first;
}

static void steps_are_kept_as_long_as_windows_need_them(void **state)
{
	begin(state);
	life.snapshot.journal_bytes = UINT64_MAX;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(life_commit(&life, 10), 0);
	assert_int_equal(snapshot_with(1), 1);
	assert_int_equal(snapshot_with(505), 501);
	/* What is gone does not come again. */
	assert_int_equal(snapshot_with(500), 501);
	assert_int_equal(snapshot_with(601), 601);
	assert_int_equal(snapshot_with(UINT64_MAX), 991);
	life_deinit(&life);
}

/* By one snapshot after the other. */
static void so_it_is_by_the_next_snapshots(void **state)
{
	begin(state);
	life.slate.keep_from = 30;
	life.slate.row_bytes = 10;
	while (life.n_snapshots < 5) {
		assert_int_equal(life_commit(&life, 4), 0);
		assert_in_range(life.journal->facts.extent.first, 1, 30);
	}
	life_check(&life, life.slate.state.revision);
	assert_int_equal(life.slate.first, 29);
	life_deinit(&life);
}

static void commit_until(uint64_t n_bytes)
{
	while (life.journal->marks.n_bytes < n_bytes)
		assert_int_equal(life_commit(&life, 100), 0);
}

/* Else one bucket in which nothing happens would keep all of it for ever. */
static void but_not_more_than_so_much_of_them(void **state)
{
	uint64_t last;

	begin(state);
	life.snapshot.journal_bytes = UINT64_MAX;
	life.slate.keep_from = 1;
	commit_until(4 << 20);
	life.journal->n_kept_bytes = 5 << 20;
	life.snapshot.journal_bytes = 4 << 20;
	life.snapshot.piece_bytes = SIZE_MAX;
	assert_int_equal(life_commit(&life, 1), 0);
	assert_int_equal(life.journal->facts.extent.first, 1);
	commit_until(13 << 20);
	last = life.slate.state.revision;
	assert_int_equal(life.n_snapshots, 3);
	life_check(&life, last);
	assert_in_range(life.slate.first, last * 7 / 13, last * 9 / 13);
	life_deinit(&life);
}

/* ---- care ---- */

static void a_copy_is_a_store(void **state)
{
	struct world *world = *state;
	_cleanup_(freep) char *path = world_path(world, "copy");

	begin(state);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(life_commit(&life, 10), 0);
	assert_int_equal(journal_backup(world->backend, world->path, path), 0);
	assert_int_equal(journal_backup(world->backend, world->path, path),
			 -EEXIST);
	assert_int_equal(life_commit(&life, 10), 0);
	life.path = path;
	life_check(&life, 500);
	assert_int_equal(life_commit(&life, 10), 0);
	life_check(&life, 510);
	life_close(&life);
	assert_int_equal(store_unlink(world->backend, path), 0);
	life.path = world->path;
	life_check(&life, 510);
	life_deinit(&life);
}

static void somebody_may_care_beside_the_writer(void **state)
{
	struct world *world = *state;
	struct journal_care *care;

	begin(state);
	assert_int_equal(journal_care_open(world->backend, world->path, &care),
			 0);
	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(life_commit(&life, 10), 0);
		assert_int_equal(journal_care_checkpoint(care), 0);
	}
	assert_null(journal_care_close(care));
	life_check(&life, 500);
	life_deinit(&life);
}

static void its_size_is_told(void **state)
{
	struct journal_size size;

	begin(state);
	life.snapshot.journal_bytes = UINT64_MAX;
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(life_commit(&life, 10), 0);
	journal_size(life.journal, &size);
	assert_int_equal(size.n_snapshot_bytes, 0);
	assert_in_range(size.n_journal_bytes, 100000, 1000000);
	life.snapshot.journal_bytes = 0;
	life.snapshot.piece_bytes = SIZE_MAX;
	assert_int_equal(life_commit(&life, 1), 0);
	journal_size(life.journal, &size);
	assert_in_range(size.n_snapshot_bytes, 100 * 300, 100 * 350);
	assert_int_equal(size.n_journal_bytes, 0);
	life_deinit(&life);
}

/* ---- files that are none ---- */

static void another_file_is_no_store(void **state)
{
	struct world *world = *state;
	char *why;

	store_close(world_open(world, STORE_CREATE));
	life_init(&life, world->backend, world->path, 0);
	assert_int_equal(life_open(&life, &why), -EBADMSG);
	assert_non_null(strstr(why, "a file: "));
	free(why);
	life_deinit(&life);
}

/* ---- memory ---- */

static void without_memory_it_is_opened_later(void **state)
{
	bool is_hit = true;

	begin(state);
	for (unsigned i = 0; i < 30; i++)
		assert_int_equal(life_commit(&life, 10), 0);
	life_close(&life);
	for (unsigned n = 0; is_hit; n++) {
		int r;

		fault_arm(n);
		r = life_open(&life, NULL);
		fault_disarm();
		is_hit = fault_hit();
		assert_true(r == 0 || (is_hit && r == -ENOMEM));
		life_check(&life, 300);
	}
	life_deinit(&life);
}

static void without_memory_nothing_is_written(void **state)
{
	struct journal_batch batch = { .first = 11, .last = 15 };
	struct buffer steps;
	bool is_hit = true;
	int r = -ENOMEM;

	begin(state);
	assert_int_equal(life_commit(&life, 10), 0);
	buffer_init(&steps, SIZE_MAX);
	for (unsigned i = 0; i < 5; i++)
		slate_step(&life.slate, &steps);
	batch.steps = steps.bytes;
	batch.n_steps = steps.n;
	for (unsigned n = 0; is_hit && r; n++) {
		fault_arm(n);
		r = journal_commit(life.journal, &batch);
		fault_disarm();
		is_hit = fault_hit();
		assert_true(r == 0 || (is_hit && r == -ENOMEM));
		life_check(&life, r ? 10 : 15);
	}
	buffer_deinit(&steps);
	life_deinit(&life);
}

#define ON_BOTH(test)                                                      \
	cmocka_unit_test_setup_teardown(test, world_set_up_sqlite,         \
					world_tear_down),                  \
		cmocka_unit_test_setup_teardown(test, world_set_up_memory, \
						world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(a_new_one_has_a_name_of_its_own),
		ON_BOTH(what_was_committed_is_there_again),
		ON_BOTH(a_snapshot_may_be_cut_short_anywhere),
		ON_BOTH(no_generation_is_used_twice),
		ON_BOTH(what_is_old_goes_by_and_by),
		ON_BOTH(few_rows_go_with_one_commit),
		ON_BOTH(the_last_step_always_stays),
		ON_BOTH(a_piece_is_twice_as_long_as_the_batch),
		ON_BOTH(a_row_may_be_longer_than_a_piece),
		ON_BOTH(what_does_not_follow_is_refused),
		ON_BOTH(steps_are_kept_as_long_as_windows_need_them),
		ON_BOTH(so_it_is_by_the_next_snapshots),
		ON_BOTH(but_not_more_than_so_much_of_them),
		ON_BOTH(a_copy_is_a_store),
		ON_BOTH(somebody_may_care_beside_the_writer),
		ON_BOTH(its_size_is_told),
		ON_BOTH(another_file_is_no_store),
		ON_BOTH(without_memory_it_is_opened_later),
		ON_BOTH(without_memory_nothing_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
