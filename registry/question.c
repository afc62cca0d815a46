/* SPDX-License-Identifier: MIT */

#include "registry/question.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/unpack.h"
#include "registry/draft.h"
#include "registry/listing.h"
#include "registry/server.h"
#include "rpc/heliograph.h"

enum {
	ARENA_SPARE_BYTES = 8 * 1024,
	TEXT_BYTES = 2048,
	DETAILS_BYTES = 15 * 1024,
};

static void question_free(struct question *question)
{
	rights_deinit(&question->rights);
	list_unlink(&question->link);
	listing_free(question->listing);
	draft_free(question->draft);
	free(question->answer);
	free(question->memory);
	free(question);
}

static void on_verdict(void *userdata, enum rights_verdict verdict,
		       const char *text)
{
	struct question *question = userdata;

	question->method->proceed(question, verdict, text);
}

/* Unpacked, a set takes its own bytes and little more. */
static int take_message(struct question *question,
			const struct helio_message *message)
{
	struct unpack_arena arena = { .n_bytes = message->n_body +
						 ARENA_SPARE_BYTES };
	ProtobufCMessage *unpacked;
	int r;

	question->memory = malloc(arena.n_bytes);
	if (!question->memory)
		return -ENOMEM;
	arena.bytes = question->memory;
	r = unpack(question->method->request, message->body, message->n_body,
		   &arena, &unpacked);
	question->message = r ? NULL : unpacked;
	return r;
}

static struct question *question_new(struct server *server,
				     struct helio_request *request,
				     const struct method *method,
				     const char *caller)
{
	struct question *question = calloc(1, sizeof(*question));

	if (!question)
		return NULL;
	question->server = server;
	question->request = request;
	question->method = method;
	snprintf(question->caller, sizeof(question->caller), "%s", caller);
	rights_init(&question->rights, server->bus, question->caller,
		    on_verdict, question);
	list_push_back(&server->questions, &question->link);
	helio_request_set_userdata(request, question);
	return question;
}

void question_begin(struct server *server, struct helio_request *request,
		    const struct method *method,
		    const struct helio_message *message)
{
	struct question *question =
		question_new(server, request, method, message->source);
	int r;

	if (!question) {
		(void)helio_fail(request, HELIO_RESOURCE_EXHAUSTED,
				 "helio-registry is out of memory");
		return;
	}
	r = take_message(question, message);
	if (r < 0)
		question_fail_errno(question, r, "the request");
	else if (r > 0)
		question_fail(question, HELIO_INVALID_ARGUMENT, "%s",
			      unpack_error_text(r));
	else
		method->begin(question);
}

void question_drop(struct question *question)
{
	(void)helio_fail(question->request, HELIO_UNAVAILABLE,
			 "helio-registry ends");
	question_free(question);
}

bool question_is_of_switch(const struct question *question)
{
	return !*question->caller || !strcmp(question->caller, "helio:switch");
}

void question_ask(struct question *question)
{
	int r = rights_ask(&question->rights);

	/* Calls come as soon as the service is renewed, before all else is. */
	question->is_unasked = r == -ENOTCONN;
	if (r < 0 && r != -ENOTCONN)
		question_fail_errno(question, r, "asking the switch");
}

static void send_answer(struct question *question)
{
	int r = helio_respond(question->request, question->answer,
			      question->n_answer);

	if (r == -EAGAIN)
		return;
	if (r < 0)
		(void)helio_fail(question->request, HELIO_RESOURCE_EXHAUSTED,
				 strerror(-r));
	question_free(question);
}

void question_retry(struct question *question)
{
	if (question->is_unasked)
		question_ask(question);
	else if (question->answer)
		send_answer(question);
}

void question_answer(struct question *question, const ProtobufCMessage *reply)
{
	question->n_answer = protobuf_c_message_get_packed_size(reply);
	question->answer = malloc(question->n_answer ? question->n_answer : 1);
	if (!question->answer) {
		question_fail_errno(question, -ENOMEM, "the answer");
		return;
	}
	protobuf_c_message_pack(reply, question->answer);
	send_answer(question);
}

void question_fail(struct question *question, unsigned status,
		   const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	(void)helio_fail(question->request, status, text);
	question_free(question);
}

void question_fail_with(struct question *question, unsigned status,
			const ProtobufCMessage *details, const char *text)
{
	uint8_t bytes[DETAILS_BYTES];
	size_t n = protobuf_c_message_get_packed_size(details);

	/* The text is worth more than what does not fit. */
	if (n > sizeof(bytes)) {
		question_fail(question, status, "%s", text);
		return;
	}
	protobuf_c_message_pack(details, bytes);
	(void)helio_fail_with(question->request, status, text, bytes, n);
	question_free(question);
}

void question_fail_errno(struct question *question, int r, const char *what)
{
	unsigned status = HELIO_UNAVAILABLE;

	if (r == -ENOSPC || r == -EDQUOT || r == -ENOMEM || r == -EMSGSIZE)
		status = HELIO_RESOURCE_EXHAUSTED;
	if (r == -EBADMSG)
		status = HELIO_DATA_LOSS;
	question_fail(question, status, "%s: %s", what, strerror(-r));
}
