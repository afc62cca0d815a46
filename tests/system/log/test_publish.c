/* SPDX-License-Identifier: MIT */

/* What becomes of what is published on a captured subject, in good times and
 * bad. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "proto/run.h"
#include "tests/system/log/scene.h"
#include "tests/torture/small_disk.h"
#include "tests/torture/stall.h"

enum { MANY = 2000, FULL_BYTES = 8 * 1024 * 1024 };

#define FULL_TOLD_NS (100 * NS_PER_MS)

static struct scene scene;

static int set_up(void **state)
{
	(void)state;
	scene_open(&scene, NULL);
	scene_create(&scene, "audit", "lab.>");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scene_close(&scene);
	return 0;
}

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
}

static void test_keys(void **state)
{
	struct stored stored;

	(void)state;
	stored = scene_store(&scene, "lab.a", "one", "k1");
	assert_int_equal(stored.sequence, 1);
	stored = scene_store(&scene, "lab.a", "two", "k2");
	assert_int_equal(stored.sequence, 2);
	stored = scene_store(&scene, "lab.a", "one", "k1");
	assert_int_equal(stored.status, HELIO_OK);
	assert_true(stored.is_duplicate);
	assert_int_equal(stored.sequence, 1);
	stored = scene_store(&scene, "lab.a", "other", "k1");
	assert_int_equal(stored.status, HELIO_ALREADY_EXISTS);
	stored = scene_store(&scene, "lab.a", "p1", "producer:1");
	assert_int_equal(stored.status, HELIO_OK);
	stored = scene_store(&scene, "lab.a", "p3", "producer:3");
	assert_int_equal(stored.status, HELIO_FAILED_PRECONDITION);
	assert_int_equal(stored.sequence, 2);
	stored = scene_store(&scene, "lab.a", "p2", "producer:2");
	assert_int_equal(stored.status, HELIO_OK);
	stored = scene_store(&scene, "lab.a", "p1", "producer:1");
	assert_true(stored.is_duplicate);
}

static void test_the_expected_sequence(void **state)
{
	struct helio_publish_options options = { .has_expected = true };
	struct stored stored;

	(void)state;
	stored = scene_store_with(&scene, "lab.a", "one", &options);
	assert_int_equal(stored.status, HELIO_OK);
	stored = scene_store_with(&scene, "lab.a", "two", &options);
	assert_int_equal(stored.status, HELIO_FAILED_PRECONDITION);
	assert_int_equal(stored.sequence, 1);
	options.expected_sequence = 1;
	stored = scene_store_with(&scene, "lab.a", "two", &options);
	assert_int_equal(stored.status, HELIO_OK);
	assert_int_equal(stored.sequence, 2);
}

/* Durable and plain ones, duplicates and refusals between each other: each
 * publisher hears of its own. */
static void test_each_has_its_own_answer(void **state)
{
	static struct stored stored[MANY];
	char body[16], key[16];
	uint64_t last = 0;

	(void)state;
	assert_int_equal(scene_store(&scene, "lab.a", "1", "k1").sequence, 1);
	for (unsigned i = 0; i < MANY; i++) {
		stored[i] = (struct stored){ 0 };
		snprintf(body, sizeof(body), "%u", i);
		snprintf(key, sizeof(key), "m%u", i);
		if (i % 5 == 1)
			scene_publish(&scene, "lab.plain", body);
		else if (i % 5 == 2)
			scene_store_begin(&scene, "lab.a", "1", "k1",
					  &stored[i]);
		else if (i % 5 == 3)
			scene_store_begin(&scene, "lab.a", "2", "k1",
					  &stored[i]);
		else
			scene_store_begin(&scene, "lab.a", body, key,
					  &stored[i]);
	}
	for (unsigned i = 0; i < MANY; i++) {
		if (i % 5 == 1)
			continue;
		wait_until(&scene, stored[i].n);
		if (i % 5 == 2) {
			assert_true(stored[i].is_duplicate);
			assert_int_equal(stored[i].sequence, 1);
		} else if (i % 5 == 3) {
			assert_int_equal(stored[i].status,
					 HELIO_ALREADY_EXISTS);
		} else {
			assert_int_equal(stored[i].status, HELIO_OK);
			assert_true(stored[i].sequence > last);
			last = stored[i].sequence;
		}
	}
	assert_int_equal(last, 1 + MANY / 5 * 3);
}

