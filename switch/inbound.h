/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_INBOUND_H
#define SWITCH_INBOUND_H

/**
 * Frames as they come in from a peer.
 *
 * A batch is taken apart first: headers and subjects are copied out of the
 * peer's memory and checked, and the route cache is asked for each, all of
 * which miss the processor's cache side by side. Only then is one after the
 * other routed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "proto/frame.h"
#include "proto/subject.h"

struct bus;
struct message;
struct peer;
struct schema;
struct speaker;

struct inbound {
	struct frame frame;
	struct speaker *speaker; /* in whose name; NULL: of none that we know */
	struct schema *schema;   /* of a CALL by a handle that is bound */
	/* Metadata and body: still the peer's memory, to be read once. */
	const uint8_t *tail;
	size_t n_tail;
	struct hash_tag tag; /* of who does what to which subject */
	char subject[SUBJECT_MAX_BYTES + 1]; /* terminated */
};

static inline size_t inbound_body_bytes(const struct inbound *inbound)
{
	return inbound->n_tail - inbound->frame.n_metadata;
}

/** Read and route what the peer has sent, up to a bound. Whether it had. */
bool inbound_read(struct peer *peer);

/**
 * Whether it is heard again, and what came meanwhile was shown but not looked
 * at: its channel does not tell of that a second time.
 */
bool inbound_is_owed(const struct peer *peer);

/**
 * What goes on from a frame that came in: of kind `kind`, with the flags of
 * the message itself, from the speaker. No correlation id yet.
 */
void inbound_forward(const struct inbound *inbound,
		     const struct speaker *speaker, enum frame_kind kind,
		     struct message *ret_message);

/** Copy the body to the bus's scratch, where the peer cannot change it. */
const uint8_t *inbound_settle(struct bus *bus, const struct inbound *inbound);

#endif
