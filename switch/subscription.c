/* SPDX-License-Identifier: MIT */

#include "switch/subscription.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "switch/ack.h"
#include "switch/bus.h"
#include "switch/group.h"
#include "switch/message.h"
#include "switch/open.h"
#include "switch/peer.h"
#include "switch/quota.h"
#include "switch/slot.h"

enum { GAP_BODY_BYTES = 16 };

size_t subscription_n_waiting(const struct subscription *subscription)
{
	return subscription->queue.n_frames + subscription->latest.n_frames;
}

size_t subscription_waiting_bytes(const struct subscription *subscription)
{
	return subscription->queue.n_bytes + subscription->latest.n_bytes;
}

int subscription_new(struct peer *peer,
		     const struct subscription_options *options,
		     struct subscription **ret_subscription)
{
	struct subscription *sub;

	if (account_charge(peer->account, RESOURCE_SUBSCRIPTIONS, 1))
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
		.bus = peer->bus,
		.overflow = options->overflow,
		.is_observer = options->is_observer,
		.queue_messages_max = options->queue_messages,
		.queue_bytes_max = options->queue_bytes,
		.n_pattern = (uint8_t)options->n_pattern,
	};
	memcpy(sub->pattern, options->pattern, options->n_pattern);
	list_init(&sub->target.link);
	list_init(&sub->group_link);
	list_init(&sub->capture_link);
	list_init(&sub->stored_slots);
	list_init(&sub->waiting_link);
	list_init(&sub->open_targets);
	queue_init(&sub->queue, &peer->bus->chunks);
	if (options->log)
		sub->log = strdup(options->log);
	if ((options->log && !sub->log) ||
	    (sub->overflow == OVERFLOW_LATEST && latest_init(&sub->latest) < 0))
		goto no_memory;

	receiver_enter(&sub->receiver);
	*ret_subscription = sub;
	return 0;

no_memory:
	if (sub)
		free(sub->log);
	free(sub);
	account_discharge(peer->account, RESOURCE_SUBSCRIPTIONS, 1);
	return -ENOMEM;
}

static const uint8_t *waiting_peek(const struct subscription *sub,
				   size_t *ret_n)
{
	if (sub->overflow == OVERFLOW_LATEST)
		return latest_peek(&sub->latest, ret_n);
	return queue_peek(&sub->queue, ret_n);
}

/* A GAP or an ABORT among what waits: it costs nothing and has no source. */
static bool is_notice(const uint8_t *frame)
{
	return frame[FRAME_AT_KIND] == FRAME_GAP ||
	       frame[FRAME_AT_KIND] == FRAME_ABORT;
}

/* Whom a frame that waits names, and so holds; 0: nobody. */
struct named {
	uint32_t source;
	uint32_t callee;
};

static struct named named_by(const uint8_t *frame)
{
	uint8_t kind = frame[FRAME_AT_KIND];
	struct named named = { .source = le32_load(frame + FRAME_AT_SOURCE) };

	if (kind == FRAME_OBSERVED_CALL || kind == FRAME_OBSERVED_REPLY)
		named.callee = le32_load(frame + FRAME_AT_CALLEE);
	return named;
}

static void discharge(struct subscription *sub, struct named named, size_t n)
{
	struct account *account = sub->receiver.peer->account;
	struct sources *sources = &sub->bus->sources;

	account_discharge(account, RESOURCE_QUEUED_MESSAGES, 1);
	account_discharge(account, RESOURCE_QUEUED_BYTES, n);
	source_unref(sources, source_lookup(sources, named.source));
	source_unref(sources, source_lookup(sources, named.callee));
}

/* Take the oldest out, and give back what it was charged. */
static void waiting_pop(struct subscription *sub)
{
	size_t n;
	const uint8_t *frame = waiting_peek(sub, &n);

	if (!is_notice(frame))
		discharge(sub, named_by(frame), n);
	if (sub->overflow == OVERFLOW_LATEST)
		latest_pop(&sub->latest);
	else
		queue_pop(&sub->queue);
}

static void unreserve(struct subscription *sub, uint64_t n_bytes)
{
	sub->n_reserved_bytes -= n_bytes;
	account_discharge(sub->receiver.peer->account, RESOURCE_QUEUED_BYTES,
			  n_bytes);
}

