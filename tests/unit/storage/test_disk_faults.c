/* SPDX-License-Identifier: MIT */

/*
 * Every call to the disk fails in its turn, once or from then on: nothing that
 * was acked is lost, nothing that was refused is there, readers go on, and the
 * file works again when the disk does.
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

#include "base/cleanup.h"
#include "storage/backend/backend.h"
#include "tests/unit/storage/faulty_disk.h"
#include "tests/unit/storage/world.h"

enum { N_COMMITS = 12 };

enum fate {
	NOT_TRIED,
	ACKED,
	REFUSED, /* and not there */
	UNKNOWN, /* nobody knows */
};

struct life {
	struct world *world;
	struct store *writer;
	struct store *reader;
	enum fate fates[N_COMMITS];
	bool was_made; /* store_open() has returned 0 once */
};

static const char *value_of(unsigned i)
{
	static char bytes[40000];
	size_t n = i % 3 ? 20 : 30000;

	memset(bytes, 'a' + (char)i, n);
	bytes[n] = '\0';
	return bytes;
}

static bool is_known(int r)
{
	return r == -EIO || r == -ENOSPC || r == -ESTALE || r == -EMFILE;
}

static int put_and_commit(struct store *store, unsigned i)
{
	struct store_key key = number_of(i + 1);
	const char *value = value_of(i);
	struct store_piece piece = { value, strlen(value) };
	int r;

	r = store_begin(store);
	if (r)
		return r;
	r = store_put(store, WORLD_NUMBERS, &key, &piece, 1);
	if (r) {
		assert_int_equal(store_commit(store), r == -EIO ? -ESTALE : r);
		return r;
	}
	return store_commit(store);
}

static void check_fates(struct life *life, struct store *store)
{
	const void *value;
	size_t n;

	assert_int_equal(store_snapshot(store), 0);
	for (unsigned i = 0; i < N_COMMITS; i++) {
		struct store_key key = number_of(i + 1);
		int r = store_get(store, WORLD_NUMBERS, &key, &value, &n);

		assert_in_range(r, 0, 1);
		if (life->fates[i] == ACKED)
			assert_int_equal(r, 1);
		else if (life->fates[i] != UNKNOWN)
			assert_int_equal(r, 0);
		if (!r)
			continue;
		assert_int_equal(n, strlen(value_of(i)));
		assert_memory_equal(value, value_of(i), n);
	}
	store_end(store);
}

static void open_writer(struct life *life)
{
	struct world *world = life->world;
	int r;

	r = store_open(world->backend, world->path, &world_layout, STORE_CREATE,
		       &life->writer);
	if (r) {
		life->writer = NULL;
		assert_true(is_known(r));
		return;
	}
	life->was_made = true;
}

static void live_one(struct life *life, unsigned i)
{
	int r;

	if (!life->writer)
		open_writer(life);
	if (!life->writer)
		return;
	r = put_and_commit(life->writer, i);
	assert_true(!r || is_known(r));
	life->fates[i] = !r ? ACKED : r == -EIO ? UNKNOWN : REFUSED;
	if (r == -ESTALE || r == -EIO) {
		assert_int_equal(store_begin(life->writer), -ESTALE);
		life->writer = store_close(life->writer);
	}
	if (life->reader)
		check_fates(life, life->reader);
}

static void live(struct life *life)
{
	struct world *world = life->world;
	int r;

	open_writer(life);
	for (unsigned i = 0; i < N_COMMITS; i++) {
		live_one(life, i);
		if (i == 2 && life->was_made) {
			r = store_open(world->backend, world->path,
				       &world_layout, STORE_READ_ONLY,
				       &life->reader);
			assert_true(!r || is_known(r));
			if (r)
				life->reader = NULL;
		}
		if (i % 5 == 4 && life->writer) {
			r = store_checkpoint(life->writer);
			assert_true(!r || is_known(r));
		}
		if (i == 7)
			life->writer = store_close(life->writer);
	}
	life->writer = store_close(life->writer);
	life->reader = store_close(life->reader);
}

/* The disk works again: all is as it should be, and goes on. */
static void check_after(struct life *life)
{
	struct world *world = life->world;
	struct store *store;

	assert_int_equal(store_open(world->backend, world->path, &world_layout,
				    life->was_made ? 0 : STORE_CREATE, &store),
			 0);
	check_fates(life, store);
	assert_int_equal(store_check(store), 0);
	commit_number(store, 500, "next");
	store_close(store);
	assert_int_equal(store_unlink(world->backend, world->path), 0);
}

static void fail_each(struct world *world, unsigned calls, int error,
		      bool is_lasting)
{
	uint64_t n = 0;
	bool is_hit = true;

	for (; is_hit; n++) {
		struct life life = { .world = world };
		struct faulty_plan plan = { .calls = calls,
					    .n_before = n,
					    .error = error,
					    .is_lasting = is_lasting };

		faulty_disk_arm(&plan);
		live(&life);
		is_hit = faulty_disk_hit();
		faulty_disk_disarm();
		check_after(&life);
	}
	assert_true(n > 20);
}

