/* SPDX-License-Identifier: MIT */

/* What the host says to what stands there for ours, and what becomes of it. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "proto/unpack.h"
#include "switch/ack.h"
#include "switch/bus.h"
#include "switch/drain.h"
#include "switch/endpoint.h"
#include "switch/envoy.h"
#include "switch/feed.h"
#include "switch/inbound.h"
#include "switch/subscription.h"
#include "switch/uplink.h"
#include "switch/waiting.h"

static struct subscription *subscription_of(const struct envoy *envoy)
{
	if (envoy->receiver->kind != RECEIVER_SUBSCRIPTION)
		return NULL;
	return container_of(envoy->receiver, struct subscription, receiver);
}

static struct registration *registration_of(const struct envoy *envoy)
{
	return container_of(envoy->receiver, struct registration, receiver);
}

/* The instance by which the host reaches it, and all others do. */
static int take_instance(const struct envoy *envoy,
			 const struct inbound *inbound)
{
	struct bus *bus = envoy->uplink->bus;
	struct unpack_arena arena = { .bytes = bus->arena,
				      .n_bytes = sizeof(bus->arena) };
	const Helio__Bus__V1__Served *served;
	ProtobufCMessage *unpacked;
	uint64_t instance;
	char *end;

	if (unpack(&helio__bus__v1__served__descriptor,
		   inbound_settle(bus, inbound), inbound_body_bytes(inbound),
		   &arena, &unpacked))
		return 1;
	served = (const Helio__Bus__V1__Served *)unpacked;
	if (!served->instance)
		return 1;
	errno = 0;
	instance = strtoull(served->instance, &end, 10);
	if (errno || *end || !instance)
		return 1;
	registration_set_instance(registration_of(envoy), instance);
	return 0;
}

/* A log, and a group until it is active, have nothing from our own. */
static int enter_tables(struct envoy *envoy, struct subscription *sub)
{
	struct bus *bus = envoy->uplink->bus;

	if (envoy->group || sub->log)
		return 0;
	return route_add(sub->is_observer ? &bus->observers : &bus->routes,
			 sub->pattern, sub->n_pattern, &sub->target);
}

int envoy_settle(struct envoy *envoy, const struct inbound *inbound)
{
	struct subscription *sub = subscription_of(envoy);

	if (inbound->frame.status) {
		envoy_drop(envoy);
		return 0;
	}
	envoy->is_allowed = true;
	if (!sub) {
		if (take_instance(envoy, inbound))
			uplink_end(envoy->uplink, "SERVE without an instance");
		return 0;
	}
	if (enter_tables(envoy, sub) >= 0)
		return 0;
	subscription_free(sub);
	return 1;
}

void envoy_activate(struct envoy *envoy)
{
	envoy_top_up(envoy);
	if (!subscription_of(envoy))
		waiting_wake(registration_of(envoy));
}

/* It was allowed once; now it is not. */
static void take_back(struct envoy *envoy, const struct inbound *inbound)
{
	struct receiver *receiver = envoy->receiver;
	struct bus *bus = envoy->uplink->bus;
	char text[900];
	size_t n = inbound_body_bytes(inbound);

	if (n >= sizeof(text))
		n = sizeof(text) - 1;
	memcpy(text, inbound_settle(bus, inbound), n);
	text[n] = '\0';
	peer_send_status(receiver->peer, FRAME_RESULT,
			 FRAME_SWITCH_DRAWN | receiver->id,
			 (enum status)inbound->frame.status, text);
	envoy_drop(envoy);
}

/* An operator of the host wants it to leave. */
static void take_drain(const struct envoy *envoy)
{
	if (!subscription_of(envoy))
		drain_by_host(registration_of(envoy));
}

void envoy_result(struct uplink *uplink, const struct inbound *inbound)
{
	struct envoy *envoy =
		envoy_lookup(uplink, (uint32_t)inbound->frame.correlation);

	if (!envoy || !envoy->is_allowed)
		return; /* it was given up meanwhile */
	if (inbound->frame.status)
		take_back(envoy, inbound);
	else if (inbound->frame.correlation & FRAME_SWITCH_DRAWN)
		take_drain(envoy);
	else if (!subscription_of(envoy) && take_instance(envoy, inbound))
		uplink_end(uplink, "SERVE without an instance");
}

void envoy_acked(const struct envoy *envoy, const struct ack *run)
{
	struct frame frame = { .kind = FRAME_ACK };
	struct ack ack = *run;
	uint8_t body[ACK_ENTRY_BYTES];
	uint32_t at = (uint32_t)run->correlation - envoy->first;

	if (!uplink_is_up(envoy->uplink))
		return;
	/* What came by an earlier channel is not answered by this one. */
	if (at > INT32_MAX) {
		uint32_t n_old = -at;

		if (n_old >= ack.count)
			return;
		ack.count -= n_old;
		ack.sequence += n_old;
		at = 0;
	}
	ack.correlation = (uint64_t)envoy->id << 32 | at;
	ack_encode(&ack, body);
	uplink_send(envoy->uplink, &frame, envoy->receiver->speaker->source,
		    body, sizeof(body));
}

/* Whether something more is to be told to who lost it. */
static void tell_gap(struct envoy *envoy)
{
	struct subscription *sub = subscription_of(envoy);

	if (sub)
		subscription_gap(sub, GAP_UPLINK_LOST, 0);
}

void envoys_tell_gap(struct uplink *uplink)
{
	struct map_node *node = NULL;

	while ((node = map_walk(&uplink->envoys, node)))
		tell_gap(container_of(node, struct envoy, node));
}

void envoys_leave(struct uplink *uplink)
{
	struct map_node *node = NULL;

	while ((node = map_walk(&uplink->envoys, node))) {
		struct envoy *envoy = container_of(node, struct envoy, node);

		envoy->is_there = false;
		envoy->credit_messages = 0;
		envoy->credit_bytes = 0;
		envoy->first = envoy->receiver->next;
	}
	node = NULL;
	while ((node = map_walk(&uplink->feed_ids, node))) {
		struct feed *feed = container_of(node, struct feed, by_id);

		feed->n_messages = 0;
		feed->n_bytes = 0;
	}
}
