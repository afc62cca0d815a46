/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "switch/route.h"
#include "tests/fault.h"

enum { N_SUBJECTS = 20000 };

static char answers[N_SUBJECTS];

static struct hash_tag tag_of(const struct route_table *table, uint32_t i)
{
	return route_tag(table, 1, (const char *)&i, sizeof(i));
}

static void remember_all(struct route_table *table)
{
	for (uint32_t i = 0; i < N_SUBJECTS; i++) {
		struct hash_tag tag = tag_of(table, i);

		if (!route_cached(table, tag))
			(void)route_remember(table, tag, i % N_BRANCHES, i % 2,
					     &answers[i]);
	}
}

static size_t count_remembered(const struct route_table *table)
{
	size_t n = 0;

	for (uint32_t i = 0; i < N_SUBJECTS; i++) {
		const struct route *found =
			route_cached(table, tag_of(table, i));

		if (!found)
			continue;
		assert_ptr_equal(found->found, &answers[i]);
		assert_int_equal(found->is_allowed, i % 2);
		n++;
	}
	return n;
}

static void the_cache_grows_until_it_holds_what_is_said(void **state)
{
	struct route_table table;

	assert_int_equal(route_table_init(&table), 0);
	for (unsigned i = 0; i < 4; i++)
		remember_all(&table);
	assert_true(count_remembered(&table) > N_SUBJECTS * 0.98);
	assert_true(table.n_sets <= 2 * N_SUBJECTS);
	route_table_deinit(&table);
}

static void a_change_voids_all_answers(void **state)
{
	struct route_table table;

	assert_int_equal(route_table_init(&table), 0);
	remember_all(&table);
	route_table_change(&table);
	assert_int_equal(count_remembered(&table), 0);
	route_table_deinit(&table);
}

static void a_cache_that_cannot_grow_goes_on(void **state)
{
	struct route_table table;

	assert_int_equal(route_table_init(&table), 0);
	for (uint32_t i = 0; i < N_SUBJECTS; i++) {
		fault_arm(0);
		(void)route_remember(&table, tag_of(&table, i), i % N_BRANCHES,
				     i % 2, &answers[i]);
		fault_disarm();
		assert_non_null(route_cached(&table, tag_of(&table, i)));
	}
	assert_int_equal(table.n_sets, 512);
	assert_true(count_remembered(&table) <= 1024);
	route_table_deinit(&table);
}

static void a_set_is_one_cache_line(void **state)
{
	struct route_table table;

	assert_int_equal(route_table_init(&table), 0);
	assert_int_equal((uintptr_t)table.cache % 64, 0);
	remember_all(&table);
	assert_int_equal((uintptr_t)table.cache % 64, 0);
	route_table_deinit(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cache_grows_until_it_holds_what_is_said),
		cmocka_unit_test(a_change_voids_all_answers),
		cmocka_unit_test(a_cache_that_cannot_grow_goes_on),
		cmocka_unit_test(a_set_is_one_cache_line),
	};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
