/* SPDX-License-Identifier: MIT */

/*
 * Power goes at any moment, and the disk keeps any part of what was not synced:
 * what was committed is there, and nothing is there that was not.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/backend/backend.h"
#include "storage/backend/driver.h"
#include "tests/unit/storage/faulty_disk.h"
#include "tests/unit/storage/world.h"

enum { N_COMMITS = 60, N_IMAGES = 150, N_LARGE_IMAGES = 30 };

/* Commit i puts number i + 1 and replaces number 1000. */
static size_t acked_at[N_COMMITS]; /* events so far when it was acked */
static size_t created_at;
static size_t sealed_at;

static void value_of(unsigned commit, char *bytes, size_t *ret_n)
{
	*ret_n = 10 + (commit * 7919) % 20000;
	for (size_t i = 0; i < *ret_n; i++)
		bytes[i] = (char)(commit + i / 3);
}

static void commit(struct store *store, unsigned i)
{
	static char bytes[32000];
	struct store_key number = number_of(i + 1);
	struct store_key last = number_of(1000);
	struct store_piece piece = { bytes, 0 };

	value_of(i, bytes, &piece.n_bytes);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_put(store, WORLD_NUMBERS, &number, &piece, 1),
			 0);
	assert_int_equal(store_put(store, WORLD_NUMBERS, &last, &piece, 1), 0);
	assert_int_equal(store_commit(store), 0);
	acked_at[i] = faulty_disk_n_events();
}

/* Closed now and then; checkpoints between; sealed at the end. */
static void live(struct world *world, unsigned flags)
{
	struct store *store = world_open(world, STORE_CREATE | flags);

	created_at = faulty_disk_n_events();
	for (unsigned i = 0; i < N_COMMITS; i++) {
		commit(store, i);
		if (i % 7 == 6)
			assert_int_equal(store_checkpoint(store), 0);
		if (i % 25 == 24) {
			store_close(store);
			store = world_open(world, flags);
		}
	}
	assert_int_equal(store_seal(store), 0);
	sealed_at = faulty_disk_n_events();
	store_close(store);
}

static unsigned n_acked(size_t n_events)
{
	unsigned n = 0;

	while (n < N_COMMITS && acked_at[n] <= n_events)
		n++;
	return n;
}

static void check_rows(struct store *store, unsigned n)
{
	static char bytes[32000];
	const void *value;
	size_t n_bytes;
	size_t n_value;

	for (unsigned i = 0; i <= n; i++) {
		struct store_key key = number_of(i < n ? i + 1 : 1000);

		if (!n)
			break;
		value_of(i < n ? i : n - 1, bytes, &n_bytes);
		assert_int_equal(
			store_get(store, WORLD_NUMBERS, &key, &value, &n_value),
			1);
		assert_int_equal(n_value, n_bytes);
		assert_memory_equal(value, bytes, n_bytes);
	}
}

/* As many commits as there are rows, each whole, all that were acked. */
static void check_image(struct world *world, size_t n_events)
{
	struct store_cursor *cursor;
	struct store *store;
	unsigned n = 0;
	int r;

	r = store_open(world->backend, world->image_path, &world_layout, 0,
		       &store);
	if (r == -ENOENT && n_events < created_at)
		return;
	assert_int_equal(r, 0);
	assert_int_equal(store_snapshot(store), 0);
	assert_int_equal(
		store_cursor_open(store, 0, STORE_AFTER, NULL, &cursor), 0);
	while (store_cursor_next(cursor) == 1 &&
	       store_cursor_key(cursor).number < 1000)
		n++;
	store_cursor_close(cursor);
	assert_in_range(n, n_acked(n_events), n_acked(n_events) + 1);
	check_rows(store, n);
	store_end(store);
	assert_int_equal(store_check(store), 0);
	/* And it goes on. */
	commit_number(store, 500, "next");
	store_close(store);
}

static void cut_power_often(struct world *world, unsigned flags,
			    unsigned n_images)
{
	size_t n_events;
	uint64_t random = 88172645463325252u;

	assert_int_equal(faulty_disk_record(world->folder), 0);
	live(world, flags);
	n_events = faulty_disk_n_events();
	for (unsigned i = 0; i < n_images; i++) {
		size_t at;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		at = random % (n_events + 1);
		assert_int_equal(faulty_disk_image(at, i, world->image_folder),
				 0);
		check_image(world, at);
		world_clear_image(world);
	}
	faulty_disk_forget();
}

static void nothing_acked_is_lost_and_nothing_invented(void **state)
{
	cut_power_often(*state, 0, N_IMAGES);
}

/* The log is written over and over, and stays when the file is closed. */
static void a_large_log_is_as_good(void **state)
{
	cut_power_often(*state, STORE_LARGE, N_LARGE_IMAGES);
}

static void what_is_sealed_stays_sealed(void **state)
{
	struct world *world = *state;
	struct store *store;

	assert_int_equal(faulty_disk_record(world->folder), 0);
	live(world, 0);
	for (unsigned seed = 0; seed < 16; seed++) {
		assert_int_equal(
			faulty_disk_image(sealed_at, seed, world->image_folder),
			0);
		assert_int_equal(store_open(world->backend, world->image_path,
					    &world_layout, STORE_SEALED,
					    &store),
				 0);
		assert_int_equal(store_snapshot(store), 0);
		check_rows(store, N_COMMITS);
		store_close(store);
		world_clear_image(world);
	}
	faulty_disk_forget();
}

/* Of a file that was removed nothing comes back into a new one. */
static void what_is_removed_does_not_haunt_the_next(void **state)
{
	struct world *world = *state;
	struct store *store;
	size_t from;
	size_t to;

	assert_int_equal(faulty_disk_record(world->folder), 0);
	store = world_open(world, STORE_CREATE);
	commit(store, 0);
	store->is_stale = true; /* so that its log stays */
	store_close(store);
	from = faulty_disk_n_events();
	assert_int_equal(store_unlink(world->backend, world->path), 0);
	to = faulty_disk_n_events();

	for (size_t at = from; at <= to; at++) {
		for (unsigned seed = 0; seed < 32; seed++) {
			assert_int_equal(faulty_disk_image(at, seed,
							   world->image_folder),
					 0);
			unlink(world->image_path);
			assert_int_equal(
				store_open(world->backend, world->image_path,
					   &world_layout, STORE_CREATE, &store),
				0);
			assert_committed(store, 1, NULL);
			store_close(store);
			world_clear_image(world);
		}
	}
	faulty_disk_forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			nothing_acked_is_lost_and_nothing_invented,
			world_set_up_faulty, world_tear_down),
		cmocka_unit_test_setup_teardown(a_large_log_is_as_good,
						world_set_up_faulty,
						world_tear_down),
		cmocka_unit_test_setup_teardown(what_is_sealed_stays_sealed,
						world_set_up_faulty,
						world_tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_removed_does_not_haunt_the_next,
			world_set_up_faulty, world_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
