/* SPDX-License-Identifier: MIT */

#include "switch/control.h"

#include <stdio.h>
#include <string.h>

#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "proto/unpack.h"
#include "switch/ask.h"
#include "switch/bind.h"
#include "switch/bus.h"
#include "switch/call.h"
#include "switch/drain.h"
#include "switch/envoy.h"
#include "switch/event.h"
#include "switch/group.h"
#include "switch/inbound.h"
#include "switch/leaf.h"
#include "switch/open.h"
#include "switch/peer.h"
#include "switch/serve.h"
#include "switch/slot.h"
#include "switch/subscribe.h"
#include "switch/subscription.h"
#include "switch/uplink.h"
#include "switch/waiting.h"

enum {
	PROTOCOL_VERSION = 1,
	CREDIT_ENTRY_BYTES = 16,
	CREDIT_ENTRIES_MAX = 256,
	PING_MAX_BYTES = 64,
	FRAGMENT_MIN_BYTES = 1024,
};

/* A quarter of the ring, so that several messages are under way at a time. */
static uint32_t fragment_bytes(const struct peer *peer)
{
	size_t n = peer->channel->n_in_max / 4;

	if (n < FRAGMENT_MIN_BYTES)
		return FRAGMENT_MIN_BYTES;
	return n < FRAME_MAX_BYTES ? (uint32_t)n : FRAME_MAX_BYTES;
}

static void welcome(struct peer *peer, uint64_t correlation)
{
	const struct bus_limits *limits = &peer->bus->limits;
	struct principal who = peer->self.source->principal;
	struct frame frame = { .kind = FRAME_WELCOME,
			       .correlation = correlation };
	uint8_t body[400];
	Helio__Bus__V1__Welcome w = HELIO__BUS__V1__WELCOME__INIT;

	w.has_version = w.has_incarnation = w.has_fragment_bytes = 1;
	w.has_message_max = w.has_subscriptions_max = w.has_calls_max = 1;
	w.has_open_messages_max = w.has_deadline_max_ms = 1;
	w.has_switch_incarnation = w.has_principals_max = 1;
	w.has_stream_idle_ms = 1;
	w.version = PROTOCOL_VERSION;
	w.principal = who.path;
	w.incarnation = who.incarnation;
	w.fragment_bytes = fragment_bytes(peer);
	w.message_max = limits->message_max_bytes;
	w.subscriptions_max = limits->subscriptions_max;
	w.calls_max = limits->calls_max;
	w.open_messages_max = limits->open_messages_max;
	w.deadline_max_ms = limits->deadline_max_ms;
	w.switch_incarnation = peer->bus->incarnation;
	w.principals_max = leaf_principals_max(peer);
	w.stream_idle_ms = limits->stream_idle_ms;
	peer_send(peer, &frame, body, helio__bus__v1__welcome__pack(&w, body));
}

static void note_program(struct peer *peer, const char *program)
{
	if (program)
		snprintf(peer->program, sizeof(peer->program), "%s", program);
}

static void hello(struct peer *peer, const struct inbound *inbound)
{
	struct bus *bus = peer->bus;
	Helio__Bus__V1__Hello *h;
	ProtobufCMessage *unpacked;

	if (peer->state != PEER_GREETING) {
		peer_end(peer, STATUS_INVALID_ARGUMENT, "HELLO came twice");
		return;
	}
	if (control_unpack(peer, inbound, &helio__bus__v1__hello__descriptor,
			   &unpacked))
		return;
	h = (Helio__Bus__V1__Hello *)unpacked;
	if (h->version_min > PROTOCOL_VERSION ||
	    h->version_max < PROTOCOL_VERSION) {
		peer_end(peer, STATUS_FAILED_PRECONDITION,
			 "no common version: the switch speaks 1 to 1");
		return;
	}
	peer->message_max = h->has_message_max ? h->message_max
					       : bus->limits.message_max_bytes;
	note_program(peer, h->program);
	timer_remove(&peer->greeting);
	peer->state = PEER_LIVE;
	welcome(peer, inbound->frame.correlation);
	if (bus->uplink)
		uplink_announce(bus->uplink, &peer->self);
	event_speaker(&peer->self, "up", "");
}

int control_unpack(struct peer *peer, const struct inbound *inbound,
		   const ProtobufCMessageDescriptor *descriptor,
		   ProtobufCMessage **ret_message)
{
	struct bus *bus = peer->bus;
	struct unpack_arena arena = { .bytes = bus->arena,
				      .n_bytes = sizeof(bus->arena) };
	int r;

	r = unpack(descriptor, inbound_settle(bus, inbound),
		   inbound_body_bytes(inbound), &arena, ret_message);
	if (r)
		peer_end(peer, STATUS_INVALID_ARGUMENT, unpack_error_text(r));
	return r;
}

