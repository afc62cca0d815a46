/* SPDX-License-Identifier: MIT */

#include "switch/subscription.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "switch/ack.h"
#include "switch/bus.h"
#include "switch/crossing.h"
#include "switch/envoy.h"
#include "switch/group.h"
#include "switch/message.h"
#include "switch/open_target.h"
#include "switch/peer.h"
#include "switch/quota.h"
#include "switch/slot.h"

int subscription_new(struct speaker *speaker,
		     const struct subscription_options *options,
		     struct subscription **ret_subscription)
{
	struct peer *peer = speaker->peer;
	struct subscription *sub;

	if (account_charge(speaker->account, RESOURCE_SUBSCRIPTIONS, 1))
		return -EDQUOT;
	sub = malloc(sizeof(*sub) + options->n_pattern);
	if (!sub)
		goto no_memory;
	*sub = (struct subscription){
		.target.kind = TARGET_SUBSCRIPTION,
		.target.is_capture = options->log != NULL,
		.receiver.kind = RECEIVER_SUBSCRIPTION,
		.receiver.id = options->id,
		.receiver.credit_messages = options->credit_messages,
		.receiver.credit_bytes = options->credit_bytes,
		.receiver.peer = peer,
		.receiver.speaker = speaker,
		.bus = peer->bus,
		.account = account_ref(speaker->account),
		.is_observer = options->is_observer,
		.backlog.bus = peer->bus,
		.backlog.receiver = &sub->receiver,
		.backlog.overflow = options->overflow,
		.backlog.messages_max = options->queue_messages,
		.backlog.bytes_max = options->queue_bytes,
		.n_pattern = (uint8_t)options->n_pattern,
	};
	memcpy(sub->pattern, options->pattern, options->n_pattern);
	list_init(&sub->target.link);
	list_init(&sub->group_link);
	list_init(&sub->capture_link);
	list_init(&sub->stored_slots);
	list_init(&sub->waiting_link);
	list_init(&sub->open_targets);
	if (options->log)
		sub->log = strdup(options->log);
	if ((options->log && !sub->log) || backlog_init(&sub->backlog) < 0)
		goto no_memory;

	receiver_enter(&sub->receiver);
	*ret_subscription = sub;
	return 0;

no_memory:
	if (sub) {
		account_unref(sub->account);
		free(sub->log);
	}
	free(sub);
	account_discharge(speaker->account, RESOURCE_SUBSCRIPTIONS, 1);
	return -ENOMEM;
}

/* Give back all that it holds of its peer; it itself stays charged. */
static void detach(struct subscription *sub)
{
	struct peer *peer = sub->receiver.peer;

	if (!peer)
		return;
	while (!list_is_empty(&sub->open_targets))
		open_target_close(container_of(sub->open_targets.next,
					       struct open_target, link));
	backlog_clear(&sub->backlog);
	list_unlink(&sub->waiting_link);
	slots_fail_stored(&sub->stored_slots);
	receiver_leave(&sub->receiver);
}

void subscription_orphan(struct subscription *sub)
{
	/* In a leaf it is the host that knows of logs which are away. */
	bool stays = sub->log && !sub->envoy;

	if (stays)
		detach(sub);
	else
		subscription_free(sub);
}

struct subscription *subscription_free(struct subscription *sub)
{
	if (!sub)
		return NULL;

	envoy_free(sub->envoy);
	sub->envoy = NULL;
	detach(sub);
	if (sub->group)
		group_leave(sub->group, sub);
	if (sub->crossing)
		crossing_free(sub->crossing);
	route_remove(sub->is_observer ? &sub->bus->observers
				      : &sub->bus->routes,
		     &sub->target);
	if (list_is_linked(&sub->capture_link))
		sub->bus->n_captures--;
	list_unlink(&sub->capture_link);
	backlog_deinit(&sub->backlog);
	account_discharge(sub->account, RESOURCE_SUBSCRIPTIONS, 1);
	account_unref(sub->account);
	if (sub->log)
		ack_forget_log(sub->bus, sub->log);
	free(sub->log);
	free(sub);
	return NULL;
}

