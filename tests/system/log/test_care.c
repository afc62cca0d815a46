/* SPDX-License-Identifier: MIT */

/* Whole logs: verified, filled from elsewhere; and calls that are recorded. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helio/registry/v1/registry.pb-c.h"
#include "proto/run.h"
#include "tests/system/log/scene.h"

enum { MANY = 5000 };

static struct scene scene;

static int set_up(void **state)
{
	(void)state;
	scene_open(&scene, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scene_close(&scene);
	return 0;
}

/* Runs as they came, for another log. */
struct runs {
	struct {
		uint8_t *bytes;
		size_t n;
	} at[1024];
	size_t n;
	bool is_over;
};

static void keep_run(struct helio_stream *stream,
		     const Helio__Log__V1__ReadReply *reply, void *userdata)
{
	struct runs *runs = userdata;

	(void)stream;
	if (!reply->has_run)
		return;
	assert_true(runs->n < 1024);
	runs->at[runs->n].bytes = malloc(reply->run.len);
	memcpy(runs->at[runs->n].bytes, reply->run.data, reply->run.len);
	runs->at[runs->n++].n = reply->run.len;
}

static void on_read(struct helio_stream *stream,
		    const struct helio_reply *reply,
		    const Helio__Log__V1__ReadReply *response, void *userdata)
{
	struct runs *runs = userdata;

	(void)stream;
	(void)response;
	assert_int_equal(reply->status, HELIO_OK);
	runs->is_over = true;
}

static void read_runs(const char *log, struct runs *runs)
{
	static const struct helio__log__v1__logs__read__events events = {
		.on_message = keep_run,
		.on_end = on_read,
	};
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	struct helio_stream *stream;

	request.log = field(log);
	assert_int_equal(helio__log__v1__logs__read__stream(scene.client,
							    &request, &events,
							    runs, &stream),
			 0);
	wait_until(&scene, runs->is_over);
}

struct filling {
	bool is_over;
	unsigned status;
	uint64_t n, first, last;
};

static void on_filled(struct helio_stream *stream,
		      const struct helio_reply *reply,
		      const Helio__Log__V1__ImportReply *response,
		      void *userdata)
{
	struct filling *filling = userdata;

	(void)stream;
	filling->is_over = true;
	filling->status = reply->status;
	if (!response)
		return;
	filling->n = response->records;
	filling->first = response->first;
	filling->last = response->last;
}

static struct filling fill_log(const char *log, const struct runs *runs)
{
	static const struct helio__log__v1__logs__import__events events = {
		.on_end = on_filled,
	};
	struct filling filling = { .is_over = false };
	struct helio_stream *stream;

	assert_int_equal(helio__log__v1__logs__import__stream(
				 scene.client, &events, &filling, &stream),
			 0);
	for (size_t i = 0; i <= runs->n && !filling.is_over; i++) {
		Helio__Log__V1__ImportRequest request =
			HELIO__LOG__V1__IMPORT_REQUEST__INIT;
		int r = -EPIPE;

		if (i) {
			request.has_run = 1;
			request.run.data = runs->at[i - 1].bytes;
			request.run.len = runs->at[i - 1].n;
		} else {
			request.log = field(log);
		}
		wait_until(&scene,
			   filling.is_over ||
				   (r = helio__log__v1__logs__import__send(
					    stream, &request)) != -EAGAIN);
		assert_true(filling.is_over || r == 0);
	}
	if (!filling.is_over)
		assert_int_equal(helio_stream_finish(stream), 0);
	wait_until(&scene, filling.is_over);
	return filling;
}

static bool verify(const char *log, uint64_t *ret_n)
{
	Helio__Log__V1__VerifyRequest request =
		HELIO__LOG__V1__VERIFY_REQUEST__INIT;
	const Helio__Log__V1__VerifyReply *reply = NULL;

	request.log = field(log);
	assert_int_equal(helio__log__v1__logs__verify__wait(scene.client,
							    &request, &reply),
			 HELIO_OK);
	*ret_n = reply->records;
	return reply->good;
}

static void test_filled_from_another(void **state)
{
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	static struct runs runs;
	struct reading one, other;
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	struct filling filling;
	uint64_t n;

	(void)state;
	scene_create(&scene, "lab", "lab.>");
	for (unsigned i = 0; i < MANY; i++)
		scene_publish(&scene, "lab.x", "something");
	scene_store(&scene, "lab.x", "last", NULL);
	assert_true(verify("lab", &n));
	assert_int_equal(n, MANY + 1);
	read_runs("lab", &runs);
	assert_int_equal(scene_try_create(&scene, "copy", &config), HELIO_OK);
	filling = fill_log("copy", &runs);
	assert_int_equal(filling.status, HELIO_OK);
	assert_int_equal(filling.n, MANY + 1);
	assert_int_equal(filling.first, 1);
	assert_int_equal(filling.last, MANY + 1);
	assert_true(verify("copy", &n));
	assert_int_equal(n, MANY + 1);
	request.log = field("lab");
	reading_all(&scene, &one, &request);
	request.log = field("copy");
	reading_all(&scene, &other, &request);
	assert_int_equal(one.n, other.n);
	assert_memory_equal(one.seen, other.seen, one.n * sizeof(*one.seen));
	/* What is there already is not taken again. */
	assert_int_not_equal(fill_log("copy", &runs).status, HELIO_OK);
	reading_deinit(&one);
	reading_deinit(&other);
	for (size_t i = 0; i < runs.n; i++)
		free(runs.at[i].bytes);
}

