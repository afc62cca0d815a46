/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_OBSERVE_H
#define SWITCH_OBSERVE_H

/**
 * Copies of calls and replies, for those who have the right to see them.
 *
 * An observer is a subscription in a route table of its own, so that a plain
 * one never sees a call. Of a call in fragments the copy has the first.
 */

#include "proto/status.h"

struct inbound;
struct message;
struct registration;
struct slot;

/**
 * A call goes to `registration`, or to nobody yet (NULL). The message's bytes
 * are settled: the callee and all observers see the same.
 */
void observe_call(struct slot *slot, const struct inbound *inbound,
		  const struct message *message,
		  const struct registration *registration);

/** Its reply, if it was observed. */
void observe_reply(struct slot *slot, const struct inbound *inbound,
		   const struct message *message);

/** It ended without one. */
void observe_end(struct slot *slot, enum status status, const char *text);

#endif
