/* SPDX-License-Identifier: MIT */

/* What the host says: what is for whom among our own. */

#include <string.h>

#include "base/diag.h"
#include "base/le.h"
#include "switch/ask.h"
#include "switch/bus.h"
#include "switch/call.h"
#include "switch/call_stream.h"
#include "switch/envoy.h"
#include "switch/feed.h"
#include "switch/inbound.h"
#include "switch/message.h"
#include "switch/open.h"
#include "switch/slot.h"
#include "switch/subscription.h"
#include "switch/uplink.h"
#include "switch/upward.h"

enum { TEXT_BYTES = 400 };

static uint32_t receiver_of(const struct frame *frame)
{
	return (uint32_t)((frame->correlation & ~FRAME_SWITCH_DRAWN) >> 32);
}

static struct subscription *subscription_of(const struct envoy *envoy)
{
	return container_of(envoy->receiver, struct subscription, receiver);
}

/* What our receivers see of it: handles of ours in place of the host's. */
static void forward(struct uplink *uplink, const struct inbound *inbound,
		    struct message *ret_message)
{
	const struct frame *frame = &inbound->frame;
	struct message *message = ret_message;
	struct speaker *callee;

	inbound_forward(inbound, inbound->speaker, (enum frame_kind)frame->kind,
			message);
	if (!frame->source) {
		message->source = NULL;
		message->frame.source = 0;
	}
	if (frame->kind == FRAME_MESSAGE)
		return;
	callee = uplink_speaker(uplink, frame->callee);
	message->frame.slot = frame->slot;
	message->callee = callee ? callee->source : NULL;
	message->frame.callee = callee ? callee->source->handle : 0;
}

static void deliver(struct subscription *sub, const struct message *message,
		    struct open *open)
{
	enum delivery delivery;
	uint64_t correlation;

	if (!peer_is_there(sub->receiver.peer))
		return;
	if (open)
		delivery = open_target_begin(&open->targets[open->n_targets],
					     sub, message);
	else
		delivery = subscription_deliver(sub, message, &correlation);
	if (delivery == DELIVERY_FULL)
		return;
	sub->bus->stats.n_delivered++;
	if (open)
		open->n_targets++;
}

/* To each that the host has allowed, once for all. */
static void distribute(struct feed *feed, struct message *message,
		       struct open *open)
{
	struct list *link;
	struct list *after;

	if (feed->n_members > 1)
		message_settle(message, feed->uplink->bus->scratch);
	list_for_each_safe (link, after, &feed->members) {
		struct envoy *envoy =
			container_of(link, struct envoy, feed_link);

		if (envoy->is_allowed)
			deliver(subscription_of(envoy), message, open);
	}
}

static void give(struct envoy *envoy, struct message *message,
		 struct open *open)
{
	struct subscription *sub = subscription_of(envoy);
	uint32_t number = (uint32_t)message->frame.correlation;

	/* A log answers by numbers: ours are those of the host, moved. */
	if (sub->log)
		envoy->first = sub->receiver.next - number;
	deliver(sub, message, open);
}

static void spend(struct feed *feed, struct envoy *envoy,
		  const struct frame *frame)
{
	uint32_t n_messages = frame->flags & FRAME_FIRST ? 1 : 0;

	if (feed)
		feed_take(feed, n_messages, frame->length);
	else if (envoy)
		envoy_spend(envoy, n_messages, frame->length);
}

static void continue_message(struct uplink *uplink,
			     const struct inbound *inbound)
{
	uint32_t id = receiver_of(&inbound->frame);
	const char *reason;

	spend(feed_lookup(uplink, id), envoy_lookup(uplink, id),
	      &inbound->frame);
	if (open_continue(uplink->peer, inbound, &reason))
		uplink_end(uplink, reason);
}

static void take_message(struct uplink *uplink, const struct inbound *inbound)
{
	const struct frame *frame = &inbound->frame;
	uint32_t id = receiver_of(frame);
	struct feed *feed = feed_lookup(uplink, id);
	struct envoy *envoy = envoy_lookup(uplink, id);
	struct message message;
	struct open *open = NULL;
	size_t n_targets = feed ? feed->n_members : envoy ? 1 : 0;

	if (envoy && envoy->receiver->kind != RECEIVER_SUBSCRIPTION) {
		uplink_end(uplink, "a message to a registration");
		return;
	}
	if (!frame_is_whole(frame) &&
	    open_begin(inbound->speaker, frame, NULL, n_targets, &open))
		return;
	forward(uplink, inbound, &message);
	message.frame.correlation = frame->correlation;
	if (feed)
		distribute(feed, &message, open);
	else if (envoy && envoy->is_allowed)
		give(envoy, &message, open);
	spend(feed, envoy, frame);
}

static void take_call(struct uplink *uplink, const struct inbound *inbound)
{
	struct envoy *envoy =
		envoy_lookup(uplink, receiver_of(&inbound->frame));

	if (envoy)
		envoy_spend(envoy, 1, call_cost(inbound));
	call_start(uplink->peer, inbound);
}

static bool is_malformed(const struct frame *frame)
{
	return frame->flags & FRAME_FIRST && !frame_is_whole(frame) &&
	       (!(frame->flags & FRAME_EXTENDED) ||
		frame->total_bytes <= frame_body_bytes(frame));
}

