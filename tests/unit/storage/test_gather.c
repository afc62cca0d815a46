/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "storage/backend/gather.h"
#include "tests/unit/storage/faulty_disk.h"
#include "tests/unit/storage/world.h"

enum { PAGE_BYTES = 8192 };

static uint64_t n_writes(void)
{
	return faulty_disk_n_calls(1u << FAULTY_WRITE);
}

/* ---- a store ---- */

static int commit_bytes(struct store *store, uint64_t number, size_t n)
{
	_cleanup_(freep) char *value = malloc(n + 1);
	struct store_key key = number_of(number);
	struct store_piece piece = { value, n };
	int r;

	assert_non_null(value);
	memset(value, 'a' + (char)(number % 26), n);
	assert_int_equal(store_begin(store), 0);
	r = store_put(store, WORLD_NUMBERS, &key, &piece, 1);
	if (r < 0)
		store_rollback(store);
	return r < 0 ? r : store_commit(store);
}

static void a_commit_is_written_at_once(void **state)
{
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE);
	uint64_t before;

	assert_int_equal(commit_bytes(store, 1, 10), 0);
	before = n_writes();
	assert_int_equal(commit_bytes(store, 2, 4 * PAGE_BYTES), 0);
	assert_int_equal(n_writes() - before, 1);
	store_close(store);
}

static void a_large_one_in_few_calls(void **state)
{
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE);
	uint64_t before;

	assert_int_equal(commit_bytes(store, 1, 10), 0);
	before = n_writes();
	assert_int_equal(commit_bytes(store, 2, 64 * PAGE_BYTES), 0);
	assert_in_range(n_writes() - before, 8, 12);
	store_close(store);
}

static void what_cannot_be_written_is_not_committed(void **state)
{
	const struct faulty_plan full = { .calls = 1u << FAULTY_WRITE,
					  .error = ENOSPC };
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE);

	assert_int_equal(commit_bytes(store, 1, 10), 0);
	faulty_disk_arm(&full);
	assert_int_equal(commit_bytes(store, 2, PAGE_BYTES), -ENOSPC);
	faulty_disk_disarm();
	assert_committed(store, 2, NULL);
	assert_int_equal(commit_bytes(store, 3, PAGE_BYTES), 0);
	store_close(store);
	store = world_open(world, 0);
	assert_committed(store, 1, "bbbbbbbbbb");
	assert_committed(store, 2, NULL);
	store_close(store);
}

/* Of the first more than SQLite keeps in memory: it is written before it ends,
 * and the second is where that was. */
enum { VALUES = 120, LESS_VALUES = 60, VALUE_BYTES = 40000 };

static void put_many(struct store *store, char letter, uint64_t n)
{
	static char value[VALUE_BYTES];
	struct store_piece piece = { value, sizeof(value) };

	memset(value, letter, sizeof(value));
	for (uint64_t i = 1; i <= n; i++) {
		struct store_key key = number_of(i);

		assert_int_equal(
			store_put(store, WORLD_NUMBERS, &key, &piece, 1), 0);
	}
}

static void assert_many(struct store *store, char letter, uint64_t n_values)
{
	const void *value;
	size_t n;

	assert_int_equal(store_snapshot(store), 0);
	for (uint64_t i = 1; i <= n_values; i++) {
		struct store_key key = number_of(i);

		assert_int_equal(
			store_get(store, WORLD_NUMBERS, &key, &value, &n), 1);
		for (size_t at = 0; at < n; at++)
			assert_int_equal(((const char *)value)[at], letter);
	}
	store_end(store);
}

static void what_was_taken_back_is_not_written_over_others(void **state)
{
	struct world *world = *state;
	struct store *one = world_open(world, STORE_CREATE);
	struct store *other = world_open(world, 0);

	commit_number(one, 1000, "before");
	assert_int_equal(store_begin(one), 0);
	put_many(one, 'a', VALUES);
	store_rollback(one);
	assert_int_equal(store_begin(other), 0);
	put_many(other, 'b', LESS_VALUES);
	assert_int_equal(store_commit(other), 0);
	commit_number(one, 1000, "after");
	assert_many(other, 'b', LESS_VALUES);
	assert_many(one, 'b', LESS_VALUES);
	store_close(one);
	store_close(other);
}

/* ---- a log by itself ---- */

static sqlite3_file *open_log(struct world *world, sqlite3_filename *ret_name)
{
	_cleanup_(freep) char *path = world_path(world, "log");
	sqlite3_vfs *vfs = sqlite3_vfs_find("gather:" FAULTY_DISK_VFS);
	sqlite3_file *file;

	assert_non_null(vfs);
	file = calloc(1, (size_t)vfs->szOsFile);
	assert_non_null(file);
	*ret_name = sqlite3_create_filename("db", "", path, 0, NULL);
	/* The name must live as long as the file. */
	assert_int_equal(vfs->xOpen(vfs, sqlite3_filename_wal(*ret_name), file,
				    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
					    SQLITE_OPEN_WAL,
				    NULL),
			 SQLITE_OK);
	return file;
}