static void grant(struct peer *peer, const uint8_t entry[CREDIT_ENTRY_BYTES])
{
	struct receiver *receiver = receiver_lookup(peer, le32_load(entry));

	if (!receiver)
		return; /* it was given up meanwhile */
	receiver_grant(receiver, le32_load(entry + 4), le64_load(entry + 8));
	if (receiver->kind == RECEIVER_SUBSCRIPTION) {
		struct subscription *sub =
			container_of(receiver, struct subscription, receiver);

		if (peer->leaf && sub->group && group_activate(sub) < 0)
			peer_end(peer, STATUS_RESOURCE_EXHAUSTED,
				 "out of memory for a group");
		if (backlog_n_frames(&sub->backlog))
			subscription_wake(sub);
		envoy_top_up(sub->envoy);
	} else if (receiver->kind == RECEIVER_REGISTRATION) {
		struct registration *registration =
			container_of(receiver, struct registration, receiver);

		waiting_wake(registration);
		envoy_top_up(registration->envoy);
	}
}

static void credit(struct peer *peer, const struct inbound *inbound)
{
	size_t n = inbound_body_bytes(inbound);
	uint8_t body[CREDIT_ENTRIES_MAX * CREDIT_ENTRY_BYTES];

	if (!n || n % CREDIT_ENTRY_BYTES || n > sizeof(body)) {
		peer_end(peer, STATUS_INVALID_ARGUMENT,
			 "CREDIT of a wrong length");
		return;
	}
	memcpy(body, inbound->tail + inbound->frame.n_metadata, n);
	for (size_t at = 0; at < n; at += CREDIT_ENTRY_BYTES)
		grant(peer, body + at);
}

static void ping(struct peer *peer, const struct inbound *inbound)
{
	struct frame frame = { .kind = FRAME_PONG,
			       .correlation = inbound->frame.correlation };
	size_t n = inbound_body_bytes(inbound);

	if (n > PING_MAX_BYTES)
		peer_end(peer, STATUS_INVALID_ARGUMENT, "PING is too long");
	else
		peer_send(peer, &frame, inbound_settle(peer->bus, inbound), n);
}

void control(struct peer *peer, const struct inbound *inbound)
{
	switch (inbound->frame.kind) {
	case FRAME_HELLO:
		hello(peer, inbound);
		break;
	case FRAME_SUBSCRIBE:
		subscribe(peer, inbound);
		break;
	case FRAME_UNSUBSCRIBE:
		unsubscribe(peer, inbound);
		break;
	case FRAME_SERVE:
		serve(peer, inbound);
		break;
	case FRAME_UNSERVE:
		unserve(peer, inbound);
		break;
	case FRAME_BIND:
		bind_begin(peer, inbound);
		break;
	case FRAME_UNBIND:
		bind_end(peer, inbound);
		break;
	case FRAME_DRAIN:
		drain(peer, inbound);
		break;
	case FRAME_SYNC:
		ask_sync(peer, inbound->speaker->source,
			 inbound->frame.correlation);
		break;
	case FRAME_CREDIT:
		credit(peer, inbound);
		break;
	case FRAME_PING:
		ping(peer, inbound);
		break;
	case FRAME_PONG:
		break;
	case FRAME_GOODBYE:
		peer_end(peer, STATUS_OK, "the peer said goodbye");
		break;
	case FRAME_PEER:
		leaf_announce(peer, inbound);
		break;
	case FRAME_FORGET:
		leaf_forget(peer, inbound);
		break;
	default:
		if (!(inbound->frame.flags & FRAME_IGNORABLE))
			peer_end(peer, STATUS_INVALID_ARGUMENT,
				 "a kind of frame that is not for the switch");
	}
}

static void judge_receiver(struct map_node *node)
{
	struct receiver *receiver = container_of(node, struct receiver, node);

	if (receiver->kind == RECEIVER_SUBSCRIPTION)
		subscribe_judge(
			container_of(receiver, struct subscription, receiver));
	else if (receiver->kind == RECEIVER_REGISTRATION)
		serve_judge(
			container_of(receiver, struct registration, receiver));
}

static void judge_open(struct map_node *node)
{
	open_judge(container_of(node, struct open, node));
}

static void judge_slot(struct map_node *node)
{
	call_judge(container_of(node, struct slot, made_node));
}

/* What is judged may end, but then takes nothing else out of its map. */
static void judge_all(const struct map *map, void (*judge)(struct map_node *))
{
	struct map_node *node = map_walk(map, NULL);

	while (node) {
		struct map_node *after = map_walk(map, node);

		judge(node);
		node = after;
	}
}

void control_judge_again(struct bus *bus)
{
	struct list *link;

	list_for_each (link, &bus->peers) {
		struct peer *peer = container_of(link, struct peer, link);

		leaf_judge(peer);
		judge_all(&peer->receivers, judge_receiver);
		judge_all(&peer->open, judge_open);
		judge_all(&peer->made, judge_slot);
	}
}
