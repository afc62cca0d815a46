/* SPDX-License-Identifier: MIT */
#ifndef RPC_MESSAGE_H
#define RPC_MESSAGE_H

/**
 * Sending a message, a call or a reply: in one frame, or cut into fragments.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/frame.h"

struct helio;
struct metadata;

struct message {
	const char *subject;
	size_t n_subject;
	const uint8_t *metadata; /* encoded */
	size_t n_metadata;
	const uint8_t *body;
	size_t n_body;
};

/**
 * Send it as a whole or not at all. `frame` has kind, flags, correlation, and
 * what else stands in the header; the rest is set here.
 *
 * Returns 0; -ENOTCONN; -EMSGSIZE when the switch takes no body so long;
 * -EAGAIN when there is no room now, but for a message in fragments only when
 * something waits already, and with `may_wait` only when very much does;
 * -ENOMEM.
 */
int message_send(struct helio *bus, struct frame *frame,
		 const struct message *message, bool may_wait);

/** How many bytes of body go in a frame that has `n_rest` others. */
size_t message_body_max(const struct helio *bus, size_t n_rest);

#endif
