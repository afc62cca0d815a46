/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_UPWARD_H
#define SWITCH_UPWARD_H

/**
 * What our programs say, on its way to the host: messages and calls in their
 * names, one hop further, and what the host answers to them.
 *
 * Nothing is lost for want of room in the uplink: it gathers in the host's
 * outbox, and whoever fills that is not heard until there is room again. What
 * comes down is dealt with all the while.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/status.h"

/* The ids of publishes that want no ack: flags, handle, and a shorter id. */
enum { UPWARD_ID_BITS = 41 };
#define UPWARD_PLAIN   (UINT64_C(1) << 62)
#define UPWARD_LONG    (UINT64_C(1) << 61)
#define UPWARD_ID_MASK ((UINT64_C(1) << UPWARD_ID_BITS) - 1)

struct bus;
struct inbound;
struct message;
struct open;
struct peer;
struct slot;
struct source;
struct uplink;

/**
 * Before anybody gets a message: whether it can go up, and a slot if the
 * publisher wants acks. Returns STATUS_OK or why nobody gets it.
 */
int upward_admit(struct uplink *uplink, const struct inbound *inbound,
		 struct slot **ret_slot, char *text, size_t n_text);

/**
 * Our own have the message, or its first fragment: `n_took` of them took it
 * and `n_full` could not. Now it is the host's. `open` and `slot` may be NULL.
 */
void upward_publish(struct uplink *uplink, const struct inbound *inbound,
		    const struct message *message, struct open *open,
		    struct slot *slot);

/** A later fragment of it; or there will be none. */
void upward_continue(struct open *open, const struct message *message);
void upward_abort(struct open *open);

/** Whether a call that none of ours takes, for the reason `r`, goes up. */
bool upward_takes_call(const struct bus *bus, const struct inbound *inbound,
		       int r);

/** It goes. */
void upward_call(struct uplink *uplink, struct slot *slot,
		 const struct inbound *inbound, const struct message *message);

/** A later fragment of a call or of a reply that goes up. */
void upward_fragment(struct uplink *uplink, const struct message *message,
		     uint64_t correlation);

/**
 * Something of `peer` went up: if the uplink has more than it takes now, the
 * peer is not heard for a while.
 */
void upward_hold_back(struct uplink *uplink, struct peer *peer);

/** REFUSED and ACK of the host. */
void upward_refused(struct uplink *uplink, const struct inbound *inbound);
void upward_acked(struct uplink *uplink, const struct inbound *inbound);

/** A publish that waits for acks gets them without the host. */
void upward_fail(struct slot *slot, enum status status);

/** What has begun does not go up any more. */
void upward_forget(struct open *open);

/** The uplink is away: what has begun there has no end. */
void upward_lose(struct uplink *uplink);

/** It is back: calls that wait go up. */
void upward_renew(struct uplink *uplink);

#endif
