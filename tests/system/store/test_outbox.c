/* SPDX-License-Identifier: MIT */

#include <helio/log/v1/log.helio.h>
#include <heliograph-log.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helio/service/v1/instance.pb-c.h"
#include "tests/system/store/scene.h"

enum { MANY = 240, SUBJECTS = 300 };

static struct scene scene;
static struct helio_client *logs;

/* ---- logs ---- */

static void log_create(const char *name, const char *pattern)
{
	Helio__Log__V1__CreateRequest request =
		HELIO__LOG__V1__CREATE_REQUEST__INIT;
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	const Helio__Log__V1__CreateReply *reply = NULL;

	request.name = field(name);
	request.config = &config;
	config.patterns = (char *[]){ field(pattern) };
	config.n_patterns = 1;
	/* Keys that are free-form would be forgotten at once. */
	config.has_dedup_window_ms = 1;
	config.dedup_window_ms = 1;
	assert_int_equal(
		helio__log__v1__logs__create__wait(logs, &request, &reply),
		HELIO_OK);
}

static void log_delete(const char *name)
{
	Helio__Log__V1__DeleteRequest request =
		HELIO__LOG__V1__DELETE_REQUEST__INIT;
	const Helio__Log__V1__DeleteReply *reply = NULL;

	request.name = field(name);
	assert_int_equal(
		helio__log__v1__logs__delete__wait(logs, &request, &reply),
		HELIO_OK);
}

/* What a log holds: messages alone, gaps are passed over. */
struct held {
	size_t n;
	char subjects[1024][24];
	char bodies[1024][24];
	char content_type[24];
};

static void read_log(const char *name, struct held *held)
{
	const struct helio_log_read_options options = { .is_waiting = true };
	const struct helio_log_record *record;
	struct helio_log_reader *reader;

	held->n = 0;
	assert_int_equal(
		helio_log_read(scene.bus, name, &options, NULL, &reader), 0);
	while (helio_log_next_wait(reader, WAIT_MS, &record) == 1) {
		if (record->kind != HELIO_LOG_MESSAGE)
			continue;
		assert_true(held->n < 1024);
		assert_true(record->has_key);
		snprintf(held->subjects[held->n], 24, "%s",
			 record->message.subject);
		snprintf(held->bodies[held->n], 24, "%.*s",
			 (int)record->message.n_body,
			 (const char *)record->message.body);
		snprintf(held->content_type, 24, "%s",
			 record->message.content_type
				 ? record->message.content_type
				 : "");
		held->n++;
	}
	assert_true(helio_log_is_over(reader, NULL, NULL));
	helio_log_reader_free(reader);
}

static size_t n_held(const char *name)
{
	static struct held held;

	read_log(name, &held);
	return held.n;
}

/* ---- the store ---- */

static void start_logger(void)
{
	daemon_process_start(&scene.logger);
}