static void each_call_may_fail_once(void **state)
{
	fail_each(*state, FAULTY_CHANGES, EIO, false);
}

static void each_call_may_fail_for_ever(void **state)
{
	fail_each(*state, FAULTY_CHANGES, EIO, true);
}

static void the_disk_may_be_full_for_one_call(void **state)
{
	fail_each(*state, 1u << FAULTY_WRITE | 1u << FAULTY_OPEN, ENOSPC,
		  false);
}

static void the_disk_may_be_full_for_ever(void **state)
{
	fail_each(*state, 1u << FAULTY_WRITE | 1u << FAULTY_OPEN, ENOSPC, true);
}

/* Neither closed nor opened again, and the next commit is as good as any. */
static void a_full_disk_leaves_the_handle_usable(void **state)
{
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE);
	struct faulty_plan plan = { .calls = 1u << FAULTY_WRITE,
				    .error = ENOSPC,
				    .is_lasting = true };

	commit_number(store, 1, "one");
	for (unsigned turn = 0; turn < 3; turn++) {
		faulty_disk_arm(&plan);
		assert_int_equal(put_and_commit(store, 5), -ENOSPC);
		assert_int_equal(put_and_commit(store, 6), -ENOSPC);
		assert_committed(store, 1, "one");
		assert_committed(store, 6, NULL);
		assert_true(store_error(store)[0] != '\0');
		faulty_disk_disarm();
		commit_number(store, 10 + turn, "more");
	}
	assert_committed(store, 12, "more");
	store_close(store);
	store = world_open(world, 0);
	assert_committed(store, 6, NULL);
	assert_committed(store, 12, "more");
	store_close(store);
}

/* As long as nothing becomes longer: something may be removed then. */
static void a_full_disk_has_room_for_what_takes_none(void **state)
{
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE);
	struct faulty_plan plan = { .calls = 1u << FAULTY_WRITE,
				    .error = ENOSPC,
				    .is_lasting = true,
				    .is_growth = true };

	commit_number(store, 2, "two");
	assert_int_equal(store_checkpoint(store), 0);
	for (unsigned i = 0; i < 8; i++)
		commit_number(store, 2, "two");
	faulty_disk_arm(&plan);
	assert_int_equal(put_and_commit(store, 1), -ENOSPC);
	assert_int_equal(put_and_commit(store, 1), 0);
	faulty_disk_disarm();
	assert_committed(store, 2, value_of(1));
	store_close(store);
}

static void a_failed_sync_is_never_believed_again(void **state)
{
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE);
	struct faulty_plan plan = { .calls = 1u << FAULTY_SYNC, .error = EIO };

	commit_number(store, 1, "one");
	assert_int_equal(store_begin(store), 0);
	put_number(store, 2, "two");
	faulty_disk_arm(&plan);
	assert_int_equal(store_commit(store), -EIO);
	faulty_disk_disarm();
	assert_int_equal(store_begin(store), -ESTALE);
	assert_int_equal(store_snapshot(store), -ESTALE);
	assert_int_equal(store_checkpoint(store), -ESTALE);
	assert_int_equal(store_seal(store), -ESTALE);
	store_close(store);

	store = world_open(world, 0);
	assert_committed(store, 1, "one");
	commit_number(store, 3, "three");
	store_close(store);
}

/* Draw what is on the disk, often, and hold it against what was said. */
static void assert_images(struct world *world, size_t n_events, uint64_t number,
			  const char *value)
{
	struct store *image;

	for (unsigned seed = 0; seed < 64; seed++) {
		assert_int_equal(
			faulty_disk_image(n_events, seed, world->image_folder),
			0);
		assert_int_equal(store_open(world->backend, world->image_path,
					    &world_layout, 0, &image),
				 0);
		assert_committed(image, 1, "one");
		assert_committed(image, number, value);
		assert_int_equal(store_check(image), 0);
		store_close(image);
		assert_int_equal(
			store_unlink(world->backend, world->image_path), 0);
	}
}

/*
 * What a sync could not write is shown by the kernel, and may yet be lost. What
 * is committed after it was seen again must not be lost with it.
 */
static void what_follows_a_failed_sync_does_not_stand_on_it(void **state)
{
	struct world *world = *state;
	struct faulty_plan plan = { .calls = 1u << FAULTY_SYNC, .error = EIO };
	struct store *store;

	assert_int_equal(faulty_disk_record(world->folder), 0);
	store = world_open(world, STORE_CREATE);
	commit_number(store, 1, "one");
	faulty_disk_arm(&plan);
	assert_int_equal(put_and_commit(store, 1), -EIO);
	faulty_disk_disarm();
	store_close(store);
	store = world_open(world, 0);
	commit_number(store, 3, "three");
	assert_images(world, faulty_disk_n_events(), 3, "three");
	faulty_disk_forget();
	store_close(store);
}

