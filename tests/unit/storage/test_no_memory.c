/* SPDX-License-Identifier: MIT */

/*
 * Each allocation fails in its turn, ours and SQLite's: the caller is told,
 * what was committed stays, and what is asked again works.
 */

#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/backend/backend.h"
#include "tests/fault.h"
#include "tests/unit/storage/world.h"

/* ---- SQLite's allocations ---- */

static sqlite3_mem_methods real_methods;
static bool is_armed;
static bool is_hit;
static unsigned n_left;

static bool must_fail(void)
{
	if (!is_armed || n_left--)
		return false;
	is_armed = false;
	is_hit = true;
	return true;
}

static void *failing_malloc(int n)
{
	return must_fail() ? NULL : real_methods.xMalloc(n);
}

static void *failing_realloc(void *pointer, int n)
{
	return must_fail() ? NULL : real_methods.xRealloc(pointer, n);
}

static void take_over(void)
{
	sqlite3_mem_methods methods;

	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_methods);
	methods = real_methods;
	methods.xMalloc = failing_malloc;
	methods.xRealloc = failing_realloc;
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods),
			 SQLITE_OK);
}

/* ---- what is done ---- */

struct progress {
	struct world *world;
	bool is_made;
	bool is_committed;
	bool is_copied;
};

static int write_some(struct store *store, struct progress *progress)
{
	static char bytes[30000];
	const struct store_piece pieces[] = { { "short", 5 },
					      { bytes, sizeof(bytes) } };
	struct store_key number = number_of(1);
	struct store_key name = name_of("name");
	int r;

	r = store_begin(store);
	if (r)
		return r;
	r = store_put(store, 0, &number, pieces, 2);
	if (!r)
		r = store_put(store, 1, &name, pieces, 1);
	if (!r)
		r = store_delete(store, 2, &number);
	if (r) {
		assert_int_equal(store_commit(store), r);
		return r;
	}
	r = store_commit(store);
	progress->is_committed = !r;
	return r;
}

static int walk(struct store *store, unsigned table)
{
	struct store_cursor *cursor;
	const void *value;
	char part[8];
	size_t n;
	int r;

	r = store_cursor_open(store, table, STORE_AT_OR_BEFORE, NULL, &cursor);
	if (r)
		return r;
	r = store_cursor_next(cursor);
	if (r == 1)
		r = store_cursor_value(cursor, &value, &n);
	if (!r && !table)
		r = store_cursor_read(cursor, 20000, part, sizeof(part));
	store_cursor_close(cursor);
	return r < 0 ? r : 0;
}

static int read_some(struct store *store)
{
	struct store_key number = number_of(1);
	const void *value;
	char part[8];
	size_t n;
	int r;

	r = store_snapshot(store);
	if (r)
		return r;
	r = store_get(store, 0, &number, &value, &n);
	if (r == 1)
		r = store_read(store, 0, 1, 9999, part, sizeof(part));
	if (r == 1)
		r = walk(store, 0);
	if (!r)
		r = walk(store, 1);
	store_end(store);
	return r;
}

static int live(struct progress *progress)
{
	struct world *world = progress->world;
	char *copy = world_path(world, "copy");
	struct store *store;
	int r;

	r = store_open(world->backend, world->path, &world_layout, STORE_CREATE,
		       &store);
	if (r) {
		free(copy);
		return r;
	}
	progress->is_made = true;
	r = write_some(store, progress);
	if (!r)
		r = read_some(store);
	if (!r)
		r = store_checkpoint(store);
	if (!r) {
		r = store_backup(store, copy);
		progress->is_copied = !r;
	}
	if (!r)
		r = store_seal(store);
	store_close(store);
	free(copy);
	return r;
}

static void check_after(struct progress *progress)
{
	struct world *world = progress->world;
	struct store_key number = number_of(1);
	char *copy = world_path(world, "copy");
	struct store *store;
	const void *value;
	size_t n;

	store = world_open(world, progress->is_made ? 0 : STORE_CREATE);
	assert_int_equal(store_snapshot(store), 0);
	assert_int_equal(store_get(store, 0, &number, &value, &n),
			 progress->is_committed);
	store_end(store);
	assert_int_equal(store_check(store), 0);
	store_close(store);
	store_unlink(world->backend, copy);
	assert_int_equal(store_unlink(world->backend, world->path), 0);
	free(copy);
}

/* ---- the tests ---- */

static void each_allocation_of_ours_may_fail(void **state)
{
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct progress progress = { .world = *state };
		int r;

		fault_arm(n);
		r = live(&progress);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		check_after(&progress);
	}
}

static void each_allocation_of_sqlite_may_fail(void **state)
{
	unsigned n_failed = 0;

	for (unsigned n = 0; n == 0 || is_hit; n++) {
		struct progress progress = { .world = *state };
		int r;

		n_left = n;
		is_hit = false;
		is_armed = true;
		r = live(&progress);
		is_armed = false;
		/* It does without some of them. */
		assert_true(!r || (is_hit && r == -ENOMEM));
		n_failed += r == -ENOMEM;
		check_after(&progress);
	}
	assert_true(n_failed > 50);
}

static void a_transaction_without_memory_is_undone(void **state)
{
	struct store *store = world_open(*state, STORE_CREATE);
	struct store_key key = number_of(2);
	struct store_piece piece = { "two", 3 };

	commit_number(store, 1, "one");
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		int r;

		assert_int_equal(store_begin(store), 0);
		fault_arm(n);
		r = store_put(store, 0, &key, &piece, 1);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_int_equal(store_put(store, 0, &key, &piece, 1), r);
		assert_int_equal(store_commit(store), r);
		assert_committed(store, 2, r ? NULL : "two");
	}
	store_close(store);
}

#define ON(backend, test)                                            \
	{                                                            \
#backend ": " #test, (test), world_set_up_##backend, \
			world_tear_down, NULL                        \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(sqlite, each_allocation_of_ours_may_fail),
		ON(memory, each_allocation_of_ours_may_fail),
		ON(sqlite, each_allocation_of_sqlite_may_fail),
		ON(sqlite, a_transaction_without_memory_is_undone),
		ON(memory, a_transaction_without_memory_is_undone),
	};

	take_over();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
