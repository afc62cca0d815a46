/* SPDX-License-Identifier: MIT */

#include "tests/system/log/scene.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "proto/run.h"

const char open_policy[] = "allow ** any,group,capture,observe >\n"
			   "allow ** admin >\n"
			   "allow ** log-read,log-admin >\n";

uint64_t scene_now_ms(void)
{
	return clock_now_ns() / NS_PER_MS;
}

/* A domain of its own socket, so that there is another principal. */
static void enrol_guest(const struct switch_process *process)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/config/domains", process->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/config/domains/guest.domain",
		 process->folder);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
}

static void connect_to(struct scene *scene, const char *address)
{
	const struct helio_options options = { .program = "test" };

	assert_int_equal(helio_open(address, &options, &scene->bus), 0);
	assert_int_equal(helio_connect_wait(scene->bus, WAIT_MS), 0);
	assert_int_equal(helio_client_new(scene->bus,
					  &helio__log__v1__logs__type, NULL,
					  &scene->client),
			 0);
}

void scene_visit(const struct scene *scene, struct scene *guest)
{
	char address[128];

	*guest = (struct scene){ .bus = NULL };
	snprintf(address, sizeof(address), "shm:%s/run/domains/guest.sock",
		 scene->bus_process.folder);
	connect_to(guest, address);
}

void scene_leave(struct scene *guest)
{
	helio_client_free(guest->client);
	helio_close(guest->bus);
}

/* Schemas are judged by being equal, so that no registry has to run. */
static void set_schemas_equal(struct switch_process *process)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/config/heliod.conf", process->folder);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs("schemas equal\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	enrol_guest(process);
	switch_process_stop(process, SIGTERM);
	switch_process_start(process);
}

void scene_open(struct scene *scene, const char *policy)
{
	char state[128];

	*scene = (struct scene){ .bus = NULL };
	switch_process_open(&scene->bus_process, policy ? policy : open_policy);
	set_schemas_equal(&scene->bus_process);
	snprintf(state, sizeof(state), "%s/logs", scene->bus_process.folder);
	logger_process_init(&scene->logger, state, scene->bus_process.shm);
	logger_process_start(&scene->logger);
	connect_to(scene, scene->bus_process.shm);
}

void scene_close(struct scene *scene)
{
	helio_client_free(scene->client);
	helio_close(scene->bus);
	logger_process_stop(&scene->logger, SIGTERM);
	switch_process_close(&scene->bus_process);
}

int scene_try_create(struct scene *scene, const char *log,
		     const Helio__Log__V1__Config *config)
{
	Helio__Log__V1__CreateRequest request =
		HELIO__LOG__V1__CREATE_REQUEST__INIT;
	const Helio__Log__V1__CreateReply *reply;

	request.name = field(log);
	request.config = (Helio__Log__V1__Config *)(uintptr_t)config;
	return helio__log__v1__logs__create__wait(scene->client, &request,
						  &reply);
}

void scene_create(struct scene *scene, const char *log, const char *pattern)
{
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	char *patterns[1] = { field(pattern) };
	int r;

	config.patterns = patterns;
	config.n_patterns = 1;
	r = scene_try_create(scene, log, &config);
	if (r)
		print_error("%s\n", helio_client_reply(scene->client)->reason);
	assert_int_equal(r, HELIO_OK);
}

const Helio__Log__V1__Log *scene_get(struct scene *scene, const char *log)
{
	Helio__Log__V1__GetRequest request = HELIO__LOG__V1__GET_REQUEST__INIT;
	const Helio__Log__V1__GetReply *reply = NULL;

	request.name = field(log);
	assert_int_equal(helio__log__v1__logs__get__wait(scene->client,
							 &request, &reply),
			 HELIO_OK);
	return reply->log;
}

static void on_ack(struct helio *bus, const struct helio_ack *ack,
		   void *userdata)
{
	struct stored *stored = userdata;

	(void)bus;
	stored->n++;
	stored->status = ack->status;
	stored->sequence = ack->sequence;
	stored->is_duplicate = ack->is_duplicate;
	snprintf(stored->log, sizeof(stored->log), "%s",
		 ack->log ? ack->log : "");
}

static void publish(struct scene *scene, const char *subject, const char *body,
		    const struct helio_publish_options *options)
{
	uint64_t end_ms = scene_now_ms() + WAIT_MS;
	int r;

	while ((r = helio_publish(scene->bus, subject, body, strlen(body),
				  options)) == -EAGAIN) {
		assert_true(scene_now_ms() < end_ms);
		assert_true(helio_run(scene->bus, 10) >= 0);
	}
	assert_int_equal(r, 0);
}

struct stored scene_store_with(struct scene *scene, const char *subject,
			       const char *body,
			       struct helio_publish_options *options)
{
	struct stored stored = { 0 };