static int setup(void **state)
{
	(void)state;
	scene_open(&scene, NULL);
	start_logger();
	assert_int_equal(helio_client_new(scene.bus,
					  &helio__log__v1__logs__type, NULL,
					  &logs),
			 0);
	assert_int_equal(bucket_create(&scene, "lab", NULL), HELIO_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	helio_client_free(logs);
	scene_close(&scene);
	return 0;
}

/*
 * One transaction: the key `n` gets this number, if it has another one, and a
 * message says so.
 */
static int say(const char *subject, unsigned number, uint64_t if_revision)
{
	Helio__Store__V1__Condition condition =
		HELIO__STORE__V1__CONDITION__INIT;
	Helio__Store__V1__Write write = HELIO__STORE__V1__WRITE__INIT;
	Helio__Store__V1__Message message = HELIO__STORE__V1__MESSAGE__INIT;
	Helio__Store__V1__Transaction transaction =
		HELIO__STORE__V1__TRANSACTION__INIT;
	Helio__Store__V1__CommitRequest request =
		HELIO__STORE__V1__COMMIT_REQUEST__INIT;
	const Helio__Store__V1__CommitReply *reply = NULL;
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	condition.bucket = write.bucket = field("lab");
	condition.key = write.key = field("n");
	condition.has_revision = 1;
	condition.revision = if_revision;
	write.has_value = message.has_body = 1;
	write.value = message.body = bytes_of(text);
	message.subject = field(subject);
	message.content_type = field("text/plain");
	transaction.n_conditions = transaction.n_writes =
		transaction.n_messages = 1;
	transaction.conditions =
		(Helio__Store__V1__Condition *[]){ &condition };
	transaction.writes = (Helio__Store__V1__Write *[]){ &write };
	transaction.messages = (Helio__Store__V1__Message *[]){ &message };
	request.transaction = &transaction;
	return helio__store__v1__buckets__commit__wait(scene.buckets, &request,
						       &reply);
}

/* Once, whatever becomes of the store meanwhile. */
static void say_once(const char *subject, unsigned number)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	for (;;) {
		struct got got = get(&scene, "lab", "n", 0);

		if (got.status == HELIO_UNAVAILABLE)
			continue;
		if (got.status == HELIO_OK && !strcmp(got.value, text))
			return;
		(void)say(subject, number, got.revision);
	}
}

static void health(char *text, size_t n_text)
{
	Helio__Service__V1__Health *check;
	struct helio_reply reply;

	assert_int_equal(helio_call_wait(scene.bus,
					 "helio.store.v1.Buckets.$check", NULL,
					 0, NULL, &reply),
			 0);
	assert_int_equal(reply.status, HELIO_OK);
	check = helio__service__v1__health__unpack(NULL, reply.message->n_body,
						   reply.message->body);
	assert_non_null(check);
	snprintf(text, n_text, "%d %s", (int)check->state,
		 check->text ? check->text : "");
	helio__service__v1__health__free_unpacked(check, NULL);
}

/* ---- tests ---- */

static void test_messages_are_stored(void **state)
{
	static struct held held;
	char text[16];

	(void)state;
	log_create("audit", "lab.>");
	for (unsigned i = 0; i < 50; i++)
		say_once(i % 2 ? "lab.a" : "lab.b", i);
	wait_until(&scene, n_held("audit") == 50);
	read_log("audit", &held);
	assert_string_equal(held.content_type, "text/plain");
	/* In order for each subject. */
	for (unsigned i = 0, a = 1, b = 0; i < 50; i++) {
		unsigned *next = !strcmp(held.subjects[i], "lab.a") ? &a : &b;

		snprintf(text, sizeof(text), "%u", *next);
		assert_string_equal(held.bodies[i], text);
		*next += 2;
	}
	/* They are gone: nothing is said again by the next life. */
	scene_kill_store(&scene);
	say_once("lab.a", 50);
	wait_until(&scene, n_held("audit") == 51);
}

/* Store, logger and switch die, again and again; each message is there once. */
static void test_deaths(void **state)
{
	static struct held held;
	char text[16];

	(void)state;
	log_create("audit", "lab.>");
	for (unsigned i = 0; i < MANY; i++) {
		say_once("lab.a", i);
		if (i % 40 == 13)
			scene_kill_store(&scene);
		if (i % 40 == 26) {
			daemon_process_stop(&scene.logger, SIGKILL);
			start_logger();
		}
		if (i % 80 == 65)
			scene_kill_switch(&scene);
	}
	wait_until(&scene, n_held("audit") >= MANY);
	read_log("audit", &held);
	assert_int_equal(held.n, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "%u", i);
		assert_string_equal(held.bodies[i], text);
	}
}

/* While the logger is away they wait; they leave when it is back. */
static void test_a_log_is_away(void **state)
{
	(void)state;
	log_create("audit", "lab.>");
	say_once("lab.a", 0);
	daemon_process_stop(&scene.logger, SIGKILL);
	for (unsigned i = 1; i < 20; i++)
		say_once("lab.a", i);
	scene_kill_store(&scene);
	start_logger();
	wait_until(&scene, n_held("audit") == 20);
}

