/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_PUBLISH_H
#define SWITCH_PUBLISH_H

/**
 * A message's way from its publisher to all who subscribed.
 *
 * Policy, subject, group members and overflow are decided once, at the first
 * fragment. With one receiver the body goes from ring to ring in one copy;
 * with several it is first copied to the switch's memory.
 */

#include <stddef.h>
#include <stdint.h>

struct bus;
struct inbound;
struct message;
struct peer;

/** A MESSAGE came in, the first fragment of it or a whole one. */
void publish(struct peer *peer, const struct inbound *inbound);

/** An ACK of a log came in. */
void publish_acked(struct peer *peer, const struct inbound *inbound);

/** Publish something below `$sys`, at the expense of `owner` where it waits. */
void publish_event(struct bus *bus, uint64_t owner, const char *subject,
		   const void *body, size_t n_body);

#endif