/* What was acknowledged is there after the logger was killed. */
static void test_an_ack_outlives_the_logger(void **state)
{
	static struct stored stored[MANY];
	struct reading reading;
	char body[16];
	size_t n_acked = 0;

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		stored[i] = (struct stored){ 0 };
		snprintf(body, sizeof(body), "%u", i);
		scene_store_begin(&scene, "lab.a", body, NULL, &stored[i]);
	}
	wait_until(&scene, stored[MANY / 2].n);
	logger_process_stop(&scene.logger, SIGKILL);
	wait_until(&scene, stored[MANY - 1].n);
	logger_process_start(&scene.logger);
	read_log("audit", &reading);
	for (unsigned i = 0; i < MANY; i++) {
		if (stored[i].status != HELIO_OK) {
			assert_int_equal(stored[i].status, HELIO_UNAVAILABLE);
			continue;
		}
		snprintf(body, sizeof(body), "%u", i);
		n_acked++;
		assert_true(stored[i].sequence <= reading.n);
		assert_string_equal(reading.seen[stored[i].sequence - 1].body,
				    body);
	}
	assert_true(n_acked > MANY / 2);
	reading_deinit(&reading);
}

/* Who was told UNAVAILABLE repeats with the same key: each is there once. */
static void test_a_repeat_is_recognised(void **state)
{
	static struct stored stored[MANY];
	struct reading reading;
	char body[16], key[16];
	size_t n_records = 0;

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		stored[i] = (struct stored){ 0 };
		snprintf(body, sizeof(body), "%u", i);
		snprintf(key, sizeof(key), "k%u", i);
		scene_store_begin(&scene, "lab.a", body, key, &stored[i]);
	}
	wait_until(&scene, stored[10].n);
	logger_process_stop(&scene.logger, SIGKILL);
	wait_until(&scene, stored[MANY - 1].n);
	logger_process_start(&scene.logger);
	for (unsigned i = 0; i < MANY; i++) {
		if (stored[i].status == HELIO_OK)
			continue;
		snprintf(body, sizeof(body), "%u", i);
		snprintf(key, sizeof(key), "k%u", i);
		assert_int_equal(scene_store(&scene, "lab.a", body, key).status,
				 HELIO_OK);
	}
	read_log("audit", &reading);
	for (size_t i = 0; i < reading.n; i++)
		n_records += reading.seen[i].kind == RUN_MESSAGE;
	assert_int_equal(n_records, MANY);
	reading_deinit(&reading);
}

/* What the logger did not see is a gap in the log. */
static void test_a_gap_is_told(void **state)
{
	struct reading reading;

	(void)state;
	scene_store(&scene, "lab.a", "before", NULL);
	/* The switch goes, and with it what was said meanwhile. */
	switch_process_stop(&scene.bus_process, SIGKILL);
	wait_until(&scene, helio_state(scene.bus) != HELIO_CONNECTED);
	switch_process_start(&scene.bus_process);
	assert_int_equal(helio_connect_wait(scene.bus, WAIT_MS), 0);
	wait_until(&scene, scene_store(&scene, "lab.a", "after", "k").status ==
				   HELIO_OK);
	read_log("audit", &reading);
	assert_int_equal(reading.n, 3);
	assert_int_equal(reading.seen[1].kind, RUN_GAP);
	assert_string_equal(reading.seen[1].subject, "lab.>");
	assert_string_equal(reading.seen[1].body, "reconnect");
	assert_string_equal(reading.seen[2].body, "after");
	reading_deinit(&reading);
}

static void test_patterns_do_not_overlap(void **state)
{
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	char *patterns[1] = { field("lab.a.>") };

	(void)state;
	config.patterns = patterns;
	config.n_patterns = 1;
	assert_int_equal(scene_try_create(&scene, "other", &config),
			 HELIO_ALREADY_EXISTS);
	patterns[0] = field("lib.>");
	assert_int_equal(scene_try_create(&scene, "producer", &config),
			 HELIO_INVALID_ARGUMENT);
	assert_int_equal(scene_try_create(&scene, "other", &config), HELIO_OK);
	/* The same again is no fault, another configuration is. */
	assert_int_equal(scene_try_create(&scene, "other", &config), HELIO_OK);
	patterns[0] = field("lob.>");
	assert_int_equal(scene_try_create(&scene, "other", &config),
			 HELIO_ALREADY_EXISTS);
}

