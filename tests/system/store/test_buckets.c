/* SPDX-License-Identifier: MIT */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/store/scene.h"

static struct scene scene;

static int setup(void **state)
{
	(void)state;
	scene_open(&scene, NULL);
	assert_int_equal(bucket_create(&scene, "lab", NULL), HELIO_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scene_close(&scene);
	return 0;
}

static void test_what_is_put_is_there(void **state)
{
	uint64_t first, second, gone = 0;
	struct got got;

	(void)state;
	first = put_ok(&scene, "lab", "a", "1");
	second = put_ok(&scene, "lab", "a", "2");
	assert_true(second > first);
	got = get(&scene, "lab", "a", 0);
	assert_int_equal(got.status, HELIO_OK);
	assert_string_equal(got.value, "2");
	assert_true(got.revision == second);
	assert_true(got.store_revision >= second);
	got = get(&scene, "lab", "a", first);
	assert_string_equal(got.value, "1");
	assert_int_equal(delete_key(&scene, "lab", "a", &gone), HELIO_OK);
	assert_true(gone > second);
	assert_int_equal(get(&scene, "lab", "a", 0).status, HELIO_NOT_FOUND);
	assert_string_equal(get(&scene, "lab", "a", second).value, "2");
	assert_int_equal(delete_key(&scene, "lab", "a", &gone), HELIO_OK);
	assert_true(gone == 0);
	assert_int_equal(get(&scene, "lab", "a", UINT64_MAX).status,
			 HELIO_OUT_OF_RANGE);
}

static void test_it_outlives_the_store(void **state)
{
	uint64_t revision;

	(void)state;
	revision = put_ok(&scene, "lab", "a", "here");
	scene_kill_store(&scene);
	expect(&scene, "lab", "a", "here");
	assert_true(put_ok(&scene, "lab", "a", "again") > revision);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_put_is_there,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_it_outlives_the_store,
						setup, teardown),
	};

	return cmocka_run_group_tests_name("store_buckets", tests, NULL, NULL);
}
