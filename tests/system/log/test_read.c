/* SPDX-License-Identifier: MIT */

/* Reading: from where, until where, what of it, and as it comes. */

#include <errno.h>
#include <heliograph-log.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/log/scene.h"

enum { MANY = 20000 };

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

static void read_log(struct reading *reading,
		     Helio__Log__V1__ReadRequest *request)
{
	request->log = field("lab");
	reading_all(&scene, reading, request);
	assert_int_equal(reading->status, HELIO_OK);
}

/* Plain ones "lab.K" with K from 0 to 9, bodies by number, the last durable. */
static void fill(unsigned n)
{
	char subject[16], body[16];

	for (unsigned i = 1; i <= n; i++) {
		snprintf(subject, sizeof(subject), "lab.%u", i % 10);
		snprintf(body, sizeof(body), "%u", i);
		if (i < n)
			scene_publish(&scene, subject, body);
		else
			assert_int_equal(
				scene_store(&scene, subject, body, NULL)
					.sequence,
				n);
	}
}

static void check_bodies(const struct reading *reading, uint64_t first,
			 size_t n)
{
	reading_check_whole(reading, first, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(strtoul(reading->seen[i].body, NULL, 10),
				 first + i);
}

static void test_all_in_order(void **state)
{
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	struct reading reading;

	(void)state;
	fill(MANY);
	read_log(&reading, &request);
	check_bodies(&reading, 1, MANY);
	for (size_t i = 1; i < reading.n; i++)
		assert_true(reading.seen[i].time_ns >=
			    reading.seen[i - 1].time_ns);
	reading_deinit(&reading);
}

static void test_places(void **state)
{
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	Helio__Log__V1__Place place = HELIO__LOG__V1__PLACE__INIT;
	struct reading reading;

	(void)state;
	fill(1000);
	request.place = &place;
	place.has_sequence = 1;
	place.sequence = 600;
	read_log(&reading, &request);
	check_bodies(&reading, 600, 401);
	reading_deinit(&reading);
	request.has_until_sequence = 1;
	request.until_sequence = 700;
	request.has_limit = 1;
	request.limit = 30;
	read_log(&reading, &request);
	check_bodies(&reading, 600, 30);
	reading_deinit(&reading);
	request.limit = 3000;
	read_log(&reading, &request);
	check_bodies(&reading, 600, 100);
	reading_deinit(&reading);
	place.has_sequence = 0;
	place.has_newest = 1;
	place.newest = 10;
	request.has_until_sequence = 0;
	read_log(&reading, &request);
	check_bodies(&reading, 991, 10);
	reading_deinit(&reading);
	place.has_newest = 0;
	place.has_end = 1;
	place.end = 1;
	read_log(&reading, &request);
	assert_int_equal(reading.n, 0);
	reading_deinit(&reading);
}

static void test_filters(void **state)
{
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	Helio__Log__V1__Place place = HELIO__LOG__V1__PLACE__INIT;
	Helio__Log__V1__Filter filter = HELIO__LOG__V1__FILTER__INIT;
	char *subjects[2] = { field("lab.3"), field("lab.4") };
	char *principals[1] = { field("vm:*") };
	struct reading reading;

	(void)state;
	fill(1000);
	request.filter = &filter;
	filter.subjects = subjects;
	filter.n_subjects = 2;
	read_log(&reading, &request);
	assert_int_equal(reading.n, 200);
	for (size_t i = 0; i < reading.n; i++)
		assert_int_equal(reading.seen[i].sequence,
				 i / 2 * 10 + 3 + i % 2);
	reading_deinit(&reading);
	request.place = &place;
	place.has_newest = 1;
	place.newest = 5;
	read_log(&reading, &request);
	assert_int_equal(reading.n, 5);
	assert_int_equal(reading.seen[0].sequence, 974);
	assert_int_equal(reading.seen[4].sequence, 994);
	reading_deinit(&reading);
	filter.principals = principals;
	filter.n_principals = 1;
	request.place = NULL;
	read_log(&reading, &request);
	assert_int_equal(reading.n, 0);
	reading_deinit(&reading);
}

static void test_backwards(void **state)
{
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	Helio__Log__V1__Place place = HELIO__LOG__V1__PLACE__INIT;
	struct reading reading;

	(void)state;
	fill(1000);
	request.reverse = 1;
	request.has_reverse = 1;
	read_log(&reading, &request);
	assert_int_equal(reading.n, 1000);
	for (size_t i = 0; i < reading.n; i++)
		assert_int_equal(reading.seen[i].sequence, 1000 - i);
	reading_deinit(&reading);
	request.place = &place;
	place.has_newest = 1;
	place.newest = 7;
	read_log(&reading, &request);
	assert_int_equal(reading.n, 7);
	assert_int_equal(reading.seen[6].sequence, 994);
	reading_deinit(&reading);
}

static void test_the_newest_of_each_subject(void **state)
{
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	Helio__Log__V1__Place place = HELIO__LOG__V1__PLACE__INIT;
	struct reading reading;

	(void)state;
	fill(1000);
	request.place = &place;
	place.has_last_per_subject = 1;
	place.last_per_subject = 1;
	read_log(&reading, &request);
	check_bodies(&reading, 991, 10);
	reading_deinit(&reading);
}

/* What is stored while it reads comes behind what was there, each once. */
static void test_replay_joins_what_is_live(void **state)
{
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	static struct stored stored[MANY];
	struct reading reading = { .stream = NULL };
	char body[16];

	(void)state;
	fill(MANY);
	request.log = field("lab");
	request.has_follow = 1;
	request.follow = 1;
	reading_begin(&scene, &reading, &request);
	for (unsigned i = MANY + 1; i <= 2 * MANY; i++) {
		snprintf(body, sizeof(body), "%u", i);
		stored[i - MANY - 1].n = 0;
		scene_store_begin(&scene, "lab.x", body, NULL,
				  &stored[i - MANY - 1]);
		/* No more than the log's queue has room for. */
		if (i > MANY + 1000)
			wait_until(&scene, stored[i - MANY - 1001].n);
	}
	wait_until(&scene, reading.n >= 2 * MANY);
	assert_true(reading.is_live);
	for (unsigned i = 2 * MANY + 1; i <= 2 * MANY + 100; i++) {
		snprintf(body, sizeof(body), "%u", i);
		scene_publish(&scene, "lab.x", body);
		wait_until(&scene, reading.n >= i);
	}
	check_bodies(&reading, 1, 2 * MANY + 100);
	assert_false(reading.is_over);
	reading_deinit(&reading);
}

/*
 * Long runs, more of them under way than a ring holds: whoever is not heard for
 * that has to be heard again.
 */
static void test_long_runs(void **state)
{
	static struct stored stored[MANY];
	const struct helio_invoke_options options = {
		.window_bytes = 4 * 1024 * 1024,
	};
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	struct reading reading;
	char body[BODY_BYTES];

	(void)state;
	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < MANY; i++) {
			stored[i].n = 0;
			scene_publish(&scene, "lab.x", body);
			scene_store_begin(&scene, "lab.x", body, NULL,
					  &stored[i]);
			if (i >= 2000)
				wait_until(&scene, stored[i - 2000].n);
		}
		wait_until(&scene, stored[MANY - 1].n);
	}
	for (unsigned round = 0; round < 10; round++) {
		if (round % 2)
			helio_client_next(scene.client, &options);
		read_log(&reading, &request);
		reading_check_whole(&reading, 1, 10 * MANY);
		reading_deinit(&reading);
	}
}