static void take_speech(struct uplink *uplink, struct inbound *inbound)
{
	struct peer *peer = uplink->peer;
	const struct frame *frame = &inbound->frame;
	const char *reason;

	if (frame->source)
		inbound->speaker = uplink_speaker(uplink, frame->source);
	if (!inbound->speaker || is_malformed(frame)) {
		uplink_end(uplink, inbound->speaker
					   ? "a malformed first fragment"
					   : "a source that is not known");
		return;
	}
	if (frame->kind == FRAME_REPLY && frame->flags & FRAME_FIRST)
		call_reply(peer, inbound);
	else if (frame->kind == FRAME_CALL && frame->flags & FRAME_FIRST)
		take_call(uplink, inbound);
	else if (frame->flags & FRAME_FIRST)
		take_message(uplink, inbound);
	else if (frame->kind == FRAME_MESSAGE)
		continue_message(uplink, inbound);
	else if (open_continue(peer, inbound, &reason))
		uplink_end(uplink, reason);
}

static void lose(struct envoy *envoy, uint32_t reason, uint64_t n)
{
	struct subscription *sub = subscription_of(envoy);
	bool must_not = sub->backlog.overflow == OVERFLOW_DISCONNECT;

	if (must_not && reason == GAP_OVERFLOW && !envoy->feed)
		peer_end(sub->receiver.peer, STATUS_RESOURCE_EXHAUSTED,
			 "a subscription's queue is full");
	else
		subscription_gap(sub, reason, n);
}

static void take_gap(struct uplink *uplink, const struct inbound *inbound)
{
	const uint8_t *body = inbound_settle(uplink->bus, inbound);
	struct feed *feed;
	struct envoy *envoy;
	struct list *link;
	uint32_t reason;
	uint64_t n;

	if (inbound_body_bytes(inbound) != GAP_BODY_BYTES) {
		uplink_end(uplink, "GAP of a wrong length");
		return;
	}
	feed = feed_lookup(uplink, le32_load(body));
	envoy = envoy_lookup(uplink, le32_load(body));
	reason = le32_load(body + 4);
	n = le64_load(body + 8);
	if (envoy && envoy->receiver->kind == RECEIVER_SUBSCRIPTION)
		lose(envoy, reason, n);
	if (!feed)
		return;
	list_for_each (link, &feed->members)
		lose(container_of(link, struct envoy, feed_link), reason, n);
}

static void take_abort(struct uplink *uplink, const struct inbound *inbound)
{
	struct open *open =
		open_lookup(uplink->peer, inbound->frame.correlation);

	if (open)
		open_abort(open);
}

static void take_ping(struct uplink *uplink, const struct inbound *inbound)
{
	struct frame pong = { .kind = FRAME_PONG,
			      .correlation = inbound->frame.correlation };

	uplink_send(uplink, &pong, NULL, inbound_settle(uplink->bus, inbound),
		    inbound_body_bytes(inbound));
}

/* What cannot be otherwise the next time. */
static bool is_final(unsigned status)
{
	return status == STATUS_FAILED_PRECONDITION ||
	       status == STATUS_PERMISSION_DENIED ||
	       status == STATUS_UNAUTHENTICATED;
}

static void take_goodbye(struct uplink *uplink, const struct inbound *inbound)
{
	size_t n = inbound_body_bytes(inbound);
	char text[TEXT_BYTES];

	if (n >= sizeof(text))
		n = sizeof(text) - 1;
	memcpy(text, inbound->tail + inbound->frame.n_metadata, n);
	text[n] = '\0';
	if (!is_final(inbound->frame.status)) {
		log_warning("the host ends the uplink: %s", text);
		uplink_set_away(uplink, text);
	} else {
		if (uplink->state == UPLINK_GREETING)
			uplink_fail(uplink, text);
		uplink_refused(uplink, text);
	}
	peer_end(uplink->peer, STATUS_OK, "the host said goodbye");
}

static void take_control(struct uplink *uplink, const struct inbound *inbound)
{
	switch (inbound->frame.kind) {
	case FRAME_RESULT:
		asks_take(uplink, inbound);
		break;
	case FRAME_GAP:
		take_gap(uplink, inbound);
		break;
	case FRAME_PEER:
		uplink_take_peer(uplink, inbound);
		break;
	case FRAME_FORGET:
		uplink_take_forget(uplink, inbound);
		break;
	case FRAME_ACK:
		upward_acked(uplink, inbound);
		break;
	case FRAME_REFUSED:
		upward_refused(uplink, inbound);
		break;
	case FRAME_END:
		call_stream_end(uplink->peer, inbound);
		break;
	case FRAME_WINDOW:
		call_stream_window(uplink->peer, inbound);
		break;
	case FRAME_CANCEL:
		call_cancel(uplink->peer, inbound);
		break;
	case FRAME_ABORT:
		take_abort(uplink, inbound);
		break;
	case FRAME_PING:
		take_ping(uplink, inbound);
		break;
	case FRAME_PONG:
		break;
	default:
		if (!(inbound->frame.flags & FRAME_IGNORABLE))
			uplink_end(uplink, "a kind that is not for a leaf");
	}
}

void uplink_inbound(struct uplink *uplink, struct inbound *inbound)
{
	uint8_t kind = inbound->frame.kind;

	if (kind == FRAME_GOODBYE)
		take_goodbye(uplink, inbound);
	else if (uplink->state == UPLINK_GREETING && kind == FRAME_WELCOME)
		uplink_welcomed(uplink, inbound);
	else if (uplink->state == UPLINK_GREETING || kind == FRAME_WELCOME)
		uplink_end(uplink, "WELCOME is not where it belongs");
	else if (kind == FRAME_MESSAGE || kind == FRAME_CALL ||
		 kind == FRAME_REPLY || kind == FRAME_OBSERVED_CALL ||
		 kind == FRAME_OBSERVED_REPLY)
		take_speech(uplink, inbound);
	else if (kind == FRAME_NEXT)
		call_stream_next(uplink->peer, inbound);
	else
		take_control(uplink, inbound);
}