/* Give back all that it holds of its peer. */
static void detach(struct subscription *sub)
{
	struct peer *peer = sub->receiver.peer;

	if (!peer)
		return;
	open_targets_cut(&sub->open_targets);
	while (subscription_n_waiting(sub))
		waiting_pop(sub);
	unreserve(sub, sub->n_reserved_bytes);
	list_unlink(&sub->waiting_link);
	account_discharge(peer->account, RESOURCE_SUBSCRIPTIONS, 1);
	slots_fail_stored(&sub->stored_slots);
	receiver_leave(&sub->receiver);
}

void subscription_orphan(struct subscription *sub)
{
	detach(sub);
	if (!sub->log)
		subscription_free(sub);
}

struct subscription *subscription_free(struct subscription *sub)
{
	if (!sub)
		return NULL;

	detach(sub);
	if (sub->group)
		group_leave(sub->group, sub);
	route_remove(sub->is_observer ? &sub->bus->observers
				      : &sub->bus->routes,
		     &sub->target);
	if (list_is_linked(&sub->capture_link))
		sub->bus->n_captures--;
	list_unlink(&sub->capture_link);
	queue_deinit(&sub->queue);
	if (sub->overflow == OVERFLOW_LATEST)
		latest_deinit(&sub->latest);
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
	if (sub->log)
		room[FRAME_AT_FLAGS] |= message->flags & FRAME_ACK_STORED;
	else
		room[FRAME_AT_FLAGS] &= (uint8_t)~FRAME_ACK_STORED;
}

