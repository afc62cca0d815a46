/* SPDX-License-Identifier: MIT */

/* Who sees what of a log. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/log/scene.h"

static const char policy[] =
	"allow uid:* any,group,capture,observe,admin,log-read,log-admin >\n"
	"allow vm:guest call helio.log.v1.>\n"
	"allow vm:guest log-read lab\n"
	"allow vm:guest subscribe lab.open.>\n";

static struct scene scene;
/* A guest: another principal on the same bus. */
static struct scene guest;

static int set_up(void **state)
{
	(void)state;
	scene_open(&scene, policy);
	scene_create(&scene, "lab", "lab.>");
	scene_create(&scene, "other", "other.>");
	scene_visit(&scene, &guest);
	assert_string_equal(helio_principal(guest.bus), "vm:guest");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scene_leave(&guest);
	scene_close(&scene);
	return 0;
}

static void store(const char *subject, const char *body)
{
	assert_int_equal(scene_store(&scene, subject, body, NULL).status,
			 HELIO_OK);
}

static void test_records_are_filtered(void **state)
{
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	Helio__Log__V1__Place place = HELIO__LOG__V1__PLACE__INIT;
	struct reading reading;

	(void)state;
	for (int i = 0; i < 20; i++)
		store(i % 2 ? "lab.open.x" : "lab.secret.x", "body");
	request.log = field("lab");
	reading_all(&guest, &reading, &request);
	assert_int_equal(reading.status, HELIO_OK);
	assert_int_equal(reading.n, 10);
	for (size_t i = 0; i < reading.n; i++) {
		assert_string_equal(reading.seen[i].subject, "lab.open.x");
		assert_int_equal(reading.seen[i].sequence, 2 * i + 2);
	}
	reading_deinit(&reading);
	/* What is not seen is not counted either. */
	request.place = &place;
	place.has_newest = 1;
	place.newest = 5;
	reading_all(&guest, &reading, &request);
	assert_int_equal(reading.n, 5);
	assert_int_equal(reading.seen[0].sequence, 12);
	reading_deinit(&reading);
	place.has_newest = 0;
	place.has_last_per_subject = 1;
	place.last_per_subject = 1;
	reading_all(&guest, &reading, &request);
	assert_int_equal(reading.n, 1);
	assert_int_equal(reading.seen[0].sequence, 20);
	reading_deinit(&reading);
}

static void test_rights_to_logs(void **state)
{
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	Helio__Log__V1__ListRequest list = HELIO__LOG__V1__LIST_REQUEST__INIT;
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	const Helio__Log__V1__ListReply *listed = NULL;
	struct reading reading;

	(void)state;
	request.log = field("other");
	reading_all(&guest, &reading, &request);
	assert_int_equal(reading.status, HELIO_PERMISSION_DENIED);
	reading_deinit(&reading);
	assert_int_equal(scene_try_create(&guest, "mine", &config),
			 HELIO_PERMISSION_DENIED);
	assert_int_equal(
		helio__log__v1__logs__list__wait(guest.client, &list, &listed),
		HELIO_OK);
	assert_int_equal(listed->n_logs, 1);
	assert_string_equal(listed->logs[0]->name, "lab");
	assert_int_equal(
		helio__log__v1__logs__list__wait(scene.client, &list, &listed),
		HELIO_OK);
	assert_int_equal(listed->n_logs, 2);
}

/* A live reader sees what another policy shows, soon after it holds. */
static void test_another_policy(void **state)
{
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	struct reading reading = { .stream = NULL };
	char path[128];
	FILE *file;

	(void)state;
	request.log = field("lab");
	request.has_follow = 1;
	request.follow = 1;
	store("lab.secret.x", "one");
	store("lab.open.x", "two");
	reading_begin(&guest, &reading, &request);
	wait_until(&guest, reading.n == 1);
	snprintf(path, sizeof(path), "%s/config/policy/20-more.policy",
		 scene.bus_process.folder);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs("allow vm:guest subscribe lab.>\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(kill(scene.bus_process.pid, SIGHUP), 0);
	wait_until(&guest, (store("lab.secret.x", "three"), reading.n > 1));
	assert_string_equal(reading.seen[1].subject, "lab.secret.x");
	assert_string_equal(reading.seen[1].body, "three");
	reading_deinit(&reading);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_records_are_filtered),
		TEST(test_rights_to_logs),
		TEST(test_another_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
