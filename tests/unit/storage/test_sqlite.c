/* SPDX-License-Identifier: MIT */

/*
 * What only the backend on SQLite can do wrong: files that strangers wrote,
 * its log, other threads and processes, and ends that nobody meant.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/backend/backend.h"
#include "tests/unit/storage/world.h"

static int try_open(struct world *world, unsigned flags)
{
	struct store *store;
	int r;

	r = store_open(world->backend, world->path, &world_layout, flags,
		       &store);
	if (!r)
		store_close(store);
	return r;
}

static void make_with_rows(struct world *world, unsigned n_rows)
{
	static char bytes[20000];
	const struct store_piece piece = { bytes, sizeof(bytes) };
	struct store *store = world_open(world, STORE_CREATE);

	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(store_begin(store), 0);
	for (unsigned i = 1; i <= n_rows; i++) {
		struct store_key key = number_of(i * 2);
		char name[16];

		snprintf(name, sizeof(name), "name %u", i);
		assert_int_equal(store_put(store, 0, &key, &piece, 1), 0);
		put_number(store, i * 2 + 1, "short");
		put_name(store, name, "value");
	}
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_seal(store), 0);
	store_close(store);
}

/* As somebody who has SQLite and means harm. */
static void tamper(struct world *world, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL))
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static off_t length_of(const char *path, const char *suffix)
{
	char name[128];
	struct stat status;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return stat(name, &status) ? -1 : status.st_size;
}

/* ---- strangers' files ---- */

static void what_is_no_such_file_is_refused_and_stays_as_it_is(void **state)
{
	struct world *world = *state;
	static char noise[20000];
	int fd;

	for (size_t n = 0; n <= sizeof(noise); n += 5000) {
		memset(noise, 'n', sizeof(noise));
		fd = open(world->path, O_RDWR | O_CREAT | O_TRUNC, 0600);
		assert_int_equal(write(fd, noise, n), n);
		close(fd);
		assert_int_equal(try_open(world, STORE_CREATE), -EBADMSG);
		assert_int_equal(try_open(world, STORE_READ_ONLY), -EBADMSG);
		assert_int_equal(try_open(world, STORE_SEALED), -EBADMSG);
		assert_int_equal(length_of(world->path, ""), n);
	}
	unlink(world->path);
	assert_int_equal(mkdir(world->path, 0700), 0);
	assert_int_equal(try_open(world, STORE_CREATE), -EBADMSG);
	rmdir(world->path);
}

static void a_file_with_other_tables_is_refused(void **state)
{
	static const char *const tampering[] = {
		"CREATE TRIGGER t AFTER INSERT ON numbers BEGIN "
		"DELETE FROM names; END",
		"CREATE TABLE more(a)",
		"CREATE INDEX i ON numbers(value)",
		"CREATE VIEW v AS SELECT 1",
		"DROP TABLE names",
		"DROP TABLE others; CREATE VIEW others AS SELECT 1 AS id, "
		"x'' AS value",
		"ALTER TABLE numbers RENAME COLUMN value TO worth",
		"PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = "
		"'CREATE TABLE numbers(id INTEGER PRIMARY KEY, value BLOB, c)' "
		"WHERE name = 'numbers'",
		"PRAGMA application_id=1",
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(tampering) / sizeof(*tampering); i++) {
		make_with_rows(world, 1);
		tamper(world, tampering[i]);
		assert_int_equal(try_open(world, STORE_CREATE), -EBADMSG);
		assert_int_equal(try_open(world, STORE_SEALED), -EBADMSG);
		assert_int_equal(store_unlink(world->backend, world->path), 0);
	}
}

