/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_RECEIVER_H
#define SWITCH_RECEIVER_H

/**
 * What a peer receives by: a subscription or the registration of a server.
 *
 * Both have an id that the peer chose, number what is sent to them, and may be
 * sent only as much as the peer has granted: so a client can always empty its
 * channel, whatever others send it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"

struct peer;
struct speaker;

enum receiver_kind {
	RECEIVER_SUBSCRIPTION,
	RECEIVER_REGISTRATION,
	RECEIVER_MEMBER, /* of a crossing, which receives for it */
};

enum { RECEIVER_ID_MAX = 0x7fffffff };

struct receiver {
	struct list all_link;    /* in bus.receivers, oldest first */
	uint64_t serial;         /* unlike any other's, ever */
	struct map_node node;    /* in peer.receivers, by id */
	struct peer *peer;       /* NULL: a log that is away */
	struct speaker *speaker; /* whose it is, on the peer's channel */
	struct list speaker_link;
	enum receiver_kind kind;
	uint32_t id;   /* 1 to RECEIVER_ID_MAX */
	uint32_t next; /* number of the next message */
	uint32_t credit_messages;
	uint64_t credit_bytes;
	uint64_t n_messages; /* that were given to it, ever */
	uint64_t n_bytes;
	uint64_t n_failed; /* of a registration: calls without a good end */
};

/** The correlation id of the message that is sent next. */
static inline uint64_t receiver_draw(struct receiver *receiver)
{
	return (uint64_t)receiver->id << 32 | receiver->next++;
}

/** `n_messages` is 1 for the first fragment, 0 for those that follow. */
static inline bool receiver_has_credit(const struct receiver *receiver,
				       uint32_t n_messages, uint64_t n_bytes)
{
	return receiver->credit_messages >= n_messages &&
	       receiver->credit_bytes >= n_bytes;
}

static inline void receiver_spend(struct receiver *receiver,
				  uint32_t n_messages, uint64_t n_bytes)
{
	receiver->credit_messages -= n_messages;
	receiver->credit_bytes -= n_bytes;
	receiver->n_messages += n_messages;
	receiver->n_bytes += n_bytes;
}

/** It is new, and its peer's: into the peer's map and the bus's list. */
void receiver_enter(struct receiver *receiver);

/** End it with its channel or speaker; the log of a capture is then away. */
void receiver_drop(struct receiver *receiver);

/** It is its peer's no longer. */
void receiver_leave(struct receiver *receiver);

/**
 * Whether the peer may not choose this id, for it is none or in use: then it
 * has been told so, by a RESULT with this correlation id.
 */
bool receiver_refuse_id(struct peer *peer, uint32_t id, uint64_t correlation);

/** NULL if the peer has none of this id. */
struct receiver *receiver_lookup(const struct peer *peer, uint32_t id);

/** More credit; what would overflow stays at its maximum. */
void receiver_grant(struct receiver *receiver, uint32_t n_messages,
		    uint64_t n_bytes);

#endif
