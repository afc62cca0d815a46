/* SPDX-License-Identifier: MIT */

/* Cursors: exclusive and shared, acks, naks, time, dead letters, restarts. */

#include <signal.h>
#include <string.h>

#include "tests/system/log/consuming.h"
#include "tests/system/log/scene.h"

static struct scene scene;

static int set_up(void **state)
{
	(void)state;
	scene_open(&scene, NULL);
	scene_create(&scene, "lab", "lab.>");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scene_close(&scene);
	return 0;
}

static void test_exclusive_in_order(void **state)
{
	static struct consuming first, second;

	(void)state;
	scene_fill(&scene, 100);
	cursor_create(&scene, "c", NULL);
	consuming_begin(&scene, &first, "c", 10);
	wait_until(&scene, first.n == 10);
	consuming_begin(&scene, &second, "c", 0);
	wait_until(&scene, second.is_over);
	assert_int_equal(second.status, HELIO_FAILED_PRECONDITION);
	consuming_ack_to(&first, 4);
	wait_until(&scene, first.n == 15 && first.acked_to == 6);
	for (size_t i = 0; i < first.n; i++)
		assert_int_equal(first.given[i].sequence, i + 1);
	consuming_deinit(&first);
	/* What was not acknowledged is given out again, and then the rest. */
	consuming_begin(&scene, &first, "c", 0);
	wait_until(&scene, first.n == 95);
	for (size_t i = 0; i < first.n; i++) {
		assert_int_equal(first.given[i].sequence, i + 6);
		assert_int_equal(first.given[i].again, i < 10);
	}
	consuming_deinit(&first);
	consuming_deinit(&second);
}

static void test_a_nak_stops_it_there(void **state)
{
	static struct consuming consuming;

	(void)state;
	scene_fill(&scene, 20);
	cursor_create(&scene, "c", NULL);
	consuming_begin(&scene, &consuming, "c", 5);
	wait_until(&scene, consuming.n == 5);
	consuming_ack(&consuming, 0);
	wait_until(&scene, consuming.acked_to == 2);
	consuming_nak(&consuming, 2, 1);
	/* 6 came for the ack of 1; then 3 and all behind it once more. */
	wait_until(&scene, consuming.n == 10);
	assert_int_equal(consuming.given[5].sequence, 6);
	for (size_t i = 6; i < 10; i++) {
		assert_int_equal(consuming.given[i].sequence, i - 3);
		assert_int_equal(consuming.given[i].again, 1);
	}
	/* Their old tokens are not valid any more. */
	consuming_ack(&consuming, 3);
	wait_until(&scene, consuming.n_late == 1);
	assert_true(consuming.late[0] == consuming.given[3].token);
	consuming_deinit(&consuming);
}

static void test_shared_among_readers(void **state)
{
	Helio__Log__V1__CursorConfig config =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;
	static struct consuming a, b;
	bool was_given[101] = { false };

	(void)state;
	config.has_shared = 1;
	config.shared = 1;
	cursor_create(&scene, "c", &config);
	consuming_begin(&scene, &a, "c", 8);
	consuming_begin(&scene, &b, "c", 8);
	wait_until(&scene, cursor_get(&scene, NULL, 0).readers == 2);
	scene_fill(&scene, 100);
	for (size_t i = 0, k = 0; i + k < 100;) {
		wait_until(&scene, a.n > i || b.n > k);
		while (i < a.n)
			consuming_ack(&a, i++);
		while (k < b.n)
			consuming_ack(&b, k++);
	}
	for (size_t i = 0; i < a.n + b.n; i++) {
		const struct given *one =
			i < a.n ? &a.given[i] : &b.given[i - a.n];

		assert_false(was_given[one->sequence]);
		was_given[one->sequence] = true;
	}
	assert_true(a.n > 0 && b.n > 0);
	wait_until(&scene, a.acked_to == 101 || b.acked_to == 101);
	consuming_deinit(&a);
	consuming_deinit(&b);
}

/* All up to one: of those that are shared, some are another's. */
static void test_none_is_acked_for_another(void **state)
{
	Helio__Log__V1__CursorConfig config =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;
	static struct consuming a, b;
	struct consuming *last;

	(void)state;
	config.has_shared = 1;
	config.shared = 1;
	cursor_create(&scene, "c", &config);
	consuming_begin(&scene, &a, "c", 4);
	consuming_begin(&scene, &b, "c", 4);
	wait_until(&scene, cursor_get(&scene, NULL, 0).readers == 2);
	scene_fill(&scene, 8);
	wait_until(&scene, a.n == 4 && b.n == 4);
	/* Whoever has the last: of those before some are the other's. */
	last = a.given[3].sequence == 8 ? &a : &b;
	consuming_ack_to(last, 3);
	wait_until(&scene, last->n_late == 1);
	assert_true(last->late[0] == last->given[3].token);
	for (size_t i = 0; i < 4; i++) {
		consuming_ack(&a, i);
		consuming_ack(&b, i);
	}
	wait_until(&scene, a.acked_to == 9 || b.acked_to == 9);
	assert_int_equal(a.n_late + b.n_late, 1);
	consuming_deinit(&a);
	consuming_deinit(&b);
}

/* What one reader does not acknowledge in time is for another. */
static void test_time_runs_out(void **state)
{
	Helio__Log__V1__CursorConfig config =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;
	static struct consuming a, b;

	(void)state;
	config.has_shared = 1;
	config.shared = 1;
	config.has_ack_wait_ms = 1;
	config.ack_wait_ms = 100;
	cursor_create(&scene, "c", &config);
	consuming_begin(&scene, &a, "c", 1);
	wait_until(&scene, cursor_get(&scene, NULL, 0).readers == 1);
	scene_fill(&scene, 1);
	wait_until(&scene, a.n >= 1);
	consuming_begin(&scene, &b, "c", 1);
	wait_until(&scene, b.n >= 1);
	assert_int_equal(b.given[0].sequence, 1);
	assert_true(b.given[0].again > 0);
	consuming_ack(&b, b.n - 1);
	wait_until(&scene, b.acked_to == 2);
	consuming_deinit(&a);
	consuming_deinit(&b);
}

