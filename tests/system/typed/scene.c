/* SPDX-License-Identifier: MIT */

#include "tests/system/typed/scene.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char policy[] = "allow ** any lab.>\n"
			     "allow ** any helio.>\n";

struct switch_process the_switch;

struct helio *scene_connect(const char *address)
{
	const struct helio_options options = { .program = "test_typed" };
	struct helio *bus;

	assert_int_equal(helio_open(address, &options, &bus), 0);
	assert_int_equal(helio_connect_wait(bus, WAIT_MS), 0);
	loop_add(bus);
	return bus;
}

void scene_disconnect(struct helio **bus)
{
	loop_remove(*bus);
	helio_close(*bus);
	*bus = NULL;
}

void scene_open(struct scene *scene, bool is_served)
{
	*scene = (struct scene){ 0 };
	scene->a = scene_connect(the_switch.shm);
	scene->b = scene_connect(the_switch.shm);
	assert_int_equal(helio_client_new(scene->a, &lab__v1__desk__type, NULL,
					  &scene->client),
			 0);
	if (is_served)
		desk_open(&scene->desk, scene->b, 0);
}

void scene_close(struct scene *scene)
{
	helio_client_free(scene->client);
	desk_close(&scene->desk);
	scene_disconnect(&scene->a);
	if (scene->b)
		scene_disconnect(&scene->b);
}

static void scene_note_reply(struct scene *scene,
			     const struct helio_reply *reply)
{
	scene->status = reply->status;
	scene->is_from_bus = reply->is_from_bus;
	scene->is_handed_over = reply->is_handed_over;
	snprintf(scene->reason, sizeof(scene->reason), "%s", reply->reason);
	snprintf(scene->details, sizeof(scene->details), "%.*s",
		 (int)reply->n_details,
		 reply->details ? (const char *)reply->details : "");
}

void scene_on_number(const Lab__V1__Number *number, void *userdata)
{
	struct scene *scene = userdata;

	scene_note_reply(scene, helio_client_reply(scene->client));
	if (!number) {
		scene->n_bad++;
		return;
	}
	scene->n_good++;
	scene->value = number->value;
}

void scene_add(struct scene *scene, int64_t a, int64_t b)
{
	Lab__V1__Pair pair = LAB__V1__PAIR__INIT;

	pair.a = a;
	pair.b = b;
	lab__v1__desk__add(helio_client_service(scene->client), &pair,
			   scene_on_number, scene);
}

void scene_hold(struct scene *scene, const struct helio_invoke_options *options)
{
	Lab__V1__Pair pair = LAB__V1__PAIR__INIT;

	if (options)
		helio_client_next(scene->client, options);
	lab__v1__desk__hold(helio_client_service(scene->client), &pair,
			    scene_on_number, scene);
}

static void on_message(struct helio_stream *stream,
		       const Lab__V1__Number *number, void *userdata)
{
	struct scene *scene = userdata;

	scene->n_messages++;
	scene->value = number->value;
	if (scene->pauses)
		helio_stream_pause(stream);
}

static void on_end(struct helio_stream *stream, const struct helio_reply *reply,
		   const Lab__V1__Number *response, void *userdata)
{
	struct scene *scene = userdata;

	(void)stream;
	scene->n_ended++;
	scene->stream = NULL;
	scene_note_reply(scene, reply);
	if (response)
		scene->value = response->value;
}

static void on_writable(struct helio_stream *stream, void *userdata)
{
	struct scene *scene = userdata;
	Lab__V1__Number number = LAB__V1__NUMBER__INIT;

	while (scene->n_sent < scene->to_send) {
		int r;

		number.value = scene->n_sent + 1;
		r = helio_stream_send(stream, &number.base);
		if (r == -EAGAIN)
			return;
		assert_int_equal(r, 0);
		scene->n_sent++;
	}
	assert_int_equal(helio_stream_finish(stream), 0);
}

void scene_count(struct scene *scene, int64_t to)
{
	static const struct lab__v1__desk__count__events events = {
		.on_message = on_message,
		.on_end = on_end,
	};
	Lab__V1__Number number = LAB__V1__NUMBER__INIT;

	number.value = to;
	assert_int_equal(lab__v1__desk__count__stream(scene->client, &number,
						      &events, scene,
						      &scene->stream),
			 0);
}

void scene_sum(struct scene *scene, unsigned to)
{
	static const struct lab__v1__desk__sum__events events = {
		.on_writable = on_writable,
		.on_end = on_end,
	};

	scene->to_send = to;
	scene->n_sent = 0;
	assert_int_equal(lab__v1__desk__sum__stream(scene->client, &events,
						    scene, &scene->stream),
			 0);
	on_writable(scene->stream, scene);
}

void scene_twice(struct scene *scene, unsigned to)
{
	static const struct lab__v1__desk__twice__events events = {
		.on_message = on_message,
		.on_writable = on_writable,
		.on_end = on_end,
	};

	scene->to_send = to;
	scene->n_sent = 0;
	assert_int_equal(lab__v1__desk__twice__stream(scene->client, &events,
						      scene, &scene->stream),
			 0);
	on_writable(scene->stream, scene);
}

int scene_open_switch(void **state)
{
	char path[128];
	FILE *file;

	(void)state;
	switch_process_open(&the_switch, policy);
	snprintf(path, sizeof(path), "%s/config/heliod.conf",
		 the_switch.folder);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs("schemas equal\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	switch_process_stop(&the_switch, SIGTERM);
	switch_process_start(&the_switch);
	return 0;
}

int scene_close_switch(void **state)
{
	(void)state;
	switch_process_close(&the_switch);
	return 0;
}