/* Straight into the channel, if nothing stands before it. Returns 0 or 1. */
static inline int send_now(struct subscription *sub,
			   const struct message *message, uint64_t correlation,
			   uint32_t n_messages)
{
	struct peer *peer = sub->receiver.peer;
	size_t n = message->n_bytes;
	uint8_t *room;

	if (subscription_n_waiting(sub) || sub->n_lost_after ||
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

	le32_store(body, sub->receiver.id);
	le32_store(body + 4, GAP_OVERFLOW);
	le64_store(body + 8, *n_lost);
	*n_lost = 0;
	peer_send(sub->receiver.peer, &frame, body, sizeof(body));
}

/* A gap in the middle of what waits. */
static void queue_gap(struct subscription *sub)
{
	struct frame frame = { .kind = FRAME_GAP };
	uint8_t *room;

	frame_set_body(&frame, GAP_BODY_BYTES);
	if (queue_push(&sub->queue, frame.length, &room) < 0)
		return; /* counted on, and told with the next */
	room += frame_encode(&frame, room);
	le32_store(room, sub->receiver.id);
	le32_store(room + 4, GAP_OVERFLOW);
	le64_store(room + 8, sub->n_lost_after);
	sub->n_lost_after = 0;
}

/* Whether the queue and the account take `n` more bytes. */
static bool bytes_fit(const struct subscription *sub, uint64_t n)
{
	const struct account *account = sub->receiver.peer->account;
	uint64_t n_used =
		subscription_waiting_bytes(sub) + sub->n_reserved_bytes;

	return n <= sub->queue_bytes_max &&
	       n_used <= sub->queue_bytes_max - n &&
	       account_free_of(account, RESOURCE_QUEUED_BYTES) >= n;
}

/* The same, and one more message. */
static bool fits(const struct subscription *sub, uint64_t n)
{
	const struct account *account = sub->receiver.peer->account;

	return subscription_n_waiting(sub) < sub->queue_messages_max &&
	       account_free_of(account, RESOURCE_QUEUED_MESSAGES) >= 1 &&
	       bytes_fit(sub, n);
}

/* It is too long for the receiver, or might go where only whole ones wait. */
static bool takes_no_fragments(const struct subscription *sub,
			       const struct message *message)
{
	return message->total_bytes > sub->receiver.peer->message_max ||
	       sub->overflow == OVERFLOW_LATEST;
}

bool subscription_has_room(const struct subscription *sub,
			   const struct message *message)
{
	if (!peer_is_there(sub->receiver.peer))
		return false;
	if (!(message->flags & FRAME_LAST))
		return !takes_no_fragments(sub, message) &&
		       fits(sub, message->total_bytes);
	if (!subscription_n_waiting(sub) &&
	    receiver_has_credit(&sub->receiver, 1, message->n_bytes))
		return true;
	return fits(sub, message->n_bytes);
}

static void lose(struct subscription *sub, uint64_t *n_lost)
{
	(*n_lost)++;
	sub->n_dropped++;
	sub->bus->stats.n_dropped++;
	subscription_wake(sub);
}

/*
 * Make room by losing the oldest that wait. Fragments stay: the rest of their
 * message may be on its way already.
 */
static void drop_old(struct subscription *sub, uint64_t n)
{
	size_t n_frame;
	const uint8_t *frame;

	while (!fits(sub, n) && (frame = waiting_peek(sub, &n_frame))) {
		if (frame[FRAME_AT_KIND] == FRAME_GAP) {
			sub->n_lost_before += le64_load(frame + n_frame - 8);
		} else {
			if ((frame[FRAME_AT_FLAGS] & FRAME_WHOLE) !=
			    FRAME_WHOLE)
				return;
			lose(sub, &sub->n_lost_before);
		}
		waiting_pop(sub);
	}
}

/* Whether `n` bytes may wait, after the overflow policy has done its part. */
static bool make_fit(struct subscription *sub, uint64_t n)
{
	if (fits(sub, n))
		return true;
	/* For what would not fit an empty queue, nothing else is lost. */
	if (sub->overflow == OVERFLOW_DROP_OLD && n <= sub->queue_bytes_max) {
		drop_old(sub, n);
		if (fits(sub, n))
			return true;
	}
	if (sub->overflow == OVERFLOW_DISCONNECT)
		peer_end(sub->receiver.peer, STATUS_RESOURCE_EXHAUSTED,
			 "a subscription's queue is full");
	lose(sub, &sub->n_lost_after);
	return false;
}

/* In place of what waits for the same subject. */
static int latest_push(struct subscription *sub, const struct message *message,
		       uint8_t **ret_room)
{
	struct hash_tag tag = route_tag(&sub->bus->routes, 0, message->subject,
					message->n_subject);
	size_t n_old;
	const uint8_t *old = latest_lookup(&sub->latest, tag, &n_old);
	struct named named = { 0 };
	int r;

	if (old)
		named = named_by(old);
	r = latest_put(&sub->latest, tag, message->n_bytes, ret_room);
	if (r < 0 || !old)
		return r;
	discharge(sub, named, n_old);
	lose(sub, &sub->n_lost_before);
	return 0;
}

/* What is pushed was found to fit, or had its room reserved. */
static int waiting_push(struct subscription *sub, const struct message *message,
			uint64_t correlation)
{
	struct account *account = sub->receiver.peer->account;
	size_t n = message->n_bytes;
	uint8_t *room;
	int r;

	if (sub->overflow == OVERFLOW_LATEST) {
		r = latest_push(sub, message, &room);
	} else {
		if (sub->n_lost_after)
			queue_gap(sub);
		r = queue_push(&sub->queue, n, &room);
	}
	if (r < 0)
		return r;
	write_delivery(sub, message, correlation, room);
	account_charge_anyway(account, RESOURCE_QUEUED_MESSAGES, 1);
	account_charge_anyway(account, RESOURCE_QUEUED_BYTES, n);
	if (message->source)
		source_ref(message->source);
	if (message->callee)
		source_ref(message->callee);
	subscription_wake(sub);
	return 0;
}

/* Whether it replaces something that waits, and what it has more fits. */
static bool may_replace(const struct subscription *sub,
			const struct message *message)
{
	size_t n_old;

	return sub->overflow == OVERFLOW_LATEST &&
	       latest_lookup(&sub->latest,
			     route_tag(&sub->bus->routes, 0, message->subject,
				       message->n_subject),
			     &n_old) &&
	       (message->n_bytes <= n_old ||
		bytes_fit(sub, message->n_bytes - n_old));
}

static enum delivery wait_or_lose(struct subscription *sub,
				  const struct message *message,
				  uint64_t correlation)
{
	if (!may_replace(sub, message) && !make_fit(sub, message->n_bytes))
		return DELIVERY_FULL;
	if (!waiting_push(sub, message, correlation))
		return DELIVERY_TAKEN;
	lose(sub, &sub->n_lost_after);
	return DELIVERY_FULL;
}

enum delivery subscription_deliver(struct subscription *sub,
				   const struct message *message,
				   uint64_t *ret_correlation)
{
	uint64_t correlation =
		(uint64_t)sub->receiver.id << 32 | sub->receiver.next;

	if (send_now(sub, message, correlation, 1) &&
	    wait_or_lose(sub, message, correlation) != DELIVERY_TAKEN)
		return DELIVERY_FULL;
	sub->receiver.next++;
	*ret_correlation = correlation;
	return DELIVERY_TAKEN;
}

enum delivery subscription_open(struct subscription *sub,
				const struct message *message,
				uint64_t *ret_correlation)
{
	struct peer *peer = sub->receiver.peer;

	if (takes_no_fragments(sub, message)) {
		lose(sub, &sub->n_lost_after);
		return DELIVERY_FULL;
	}
	if (!make_fit(sub, message->total_bytes))
		return DELIVERY_FULL;

	sub->n_reserved_bytes += message->total_bytes;
	account_charge_anyway(peer->account, RESOURCE_QUEUED_BYTES,
			      message->total_bytes);
	*ret_correlation = receiver_draw(&sub->receiver);
	subscription_continue(sub, message, *ret_correlation);
	return DELIVERY_TAKEN;
}

void subscription_continue(struct subscription *sub,
			   const struct message *message, uint64_t correlation)
{
	uint32_t n_messages = message->flags & FRAME_FIRST ? 1 : 0;

	if (send_now(sub, message, correlation, n_messages) &&
	    waiting_push(sub, message, correlation) < 0)
		peer_end(sub->receiver.peer, STATUS_RESOURCE_EXHAUSTED,
			 "out of memory for what waits");
	unreserve(sub, message->n_body);
}

void subscription_abort(struct subscription *sub, uint64_t correlation,
			uint64_t n_bytes)
{
	static const char text[] = "the sender did not finish it";
	struct frame frame = { .kind = FRAME_ABORT,
			       .correlation = correlation };
	uint8_t *room;

	unreserve(sub, n_bytes);
	sub->n_dropped++;
	if (!subscription_n_waiting(sub)) {
		peer_send(sub->receiver.peer, &frame, text, sizeof(text) - 1);
		return;
	}
	frame_set_body(&frame, sizeof(text) - 1);
	if (queue_push(&sub->queue, frame.length, &room) < 0) {
		peer_end(sub->receiver.peer, STATUS_RESOURCE_EXHAUSTED,
			 "out of memory for what waits");
		return;
	}
	room += frame_encode(&frame, room);
	memcpy(room, text, sizeof(text) - 1);
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
	bool is_free = is_notice(frame);
	uint32_t n_messages =
		!is_free && frame[FRAME_AT_FLAGS] & FRAME_FIRST ? 1 : 0;
	uint8_t *room;

	if (!is_free && !receiver_has_credit(&sub->receiver, n_messages, n))
		return 2;
	if (sub->n_lost_before)
		send_gap(sub, &sub->n_lost_before);
	if (!is_free && announce_named(sub, named_by(frame)))
		return 1;
	if (peer_write_begin(peer, n, &room))
		return 1;
	memcpy(room, frame, n);
	peer_write_end(peer, n);
	if (!is_free)
		receiver_spend(&sub->receiver, n_messages, n);
	waiting_pop(sub);
	return 0;
}

int subscription_drain(struct subscription *sub, size_t budget_bytes)
{
	const uint8_t *frame;
	size_t n;

	while ((frame = waiting_peek(sub, &n))) {
		int r;

		if (n > budget_bytes)
			return 1;
		r = send_oldest(sub, frame, n);
		if (r)
			return r == 1;
		budget_bytes -= n;
	}
	sub->n_lost_after += sub->n_lost_before;
	sub->n_lost_before = 0;
	if (sub->n_lost_after)
		send_gap(sub, &sub->n_lost_after);
	return 0;
}

void subscription_wake(struct subscription *sub)
{
	struct peer *peer = sub->receiver.peer;

	if (!list_is_linked(&sub->waiting_link))
		list_push_back(&peer->waiting, &sub->waiting_link);
	peer_mark_dirty(peer);
}
