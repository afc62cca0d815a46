/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_MESSAGE_H
#define SWITCH_MESSAGE_H

/**
 * A frame on its way through the switch.
 *
 * The header is encoded once, as the receivers will see it; only the
 * correlation id differs from one to the next. The subject is our own copy.
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
	uint8_t header[FRAME_HEADER_MAX_BYTES];
	size_t n_header;
	const char *subject;
	size_t n_subject;
	const uint8_t *tail; /* metadata and body */
	size_t n_tail;
	size_t n_body;         /* of the tail, what is not metadata */
	struct source *source; /* NULL: the switch itself */
	uint64_t total_bytes;  /* body of the whole message, all fragments */
	uint8_t flags;
};

/** Encode `frame`, whose length is set here from the message's parts. */
static inline void message_set_frame(struct message *message,
				     struct frame *frame)
{
	frame->n_subject = (uint16_t)message->n_subject;
	message->n_header = frame_header_bytes(frame);
	frame->length = (uint32_t)(message->n_header + message->n_subject +
				   message->n_tail);
	frame_encode(frame, message->header);
	message->flags = frame->flags;
}

/** Bytes of the frame. */
static inline size_t message_bytes(const struct message *message)
{
	return message->n_header + message->n_subject + message->n_tail;
}

/** Write the frame to room for message_bytes(). */
static inline void message_write(const struct message *message,
				 uint64_t correlation, uint8_t *room)
{
	memcpy(room, message->header, message->n_header);
	le64_store(room + FRAME_AT_CORRELATION, correlation);
	room += message->n_header;
	memcpy(room, message->subject, message->n_subject);
	memcpy(room + message->n_subject, message->tail, message->n_tail);
}

/** Move metadata and body to `scratch`, where no sender can change them. */
static inline void message_settle(struct message *message,
				  uint8_t scratch[FRAME_MAX_BYTES])
{
	memcpy(scratch, message->tail, message->n_tail);
	message->tail = scratch;
}

#endif
