/* SPDX-License-Identifier: MIT */
#ifndef RPC_INCOMING_H
#define RPC_INCOMING_H

/**
 * Messages, calls and replies that came, whole or in fragments.
 *
 * A whole one is handed to the program where it stands in the channel; what
 * has to be judged (header, subject, metadata) was copied out before.
 */

#include <stddef.h>
#include <stdint.h>

#include "proto/frame.h"

struct helio;
struct helio_message;
struct handle;

enum { INCOMING_TEXT_MAX_BYTES = 1024 };

struct incoming {
	const struct frame *frame; /* of several fragments, the first's */
	const uint8_t *subject;
	const uint8_t *metadata;
	const uint8_t *body;
	size_t n_body;
	const struct handle *source;
};

/**
 * A frame of kind MESSAGE, CALL, REPLY or OBSERVED_* came. Returns 0, or a
 * negative errno after the connection was given up.
 */
int incoming_take(struct helio *bus, const struct frame *frame,
		  const uint8_t *bytes);

/** ABORT came: the rest of an open message will not. */
void incoming_abort(struct helio *bus, const struct frame *frame);

/** CANCEL came: for a call that is open still, or for a request. */
void incoming_cancel(struct helio *bus, const struct frame *frame);

/**
 * As the program sees it. Returns 0; -EBADMSG when the metadata is none, and
 * -ENOMEM: then the message is as if it had none.
 */
int incoming_decode(struct helio *bus, const struct incoming *incoming,
		    struct helio_message *ret_message);

/** A number that is no status is taken for UNKNOWN. */
unsigned incoming_status(const struct frame *frame);

/** A text for people, terminated, cut at the first NUL or the room's end. */
void incoming_text(const uint8_t *bytes, size_t n,
		   char ret_text[INCOMING_TEXT_MAX_BYTES + 1]);

#endif
