/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"
#include "switch/sketch.h"

static void add(struct sketch *sketch, unsigned number, uint64_t weight)
{
	char subject[32];
	int n = snprintf(subject, sizeof(subject), "s.%u", number);

	sketch_add(sketch, map_hash_u64(number), subject, (size_t)n, weight);
}

static void counts_exactly_while_there_is_room(void **state)
{
	static struct sketch sketch;
	struct sketch_entry busiest[3];

	assert_int_equal(sketch_busiest(&sketch, busiest, 3), 0);
	for (unsigned i = 1; i <= SKETCH_ENTRIES; i++)
		add(&sketch, i, 10);
	add(&sketch, 7, 5);
	add(&sketch, 9, 64);
	assert_int_equal(sketch_busiest(&sketch, busiest, 3), 3);
	assert_int_equal(busiest[0].count, 74);
	assert_memory_equal(busiest[0].subject, "s.9", 3);
	assert_int_equal(busiest[0].n_subject, 3);
	assert_int_equal(busiest[1].count, 15);
	assert_int_equal(busiest[1].error, 0);
	assert_int_equal(busiest[2].count, 10);
}

/* Two subjects of one hash stay two. */
static void tells_subjects_of_one_hash_apart(void **state)
{
	static struct sketch sketch;
	struct sketch_entry busiest[4];

	sketch_add(&sketch, 1, "a", 1, 1);
	sketch_add(&sketch, 1, "b", 1, 2);
	sketch_add(&sketch, 1, "b", 1, 2);
	assert_int_equal(sketch_busiest(&sketch, busiest, 4), 2);
	assert_int_equal(busiest[0].count, 4);
	assert_int_equal(busiest[1].count, 1);
}

/*
 * 3 of 10 messages are of three busy subjects, the others of one never seen
 * before: the busy ones are held, and every count is within its error.
 */
static void finds_the_busy_among_invented_subjects(void **state)
{
	enum { N = 20000 };
	static struct sketch sketch;
	struct sketch_entry busiest[SKETCH_ENTRIES];
	size_t n;

	for (unsigned i = 0; i < N; i++)
		add(&sketch, i % 10 < 3 ? i % 10 : i + 1000, 1);
	n = sketch_busiest(&sketch, busiest, SKETCH_ENTRIES);
	assert_int_equal(n, SKETCH_ENTRIES);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(busiest[i].n_subject, 3);
		assert_true(busiest[i].count >= N / 10);
		assert_true(busiest[i].count - busiest[i].error <= N / 10);
	}
	for (size_t i = 3; i < n; i++)
		assert_true(busiest[i].count - busiest[i].error <= 1);
}

static void what_was_counted_fades(void **state)
{
	static struct sketch sketch;
	struct sketch_entry entry;

	for (unsigned i = 0; i < SKETCH_ENTRIES; i++)
		add(&sketch, i, 3);
	add(&sketch, 5000, 8);
	sketch_halve(&sketch);
	assert_int_equal(sketch_busiest(&sketch, &entry, 1), 1);
	assert_int_equal(entry.count, 6);
	assert_int_equal(entry.error, 2);
	for (int i = 0; i < 10; i++)
		sketch_halve(&sketch);
	sketch_busiest(&sketch, &entry, 1);
	assert_true(entry.count <= 1 && entry.count >= entry.error);
	add(&sketch, 6000, 2);
	assert_int_equal(sketch_busiest(&sketch, &entry, 1), 1);
	assert_memory_equal(entry.subject, "s.6000", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_exactly_while_there_is_room),
		cmocka_unit_test(tells_subjects_of_one_hash_apart),
		cmocka_unit_test(finds_the_busy_among_invented_subjects),
		cmocka_unit_test(what_was_counted_fades),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