/* ---- observed calls ---- */

static void on_request(struct helio_service *service,
		       struct helio_request *request,
		       const struct helio_message *message, void *userdata)
{
	(void)service;
	(void)message;
	(void)userdata;
	assert_int_equal(helio_respond(request, "pong", 4), 0);
}

static void test_calls_are_recorded(void **state)
{
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	char *services[1] = { field("lab.echo") };
	struct helio_service *service;
	struct helio_reply reply;
	struct reading reading;

	(void)state;
	config.services = services;
	config.n_services = 1;
	assert_int_equal(scene_try_create(&scene, "calls", &config), HELIO_OK);
	assert_int_equal(helio_serve_wait(scene.bus, "lab.echo", NULL,
					  on_request, NULL, WAIT_MS, &service),
			 0);
	assert_int_equal(
		helio_call_wait(scene.bus, "lab.echo", "ping", 4, NULL, &reply),
		0);
	assert_int_equal(reply.status, HELIO_OK);
	wait_until(&scene, scene_get(&scene, "calls")->last == 2);
	request.log = field("calls");
	reading_all(&scene, &reading, &request);
	reading_check_whole(&reading, 1, 2);
	assert_int_equal(reading.seen[0].kind, RUN_CALL);
	assert_string_equal(reading.seen[0].subject, "lab.echo");
	assert_string_equal(reading.seen[0].body, "ping");
	assert_int_equal(reading.seen[1].kind, RUN_REPLY);
	assert_string_equal(reading.seen[1].body, "pong");
	reading_deinit(&reading);
	helio_unserve(service);
}

/* ---- schemas ---- */

static uint8_t hash[32];

/* A registry that knows this one. */
static void on_get(struct helio_service *service, struct helio_request *request,
		   const struct helio_message *message, void *userdata)
{
	Helio__Registry__V1__GetReply reply =
		HELIO__REGISTRY__V1__GET_REPLY__INIT;
	Helio__Registry__V1__GetRequest *asked;
	unsigned *n_asked = userdata;
	uint8_t bytes[64];
	uint8_t set[] = "a set";

	(void)service;
	asked = helio__registry__v1__get_request__unpack(NULL, message->n_body,
							 message->body);
	assert_non_null(asked);
	assert_int_equal(asked->hash.len, sizeof(hash));
	assert_memory_equal(asked->hash.data, hash, sizeof(hash));
	helio__registry__v1__get_request__free_unpacked(asked, NULL);
	++*n_asked;
	reply.has_set = 1;
	reply.set.data = set;
	reply.set.len = sizeof(set);
	assert_int_equal(helio_respond(request, bytes,
				       helio__registry__v1__get_reply__pack(
					       &reply, bytes)),
			 0);
}

static int get_schema(void)
{
	Helio__Log__V1__GetSchemaRequest request =
		HELIO__LOG__V1__GET_SCHEMA_REQUEST__INIT;
	const Helio__Log__V1__GetSchemaReply *reply = NULL;
	int r;

	request.log = field("lab");
	request.has_hash = 1;
	request.hash.data = hash;
	request.hash.len = sizeof(hash);
	r = helio__log__v1__logs__get_schema__wait(scene.client, &request,
						   &reply);
	if (r == HELIO_OK)
		assert_memory_equal(reply->set.data, "a set", 6);
	return r;
}

static void test_schemas_are_kept(void **state)
{
	const struct helio_serve_options serve = {
		.methods = (const char *const[]){ "Get" },
		.n_methods = 1,
	};
	struct helio_publish_options options = { .schema_hash = hash };
	struct helio_service *service;
	unsigned n_asked = 0;

	(void)state;
	memset(hash, 0x5a, sizeof(hash));
	scene_create(&scene, "lab", "lab.>");
	assert_int_equal(helio_serve_wait(scene.bus,
					  "helio.registry.v1.Registry", &serve,
					  on_get, &n_asked, WAIT_MS, &service),
			 0);
	assert_int_equal(get_schema(), HELIO_NOT_FOUND);
	for (int i = 0; i < 10; i++)
		assert_int_equal(
			scene_store_with(&scene, "lab.x", "x", &options).status,
			HELIO_OK);
	wait_until(&scene, get_schema() == HELIO_OK);
	assert_int_equal(n_asked, 1);
	logger_process_stop(&scene.logger, SIGTERM);
	logger_process_start(&scene.logger);
	assert_int_equal(
		scene_store_with(&scene, "lab.x", "x", &options).status,
		HELIO_OK);
	assert_int_equal(get_schema(), HELIO_OK);
	assert_int_equal(n_asked, 1);
	helio_unserve(service);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_filled_from_another),
		TEST(test_calls_are_recorded),
		TEST(test_schemas_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
