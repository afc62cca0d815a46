/* SPDX-License-Identifier: MIT */

/* Questions in SQL about what is in a log. */

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
static struct scene guest;

/* A call of Query, and what came of it: rows one per line. */
struct asking {
	char columns[256];
	char rows[4096];
	size_t n_rows;
	bool is_over;
	unsigned status;
	char reason[256];
};

static void on_reply(struct helio_stream *stream,
		     const Helio__Log__V1__QueryReply *reply, void *userdata)
{
	struct asking *asking = userdata;
	size_t n;

	(void)stream;
	for (size_t i = 0; i < reply->n_columns; i++) {
		n = strlen(asking->columns);
		snprintf(asking->columns + n, sizeof(asking->columns) - n,
			 "%s ", reply->columns[i]);
	}
	for (size_t i = 0; i < reply->n_rows; i++) {
		n = strlen(asking->rows);
		snprintf(asking->rows + n, sizeof(asking->rows) - n, "%s\n",
			 reply->rows[i]);
		asking->n_rows++;
	}
}

static void on_end(struct helio_stream *stream, const struct helio_reply *reply,
		   const Helio__Log__V1__QueryReply *response, void *userdata)
{
	struct asking *asking = userdata;

	(void)stream;
	(void)response;
	asking->is_over = true;
	asking->status = reply->status;
	snprintf(asking->reason, sizeof(asking->reason), "%s", reply->reason);
}

static struct asking ask_of(struct scene *who, const char *log, const char *sql,
			    uint32_t timeout_ms)
{
	static const struct helio__log__v1__logs__query__events events = {
		.on_message = on_reply,
		.on_end = on_end,
	};
	Helio__Log__V1__QueryRequest request =
		HELIO__LOG__V1__QUERY_REQUEST__INIT;
	struct asking asking = { .n_rows = 0 };
	struct helio_stream *stream;

	request.log = field(log);
	request.sql = field(sql);
	request.has_timeout_ms = timeout_ms != 0;
	request.timeout_ms = timeout_ms;
	assert_int_equal(helio__log__v1__logs__query__stream(who->client,
							     &request, &events,
							     &asking, &stream),
			 0);
	wait_until(who, asking.is_over);
	return asking;
}

static struct asking ask(struct scene *who, const char *sql,
			 uint32_t timeout_ms)
{
	return ask_of(who, "lab", sql, timeout_ms);
}

