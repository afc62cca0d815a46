/* SPDX-License-Identifier: MIT */

#include "rpc/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t text_bytes(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static size_t message_bytes(const struct helio_message *message)
{
	size_t n = message->n_body + text_bytes(message->subject) +
		   text_bytes(message->source) +
		   text_bytes(message->idempotency_key) +
		   text_bytes(message->content_type) +
		   text_bytes(message->traceparent);

	for (size_t i = 0; i < message->n_headers; i++)
		n += sizeof(struct helio_header) +
		     text_bytes(message->headers[i].name) +
		     message->headers[i].n_value;
	return n;
}

/* Append a copy at *at; NULL stays NULL. */
static const void *put(char **at, const void *bytes, size_t n)
{
	char *copy = *at;

	if (!bytes)
		return NULL;
	if (n)
		memcpy(copy, bytes, n);
	*at += n;
	return copy;
}

static const char *put_text(char **at, const char *text)
{
	return put(at, text, text_bytes(text));
}

static void put_message(struct reply *copy, char **at,
			const struct helio_message *message)
{
	copy->message = (struct helio_message){
		.subject = put_text(at, message->subject),
		.body = put(at, message->body, message->n_body),
		.n_body = message->n_body,
		.source = put_text(at, message->source),
		.incarnation = message->incarnation,
		.idempotency_key = put_text(at, message->idempotency_key),
		.content_type = put_text(at, message->content_type),
		.traceparent = put_text(at, message->traceparent),
		.headers = copy->headers,
		.n_headers = message->n_headers,
	};
	for (size_t i = 0; i < message->n_headers; i++) {
		const struct helio_header *header = &message->headers[i];

		copy->headers[i] = (struct helio_header){
			.name = put_text(at, header->name),
			.value = put(at, header->value, header->n_value),
			.n_value = header->n_value,
		};
	}
	copy->reply.message = &copy->message;
}

int reply_new(const struct helio_reply *reply, struct reply **ret_reply)
{
	const struct helio_message *message = reply->message;
	size_t n_headers = message ? message->n_headers : 0;
	struct reply *copy;
	char *at;

	copy = malloc(sizeof(*copy) + text_bytes(reply->reason) +
		      reply->n_details +
		      (message ? message_bytes(message) : 0));
	if (!copy)
		return -ENOMEM;
	copy->reply = *reply;
	at = (char *)(copy->headers + n_headers);
	copy->reply.reason = put_text(&at, reply->reason);
	copy->reply.details = put(&at, reply->details, reply->n_details);
	if (message)
		put_message(copy, &at, message);
	*ret_reply = copy;
	return 0;
}

void reply_free(struct reply *reply)
{
	free(reply);
}
