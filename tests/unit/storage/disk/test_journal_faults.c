/* SPDX-License-Identifier: MIT */

/*
 * Every call to the disk fails in its turn, once or from then on. What was
 * acked stays, what was refused is not there, and what journal_reopen() tells
 * is so, whatever happens next.
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

#include "tests/unit/storage/disk/life.h"
#include "tests/unit/storage/faulty_disk.h"

enum { COMMITS = 18, STEPS = 5, TRIES = 3 };

static struct life life;
static uint64_t acked;    /* revisions that are there */
static uint64_t possible; /* and up to which there may be more */
static unsigned n_told;   /* outcomes of journal_reopen() */

static void begin(void **state)
{
	struct world *world = *state;

	life_init(&life, world->backend, world->path, 0);
	acked = possible = 0;
}

static bool is_known(int r)
{
	return r == -EIO || r == -ENOSPC || r == -ESTALE || r == -EMFILE;
}

/* What it tells now is so from now on. */
static void reopen(void)
{
	uint64_t last;
	char *why;
	int r;

	r = journal_reopen(life.journal, &last, &why);
	if (r < 0) {
		assert_true(is_known(r));
		assert_non_null(why);
		free(why);
		return;
	}
	assert_true(last == acked || last == possible);
	n_told++;
	acked = possible = last;
	life_close(&life);
}

static void commit(void)
{
	uint64_t before = life.slate.state.revision;
	int r = life_commit(&life, STEPS);

	if (r >= 0) {
		acked = possible = life.slate.state.revision;
		return;
	}
	assert_true(is_known(r));
	if (r == -EIO)
		possible = before + STEPS;
	for (unsigned i = 0; i < TRIES && life.journal && r != -ENOSPC; i++)
		reopen();
}

static void open_or_commit(void)
{
	int r;

	if (life.journal) {
		commit();
		return;
	}
	r = life_open(&life, NULL);
	if (r < 0) {
		assert_true(is_known(r));
		return;
	}
	assert_true(life.slate.state.revision == acked ||
		    life.slate.state.revision == possible);
	acked = possible = life.slate.state.revision;
	slate_check(&life.slate, acked);
}

/* The disk works again: all is as it should be, and goes on. */
static void check_after(struct world *world)
{
	assert_int_equal(life_open(&life, NULL), 0);
	assert_true(life.slate.state.revision == acked ||
		    life.slate.state.revision == possible);
	slate_check(&life.slate, life.slate.state.revision);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(life_commit(&life, STEPS), 0);
	life_check(&life, life.slate.state.revision);
	life_deinit(&life);
	assert_int_equal(store_unlink(world->backend, world->path), 0);
}

static void fail_each(void **state, unsigned calls, int error, bool is_lasting)
{
	bool is_hit = true;
	uint64_t n = 0;

	n_told = 0;
	for (; is_hit; n++) {
		struct faulty_plan plan = { .calls = calls,
					    .n_before = n,
					    .error = error,
					    .is_lasting = is_lasting };

		begin(state);
		faulty_disk_arm(&plan);
		for (unsigned i = 0; i < COMMITS; i++) {
			open_or_commit();
			if (i % 5 == 4)
				life_close(&life);
		}
		is_hit = faulty_disk_hit();
		/* A handle that has failed writes nothing when it is closed. */
		life_close(&life);
		faulty_disk_disarm();
		check_after(*state);
	}
	assert_true(n > 8);
}

static void each_call_may_fail_once(void **state)
{
	fail_each(state, FAULTY_CHANGES, EIO, false);
	assert_true(n_told > 10);
}

static void each_call_may_fail_for_ever(void **state)
{
	fail_each(state, FAULTY_CHANGES, EIO, true);
}

static void each_read_may_fail(void **state)
{
	fail_each(state, 1u << FAULTY_READ, EIO, false);
}

static void the_disk_may_be_full_for_one_call(void **state)
{
	fail_each(state, 1u << FAULTY_WRITE | 1u << FAULTY_OPEN, ENOSPC, false);
}

static void the_disk_may_be_full_for_ever(void **state)
{
	fail_each(state, 1u << FAULTY_WRITE | 1u << FAULTY_OPEN, ENOSPC, true);
}

/* ---- a full disk ---- */

static const struct faulty_plan FULL = { .calls = 1u << FAULTY_WRITE,
					 .error = ENOSPC,
					 .is_lasting = true };
static const struct faulty_plan FULL_ONCE = { .calls = 1u << FAULTY_WRITE,
					      .error = ENOSPC };

static void a_full_disk_takes_nothing_and_goes_on(void **state)
{
	begin(state);
	assert_int_equal(life_open(&life, NULL), 0);
	assert_int_equal(life_commit(&life, STEPS), 0);
	for (unsigned i = 0; i < 3; i++) {
		faulty_disk_arm(&FULL);
		assert_int_equal(life_commit(&life, STEPS), -ENOSPC);
		assert_int_equal(life_commit(&life, STEPS), -ENOSPC);
		faulty_disk_disarm();
		assert_int_equal(life_commit(&life, STEPS), 0);
	}
	life_check(&life, 4 * STEPS);
	life_deinit(&life);
}