static int set_up(void **state)
{
	char body[32];

	(void)state;
	scene_open(&scene, policy);
	scene_create(&scene, "lab", "lab.>");
	scene_visit(&scene, &guest);
	for (int i = 1; i <= 20; i++) {
		snprintf(body, sizeof(body), "{\"n\": %d}", i);
		scene_store(&scene, i % 2 ? "lab.open.x" : "lab.secret.x", body,
			    NULL);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scene_leave(&guest);
	scene_close(&scene);
	return 0;
}

static void test_rows(void **state)
{
	struct asking asking;

	(void)state;
	asking = ask(&scene,
		     "SELECT sequence, subject, body FROM records "
		     "WHERE sequence BETWEEN 3 AND 4",
		     0);
	assert_string_equal(asking.reason, "");
	assert_int_equal(asking.status, HELIO_OK);
	assert_string_equal(asking.columns, "sequence subject body ");
	assert_string_equal(asking.rows,
			    "[3,\"lab.open.x\",\"{\\\"n\\\": 3}\"]\n"
			    "[4,\"lab.secret.x\",\"{\\\"n\\\": 4}\"]\n");
	asking = ask(&scene,
		     "SELECT count(*) AS n FROM records WHERE subject = "
		     "'lab.secret.x'",
		     0);
	assert_string_equal(asking.rows, "[10]\n");
}

static void test_only_what_the_asker_may_see(void **state)
{
	struct asking asking;

	(void)state;
	asking = ask(&guest, "SELECT count(*), max(sequence) FROM records", 0);
	assert_int_equal(asking.status, HELIO_OK);
	assert_string_equal(asking.rows, "[10,19]\n");
}

static void test_what_cannot_be_asked(void **state)
{
	struct asking asking;

	(void)state;
	asking = ask(&scene, "SELECT nonsense FROM records", 0);
	assert_int_equal(asking.status, HELIO_INVALID_ARGUMENT);
	assert_non_null(strstr(asking.reason, "nonsense"));
	asking = ask(&scene, "ATTACH '/etc/passwd' AS x", 0);
	assert_int_equal(asking.status, HELIO_INVALID_ARGUMENT);
	asking = ask(&scene,
		     "SELECT count(*) FROM records a, records b, records c, "
		     "records d, records e, records f, records g",
		     200);
	assert_int_equal(asking.status, HELIO_DEADLINE_EXCEEDED);
	/* The logger goes on. */
	assert_int_equal(scene_store(&scene, "lab.x", "x", NULL).status,
			 HELIO_OK);
}

/* A run that is longer than what is read at once is not where it begins anew.
 */
static void test_a_long_run(void **state)
{
	enum { LONG_BYTES = 400000 };
	static char body[LONG_BYTES + 1];
	struct asking asking;

	(void)state;
	memset(body, 'x', LONG_BYTES);
	assert_int_equal(scene_store(&scene, "lab.x", body, NULL).status,
			 HELIO_OK);
	asking = ask(&scene, "SELECT count(*), max(length(body)) FROM records",
		     0);
	assert_string_equal(asking.rows, "[21,400000]\n");
}

static void test_of_no_log(void **state)
{
	struct asking asking;

	(void)state;
	for (int i = 0; i < 3; i++) {
		asking = ask_of(&scene, "none", "SELECT 1 FROM records", 0);
		assert_int_equal(asking.status, HELIO_NOT_FOUND);
	}
}

/* The logger still asks the switch whether he may. */
static void test_cancelled_at_once(void **state)
{
	static const struct helio__log__v1__logs__query__events events = {
		.on_message = on_reply,
		.on_end = on_end,
	};
	Helio__Log__V1__QueryRequest query =
		HELIO__LOG__V1__QUERY_REQUEST__INIT;
	Helio__Log__V1__ReadRequest read = HELIO__LOG__V1__READ_REQUEST__INIT;
	struct reading reading = { .n = 0 };
	struct helio_stream *stream;

	(void)state;
	scene_create(&scene, "read", "read.>");
	read.log = field("read");
	reading_begin(&scene, &reading, &read);
	reading_deinit(&reading);
	scene_create(&scene, "asked", "asked.>");
	query.log = field("asked");
	query.sql = field("SELECT 1 FROM records");
	assert_int_equal(helio__log__v1__logs__query__stream(
				 scene.client, &query, &events, NULL, &stream),
			 0);
	helio_stream_cancel(stream);
	assert_int_equal(ask(&scene, "SELECT 1 FROM records", 0).status,
			 HELIO_OK);
}

/* Records that the log does not serve any more are not in the table. */
static void test_the_limit_of_a_subject(void **state)
{
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	Helio__Log__V1__ChangeRequest request =
		HELIO__LOG__V1__CHANGE_REQUEST__INIT;
	const Helio__Log__V1__ChangeReply *reply;
	struct asking asking;

	(void)state;
	scene_store(&scene, "lab.open.y", "once", NULL);
	request.name = field("lab");
	request.config = &config;
	config.has_subject_records_max = 1;
	config.subject_records_max = 3;
	assert_int_equal(helio__log__v1__logs__change__wait(scene.client,
							    &request, &reply),
			 HELIO_OK);
	asking = ask(&scene, "SELECT sequence FROM records", 0);
	assert_string_equal(asking.reason, "");
	assert_string_equal(asking.rows,
			    "[15]\n[16]\n[17]\n[18]\n[19]\n[20]\n[21]\n");
	asking = ask(&scene,
		     "SELECT min(sequence) FROM records WHERE subject = "
		     "'lab.secret.x'",
		     0);
	assert_string_equal(asking.rows, "[16]\n");
	asking = ask(&guest, "SELECT count(*) FROM records", 0);
	assert_string_equal(asking.rows, "[4]\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_rows),
		TEST(test_only_what_the_asker_may_see),
		TEST(test_what_cannot_be_asked),
		TEST(test_a_long_run),
		TEST(test_of_no_log),
		TEST(test_cancelled_at_once),
		TEST(test_the_limit_of_a_subject),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