/* It knows nothing of what was numbered before. */
static void test_a_log_is_made_anew(void **state)
{
	static struct held held;

	(void)state;
	log_create("audit", "lab.>");
	say_once("lab.a", 0);
	say_once("lab.a", 1);
	wait_until(&scene, n_held("audit") == 2);
	log_delete("audit");
	log_create("audit", "lab.>");
	say_once("lab.a", 2);
	say_once("lab.a", 3);
	wait_until(&scene, n_held("audit") == 2);
	read_log("audit", &held);
	assert_string_equal(held.bodies[0], "2");
	assert_string_equal(held.bodies[1], "3");
	scene_kill_store(&scene);
	say_once("lab.a", 4);
	wait_until(&scene, n_held("audit") == 3);
}

/* What is refused is told, waits, and leaves when it is not refused. */
static void test_no_log(void **state)
{
	char text[400];

	(void)state;
	say_once("lab.a", 0);
	say_once("lab.a", 1);
	wait_until(&scene, (health(text, sizeof(text)), text[0] == '2'));
	assert_string_equal(text, "2 messages on lab.a cannot leave: "
				  "FAILED_PRECONDITION: no log captures this "
				  "subject");
	expect(&scene, "lab", "n", "1");
	log_create("audit", "lab.>");
	wait_until(&scene, n_held("audit") == 2);
	wait_until(&scene, (health(text, sizeof(text)), text[0] == '1'));
}

static void test_many_subjects(void **state)
{
	char subject[24];

	(void)state;
	log_create("audit", "lab.>");
	for (unsigned i = 0; i < SUBJECTS; i++) {
		snprintf(subject, sizeof(subject), "lab.s%u", i);
		say_once(subject, i);
		if (i == SUBJECTS / 2)
			scene_kill_store(&scene);
	}
	wait_until(&scene, n_held("audit") == SUBJECTS);
}

static void on_plain(struct helio_subscription *subscription,
		     const struct helio_message *message, void *userdata)
{
	unsigned *n = userdata;

	(void)subscription;
	assert_string_equal(message->subject, "plain.a");
	assert_int_equal(message->n_body, 5);
	assert_memory_equal(message->body, "hello", 5);
	(*n)++;
}

static void test_a_plain_one(void **state)
{
	Helio__Store__V1__Message message = HELIO__STORE__V1__MESSAGE__INIT;
	Helio__Store__V1__Transaction transaction =
		HELIO__STORE__V1__TRANSACTION__INIT;
	Helio__Store__V1__CommitRequest request =
		HELIO__STORE__V1__COMMIT_REQUEST__INIT;
	const Helio__Store__V1__CommitReply *reply = NULL;
	struct helio_subscription *subscription;
	unsigned n = 0;

	(void)state;
	assert_int_equal(helio_subscribe_wait(scene.bus, "plain.>", NULL,
					      on_plain, &n, WAIT_MS,
					      &subscription),
			 0);
	message.subject = field("plain.a");
	message.has_body = message.has_is_plain = message.is_plain = 1;
	message.body = bytes_of("hello");
	transaction.messages =
		(Helio__Store__V1__Message *[]){ &message, &message };
	transaction.n_messages = 2;
	request.transaction = &transaction;
	assert_int_equal(helio__store__v1__buckets__commit__wait(
				 scene.buckets, &request, &reply),
			 HELIO_OK);
	wait_until(&scene, n == 2);
	helio_unsubscribe(subscription);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_messages_are_stored),
		TEST(test_deaths),
		TEST(test_a_log_is_away),
		TEST(test_a_log_is_made_anew),
		TEST(test_no_log),
		TEST(test_many_subjects),
		TEST(test_a_plain_one),
	};

	return cmocka_run_group_tests_name("store_outbox", tests, NULL, NULL);
}
