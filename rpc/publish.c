/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <string.h>

#include "proto/subject.h"
#include "rpc/ack.h"
#include "rpc/client.h"
#include "rpc/message.h"

/*
 * Programs publish on few subjects, mostly on the same one again: comparing
 * with the last one that was good is several times faster than judging it.
 */
static bool is_subject(struct helio *bus, const char *subject, size_t n)
{
	if (n == bus->n_last_subject && n &&
	    !memcmp(subject, bus->last_subject, n))
		return true;
	if (!subject_is_valid(subject, n))
		return false;
	memcpy(bus->last_subject, subject, n);
	bus->n_last_subject = n;
	return true;
}

/* The short way: a whole message without metadata, nobody asks for an ack. */
static int publish_plain(struct helio *bus, const char *subject,
			 size_t n_subject, const void *body, size_t n_body)
{
	struct frame frame = {
		.kind = FRAME_MESSAGE,
		.flags = FRAME_WHOLE,
		.n_subject = (uint16_t)n_subject,
	};
	uint8_t *room;
	int r;

	frame_set_body(&frame, n_body);
	r = outbox_reserve(bus, frame.length, &room);
	if (r < 0)
		return r;
	room += frame_encode(&frame, room);
	memcpy(room, subject, n_subject);
	if (n_body)
		memcpy(room + n_subject, body, n_body);
	outbox_commit(bus, frame.length);
	return 0;
}

static int publish_encoded(struct helio *bus, const struct message *message,
			   const struct helio_publish_options *options)
{
	struct frame frame = {
		.kind = FRAME_MESSAGE,
		.correlation = client_draw_id(bus),
	};
	struct ack *ack = NULL;
	int r;

	if (options->flags & ~(uint32_t)(HELIO_ACK_ROUTED | HELIO_ACK_STORED))
		return -EINVAL;
	if (options->flags) {
		r = ack_new(bus, frame.correlation, options, &ack);
		if (r < 0)
			return r;
		frame.time_left_ms = options->timeout_ms;
	}
	if (options->flags & HELIO_ACK_ROUTED)
		frame.flags |= FRAME_ACK_ROUTED;
	if (options->flags & HELIO_ACK_STORED)
		frame.flags |= FRAME_ACK_STORED;
	r = message_send(bus, &frame, message, false);
	if (r < 0)
		ack_free(ack);
	return r;
}

static int publish_with(struct helio *bus, struct message *message,
			const struct helio_publish_options *options)
{
	const struct metadata metadata = {
		.idempotency_key = options->idempotency_key,
		.content_type = options->content_type,
		.traceparent = options->traceparent,
		.headers = options->headers,
		.n_headers = options->n_headers,
		.schema_hash = options->schema_hash,
		.has_expected = options->has_expected,
		.expected_sequence = options->expected_sequence,
	};
	uint8_t encoded[FRAME_METADATA_MAX_BYTES];
	int n;

	n = metadata_encode(&metadata, encoded);
	if (n < 0)
		return n;
	message->metadata = encoded;
	message->n_metadata = (size_t)n;
	return publish_encoded(bus, message, options);
}

int helio_publish(struct helio *bus, const char *subject, const void *body,
		  size_t n_body, const struct helio_publish_options *options)
{
	static const struct helio_publish_options no_options;
	size_t n_subject = strlen(subject);

	if (!client_is_connected(bus))
		return -ENOTCONN;
	if (!is_subject(bus, subject, n_subject))
		return -EINVAL;
	if (!options &&
	    n_body <= message_body_max(bus, FRAME_HEADER_BYTES + n_subject))
		return publish_plain(bus, subject, n_subject, body, n_body);
	return publish_with(bus,
			    &(struct message){
				    .subject = subject,
				    .n_subject = n_subject,
				    .body = body,
				    .n_body = n_body,
			    },
			    options ? options : &no_options);
}

int helio_publish_begin(struct helio *bus, const char *subject, size_t n_body,
			void **ret_body)
{
	size_t n_subject = strlen(subject);
	size_t n_rest = FRAME_HEADER_BYTES + n_subject;
	uint8_t *room;
	int r;

	if (!client_is_connected(bus))
		return -ENOTCONN;
	if (!is_subject(bus, subject, n_subject))
		return -EINVAL;
	if (n_body > message_body_max(bus, n_rest))
		return -EMSGSIZE;
	r = outbox_reserve(bus, n_rest + n_body, &room);
	if (r < 0)
		return r;
	memcpy(room + FRAME_HEADER_BYTES, subject, n_subject);
	bus->n_in_place = n_subject;
	*ret_body = room + n_rest;
	return 0;
}

void helio_publish_end(struct helio *bus, size_t n_body)
{
	struct frame frame = {
		.kind = FRAME_MESSAGE,
		.flags = FRAME_WHOLE,
		.n_subject = (uint16_t)bus->n_in_place,
	};

	frame_set_body(&frame, n_body);
	frame_encode(&frame, bus->channel->out);
	outbox_commit(bus, frame.length);
}

size_t helio_fragment_max(const struct helio *bus, const char *subject)
{
	return message_body_max(bus, FRAME_HEADER_BYTES + strlen(subject));
}