	options->flags = HELIO_ACK_STORED;
	options->on_ack = on_ack;
	options->userdata = &stored;
	publish(scene, subject, body, options);
	wait_until(scene, stored.n);
	return stored;
}

struct stored scene_store(struct scene *scene, const char *subject,
			  const char *body, const char *key)
{
	struct helio_publish_options options = { .idempotency_key = key };

	return scene_store_with(scene, subject, body, &options);
}

void scene_store_begin(struct scene *scene, const char *subject,
		       const char *body, const char *key, struct stored *stored)
{
	const struct helio_publish_options options = {
		.flags = HELIO_ACK_STORED,
		.on_ack = on_ack,
		.userdata = stored,
		.idempotency_key = key,
	};

	publish(scene, subject, body, &options);
}

void scene_publish(struct scene *scene, const char *subject, const char *body)
{
	publish(scene, subject, body, NULL);
}

void scene_fill(struct scene *scene, unsigned n)
{
	char body[16];

	for (unsigned i = 1; i <= n; i++) {
		snprintf(body, sizeof(body), "%u", i);
		if (i < n)
			scene_publish(scene, "lab.x", body);
		else
			assert_int_equal(
				scene_store(scene, "lab.x", body, NULL).status,
				HELIO_OK);
	}
}

static void copy_text(char *to, size_t n_to, const void *from, size_t n)
{
	n = n < n_to - 1 ? n : n_to - 1;
	if (n)
		memcpy(to, from, n);
	to[n] = '\0';
}

void seen_add(struct seen **seen, size_t *n, size_t *n_max, const void *run,
	      size_t n_run)
{
	struct run_reader reader = { 0 };
	struct run_record record;
	int r;

	assert_int_equal(run_reader_begin(&reader, run, n_run), 0);
	assert_int_equal(reader.head.n_bytes, n_run);
	while ((r = run_reader_next(&reader, &record)) == 1) {
		struct seen *one;

		if (*n == *n_max) {
			*n_max = *n_max ? *n_max * 2 : 64;
			*seen = realloc(*seen, *n_max * sizeof(**seen));
			assert_non_null(*seen);
		}
		one = &(*seen)[(*n)++];
		*one = (struct seen){ .sequence = 0 };
		one->sequence = record.sequence;
		one->time_ns = record.time_ns;
		one->kind = record.kind;
		copy_text(one->subject, sizeof(one->subject), record.subject,
			  record.n_subject);
		copy_text(one->source, sizeof(one->source),
			  record.source.principal, record.source.n_principal);
		copy_text(one->body, sizeof(one->body), record.body,
			  record.n_body);
	}
	assert_int_equal(r, 0);
	run_reader_deinit(&reader);
}

static void on_reply(struct helio_stream *stream,
		     const Helio__Log__V1__ReadReply *reply, void *userdata)
{
	struct reading *reading = userdata;

	if (reply->has_run) {
		reading->n_bytes += reply->run.len;
		seen_add(&reading->seen, &reading->n, &reading->n_max,
			 reply->run.data, reply->run.len);
	}
	reading->is_live |= reply->is_live;
	if (reply->has_expired_to)
		reading->expired_to = reply->expired_to;
	/* The first that is said may have no records, but where they begin. */
	if (reading->pauses && reading->n)
		helio_stream_pause(stream);
}

static void on_end(struct helio_stream *stream, const struct helio_reply *reply,
		   const Helio__Log__V1__ReadReply *response, void *userdata)
{
	struct reading *reading = userdata;

	(void)stream;
	(void)response;
	reading->stream = NULL;
	reading->is_over = true;
	reading->status = reply->status;
	if (reply->status)
		print_message("Read: %s: %s\n",
			      helio_status_name(reply->status), reply->reason);
}

void reading_begin(struct scene *scene, struct reading *reading,
		   const Helio__Log__V1__ReadRequest *request)
{
	static const struct helio__log__v1__logs__read__events events = {
		.on_message = on_reply,
		.on_end = on_end,
	};
	bool pauses = reading->pauses;

	*reading = (struct reading){ .pauses = pauses };
	assert_int_equal(helio__log__v1__logs__read__stream(
				 scene->client, request, &events, reading,
				 &reading->stream),
			 0);
}

void reading_all(struct scene *scene, struct reading *reading,
		 const Helio__Log__V1__ReadRequest *request)
{
	*reading = (struct reading){ .stream = NULL };
	reading_begin(scene, reading, request);
	wait_until(scene, reading->is_over);
}

void reading_deinit(struct reading *reading)
{
	if (reading->stream)
		helio_stream_cancel(reading->stream);
	free(reading->seen);
	*reading = (struct reading){ .stream = NULL };
}

void reading_check_whole(const struct reading *reading, uint64_t first,
			 size_t n)
{
	assert_int_equal(reading->n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(reading->seen[i].sequence, first + i);
}