/* It is seen again, and nothing is ever added: it stays all the same. */
static void what_a_failed_sync_left_stays_once_it_was_seen(void **state)
{
	struct world *world = *state;
	struct faulty_plan plan = { .calls = 1u << FAULTY_SYNC, .error = EIO };
	struct store *store;

	assert_int_equal(faulty_disk_record(world->folder), 0);
	store = world_open(world, STORE_CREATE);
	commit_number(store, 1, "one");
	faulty_disk_arm(&plan);
	assert_int_equal(put_and_commit(store, 1), -EIO);
	faulty_disk_disarm();
	store_close(store);

	store = world_open(world, 0);
	assert_int_equal(store_begin(store), 0);
	store_rollback(store);
	assert_committed(store, 2, value_of(1));
	assert_images(world, faulty_disk_n_events(), 2, value_of(1));
	faulty_disk_forget();
	store_close(store);
}

/* ---- sealing ---- */

/* Returns what came of it; then the disk works again, and it can be sealed. */
static int seal_on(struct world *world, const struct faulty_plan *plan)
{
	struct store *store = world_open(world, STORE_CREATE);
	int r;

	commit_number(store, 1, "one");
	faulty_disk_arm(plan);
	r = store_seal(store);
	faulty_disk_disarm();
	store_close(store);
	if (r) {
		store = world_open(world, 0);
		assert_int_equal(store_seal(store), 0);
		store_close(store);
	}
	store = world_open(world, STORE_SEALED);
	assert_committed(store, 1, "one");
	store_close(store);
	assert_int_equal(store_unlink(world->backend, world->path), 0);
	return r;
}

static void seal_on_each(struct world *world, unsigned calls, int error,
			 int expected)
{
	struct faulty_plan plan = { .calls = calls, .error = error };
	unsigned n_told = 0;
	bool is_hit = true;
	int r;

	for (uint64_t n = 0; is_hit; n++) {
		plan.n_before = n;
		r = seal_on(world, &plan);
		is_hit = faulty_disk_hit();
		assert_true(!r || r == expected);
		n_told += r != 0;
	}
	assert_true(n_told > 2);
}

static void what_a_seal_needs_may_fail(void **state)
{
	seal_on_each(*state, FAULTY_CHANGES, EIO, -EIO);
}

static void a_seal_without_room_says_so(void **state)
{
	const unsigned calls = 1u << FAULTY_WRITE | 1u << FAULTY_TRUNCATE |
			       1u << FAULTY_UNLINK;

	seal_on_each(*state, calls, ENOSPC, -ENOSPC);
	seal_on_each(*state, 1u << FAULTY_TRUNCATE | 1u << FAULTY_UNLINK,
		     EDQUOT, -ENOSPC);
}

/* ---- what it costs ---- */

/* Whoever waits for an ack waits for one sync. */
static void a_commit_is_one_sync(void **state)
{
	enum { N_TURNS = 20 };
	const unsigned syncs = 1u << FAULTY_SYNC | 1u << FAULTY_SYNC_FOLDER;
	struct store *store = world_open(*state, STORE_CREATE);
	uint64_t n;

	commit_number(store, 1, "one");
	n = faulty_disk_n_calls(syncs);
	for (unsigned i = 0; i < N_TURNS; i++)
		commit_number(store, 2 + i, "more");
	assert_int_equal(faulty_disk_n_calls(syncs) - n, N_TURNS);
	store_close(store);
}

static void a_part_of_a_value_costs_no_more_than_a_part(void **state)
{
	enum { N_BYTES = 4 << 20 };
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE);
	struct store_key key = number_of(1);
	struct store_piece piece = { calloc(1, N_BYTES), N_BYTES };
	char part[64];
	uint64_t n;

	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_put(store, 0, &key, &piece, 1), 0);
	assert_int_equal(store_commit(store), 0);
	store_close(store);

	store = world_open(world, STORE_READ_ONLY);
	n = faulty_disk_n_calls(1u << FAULTY_READ);
	assert_int_equal(store_snapshot(store), 0);
	assert_int_equal(store_read(store, 0, 1, 0, part, sizeof(part)), 1);
	assert_true(faulty_disk_n_calls(1u << FAULTY_READ) - n < 10);
	store_end(store);
	store_close(store);
	freep(&piece.bytes);
}

#define ON_FAULTY(test)                                            \
	cmocka_unit_test_setup_teardown(test, world_set_up_faulty, \
					world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_FAULTY(each_call_may_fail_once),
		ON_FAULTY(each_call_may_fail_for_ever),
		ON_FAULTY(the_disk_may_be_full_for_one_call),
		ON_FAULTY(the_disk_may_be_full_for_ever),
		ON_FAULTY(a_full_disk_leaves_the_handle_usable),
		ON_FAULTY(a_full_disk_has_room_for_what_takes_none),
		ON_FAULTY(a_failed_sync_is_never_believed_again),
		ON_FAULTY(what_follows_a_failed_sync_does_not_stand_on_it),
		ON_FAULTY(what_a_failed_sync_left_stays_once_it_was_seen),
		ON_FAULTY(what_a_seal_needs_may_fail),
		ON_FAULTY(a_seal_without_room_says_so),
		ON_FAULTY(a_commit_is_one_sync),
		ON_FAULTY(a_part_of_a_value_costs_no_more_than_a_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