static void test_a_body_that_is_too_long(void **state)
{
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	char *patterns[1] = { field("short.>") };
	static char body[1100 * 1024];
	struct stored stored;

	(void)state;
	memset(body, 'x', sizeof(body) - 1);
	stored = scene_store(&scene, "lab.a", body, NULL);
	assert_int_equal(stored.status, HELIO_INVALID_ARGUMENT);
	body[1024 * 1024] = '\0';
	stored = scene_store(&scene, "lab.a", body, NULL);
	assert_int_equal(stored.status, HELIO_OK);
	/* A log may say less. */
	config.patterns = patterns;
	config.n_patterns = 1;
	config.has_body_max = 1;
	config.body_max = 3;
	assert_int_equal(scene_try_create(&scene, "short", &config), HELIO_OK);
	stored = scene_store(&scene, "short.a", "four", NULL);
	assert_int_equal(stored.status, HELIO_INVALID_ARGUMENT);
	stored = scene_store(&scene, "short.a", "two", NULL);
	assert_int_equal(stored.status, HELIO_OK);
}

static void test_changed_and_deleted(void **state)
{
	Helio__Log__V1__ChangeRequest change =
		HELIO__LOG__V1__CHANGE_REQUEST__INIT;
	Helio__Log__V1__DeleteRequest delete =
		HELIO__LOG__V1__DELETE_REQUEST__INIT;
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	const Helio__Log__V1__ChangeReply *changed;
	const Helio__Log__V1__DeleteReply *deleted;
	char *patterns[2] = { field("lab.b.>"), field("lib.>") };

	(void)state;
	config.patterns = patterns;
	config.n_patterns = 2;
	change.name = field("audit");
	change.config = &config;
	change.has_set_patterns = 1;
	change.set_patterns = 1;
	assert_int_equal(helio__log__v1__logs__change__wait(scene.client,
							    &change, &changed),
			 HELIO_OK);
	assert_int_equal(scene_store(&scene, "lab.a", "x", NULL).status,
			 HELIO_FAILED_PRECONDITION);
	assert_int_equal(scene_store(&scene, "lib.a", "x", NULL).status,
			 HELIO_OK);
	logger_process_stop(&scene.logger, SIGTERM);
	logger_process_start(&scene.logger);
	assert_int_equal(scene_get(&scene, "audit")->config->n_patterns, 2);
	/* Behind two gaps: nobody was there to hear what was said. */
	assert_int_equal(scene_store(&scene, "lab.b.x", "x", NULL).sequence, 4);
	delete.name = field("audit");
	assert_int_equal(helio__log__v1__logs__delete__wait(scene.client,
							    &delete, &deleted),
			 HELIO_OK);
	assert_int_equal(scene_store(&scene, "lib.a", "x", NULL).status,
			 HELIO_FAILED_PRECONDITION);
	scene_create(&scene, "audit", "lab.>");
	assert_int_equal(scene_store(&scene, "lab.a", "x", NULL).sequence, 1);
}

/* Of each subject the newest so many are served. */
static void test_so_many_of_a_subject(void **state)
{
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	Helio__Log__V1__Place place = HELIO__LOG__V1__PLACE__INIT;
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	char *patterns[1] = { field("few.>") };
	struct reading reading = { .stream = NULL };

	(void)state;
	config.patterns = patterns;
	config.n_patterns = 1;
	config.has_subject_records_max = 1;
	config.subject_records_max = 2;
	assert_int_equal(scene_try_create(&scene, "few", &config), HELIO_OK);
	scene_store(&scene, "few.b", "x", NULL);
	for (int i = 0; i < 5; i++)
		scene_store(&scene, "few.a", "x", NULL);
	read_log("few", &reading);
	assert_int_equal(reading.n, 3);
	assert_string_equal(reading.seen[0].subject, "few.b");
	assert_int_equal(reading.seen[1].sequence, 5);
	assert_int_equal(reading.seen[2].sequence, 6);
	reading_deinit(&reading);
	request.log = field("few");
	request.has_reverse = request.reverse = 1;
	reading_all(&scene, &reading, &request);
	assert_int_equal(reading.n, 3);
	assert_int_equal(reading.seen[2].sequence, 1);
	reading_deinit(&reading);
	request.reverse = 0;
	request.place = &place;
	place.has_newest = 1;
	place.newest = 3;
	request.has_follow = request.follow = 1;
	reading_begin(&scene, &reading, &request);
	wait_until(&scene, reading.n == 3);
	assert_int_equal(reading.seen[0].sequence, 1);
	for (size_t i = 3; i < 8; i++) {
		scene_store(&scene, "few.a", "x", NULL);
		wait_until(&scene, reading.n == i + 1);
		assert_int_equal(reading.seen[i].sequence, i + 4);
	}
	reading_deinit(&reading);
}