static void what_is_no_bytes_is_no_value(void **state)
{
	struct world *world = *state;
	struct store_key one = number_of(1);
	struct store_key minus;
	struct store_cursor *cursor;
	struct store *store;
	const void *value;
	char part[4];
	size_t n;

	make_with_rows(world, 0);
	tamper(world,
	       "INSERT INTO numbers VALUES(1, 'text'), (2, 5), (3, NULL),"
	       "(-4, x'00'); INSERT INTO names VALUES(5, x'00'),"
	       "('k', x'00'), (zeroblob(2000), x'00'),"
	       "(x'6b', 'text')");
	store = world_open(world, STORE_READ_ONLY);
	assert_int_equal(store_snapshot(store), 0);
	for (one.number = 1; one.number <= 3; one.number++) {
		assert_int_equal(store_get(store, 0, &one, &value, &n),
				 -EBADMSG);
		store_read(store, 0, one.number, 0, part, 4);
	}
	minus = name_of("k");
	assert_int_equal(store_get(store, 1, &minus, &value, &n), -EBADMSG);
	assert_int_equal(
		store_cursor_open(store, 0, STORE_AT_OR_BEFORE, NULL, &cursor),
		0);
	while (store_cursor_next(cursor) == 1)
		store_cursor_value(cursor, &value, &n);
	assert_int_equal(store_cursor_next(cursor), 0);
	store_cursor_close(cursor);
	assert_int_equal(
		store_cursor_open(store, 1, STORE_AT_OR_AFTER, NULL, &cursor),
		0);
	while (store_cursor_next(cursor) == 1)
		store_cursor_value(cursor, &value, &n);
	store_cursor_close(cursor);
	store_end(store);
	store_close(store);
}

static void use_all(struct store *store)
{
	struct store_key key = number_of(4);
	struct store_cursor *cursor;
	const void *value;
	char part[64];
	size_t n;

	if (store_snapshot(store))
		return;
	for (unsigned table = 0; table < 3; table++) {
		if (store_cursor_open(store, table, STORE_AFTER, NULL, &cursor))
			continue;
		while (store_cursor_next(cursor) == 1)
			store_cursor_value(cursor, &value, &n);
		store_cursor_close(cursor);
	}
	store_get(store, 0, &key, &value, &n);
	store_read(store, 0, 6, 10000, part, sizeof(part));
	store_end(store);
	store_check(store);
	if (!store_begin(store)) {
		key.number = 900;
		store_put(store, 0, &key, NULL, 0);
		store_commit(store);
	}
}

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static void write_all(struct world *world, const char *bytes, size_t n)
{
	int fd = open(world->path, O_RDWR | O_TRUNC | O_CREAT, 0600);

	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

/* Every other one where the structure of a page is. */
static void flip(char *bytes, size_t n, uint64_t random, bool is_in_head)
{
	size_t at = random % n;

	if (is_in_head)
		at = (random % (n / 8192)) * 8192 + (random >> 40) % 100;
	bytes[at] = (char)(bytes[at] ^ (char)(1 + (random >> 32) % 127));
}

/* None of this may crash, hang, or take an unsound pointer for a sound one. */
static void flipped_bytes_do_no_harm(void **state)
{
	struct world *world = *state;
	uint64_t random = 88172645463325252u;
	static char good[400000];
	static char bad[sizeof(good)];
	struct store *store;
	size_t n;
	int fd;

	make_with_rows(world, 12);
	fd = open(world->path, O_RDONLY);
	n = (size_t)read(fd, good, sizeof(good));
	close(fd);
	assert_true(n > 100000 && n < sizeof(good));
	for (unsigned i = 0; i < 150; i++) {
		memcpy(bad, good, n);
		for (unsigned k = 0; k <= i % 5; k++)
			flip(bad, n, next_random(&random), i % 2 == 0);
		write_all(world, bad, i % 10 ? n : next_random(&random) % n);
		if (!store_open(world->backend, world->path, &world_layout,
				i % 3 ? 0 : STORE_SEALED, &store)) {
			use_all(store);
			store_close(store);
		}
		store_unlink(world->backend, world->path);
	}
}

/* ---- names ---- */

static void a_path_may_have_any_letters(void **state)
{
	static const char *const names[] = { "a?immutable=1", "b#c",
					     "d%41",          "e f",
					     "\xc3\xa4",      "?" };
	struct world *world = *state;
	struct store *store;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *path = world_path(world, names[i]);

		assert_int_equal(store_open(world->backend, path, &world_layout,
					    STORE_CREATE, &store),
				 0);
		commit_number(store, 1, "v");
		assert_int_equal(access(path, F_OK), 0);
		store_close(store);
		assert_int_equal(store_unlink(world->backend, path), 0);
		free(path);
	}
}

