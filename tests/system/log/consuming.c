/* SPDX-License-Identifier: MIT */

#include "tests/system/log/consuming.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_reply(struct helio_stream *stream,
		     const Helio__Log__V1__ConsumeReply *reply, void *userdata)
{
	struct consuming *consuming = userdata;
	size_t first = consuming->n_seen;

	(void)stream;
	if (reply->has_run)
		seen_add(&consuming->seen, &consuming->n_seen,
			 &consuming->n_seen_max, reply->run.data,
			 reply->run.len);
	assert_int_equal(reply->n_token, consuming->n_seen - first);
	assert_int_equal(reply->n_redelivered, reply->n_token);
	for (size_t i = 0; i < reply->n_token; i++) {
		assert_true(consuming->n < GIVEN_MAX);
		consuming->given[consuming->n++] = (struct given){
			.sequence = consuming->seen[first + i].sequence,
			.token = reply->token[i],
			.again = reply->redelivered[i],
		};
	}
	if (reply->has_acked_to)
		consuming->acked_to = reply->acked_to;
	for (size_t i = 0; i < reply->n_late; i++)
		if (consuming->n_late < 16)
			consuming->late[consuming->n_late++] = reply->late[i];
}

static void on_end(struct helio_stream *stream, const struct helio_reply *reply,
		   const Helio__Log__V1__ConsumeReply *response, void *userdata)
{
	struct consuming *consuming = userdata;

	(void)stream;
	(void)response;
	consuming->stream = NULL;
	consuming->is_over = true;
	consuming->status = reply->status;
}

static void send(struct consuming *consuming,
		 const Helio__Log__V1__ConsumeRequest *request)
{
	int r;

	wait_until(consuming->scene,
		   (r = helio__log__v1__logs__consume__send(
			    consuming->stream, request)) != -EAGAIN);
	assert_int_equal(r, 0);
}

void consuming_begin(struct scene *scene, struct consuming *consuming,
		     const char *cursor, uint32_t batch)
{
	static const struct helio__log__v1__logs__consume__events events = {
		.on_message = on_reply,
		.on_end = on_end,
	};
	Helio__Log__V1__ConsumeRequest request =
		HELIO__LOG__V1__CONSUME_REQUEST__INIT;

	memset(consuming, 0, sizeof(*consuming));
	consuming->scene = scene;
	assert_int_equal(
		helio__log__v1__logs__consume__stream(
			scene->client, &events, consuming, &consuming->stream),
		0);
	request.log = field("lab");
	request.cursor = field(cursor);
	request.has_batch = batch != 0;
	request.batch = batch;
	send(consuming, &request);
}

void consuming_deinit(struct consuming *consuming)
{
	if (consuming->stream)
		helio_stream_cancel(consuming->stream);
	free(consuming->seen);
	consuming->stream = NULL;
	consuming->seen = NULL;
}

void consuming_ack(struct consuming *consuming, size_t nth)
{
	Helio__Log__V1__ConsumeRequest request =
		HELIO__LOG__V1__CONSUME_REQUEST__INIT;

	request.ack = &consuming->given[nth].token;
	request.n_ack = 1;
	send(consuming, &request);
}

void consuming_ack_to(struct consuming *consuming, size_t nth)
{
	Helio__Log__V1__ConsumeRequest request =
		HELIO__LOG__V1__CONSUME_REQUEST__INIT;

	request.has_ack_to = 1;
	request.ack_to = consuming->given[nth].token;
	send(consuming, &request);
}

void consuming_nak(struct consuming *consuming, size_t nth, uint32_t delay_ms)
{
	Helio__Log__V1__ConsumeRequest request =
		HELIO__LOG__V1__CONSUME_REQUEST__INIT;
	Helio__Log__V1__Nak one = HELIO__LOG__V1__NAK__INIT;
	Helio__Log__V1__Nak *naks[1] = { &one };

	one.has_token = 1;
	one.token = consuming->given[nth].token;
	one.has_delay_ms = 1;
	one.delay_ms = delay_ms;
	request.nak = naks;
	request.n_nak = 1;
	send(consuming, &request);
}

void consuming_in_progress(struct consuming *consuming, size_t nth)
{
	Helio__Log__V1__ConsumeRequest request =
		HELIO__LOG__V1__CONSUME_REQUEST__INIT;

	request.in_progress = &consuming->given[nth].token;
	request.n_in_progress = 1;
	send(consuming, &request);
}

void cursor_create(struct scene *scene, const char *name,
		   const Helio__Log__V1__CursorConfig *config)
{
	Helio__Log__V1__CreateCursorRequest request =
		HELIO__LOG__V1__CREATE_CURSOR_REQUEST__INIT;
	const Helio__Log__V1__CreateCursorReply *reply;

	request.log = field("lab");
	request.name = field(name);
	request.config = (Helio__Log__V1__CursorConfig *)(uintptr_t)config;
	assert_int_equal(helio__log__v1__logs__create_cursor__wait(
				 scene->client, &request, &reply),
			 HELIO_OK);
}

Helio__Log__V1__Cursor cursor_get(struct scene *scene, char *fault,
				  size_t n_fault)
{
	Helio__Log__V1__ListCursorsRequest request =
		HELIO__LOG__V1__LIST_CURSORS_REQUEST__INIT;
	const Helio__Log__V1__ListCursorsReply *reply = NULL;

	request.log = field("lab");
	assert_int_equal(helio__log__v1__logs__list_cursors__wait(
				 scene->client, &request, &reply),
			 HELIO_OK);
	assert_int_equal(reply->n_cursors, 1);
	if (fault)
		snprintf(fault, n_fault, "%s",
			 reply->cursors[0]->fault ? reply->cursors[0]->fault
						  : "");
	return *reply->cursors[0];
}