/* Who has filled its share is refused, and what is lost of it is a gap. */
static void test_a_share_that_is_full(void **state)
{
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	char *patterns[1] = { field("share.>") };
	struct stored stored = { 0 };
	struct reading reading;
	struct scene guest;
	char body[1024];

	(void)state;
	config.patterns = patterns;
	config.n_patterns = 1;
	config.has_principal_bytes_max = 1;
	config.principal_bytes_max = 20000;
	assert_int_equal(scene_try_create(&scene, "share", &config), HELIO_OK);
	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	for (int i = 0; i < 100 && stored.status == HELIO_OK; i++)
		stored = scene_store(&scene, "share.a", body, NULL);
	assert_int_equal(stored.status, HELIO_RESOURCE_EXHAUSTED);
	/* It is its own; others have theirs. */
	scene_visit(&scene, &guest);
	assert_int_equal(scene_store(&guest, "share.a", body, NULL).status,
			 HELIO_OK);
	scene_leave(&guest);
	scene_publish(&scene, "share.a", body);
	wait_until(&scene,
		   (read_log("share", &reading),
		    stored.n = reading.seen[reading.n - 1].kind == RUN_GAP,
		    reading_deinit(&reading), stored.n));
}

/* ---- a disk that is full ---- */

/* What a publisher waited, but for what the machine gave to others. */
struct wait {
	uint64_t began_ns;
	uint64_t stalled_ns;
};

static uint64_t stalled_ns(void)
{
	return stall_ns(getpid()) + stall_ns(scene.bus_process.pid) +
	       stall_ns(scene.logger.daemon.pid);
}

static struct wait wait_begin(void)
{
	return (struct wait){ clock_now_ns(), stalled_ns() };
}

static bool is_late(const struct wait *wait)
{
	return clock_now_ns() - wait->began_ns >
	       FULL_TOLD_NS + stalled_ns() - wait->stalled_ns;
}

/* Room that the log has taken before may last for some. */
static void check_refused_at_once(void)
{
	struct stored stored = { 0 };
	struct wait wait;
	char body[1024];

	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	for (int i = 0; i < 20000 && stored.status == HELIO_OK; i++) {
		wait = wait_begin();
		stored = scene_store(&scene, "lab.a", body, NULL);
	}
	assert_int_equal(stored.status, HELIO_RESOURCE_EXHAUSTED);
	assert_false(is_late(&wait));
}

static void test_a_full_disk(void **state)
{
	struct small_disk disk;
	struct reading reading;
	char folder[128];

	(void)state;
	scene_open(&scene, NULL);
	logger_process_stop(&scene.logger, SIGTERM);
	snprintf(folder, sizeof(folder), "%s/disk", scene.bus_process.folder);
	small_disk_open(&disk, folder, FULL_BYTES);
	snprintf(scene.logger.daemon.state, sizeof(scene.logger.daemon.state),
		 "%.100s/logs", folder);
	logger_process_start(&scene.logger);
	scene_create(&scene, "audit", "lab.>");
	assert_int_equal(scene_store(&scene, "lab.a", "first", NULL).status,
			 HELIO_OK);
	small_disk_fill(&disk, 0);
	check_refused_at_once();
	assert_string_equal(scene_get(&scene, "audit")->fault, "disk full");
	read_log("audit", &reading);
	assert_true(reading.n > 0);
	reading_deinit(&reading);
	small_disk_make_room(&disk);
	wait_until(&scene, scene_store(&scene, "lab.a", "again", NULL).status ==
				   HELIO_OK);
	assert_string_equal(scene_get(&scene, "audit")->fault, "");
	logger_process_stop(&scene.logger, SIGTERM);
	small_disk_close(&disk);
	scene_close(&scene);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_an_ack_names_the_record),
		TEST(test_keys),
		TEST(test_the_expected_sequence),
		TEST(test_each_has_its_own_answer),
		TEST(test_an_ack_outlives_the_logger),
		TEST(test_a_repeat_is_recognised),
		TEST(test_a_gap_is_told),
		TEST(test_patterns_do_not_overlap),
		TEST(test_a_body_that_is_too_long),
		TEST(test_changed_and_deleted),
		TEST(test_so_many_of_a_subject),
		TEST(test_a_share_that_is_full),
		cmocka_unit_test(test_a_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