static void a_path_may_be_relative(void **state)
{
	struct world *world = *state;
	struct store *store;
	char before[256];

	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(world->folder), 0);
	snprintf(world->path, sizeof(world->path), "file");
	store = world_open(world, STORE_CREATE);
	commit_number(store, 1, "v");
	store_close(store);
	assert_int_equal(try_open(world, STORE_SEALED), -EBUSY);
	assert_int_equal(store_unlink(world->backend, world->path), 0);
	assert_int_equal(chdir(before), 0);
}

static void no_descriptors_are_told_apart(void **state)
{
	struct world *world = *state;
	struct rlimit before;
	struct rlimit few;

	make_with_rows(world, 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(try_open(world, STORE_READ_ONLY), -EMFILE);
	assert_int_equal(try_open(world, STORE_SEALED), -EMFILE);
	assert_int_equal(try_open(world, 0), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(try_open(world, 0), 0);
}

/* ---- the log ---- */

static void commit_bytes(struct store *store, uint64_t number, size_t n)
{
	static char bytes[1 << 20];
	const struct store_piece pieces[] = { { bytes, n / 2 },
					      { bytes, n - n / 2 } };
	struct store_key key = number_of(number);

	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_put(store, 0, &key, pieces, 2), 0);
	assert_int_equal(store_commit(store), 0);
}

static void a_log_is_bounded_if_nobody_else_sees_to_it(void **state)
{
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE);

	for (unsigned i = 1; i <= 40; i++) {
		commit_bytes(store, i, 1 << 20);
		assert_true(length_of(world->path, "-wal") <= 8 << 20);
	}
	store_close(store);
	assert_int_equal(length_of(world->path, "-wal"), -1);
}

static void a_large_log_is_made_once_and_kept(void **state)
{
	const off_t n_large = 64 << 20;
	struct world *world = *state;
	struct store *store = world_open(world, STORE_CREATE | STORE_LARGE);

	commit_number(store, 1, "one");
	assert_int_equal(length_of(world->path, "-wal"), n_large);
	for (unsigned i = 2; i <= 130; i++)
		commit_bytes(store, i, 1 << 20);
	assert_true(length_of(world->path, "-wal") <= n_large + (4 << 20));
	assert_true(length_of(world->path, "") >= 100 << 20);
	store_close(store);
	assert_true(length_of(world->path, "-wal") >= n_large);

	/* And it is empty to who comes next, in this process or another. */
	store = world_open(world, STORE_LARGE);
	assert_committed(store, 1, "one");
	assert_int_equal(store_snapshot(store), 0);
	assert_int_equal(
		store_read(store, 0, 130, (1 << 20) - 1, &(char){ 0 }, 1), 1);
	store_end(store);
	commit_number(store, 200, "last");
	store_close(store);
	assert_int_equal(store_unlink(world->backend, world->path), 0);
	assert_int_equal(length_of(world->path, "-wal"), -1);
}

static void a_reader_holds_no_commit_up(void **state)
{
	struct world *world = *state;
	struct store *writer = world_open(world, STORE_CREATE);
	struct store *reader = world_open(world, STORE_READ_ONLY);

	commit_number(writer, 1, "one");
	assert_int_equal(store_snapshot(reader), 0);
	for (unsigned i = 2; i <= 30; i++)
		commit_bytes(writer, i, 1 << 20);
	assert_number(reader, 1, "one");
	assert_number(reader, 2, NULL);
	store_end(reader);
	for (unsigned i = 31; i <= 60; i++)
		commit_bytes(writer, i, 1 << 20);
	assert_true(length_of(world->path, "-wal") <= 8 << 20);
	store_close(reader);
	store_close(writer);
}

