/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/storage/faulty_disk.h"
#include "tests/unit/storage/world.h"

enum { PAGE_BYTES = 8192, VALUE_BYTES = 128 * PAGE_BYTES, N_VALUES = 4 };

static char value[VALUE_BYTES];

static uint64_t n_reads(void)
{
	return faulty_disk_n_calls(1u << FAULTY_READ);
}

/* Then it is in the file, and nothing of it in its log. */
static void put_values(struct store *writer, char letter)
{
	const struct store_piece piece = { value, sizeof(value) };

	memset(value, letter, sizeof(value));
	assert_int_equal(store_begin(writer), 0);
	for (uint64_t i = 1; i <= N_VALUES; i++) {
		struct store_key key = number_of(i);

		assert_int_equal(
			store_put(writer, WORLD_NUMBERS, &key, &piece, 1), 0);
	}
	assert_int_equal(store_commit(writer), 0);
	assert_int_equal(store_checkpoint(writer), 0);
}

static int read_value(struct store *reader, uint64_t number)
{
	memset(value, 0, sizeof(value));
	return store_read(reader, WORLD_NUMBERS, number, 0, value,
			  sizeof(value));
}

static void assert_all(char letter, size_t n)
{
	assert_int_equal(value[0], letter);
	assert_memory_equal(value, value + 1, n - 1);
}

static void assert_values(struct store *reader, char letter)
{
	for (uint64_t i = 1; i <= N_VALUES; i++) {
		assert_int_equal(read_value(reader, i), 1);
		assert_all(letter, sizeof(value));
	}
}

static void long_values_are_read_in_few_calls(void **state)
{
	struct store *writer = world_open(*state, STORE_CREATE);
	struct store *reader = world_open(*state, STORE_READ_ONLY);
	uint64_t before;

	put_values(writer, 'a');
	assert_int_equal(store_snapshot(reader), 0);
	before = n_reads();
	assert_values(reader, 'a');
	assert_in_range(n_reads() - before, 64, 64 + 24);
	store_end(reader);
	store_close(reader);
	store_close(writer);
}

static void what_was_written_meanwhile_is_read(void **state)
{
	struct store *writer = world_open(*state, STORE_CREATE);
	struct store *reader = world_open(*state, STORE_READ_ONLY);

	for (const char *letter = "abcdef"; *letter; letter++) {
		put_values(writer, *letter);
		assert_int_equal(store_snapshot(reader), 0);
		assert_values(reader, *letter);
		store_end(reader);
	}
	store_close(reader);
	store_close(writer);
}

/* What the log has not brought to the file before a snapshot is read there. */
static void a_snapshot_stays_while_others_write(void **state)
{
	struct store *writer = world_open(*state, STORE_CREATE);
	struct store *reader = world_open(*state, STORE_READ_ONLY);

	put_values(writer, 'a');
	assert_int_equal(store_snapshot(reader), 0);
	assert_int_equal(read_value(reader, 1), 1);
	put_values(writer, 'b');
	assert_values(reader, 'a');
	store_end(reader);
	assert_int_equal(store_snapshot(reader), 0);
	assert_values(reader, 'b');
	store_end(reader);
	store_close(reader);
	store_close(writer);
}

static void put_short(struct store *writer, uint64_t number, char letter)
{
	const struct store_piece piece = { value, 3 * (size_t)PAGE_BYTES };
	struct store_key key = number_of(number);

	memset(value, letter, piece.n_bytes);
	assert_int_equal(store_begin(writer), 0);
	assert_int_equal(store_put(writer, WORLD_NUMBERS, &key, &piece, 1), 0);
	assert_int_equal(store_commit(writer), 0);
}

static void assert_short(struct store *reader, uint64_t number, char letter)
{
	const size_t n = 3 * (size_t)PAGE_BYTES;

	assert_int_equal(store_snapshot(reader), 0);
	assert_int_equal(store_read(reader, WORLD_NUMBERS, number, 0, value, n),
			 1);
	assert_all(letter, n);
	store_end(reader);
}

/*
 * While the one before it is read it is in the log, and what is read ahead of
 * the file is not it; then it is moved there, of which SQLite tells nobody.
 */
static void what_was_moved_meanwhile_is_read(void **state)
{
	struct store *writer = world_open(*state, STORE_CREATE);
	struct store *reader = world_open(*state, STORE_READ_ONLY);

	for (uint64_t i = 1; i <= 16; i++)
		put_short(writer, i, 'a');
	assert_int_equal(store_checkpoint(writer), 0);
	for (uint64_t i = 2; i <= 16; i++) {
		put_short(writer, i, 'b');
		assert_short(reader, i - 1, i == 2 ? 'a' : 'b');
		assert_int_equal(store_checkpoint(writer), 0);
		assert_short(reader, i, 'b');
	}
	store_close(reader);
	store_close(writer);
}

static void assert_value_or_error(struct store *reader, uint64_t number)
{
	int r = read_value(reader, number);

	if (r == -EIO)
		return;
	assert_int_equal(r, 1);
	assert_all('a', sizeof(value));
}

/* Of one call what is ahead may be the loss, and nobody's; of all it is not. */
static void what_cannot_be_read_is_an_error(void **state)
{
	struct faulty_plan plan = { .calls = 1u << FAULTY_READ, .error = EIO };
	struct store *writer = world_open(*state, STORE_CREATE);
	struct store *reader;

	put_values(writer, 'a');
	assert_int_equal(store_seal(writer), 0);
	store_close(writer);
	for (plan.n_before = 0; plan.n_before < 40; plan.n_before++) {
		reader = world_open(*state, STORE_READ_ONLY | STORE_SEALED);
		assert_int_equal(store_snapshot(reader), 0);
		plan.is_lasting = plan.n_before & 1;
		faulty_disk_arm(&plan);
		for (uint64_t i = 1; i <= N_VALUES; i++)
			assert_value_or_error(reader, i);
		assert_true(faulty_disk_hit());
		if (plan.is_lasting)
			assert_int_equal(read_value(reader, 1), -EIO);
		faulty_disk_disarm();
		assert_values(reader, 'a');
		store_end(reader);
		store_close(reader);
	}
}

#define FAULTY(test)                                               \
	cmocka_unit_test_setup_teardown(test, world_set_up_faulty, \
					world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAULTY(long_values_are_read_in_few_calls),
		FAULTY(what_was_written_meanwhile_is_read),
		FAULTY(a_snapshot_stays_while_others_write),
		FAULTY(what_was_moved_meanwhile_is_read),
		FAULTY(what_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
