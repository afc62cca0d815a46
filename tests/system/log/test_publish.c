/* SPDX-License-Identifier: MIT */

/* What becomes of what is published on a captured subject. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/log/scene.h"

static struct scene scene;

static void read_log(const char *log, struct reading *reading)
{
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;

	request.log = field(log);
	reading_all(&scene, reading, &request);
	assert_int_equal(reading->status, HELIO_OK);
}

static void test_an_ack_names_the_record(void **state)
{
	struct reading reading;
	struct stored stored;

	(void)state;
	scene_open(&scene, NULL);
	scene_create(&scene, "audit", "lab.>");
	stored = scene_store(&scene, "lab.a", "one", NULL);
	assert_int_equal(stored.status, HELIO_OK);
	assert_string_equal(stored.log, "audit");
	assert_int_equal(stored.sequence, 1);
	assert_false(stored.is_duplicate);
	stored = scene_store(&scene, "lab.b", "two", NULL);
	assert_int_equal(stored.sequence, 2);
	read_log("audit", &reading);
	reading_check_whole(&reading, 1, 2);
	assert_string_equal(reading.seen[0].subject, "lab.a");
	assert_string_equal(reading.seen[0].body, "one");
	assert_string_equal(reading.seen[1].body, "two");
	assert_true(strncmp(reading.seen[1].source, "uid:", 4) == 0);
	reading_deinit(&reading);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_ack_names_the_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