/* What is stored at a pace is told at that pace. */
static void test_pace(void **state)
{
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	struct reading reading;
	uint64_t began_ms;
	uint64_t took_ms;

	(void)state;
	for (int i = 0; i < 4; i++) {
		uint64_t until_ms = scene_now_ms() + 100;

		scene_store(&scene, "lab.x", "tick", NULL);
		wait_until(&scene, scene_now_ms() >= until_ms);
	}
	request.has_pace_permille = 1;
	request.pace_permille = 2000;
	began_ms = scene_now_ms();
	read_log(&reading, &request);
	took_ms = scene_now_ms() - began_ms;
	reading_check_whole(&reading, 1, 4);
	assert_true(took_ms >=
		    (reading.seen[3].time_ns - reading.seen[0].time_ns) /
			    2000000);
	reading_deinit(&reading);
}

/* One that takes nothing costs nobody else anything, and misses nothing. */
static void test_a_slow_reader(void **state)
{
	/* More than its credit, each. */
	enum { FIRST = 10000, ALL = 3 * FIRST };
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	struct reading slow = { .pauses = true };
	struct reading quick = { .stream = NULL };
	char body[16];

	(void)state;
	fill(FIRST);
	request.log = field("lab");
	request.has_follow = 1;
	request.follow = 1;
	reading_begin(&scene, &slow, &request);
	reading_begin(&scene, &quick, &request);
	wait_until(&scene, quick.n >= FIRST && slow.n > 0);
	/* What was stored with one commit comes at once, if there is any
	 * credit: then it may have all of before, and once more as much. */
	for (unsigned i = FIRST + 1; i <= ALL; i++) {
		snprintf(body, sizeof(body), "%u", i);
		scene_publish(&scene, "lab.x", body);
		wait_until(&scene, i % FIRST || quick.n >= i);
	}
	assert_true(slow.n < ALL);
	slow.pauses = false;
	helio_stream_resume(slow.stream);
	wait_until(&scene, slow.n >= ALL);
	check_bodies(&slow, 1, ALL);
	check_bodies(&quick, 1, ALL);
	reading_deinit(&slow);
	reading_deinit(&quick);
}

/* The library's reader, by who waits for it without end. */
static void test_a_wait_without_end(void **state)
{
	static const struct helio_options once = { .no_reconnect = true };
	static const struct helio_log_read_options options = {
		.is_following = true,
	};
	const struct helio_log_record *record;
	struct helio_log_reader *reader;
	struct helio *bus;

	(void)state;
	fill(1);
	assert_int_equal(helio_open(scene.bus_process.shm, &once, &bus), 0);
	assert_int_equal(helio_connect_wait(bus, WAIT_MS), 0);
	assert_int_equal(helio_log_read(bus, "lab", &options, NULL, &reader),
			 0);
	assert_int_equal(helio_log_next_wait(reader, -1, &record), 1);
	assert_int_equal(record->sequence, 1);
	assert_int_equal(helio_log_next_wait(reader, 1, &record), 0);
	/* Its bus is closed: it is told, each time. */
	switch_process_stop(&scene.bus_process, SIGKILL);
	assert_true(helio_log_next_wait(reader, -1, &record) < 0);
	assert_true(helio_log_next_wait(reader, -1, &record) < 0);
	helio_log_reader_free(reader);
	helio_close(bus);
	switch_process_start(&scene.bus_process);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_in_order, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_places, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_filters, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_backwards, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_the_newest_of_each_subject,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replay_joins_what_is_live,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_runs, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_pace, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_slow_reader, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_wait_without_end, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