static void close_log(sqlite3_file *file, sqlite3_filename name)
{
	assert_int_equal(file->pMethods->xClose(file), SQLITE_OK);
	free(file);
	sqlite3_free_filename(name);
}

static void put(sqlite3_file *file, const char *text, sqlite3_int64 at)
{
	assert_int_equal(
		file->pMethods->xWrite(file, text, (int)strlen(text), at),
		SQLITE_OK);
}

static void assert_text(sqlite3_file *file, const char *text)
{
	char bytes[64] = "";

	assert_int_equal(
		file->pMethods->xRead(file, bytes, (int)strlen(text), 0),
		SQLITE_OK);
	assert_string_equal(bytes, text);
}

static void whoever_looks_sees_what_was_written(void **state)
{
	sqlite3_filename name;
	sqlite3_file *file = open_log(*state, &name);
	uint64_t before = n_writes();
	sqlite3_int64 n;

	put(file, "one ", 0);
	put(file, "two ", 4);
	assert_int_equal(n_writes(), before);
	assert_text(file, "one two ");
	assert_int_equal(n_writes(), before);
	put(file, "three", 8);
	assert_int_equal(file->pMethods->xFileSize(file, &n), SQLITE_OK);
	assert_int_equal(n, 13);
	assert_int_equal(n_writes(), before + 1);
	put(file, "four", 8);
	assert_int_equal(file->pMethods->xTruncate(file, 10), SQLITE_OK);
	assert_text(file, "one two fo");
	close_log(file, name);
}

static void who_reads_elsewhere_does_not_write(void **state)
{
	const struct faulty_plan full = { .calls = 1u << FAULTY_WRITE,
					  .error = ENOSPC };
	sqlite3_filename name;
	sqlite3_file *file = open_log(*state, &name);
	char both[6] = "";

	put(file, "one", 0);
	assert_int_equal(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL),
			 SQLITE_OK);
	put(file, "two", 3);
	faulty_disk_arm(&full);
	assert_text(file, "one");
	assert_false(faulty_disk_hit());
	faulty_disk_disarm();
	assert_int_equal(file->pMethods->xRead(file, both, 6, 0), SQLITE_OK);
	assert_memory_equal(both, "onetwo", 6);
	close_log(file, name);
}

static void what_was_not_synced_goes_with_the_file(void **state)
{
	sqlite3_filename name;
	sqlite3_file *file = open_log(*state, &name);
	uint64_t before = n_writes();

	put(file, "one", 0);
	gather_drop(file);
	put(file, "two", 3);
	close_log(file, name);
	assert_int_equal(n_writes(), before);
}

/* Nobody else may write there yet. */
static void a_log_is_emptied_before_it_is_left(void **state)
{
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE);
	struct store *reader = world_open(world, STORE_READ_ONLY);
	_cleanup_(freep) char *path = world_path(world, "a file-wal");
	char header[32], zeros[32] = "";
	FILE *log;

	commit_number(store, 1, "one");
	assert_committed(reader, 1, "one");
	store_close(store);
	log = fopen(path, "re");
	assert_non_null(log);
	assert_int_equal(fread(header, 1, sizeof(header), log), 32);
	fclose(log);
	assert_memory_equal(header, zeros, sizeof(zeros));
	store_close(reader);
}

static void what_is_not_behind_goes_by_itself(void **state)
{
	sqlite3_filename name;
	sqlite3_file *file = open_log(*state, &name);
	uint64_t before = n_writes();

	put(file, "one two ", 0);
	put(file, "and", 4);
	put(file, "!", 7);
	put(file, "uno", 0);
	assert_int_equal(n_writes(), before + 2);
	assert_int_equal(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL),
			 SQLITE_OK);
	assert_int_equal(n_writes(), before + 3);
	assert_text(file, "uno and!");
	close_log(file, name);
}

static void what_failed_is_not_tried_again(void **state)
{
	const struct faulty_plan broken = { .calls = 1u << FAULTY_WRITE,
					    .error = EIO };
	sqlite3_filename name;
	sqlite3_file *file = open_log(*state, &name);
	uint64_t before;

	put(file, "one", 0);
	faulty_disk_arm(&broken);
	assert_int_equal(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL),
			 SQLITE_IOERR_WRITE);
	faulty_disk_disarm();
	before = n_writes();
	assert_int_equal(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL),
			 SQLITE_OK);
	assert_int_equal(n_writes(), before);
	close_log(file, name);
}

#define FAULTY(test)                                               \
	cmocka_unit_test_setup_teardown(test, world_set_up_faulty, \
					world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAULTY(a_commit_is_written_at_once),
		FAULTY(a_large_one_in_few_calls),
		FAULTY(what_cannot_be_written_is_not_committed),
		FAULTY(what_was_taken_back_is_not_written_over_others),
		FAULTY(whoever_looks_sees_what_was_written),
		FAULTY(who_reads_elsewhere_does_not_write),
		FAULTY(what_was_not_synced_goes_with_the_file),
		FAULTY(a_log_is_emptied_before_it_is_left),
		FAULTY(what_is_not_behind_goes_by_itself),
		FAULTY(what_failed_is_not_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