/* Nobody loses what he wrote for the room that a snapshot wants. */
static void without_room_for_a_piece_the_steps_are_there(void **state)
{
	begin(state);
	assert_int_equal(life_open(&life, NULL), 0);
	for (unsigned i = 0; !life.snapshot.is_running; i++)
		assert_int_equal(life_commit(&life, STEPS), 0);
	faulty_disk_arm(&FULL_ONCE);
	assert_int_equal(life_commit(&life, STEPS), 1);
	faulty_disk_disarm();
	assert_false(life.snapshot.is_running);
	assert_int_equal(life.n_snapshots, 0);
	/* It is left alone for a while, and begins anew. */
	assert_int_equal(life_commit(&life, STEPS), 0);
	assert_false(life.snapshot.is_running);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(life_commit(&life, STEPS), 0);
	assert_int_equal(life.n_snapshots, 1);
	life_check(&life, life.slate.state.revision);
	life_deinit(&life);
}

/* ---- what is told is so ---- */

static uint64_t told_again(void)
{
	uint64_t last;
	char *why;

	assert_int_equal(journal_reopen(life.journal, &last, &why), 0);
	return last;
}

static uint64_t told_by_the_next(void)
{
	assert_int_equal(life_open(&life, NULL), 0);
	return life.slate.state.revision;
}

static void check_images(struct world *world, size_t at, uint64_t revision)
{
	for (unsigned seed = 0; seed < 64; seed++) {
		struct life image;

		assert_int_equal(
			faulty_disk_image(at, seed, world->image_folder), 0);
		life_init(&image, world->backend, world->image_path, 0);
		life_check(&image, revision);
		life_deinit(&image);
		world_clear_image(world);
	}
}

/* Whatever is left if the power goes right after it was told. */
static void check_told(void **state, enum faulty_call call,
		       uint64_t (*tell)(void))
{
	const struct faulty_plan plan = { .calls = 1u << call, .error = EIO };
	struct world *world = *state;
	uint64_t last;
	size_t at;

	assert_int_equal(faulty_disk_record(world->folder), 0);
	begin(state);
	assert_int_equal(life_open(&life, NULL), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(life_commit(&life, STEPS), 0);
	faulty_disk_arm(&plan);
	assert_int_equal(life_commit(&life, STEPS), -EIO);
	faulty_disk_disarm();
	last = tell();
	at = faulty_disk_n_events();
	life_deinit(&life);
	check_images(world, at, last);
	faulty_disk_forget();
	assert_int_equal(store_unlink(world->backend, world->path), 0);
}

static void what_is_told_is_there_to_stay(void **state)
{
	check_told(state, FAULTY_SYNC, told_again);
	check_told(state, FAULTY_WRITE, told_again);
}

static void so_is_what_the_next_one_reads(void **state)
{
	check_told(state, FAULTY_SYNC, told_by_the_next);
	check_told(state, FAULTY_WRITE, told_by_the_next);
}

/* Until it was opened again nothing is written. */
static void what_is_not_known_is_not_added_to(void **state)
{
	const struct faulty_plan plan = { .calls = 1u << FAULTY_SYNC,
					  .error = EIO,
					  .is_lasting = true };
	uint64_t last;
	char *why;

	begin(state);
	assert_int_equal(life_open(&life, NULL), 0);
	assert_int_equal(life_commit(&life, STEPS), 0);
	faulty_disk_arm(&plan);
	assert_int_equal(life_commit(&life, STEPS), -EIO);
	assert_int_equal(life_commit(&life, STEPS), -ESTALE);
	assert_int_equal(journal_reopen(life.journal, &last, &why), -EIO);
	assert_non_null(why);
	free(why);
	assert_int_equal(life_commit(&life, STEPS), -ESTALE);
	faulty_disk_disarm();
	assert_int_equal(journal_reopen(life.journal, &last, &why), 0);
	assert_true(last == STEPS || last == 2 * STEPS);
	life_check(&life, last);
	life_deinit(&life);
}

#define ON_FAULTY(test)                                            \
	cmocka_unit_test_setup_teardown(test, world_set_up_faulty, \
					world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_FAULTY(each_call_may_fail_once),
		ON_FAULTY(each_call_may_fail_for_ever),
		ON_FAULTY(each_read_may_fail),
		ON_FAULTY(the_disk_may_be_full_for_one_call),
		ON_FAULTY(the_disk_may_be_full_for_ever),
		ON_FAULTY(a_full_disk_takes_nothing_and_goes_on),
		ON_FAULTY(without_room_for_a_piece_the_steps_are_there),
		ON_FAULTY(what_is_told_is_there_to_stay),
		ON_FAULTY(so_is_what_the_next_one_reads),
		ON_FAULTY(what_is_not_known_is_not_added_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
