/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_SUBSCRIPTION_H
#define SWITCH_SUBSCRIPTION_H

/**
 * A subscription: a pattern, credit, and a bounded queue for what comes when
 * there is no credit or no room.
 *
 * What waits is charged to the subscriber. When the queue is full the overflow
 * policy decides what is lost, and a GAP in its place in the stream says how
 * much.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "switch/backlog.h"
#include "switch/receiver.h"
#include "switch/route.h"

struct account;
struct bus;
struct crossing;
struct envoy;
struct group;
struct group_leaf;
struct message;
struct peer;
struct share;
struct speaker;

/** What became of a message at one subscription. */
enum delivery { DELIVERY_TAKEN, DELIVERY_FULL };

struct subscription {
	struct target target;
	struct receiver receiver;
	struct bus *bus;
	struct account *account; /* that it is charged to, held */
	bool is_observer;

	struct group *group; /* or NULL */
	struct list group_link;
	struct group_leaf
		*active_in;        /* a leaf's member that chooses; or NULL */
	struct crossing *crossing; /* that it is; or NULL */
	char *log;                 /* of a capture: its name; or NULL */
	struct list capture_link;  /* in bus.captures */
	struct list stored_slots;  /* that wait for the log, in order */
	uint32_t n_acked;          /* deliveries that the log answered */

	struct list
		waiting_link; /* in peer.waiting: it has something to send */
	struct backlog backlog;
	struct envoy *envoy;      /* in a leaf: at its host; else NULL */
	struct list open_targets; /* of messages that are on their way to it */
	uint64_t n_kept_bytes;    /* credit that is set aside for those */

	uint8_t n_pattern;
	char pattern[];
};

/** What SUBSCRIBE asked for, checked. */
struct subscription_options {
	uint32_t id;
	const char *pattern;
	size_t n_pattern;
	enum overflow overflow;
	uint32_t credit_messages;
	uint64_t credit_bytes;
	uint32_t queue_messages;
	uint64_t queue_bytes;
	bool is_observer;
	const char *log; /* NULL: no capture */
};

/**
 * Charged to the speaker's account; not in any table yet. Returns 0, -EDQUOT or
 * -ENOMEM.
 */
int subscription_new(struct speaker *speaker,
		     const struct subscription_options *options,
		     struct subscription **ret_subscription);

/** Takes it out of everything. NULL is fine. */
struct subscription *subscription_free(struct subscription *subscription);

/**
 * Its peer is gone: all that waits is lost, but a capture stays, away and still
 * charged, so that who publishes is told that the log is not there.
 */
void subscription_orphan(struct subscription *subscription);

/** Give it a whole message, or let it wait, or lose something and tell. */
enum delivery subscription_deliver(struct subscription *subscription,
				   const struct message *message,
				   uint64_t *ret_correlation);

/** Whether the message, or all of it that this begins, would be taken now. */
bool subscription_has_room(const struct subscription *subscription,
			   const struct message *message);

/*
 * The parts of a delivery, for switch/open_target.c.
 */

/**
 * Straight into the channel, if nothing stands before it, and there is room
 * and credit. `n_messages` is 1 for what begins a message, or 0. Returns 0, or
 * 1 and nothing was done.
 */
int subscription_send(struct subscription *subscription,
		      const struct message *message, uint64_t correlation,
		      uint32_t n_messages);

/** Whether `n` bytes may wait, after the overflow policy has done its part. */
bool subscription_make_fit(struct subscription *subscription,
			   struct share *share, uint64_t n);

/** Let it wait; its room was found or reserved. Returns 0 or -ENOMEM. */
int subscription_push(struct subscription *subscription, struct share *share,
		      const struct message *message, uint64_t correlation);

/** A message is lost after all that waits. Always DELIVERY_FULL. */
enum delivery subscription_lose(struct subscription *subscription);

/**
 * Send what waits, at most about `budget_bytes`. Returns 0 when nothing is
 * left that may be sent, 1 when there is no room or the budget is used up.
 */
int subscription_drain(struct subscription *subscription, size_t budget_bytes);

/** Tell of `n` messages, 0: nobody knows how many, that were lost elsewhere. */
void subscription_gap(struct subscription *subscription, enum gap_reason reason,
		      uint64_t n);

/** Credit has come. */
void subscription_wake(struct subscription *subscription);

#endif
