/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "switch/source.h"
#include "tests/fault.h"

enum { N_SOURCES = 100 };

static struct sources sources;
static struct principal who;
static uint32_t retired; /* the last */

static void on_retired(void *userdata, uint32_t handle)
{
	assert_ptr_equal(userdata, &sources);
	assert_null(source_lookup(&sources, handle));
	retired = handle;
}

static int set_up(void **state)
{
	retired = 0;
	return sources_init(&sources, on_retired, &sources);
}

static int tear_down(void **state)
{
	sources_deinit(&sources);
	return 0;
}

static void a_handle_lives_as_long_as_its_last_frame(void **state)
{
	struct source *source;
	uint32_t handle;

	assert_int_equal(source_new(&sources, &who, &source), 0);
	handle = source->handle;
	assert_int_not_equal(handle, 0);
	assert_ptr_equal(source_lookup(&sources, handle), source);
	source->was_announced = true;
	source_ref(source);
	source_unref(&sources, source);
	assert_int_equal(retired, 0);
	source_unref(&sources, source);
	assert_int_equal(retired, handle);
	assert_null(source_lookup(&sources, handle));
	source_unref(&sources, NULL);
	assert_null(source_lookup(&sources, 1u << 31));
}

static void nobody_forgets_whom_nobody_knew(void **state)
{
	struct source *source;

	assert_int_equal(source_new(&sources, &who, &source), 0);
	source_unref(&sources, source);
	assert_int_equal(retired, 0);
}

static void handles_are_distinct_and_rest_before_they_come_again(void **state)
{
	struct source *all[N_SOURCES];
	struct source *source;
	uint32_t given_up;

	for (unsigned i = 0; i < N_SOURCES; i++) {
		assert_int_equal(source_new(&sources, &who, &all[i]), 0);
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(all[i]->handle, all[j]->handle);
	}
	given_up = all[3]->handle;
	source_unref(&sources, all[3]);
	assert_int_equal(source_new(&sources, &who, &source), 0);
	assert_int_not_equal(source->handle, given_up);
	all[3] = source;
	for (unsigned i = 0; i < N_SOURCES; i++)
		source_unref(&sources, all[i]);
}

/* The sixteenth needs a longer table as well. */
static void without_memory_nothing_changes(void **state)
{
	struct source *all[16];

	for (unsigned i = 0; i < 16; i++) {
		for (unsigned n = 0;; n++) {
			int r;

			fault_arm(n);
			r = source_new(&sources, &who, &all[i]);
			fault_disarm();
			if (!fault_hit()) {
				assert_int_equal(r, 0);
				break;
			}
			assert_int_equal(r, -ENOMEM);
		}
	}
	for (unsigned i = 0; i < 16; i++)
		source_unref(&sources, all[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_handle_lives_as_long_as_its_last_frame),
		TEST(nobody_forgets_whom_nobody_knew),
		TEST(handles_are_distinct_and_rest_before_they_come_again),
		TEST(without_memory_nothing_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