static void write_delivery(const struct subscription *sub,
			   const struct message *message, uint64_t correlation,
			   uint8_t *room)
{
	message_write(message, correlation, room);
	/* What asks a log for an ack tells an observer of a stream. */
	if (sub->log || sub->is_observer)
		room[FRAME_AT_FLAGS] |= message->flags & FRAME_ACK_STORED;
	else
		room[FRAME_AT_FLAGS] &= (uint8_t)~FRAME_ACK_STORED;
	if (sub->receiver.peer->n_hops)
		room[FRAME_AT_HOPS] = (uint8_t)(message->frame.hops + 1);
}

/* Straight into the channel, if nothing stands before it. Returns 0 or 1. */
static inline int send_now(struct subscription *sub,
			   const struct message *message, uint64_t correlation,
			   uint32_t n_messages)
{
	struct peer *peer = sub->receiver.peer;
	size_t n = message->n_bytes;
	uint8_t *room;

	if (backlog_n_frames(&sub->backlog) || sub->backlog.n_lost_after ||
	    !receiver_has_credit(&sub->receiver, n_messages, n))
		return 1;
	if (peer_announce(peer, message->source) ||
	    peer_announce(peer, message->callee) ||
	    peer_write_begin(peer, n, &room))
		return 1;
	write_delivery(sub, message, correlation, room);
	peer_write_end(peer, n);
	receiver_spend(&sub->receiver, n_messages, n);
	return 0;
}

static void send_gap(struct subscription *sub, uint64_t *n_lost)
{
	struct frame frame = { .kind = FRAME_GAP };
	uint8_t body[GAP_BODY_BYTES];

	backlog_write_gap(&sub->backlog, GAP_OVERFLOW, *n_lost, body);
	*n_lost = 0;
	peer_send(sub->receiver.peer, &frame, body, sizeof(body));
}

bool subscription_has_room(const struct subscription *sub,
			   const struct message *message)
{
	if (!peer_is_there(sub->receiver.peer) ||
	    peer_is_too_far(sub->receiver.peer, message->frame.hops))
		return false;
	if (!(message->flags & FRAME_LAST))
		return open_target_has_room(sub, message);
	if (!backlog_n_frames(&sub->backlog) &&
	    receiver_has_credit(&sub->receiver, 1, message->n_bytes))
		return true;
	return backlog_fits(&sub->backlog, message, message->n_bytes);
}

enum delivery subscription_lose(struct subscription *sub)
{
	sub->backlog.n_lost_after++;
	backlog_count_loss(&sub->backlog);
	subscription_wake(sub);
	return DELIVERY_FULL;
}

bool subscription_make_fit(struct subscription *sub, struct share *share,
			   uint64_t n)
{
	subscription_wake(sub);
	if (backlog_make_fit(&sub->backlog, share, n))
		return true;
	if (sub->backlog.overflow == OVERFLOW_DISCONNECT)
		peer_end(sub->receiver.peer, STATUS_RESOURCE_EXHAUSTED,
			 "a subscription's queue is full");
	return false;
}

int subscription_push(struct subscription *sub, struct share *share,
		      const struct message *message, uint64_t correlation)
{
	uint8_t *room;
	int r = backlog_push(&sub->backlog, share, message, &room);

	if (r < 0)
		return r;
	write_delivery(sub, message, correlation, room);
	subscription_wake(sub);
	return 0;
}

static int replace(struct subscription *sub, const struct message *message,
		   uint64_t correlation)
{
	uint8_t *room;
	int r = backlog_replace(&sub->backlog, message, &room);

	if (r)
		return r;
	write_delivery(sub, message, correlation, room);
	subscription_wake(sub);
	return 0;
}

static enum delivery wait_or_lose(struct subscription *sub,
				  const struct message *message,
				  uint64_t correlation)
{
	struct share *share;
	int r = 1;

	if (sub->backlog.overflow == OVERFLOW_LATEST) {
		r = replace(sub, message, correlation);
	} else if ((share = backlog_hold(&sub->backlog, message))) {
		if (subscription_make_fit(sub, share, message->n_bytes))
			r = subscription_push(sub, share, message, correlation);
		backlog_release(&sub->backlog, share);
	}
	return r ? subscription_lose(sub) : DELIVERY_TAKEN;
}

