/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_MESSAGE_H
#define SWITCH_MESSAGE_H

/**
 * A frame on its way through the switch.
 *
 * The frame is what the receivers will see; only the correlation id differs
 * from one to the next. The subject is our own copy.
 * Metadata and body stay where they came in: with several receivers the sender
 * must not be able to show each something else, so they are then copied to the
 * switch's own memory first (message_settle()).
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/le.h"
#include "proto/frame.h"

struct source;

struct message {
	struct frame frame; /* as receivers see it, but for the correlation */
	size_t n_header;
	const char *subject;
	size_t n_subject;
	const uint8_t *tail; /* metadata and body */
	size_t n_tail;
	size_t n_body;         /* of the tail, what is not metadata */
	size_t n_bytes;        /* of the whole frame */
	const uint8_t *image;  /* the frame in one piece; NULL: not settled */
	struct source *source; /* NULL: the switch itself */
	struct source *callee; /* that an observed copy names, or NULL */
	uint64_t total_bytes;  /* body of the whole message, all fragments */
	uint8_t flags;
};

/** Take over `frame`, whose length is set here from the message's parts. */
static inline void message_set_frame(struct message *message,
				     struct frame *frame)
{
	frame->n_subject = (uint16_t)message->n_subject;
	message->n_header = frame_header_bytes(frame);
	message->n_bytes =
		message->n_header + message->n_subject + message->n_tail;
	frame->length = (uint32_t)message->n_bytes;
	message->frame = *frame;
	message->flags = frame->flags;
}

/** Write the frame to room for n_bytes. */
static inline void message_write(const struct message *message,
				 uint64_t correlation, uint8_t *room)
{
	uint8_t *at;

	if (message->image) {
		memcpy(room, message->image, message->n_bytes);
	} else {
		at = room + frame_encode(&message->frame, room);
		memcpy(at, message->subject, message->n_subject);
		memcpy(at + message->n_subject, message->tail, message->n_tail);
	}
	le64_store(room + FRAME_AT_CORRELATION, correlation);
}

/** Move the frame to `scratch`, where no sender can change it. */
static inline void message_settle(struct message *message,
				  uint8_t scratch[FRAME_MAX_BYTES])
{
	message_write(message, 0, scratch);
	message->image = scratch;
	message->tail = scratch + message->n_header + message->n_subject;
}

#endif
