/* SPDX-License-Identifier: MIT */

#include "rpc/message.h"

#include <errno.h>
#include <string.h>

#include "proto/subject.h"
#include "rpc/client.h"

/* How a message is cut: the first frame, then equal ones, and what is left. */
struct cut {
	size_t n_first;     /* bytes of body in the first frame */
	size_t n_each;      /* in those that follow */
	size_t n_following; /* frames */
	size_t n_total;     /* bytes of all frames */
};

size_t message_body_max(const struct helio *bus, size_t n_rest)
{
	return bus->fragment_bytes > n_rest ? bus->fragment_bytes - n_rest : 0;
}

/* By a handle the switch puts the service before the method, and a dot. */
static size_t first_body_max(const struct helio *bus, const struct frame *frame)
{
	size_t n_service = frame->handle ? SUBJECT_MAX_BYTES + 1 : 0;

	return message_body_max(bus, frame_body_offset(frame) + n_service);
}

/*
 * The metadata stays in the first frame, which may be longer than the others
 * for it; there may then be no room for any of the body.
 */
static struct cut plan(const struct helio *bus, struct frame *frame,
		       const struct message *message)
{
	struct cut cut = { .n_each =
				   message_body_max(bus, FRAME_HEADER_BYTES) };
	size_t n_left;

	frame->n_subject = (uint16_t)message->n_subject;
	frame->n_metadata = (uint16_t)message->n_metadata;
	if (message->n_body <= first_body_max(bus, frame)) {
		frame->flags |= FRAME_WHOLE;
		cut.n_first = message->n_body;
		cut.n_total = frame_body_offset(frame) + message->n_body;
		return cut;
	}
	frame->flags |= FRAME_FIRST | FRAME_EXTENDED;
	frame->total_bytes = message->n_body;
	cut.n_first = first_body_max(bus, frame);
	n_left = message->n_body - cut.n_first;
	cut.n_following = (n_left + cut.n_each - 1) / cut.n_each;
	cut.n_total = frame_body_offset(frame) + message->n_body +
		      cut.n_following * FRAME_HEADER_BYTES;
	return cut;
}

static uint8_t *write_part(uint8_t *out, const void *bytes, size_t n)
{
	if (n)
		memcpy(out, bytes, n);
	return out + n;
}

static uint8_t *write_first(uint8_t *out, struct frame *frame,
			    const struct message *message, size_t n_body)
{
	frame_set_body(frame, n_body);
	out += frame_encode(frame, out);
	out = write_part(out, message->subject, message->n_subject);
	out = write_part(out, message->metadata, message->n_metadata);
	return write_part(out, message->body, n_body);
}

static void write_following(uint8_t *out, const struct frame *first,
			    const struct message *message,
			    const struct cut *cut)
{
	const uint8_t *body = message->body;
	size_t n_left = message->n_body - cut->n_first;

	if (cut->n_following)
		body += cut->n_first;
	for (size_t i = 0; i < cut->n_following; i++) {
		struct frame frame = {
			.kind = first->kind,
			.correlation = first->correlation,
		};
		size_t n = n_left < cut->n_each ? n_left : cut->n_each;

		if (n == n_left)
			frame.flags = FRAME_LAST;
		frame_set_body(&frame, n);
		out += frame_encode(&frame, out);
		out = write_part(out, body, n);
		body += n;
		n_left -= n;
	}
}

/* Where the frames go when the channel has no room for them. */
static int push(struct helio *bus, const struct cut *cut, bool may_wait,
		uint8_t **ret_room)
{
	const struct outbox *outbox = &bus->outbox;
	size_t n_waiting = outbox->end - outbox->start;

	if (outbox_is_waiting(outbox) &&
	    (!may_wait || n_waiting >= OUTBOX_SOFT_BYTES))
		return -EAGAIN;
	return outbox_push(bus, cut->n_total, ret_room);
}

int message_send(struct helio *bus, struct frame *frame,
		 const struct message *message, bool may_wait)
{
	struct cut cut;
	uint8_t *room;
	int r;

	if (!client_is_welcome(bus))
		return -ENOTCONN;
	if (message->n_body > bus->send_max)
		return -EMSGSIZE;
	cut = plan(bus, frame, message);
	r = outbox_reserve(bus, cut.n_total, &room);
	if (!r) {
		write_following(write_first(room, frame, message, cut.n_first),
				frame, message, &cut);
		outbox_commit(bus, cut.n_total);
		return 0;
	}
	if (r == -ENOTCONN || (r == -EAGAIN && !cut.n_following && !may_wait))
		return r;
	r = push(bus, &cut, may_wait, &room);
	if (r < 0)
		return r;
	write_following(write_first(room, frame, message, cut.n_first), frame,
			message, &cut);
	outbox_pump(bus);
	return 0;
}
