/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_CONTROL_H
#define SWITCH_CONTROL_H

/**
 * What a peer says to the switch itself: who it is not, what it subscribes,
 * what it serves, and how much it can take.
 */

#include <protobuf-c/protobuf-c.h>

struct bus;
struct inbound;
struct peer;

/** A frame came in that is no message, call, reply, or part of one. */
void control(struct peer *peer, const struct inbound *inbound);

/**
 * Unpack a control frame's body, in the bus's arena until the next one.
 * Returns 0; otherwise the peer has been ended.
 */
int control_unpack(struct peer *peer, const struct inbound *inbound,
		   const ProtobufCMessageDescriptor *descriptor,
		   ProtobufCMessage **ret_message);

/**
 * The policy is new: judge again all subscriptions and registrations, calls
 * that wait and messages that have begun.
 */
void control_judge_again(struct bus *bus);

#endif
