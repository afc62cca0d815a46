/* SPDX-License-Identifier: MIT */

/* Two loggers on one bus: each has its own captures, and none of the others. */

#include <helio/switch/v1/switch.pb-c.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/system/log/scene.h"

static struct scene scene;
static struct logger_process second;
static struct scene one, two; /* the bus is the scene's; a client of each */

/* The loggers, in the order in which they began to serve. */
static void find_loggers(char ids[2][24])
{
	Helio__Switch__V1__ListServicesRequest request =
		HELIO__SWITCH__V1__LIST_SERVICES_REQUEST__INIT;
	Helio__Switch__V1__ListServicesReply *list;
	struct helio_reply reply;
	uint8_t body[64];
	size_t n;

	request.name = field("helio.log.v1.Logs");
	n = protobuf_c_message_pack(&request.base, body);
	assert_int_equal(helio_call_wait(scene.bus,
					 "helio.switch.v1.Switch.ListServices",
					 body, n, NULL, &reply),
			 0);
	assert_int_equal(reply.status, HELIO_OK);
	list = helio__switch__v1__list_services_reply__unpack(
		NULL, reply.message->n_body, reply.message->body);
	assert_non_null(list);
	assert_int_equal(list->n_services, 2);
	for (size_t i = 0; i < 2; i++)
		snprintf(ids[i], 24, "%s", list->services[i]->instance);
	helio__switch__v1__list_services_reply__free_unpacked(list, NULL);
}

/* `name` lasts as long as the client. */
static void call_alone(struct scene *alone, char name[64], const char *id)
{
	const struct helio_client_options options = { .invoke.instance = name };

	snprintf(name, 64, "$inst.%s.helio.log.v1.Logs", id);
	*alone = (struct scene){ .bus = scene.bus };
	assert_int_equal(helio_client_new(scene.bus,
					  &helio__log__v1__logs__type, &options,
					  &alone->client),
			 0);
}

static int set_up(void **state)
{
	static char names[2][64];
	char folder[128], ids[2][24];

	(void)state;
	scene_open(&scene, NULL);
	snprintf(folder, sizeof(folder), "%s/second", scene.bus_process.folder);
	logger_process_init(&second, folder, scene.bus_process.shm);
	logger_process_start(&second);
	find_loggers(ids);
	call_alone(&one, names[0], ids[0]);
	call_alone(&two, names[1], ids[1]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	helio_client_free(one.client);
	helio_client_free(two.client);
	logger_process_stop(&second, SIGTERM);
	scene_close(&scene);
	return 0;
}

/* The second logger may not, and is told by which log and pattern. */
static void expect_refused(const char *log, const char *pattern)
{
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	char *patterns[1] = { field(pattern) };
	const char *reason;

	config.patterns = patterns;
	config.n_patterns = 1;
	assert_int_equal(scene_try_create(&two, log, &config),
			 HELIO_ALREADY_EXISTS);
	reason = helio_client_reply(two.client)->reason;
	assert_non_null(strstr(reason, pattern));
	assert_non_null(strstr(reason, "the log lab captures lab.>"));
}

static void expect_records(struct scene *who, const char *log, size_t n)
{
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	struct reading reading;

	request.log = field(log);
	reading_all(who, &reading, &request);
	assert_int_equal(reading.status, HELIO_OK);
	reading_check_whole(&reading, 1, n);
	reading_deinit(&reading);
}

static void expect_stored(const char *subject, const char *log, uint64_t from)
{
	struct stored stored = scene_store(&scene, subject, "x", NULL);

	assert_int_equal(stored.status, HELIO_OK);
	assert_string_equal(stored.log, log);
	assert_true(stored.sequence >= from);
}

static void test_side_by_side(void **state)
{
	(void)state;
	scene_create(&one, "lab", "lab.>");
	scene_create(&two, "side", "side.>");
	for (uint64_t i = 1; i <= 3; i++) {
		expect_stored("lab.a", "lab", i);
		expect_stored("side.a", "side", i);
	}
	expect_records(&one, "lab", 3);
	expect_records(&two, "side", 3);
}

static void test_nothing_is_captured_twice(void **state)
{
	(void)state;
	scene_create(&one, "lab", "lab.>");
	expect_refused("other", "lab.x.>");
	expect_refused("other", "*.x");
	expect_refused("lab", "lab.>");
	/* What was refused is not there, and the name is free. */
	scene_create(&two, "other", "side.>");
	expect_stored("lab.x", "lab", 1);
}

static void test_who_died_has_it_still(void **state)
{
	struct stored stored;

	(void)state;
	scene_create(&one, "lab", "lab.>");
	scene_create(&two, "side", "side.>");
	expect_stored("lab.a", "lab", 1);
	logger_process_stop(&scene.logger, SIGKILL);
	expect_refused("other", "lab.x.>");
	stored = scene_store(&scene, "lab.a", "x", NULL);
	assert_int_equal(stored.status, HELIO_UNAVAILABLE);
	expect_stored("side.a", "side", 1);
	logger_process_start(&scene.logger);
	expect_stored("lab.a", "lab", 2);
	expect_refused("other", "lab.x.>");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_side_by_side),
		TEST(test_nothing_is_captured_twice),
		TEST(test_who_died_has_it_still),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
