/* SPDX-License-Identifier: MIT */

/*
 * What every backend does beside reading and writing, and for several threads.
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER_BOTH(a_checkpoint_changes_nothing_that_is_seen),
		OVER_BOTH(a_sealed_file_is_read_and_not_written),
		OVER_BOTH(who_is_in_the_way_of_a_seal_is_told_of),
		OVER_BOTH(who_is_beside_the_writer_leaves_a_seal_alone),
		OVER_BOTH(a_copy_is_as_of_one_moment),
		OVER_BOTH(a_writer_a_reader_and_a_checkpointer_work_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
