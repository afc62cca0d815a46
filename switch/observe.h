/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_OBSERVE_H
#define SWITCH_OBSERVE_H

/**
 * Copies of calls and replies, for those who have the right to see them.
 *
 * An observer is a subscription in a route table of its own, so that a plain
 * one never sees a call. Who gets a copy is decided at the first fragment, once
 * for the call and once for its reply. A copy has an extension and a subject
 * where the frame may have none; what then does not fit follows in a fragment.
 *
 * The bytes of the messages given here are settled: the other side of the call
 * and all observers see the same. But behind the metadata observers see the
 * schema by which the body is read, if the switch knows it: the one that the
 * caller has bound, or else the server's; of what the server says, the
 * server's.
 */

#include <stdbool.h>

#include "base/cleanup.h"
#include "proto/status.h"

/** A field of Metadata: its key, its length and a hash. */
enum { OBSERVE_SCHEMA_BYTES = 2 + 32 };

struct inbound;
struct message;
struct observation;
struct registration;
struct slot;

/**
 * A call goes to `registration`, or to nobody yet (NULL). If somebody observes
 * it, slot->observation is set.
 */
void observe_call(struct slot *slot, const struct inbound *inbound,
		  const struct message *message,
		  const struct registration *registration);

/* The others are for slots that have an observation. */

/** The call's reply. */
void observe_reply(struct slot *slot, const struct inbound *inbound,
		   const struct message *message);

/** A later fragment of the call or of its reply. */
void observe_continue(struct slot *slot, const struct message *message);

/**
 * A message of its stream, or a fragment of one, of the requests or of the
 * replies. It has no metadata of its own.
 */
void observe_next(struct slot *slot, bool is_request,
		  const struct message *message);

/** It ended without a reply, or with half of one. */
void observe_end(struct slot *slot, enum status status, const char *text);

/** What is not finished is aborted. NULL is fine. Always NULL. */
struct observation *observation_free(struct observation *observation);

#endif