enum delivery subscription_deliver(struct subscription *sub,
				   const struct message *message,
				   uint64_t *ret_correlation)
{
	uint64_t correlation =
		(uint64_t)sub->receiver.id << 32 | sub->receiver.next;

	if (peer_is_too_far(sub->receiver.peer, message->frame.hops))
		return subscription_lose(sub);
	if (send_now(sub, message, correlation, 1) &&
	    wait_or_lose(sub, message, correlation) != DELIVERY_TAKEN)
		return DELIVERY_FULL;
	sub->receiver.next++;
	*ret_correlation = correlation;
	return DELIVERY_TAKEN;
}

int subscription_send(struct subscription *sub, const struct message *message,
		      uint64_t correlation, uint32_t n_messages)
{
	return send_now(sub, message, correlation, n_messages);
}

/* In its place among what waits, where that has places. */
static void push_gap(struct subscription *sub, enum gap_reason reason)
{
	struct frame frame = { .kind = FRAME_GAP };
	struct backlog *backlog = &sub->backlog;
	uint8_t body[GAP_BODY_BYTES];
	uint8_t *room;

	frame_set_body(&frame, sizeof(body));
	backlog_write_gap(backlog, reason, 0, body);
	if (!backlog_n_frames(backlog) ||
	    backlog->overflow == OVERFLOW_LATEST ||
	    backlog_n_frames(backlog) >= backlog->messages_max ||
	    backlog_push_notice(backlog, frame.length, &room) < 0) {
		peer_send(sub->receiver.peer, &frame, body, sizeof(body));
		return;
	}
	memcpy(room + frame_encode(&frame, room), body, sizeof(body));
}

void subscription_gap(struct subscription *sub, enum gap_reason reason,
		      uint64_t n)
{
	if (!peer_is_there(sub->receiver.peer))
		return;
	if (reason != GAP_OVERFLOW || !n) {
		push_gap(sub, reason);
		return;
	}
	sub->backlog.n_lost_after += n;
	sub->backlog.n_dropped += n;
	subscription_wake(sub);
}

static int announce_named(struct subscription *sub, struct named named)
{
	const struct sources *sources = &sub->bus->sources;
	struct peer *peer = sub->receiver.peer;

	return peer_announce(peer, source_lookup(sources, named.source)) ||
	       peer_announce(peer, source_lookup(sources, named.callee));
}

/* Returns 0 when the oldest was sent, 1 without room, 2 without credit. */
static int send_oldest(struct subscription *sub, const uint8_t *frame, size_t n)
{
	struct peer *peer = sub->receiver.peer;
	bool is_free = backlog_is_notice(frame);
	uint32_t n_messages =
		!is_free && frame[FRAME_AT_FLAGS] & FRAME_FIRST ? 1 : 0;
	uint8_t *room;

	if (!is_free && !receiver_has_credit(&sub->receiver, n_messages, n))
		return 2;
	if (sub->backlog.n_lost_before)
		send_gap(sub, &sub->backlog.n_lost_before);
	if (!is_free && announce_named(sub, backlog_named(frame)))
		return 1;
	if (peer_write_begin(peer, n, &room))
		return 1;
	memcpy(room, frame, n);
	peer_write_end(peer, n);
	if (!is_free)
		receiver_spend(&sub->receiver, n_messages, n);
	backlog_pop(&sub->backlog);
	return 0;
}

int subscription_drain(struct subscription *sub, size_t budget_bytes)
{
	const uint8_t *frame;
	size_t n;

	while ((frame = backlog_peek(&sub->backlog, &n))) {
		int r;

		if (n > budget_bytes)
			return 1;
		r = send_oldest(sub, frame, n);
		if (r)
			return r == 1;
		budget_bytes -= n;
	}
	sub->backlog.n_lost_after += sub->backlog.n_lost_before;
	sub->backlog.n_lost_before = 0;
	if (sub->backlog.n_lost_after)
		send_gap(sub, &sub->backlog.n_lost_after);
	return 0;
}

void subscription_wake(struct subscription *sub)
{
	struct peer *peer = sub->receiver.peer;

	if (!list_is_linked(&sub->waiting_link))
		list_push_back(&peer->waiting, &sub->waiting_link);
	peer_mark_dirty(peer);
}