/* ---- processes ---- */

/* Commits for ever, and says after each commit what it was. */
static void write_until_killed(struct world *world, int fd, uint64_t from)
{
	struct store *store;

	if (store_open(world->backend, world->path, &world_layout, 0, &store))
		_exit(1);
	for (uint64_t i = from;; i++) {
		const struct store_piece piece = { &i, sizeof(i) };
		struct store_key key = number_of(i);
		struct store_key last = number_of(INT64_MAX);

		if (store_begin(store) ||
		    store_put(store, 0, &key, &piece, 1) ||
		    store_put(store, 0, &last, &piece, 1) ||
		    store_commit(store) ||
		    write(fd, &i, sizeof(i)) != sizeof(i))
			_exit(1);
		if (i % 50 == 0 && store_checkpoint(store))
			_exit(1);
	}
}

static uint64_t read_last(int fd)
{
	uint64_t acked = 0;
	uint64_t next;

	while (read(fd, &next, sizeof(next)) == sizeof(next))
		acked = next;
	return acked;
}

static uint64_t last_in(struct store *store)
{
	struct store_key last = number_of(INT64_MAX);
	const void *value;
	uint64_t n;
	size_t n_value;

	assert_int_equal(store_snapshot(store), 0);
	assert_int_equal(store_get(store, 0, &last, &value, &n_value), 1);
	assert_int_equal(n_value, sizeof(n));
	memcpy(&n, value, sizeof(n));
	for (uint64_t i = 1; i <= n + 1; i++) {
		struct store_key key = number_of(i);

		assert_int_equal(store_get(store, 0, &key, &value, &n_value),
				 i <= n);
	}
	store_end(store);
	return n;
}

/* A reader in this process goes on, whoever dies in the other. */
static void what_a_killed_process_acked_is_there(void **state)
{
	struct world *world = *state;
	struct store *reader = NULL;
	uint64_t n = 0;

	store_close(world_open(world, STORE_CREATE));
	for (unsigned turn = 0; turn < 8; turn++) {
		int pipes[2];
		uint64_t acked;
		pid_t child;

		assert_int_equal(pipe(pipes), 0);
		child = fork();
		if (!child)
			write_until_killed(world, pipes[1], n + 1);
		close(pipes[1]);
		/* It is killed somewhere after its turn-th commit or so. */
		for (unsigned i = 0; i <= turn * 3; i++)
			assert_int_equal(read(pipes[0], &acked, sizeof(acked)),
					 sizeof(acked));
		kill(child, SIGKILL);
		if (read_last(pipes[0]) > acked)
			acked = acked > n ? acked : n;
		waitpid(child, NULL, 0);
		close(pipes[0]);
		if (!reader)
			reader = world_open(world, STORE_READ_ONLY);
		n = last_in(reader);
		assert_true(n >= acked);
		/* And by every other turn who comes next has to recover. */
		if (turn % 2)
			reader = store_close(reader);
	}
	store_close(reader);
}

#define ON_SQLITE(test)                                            \
	cmocka_unit_test_setup_teardown(test, world_set_up_sqlite, \
					world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_SQLITE(what_is_no_such_file_is_refused_and_stays_as_it_is),
		ON_SQLITE(a_file_with_other_tables_is_refused),
		ON_SQLITE(what_is_no_bytes_is_no_value),
		ON_SQLITE(flipped_bytes_do_no_harm),
		ON_SQLITE(a_path_may_have_any_letters),
		ON_SQLITE(a_path_may_be_relative),
		ON_SQLITE(no_descriptors_are_told_apart),
		ON_SQLITE(a_log_is_bounded_if_nobody_else_sees_to_it),
		ON_SQLITE(a_large_log_is_made_once_and_kept),
		ON_SQLITE(a_reader_holds_no_commit_up),
		ON_SQLITE(what_a_killed_process_acked_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