/* Who works on it longer than the cursor waits says so. */
static void test_in_progress(void **state)
{
	Helio__Log__V1__CursorConfig config =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;
	static struct consuming a, b;
	uint64_t end_ms;

	(void)state;
	config.has_shared = 1;
	config.shared = 1;
	config.has_ack_wait_ms = 1;
	config.ack_wait_ms = 1000;
	cursor_create(&scene, "c", &config);
	consuming_begin(&scene, &a, "c", 1);
	wait_until(&scene, cursor_get(&scene, NULL, 0).readers == 1);
	scene_fill(&scene, 1);
	wait_until(&scene, a.n >= 1);
	consuming_begin(&scene, &b, "c", 1);
	end_ms = scene_now_ms() + 1600;
	while (scene_now_ms() < end_ms) {
		consuming_in_progress(&a, 0);
		assert_true(helio_run(scene.bus, 50) >= 0);
	}
	assert_int_equal(a.n + b.n, 1);
	wait_until(&scene, a.n + b.n == 2);
	consuming_deinit(&a);
	consuming_deinit(&b);
}

static void test_dead_letters(void **state)
{
	Helio__Log__V1__CursorConfig config =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	static struct consuming consuming;
	struct reading reading;
	char fault[256];

	(void)state;
	config.has_max_deliver = 1;
	config.max_deliver = 2;
	cursor_create(&scene, "c", &config);
	scene_fill(&scene, 3);
	consuming_begin(&scene, &consuming, "c", 1);
	wait_until(&scene, consuming.n == 1);
	consuming_nak(&consuming, 0, 0);
	wait_until(&scene, consuming.n == 2);
	assert_int_equal(consuming.given[1].again, 1);
	consuming_nak(&consuming, 1, 0);
	/* Nobody captures dead letters yet: it stands still, and says so. */
	wait_until(&scene,
		   (cursor_get(&scene, fault, sizeof(fault)), fault[0]));
	assert_non_null(strstr(fault, "dead letters are not stored"));
	assert_int_equal(consuming.n, 2);
	scene_create(&scene, "graves", "dead.>");
	wait_until(&scene, consuming.n == 3);
	assert_int_equal(consuming.given[2].sequence, 2);
	assert_int_equal(cursor_get(&scene, fault, sizeof(fault)).dead, 1);
	assert_string_equal(fault, "");
	request.log = field("graves");
	reading_all(&scene, &reading, &request);
	assert_int_equal(reading.n, 1);
	assert_string_equal(reading.seen[0].subject, "dead.lab.c");
	assert_string_equal(reading.seen[0].body, "1");
	reading_deinit(&reading);
	consuming_deinit(&consuming);
}

/* Its headers alone are nearly all that the bus takes. */
static void test_a_long_one_is_buried(void **state)
{
	Helio__Log__V1__CursorConfig config =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	static char value[16300];
	const struct helio_header header = { "long", value, sizeof(value) };
	struct helio_publish_options options = { .headers = &header,
						 .n_headers = 1 };
	static struct consuming consuming;
	struct reading reading;

	(void)state;
	memset(value, 'x', sizeof(value));
	config.has_max_deliver = 1;
	config.max_deliver = 1;
	cursor_create(&scene, "c", &config);
	scene_create(&scene, "graves", "dead.>");
	assert_int_equal(
		scene_store_with(&scene, "lab.x", "it", &options).status,
		HELIO_OK);
	consuming_begin(&scene, &consuming, "c", 1);
	wait_until(&scene, consuming.n == 1);
	consuming_nak(&consuming, 0, 0);
	wait_until(&scene, cursor_get(&scene, NULL, 0).dead == 1);
	request.log = field("graves");
	reading_all(&scene, &reading, &request);
	assert_int_equal(reading.n, 1);
	assert_string_equal(reading.seen[0].body, "it");
	reading_deinit(&reading);
	consuming_deinit(&consuming);
}

static void test_a_restart_forgets_nothing(void **state)
{
	static struct consuming consuming;

	(void)state;
	scene_fill(&scene, 10);
	cursor_create(&scene, "c", NULL);
	consuming_begin(&scene, &consuming, "c", 0);
	wait_until(&scene, consuming.n == 10);
	consuming_ack_to(&consuming, 5);
	consuming_ack(&consuming, 7);
	wait_until(&scene, consuming.acked_to == 7);
	/* The ack of 8 was on its way behind it: wait for a commit of it. */
	wait_until(&scene, cursor_get(&scene, NULL, 0).pending == 3);
	consuming_deinit(&consuming);
	logger_process_stop(&scene.logger, SIGTERM);
	logger_process_start(&scene.logger);
	consuming_begin(&scene, &consuming, "c", 0);
	wait_until(&scene, consuming.n == 3);
	assert_int_equal(consuming.given[0].sequence, 7);
	assert_int_equal(consuming.given[1].sequence, 9);
	assert_int_equal(consuming.given[2].sequence, 10);
	consuming_deinit(&consuming);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_exclusive_in_order, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_nak_stops_it_there,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shared_among_readers,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_none_is_acked_for_another,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_time_runs_out, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_in_progress, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_dead_letters, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_long_one_is_buried,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_restart_forgets_nothing,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
