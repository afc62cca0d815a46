/* SPDX-License-Identifier: MIT */

#include "switch/envoy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "switch/ask.h"
#include "switch/bus.h"
#include "switch/drain.h"
#include "switch/endpoint.h"
#include "switch/feed.h"
#include "switch/group.h"
#include "switch/subscription.h"
#include "switch/uplink.h"

enum {
	CREDIT_ENTRY_BYTES = 16,
	SUBSCRIBE_MAX_BYTES = 640, /* two names and some numbers */
	SERVE_MORE_BYTES = 40,
};

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

static const struct source *source_of(const struct envoy *envoy)
{
	return envoy->receiver->speaker->source;
}

static struct envoy *envoy_new(struct uplink *uplink, struct receiver *receiver)
{
	struct envoy *envoy = calloc(1, sizeof(*envoy));

	if (!envoy)
		return NULL;
	envoy->uplink = uplink;
	envoy->receiver = receiver;
	envoy->id = ++uplink->last_receiver;
	list_init(&envoy->feed_link);
	map_add(&uplink->envoys, &envoy->node, map_hash_u64(envoy->id));
	return envoy;
}

struct envoy *envoy_lookup(const struct uplink *uplink, uint32_t id)
{
	struct map_node *node = map_lookup(&uplink->envoys, map_hash_u64(id));

	for (; node; node = map_next(node)) {
		struct envoy *envoy = container_of(node, struct envoy, node);

		if (envoy->id == id)
			return envoy;
	}
	return NULL;
}

struct registration *envoy_registration(const struct uplink *uplink,
					uint32_t id)
{
	const struct envoy *envoy = envoy_lookup(uplink, id);

	if (!envoy || !envoy->is_allowed || subscription_of(envoy))
		return NULL;
	return registration_of(envoy);
}

/* Take back what the host has of it. */
static void recall(const struct envoy *envoy)
{
	struct frame frame = { .kind = subscription_of(envoy)
					       ? FRAME_UNSUBSCRIBE
					       : FRAME_UNSERVE };
	uint8_t body[4];

	le32_store(body, envoy->id);
	uplink_send(envoy->uplink, &frame, source_of(envoy), body,
		    sizeof(body));
}

void envoy_free(struct envoy *envoy)
{
	if (!envoy)
		return;
	if (envoy->ask)
		envoy->ask->envoy = NULL;
	if (envoy->is_there && uplink_is_up(envoy->uplink))
		recall(envoy);
	map_remove(&envoy->uplink->envoys, &envoy->node);
	if (envoy->feed) {
		list_unlink(&envoy->feed_link);
		envoy->feed->n_members--;
		feed_settle(envoy->feed);
	}
	free(envoy->group);
	free(envoy->asked);
	free(envoy);
}

void envoy_drop(struct envoy *envoy)
{
	struct subscription *sub = subscription_of(envoy);

	envoy->is_there = false;
	if (sub)
		subscription_free(sub);
	else
		registration_free(registration_of(envoy));
}

void envoy_grant(struct uplink *uplink, uint32_t id, uint32_t n_messages,
		 uint64_t n_bytes)
{
	struct frame frame = { .kind = FRAME_CREDIT };
	uint8_t body[CREDIT_ENTRY_BYTES];

	le32_store(body, id);
	le32_store(body + 4, n_messages);
	le64_store(body + 8, n_bytes);
	uplink_send(uplink, &frame, NULL, body, sizeof(body));
}

/* Our own use the rest of it, or have none to use. */
static uint32_t share_of(const struct envoy *envoy, uint32_t n_messages)
{
	if (envoy->group || !subscription_of(envoy))
		return n_messages - n_messages / 2;
	return n_messages;
}

/* What the host has less than it may have; it has it from now on. */
static bool reckon(struct envoy *envoy, uint32_t *ret_messages,
		   uint64_t *ret_bytes)
{
	const struct receiver *receiver = envoy->receiver;
	uint32_t n_messages = share_of(envoy, receiver->credit_messages);
	uint64_t n_bytes = receiver->credit_bytes;

	*ret_messages = n_messages > envoy->credit_messages
				? n_messages - envoy->credit_messages
				: 0;
	*ret_bytes = n_bytes > envoy->credit_bytes
			     ? n_bytes - envoy->credit_bytes
			     : 0;
	envoy->credit_messages += *ret_messages;
	envoy->credit_bytes += *ret_bytes;
	return *ret_messages || *ret_bytes;
}

/* From now on we choose among our own members. Returns 0 or -ENOMEM. */
static int join(struct envoy *envoy)
{
	int r;

	r = group_join(envoy->uplink->bus, envoy->group, strlen(envoy->group),
		       subscription_of(envoy));
	if (r >= 0)
		envoy->is_active = true;
	return r;
}

void envoy_top_up(struct envoy *envoy)
{
	uint32_t n_messages;
	uint64_t n_bytes;

	if (!envoy || envoy->feed || !envoy->is_allowed || !envoy->is_there ||
	    !uplink_is_up(envoy->uplink))
		return;
	if (envoy->group && !envoy->is_active &&
	    (!envoy->receiver->credit_messages || join(envoy) < 0))
		return;
	if (reckon(envoy, &n_messages, &n_bytes))
		envoy_grant(envoy->uplink, envoy->id, n_messages, n_bytes);
}

void envoy_spend(struct envoy *envoy, uint32_t n_messages, uint64_t n_bytes)
{
	envoy->credit_messages -= n_messages < envoy->credit_messages
					  ? n_messages
					  : envoy->credit_messages;
	envoy->credit_bytes -=
		n_bytes < envoy->credit_bytes ? n_bytes : envoy->credit_bytes;
}

/* What waits for a plain one waits with us; a log's, say, at the host. */
static void fill_own(struct envoy *envoy, struct subscription *sub,
		     Helio__Bus__V1__Subscribe *asked)
{
	asked->group = envoy->group;
	asked->capture = sub->log;
	asked->has_observe = asked->observe = sub->is_observer;
	asked->has_overflow = 1;
	/* It would end the uplink, not the program. */
	asked->overflow =
		sub->backlog.overflow == OVERFLOW_DISCONNECT
			? HELIO__BUS__V1__OVERFLOW__DROP_NEW
			: (Helio__Bus__V1__Overflow)sub->backlog.overflow;
	asked->has_queue_messages = asked->has_queue_bytes = 1;
	asked->queue_messages = sub->backlog.messages_max;
	asked->queue_bytes = sub->backlog.bytes_max;
	if (!envoy->group)
		(void)reckon(envoy, &asked->credit_messages,
			     &asked->credit_bytes);
}

static void send_subscribe(struct envoy *envoy, struct subscription *sub,
			   uint64_t correlation)
{
	Helio__Bus__V1__Subscribe asked = HELIO__BUS__V1__SUBSCRIBE__INIT;
	struct frame frame = { .kind = FRAME_SUBSCRIBE,
			       .correlation = correlation };
	uint8_t body[SUBSCRIBE_MAX_BYTES];

	asked.has_id = 1;
	asked.id = envoy->id;
	asked.has_credit_messages = asked.has_credit_bytes = 1;
	if (envoy->feed) {
		asked.has_crossing = 1;
		asked.crossing = envoy->feed->id;
		asked.credit_messages = FEED_CREDIT_MESSAGES;
		asked.credit_bytes = FEED_CREDIT_BYTES;
	} else {
		fill_own(envoy, sub, &asked);
	}
	uplink_send_subject(envoy->uplink, &frame, source_of(envoy),
			    sub->pattern, sub->n_pattern, body,
			    helio__bus__v1__subscribe__pack(&asked, body));
}

/* Protobuf that follows protobuf adds to it: the numbers follow the names. */
static void send_serve(struct envoy *envoy,
		       const struct registration *registration,
		       uint64_t correlation)
{
	Helio__Bus__V1__Serve more = HELIO__BUS__V1__SERVE__INIT;
	struct frame frame = { .kind = FRAME_SERVE,
			       .correlation = correlation };
	uint8_t *body = envoy->asked;

	more.has_id = more.has_credit_calls = more.has_credit_bytes = 1;
	more.id = envoy->id;
	(void)reckon(envoy, &more.credit_calls, &more.credit_bytes);
	uplink_send_subject(envoy->uplink, &frame, source_of(envoy),
			    registration->name, registration->n_name, body,
			    envoy->n_asked +
				    helio__bus__v1__serve__pack(
					    &more, body + envoy->n_asked));
}

static void send(struct envoy *envoy, uint64_t correlation)
{
	struct subscription *sub = subscription_of(envoy);

	envoy->is_there = true;
	if (sub)
		send_subscribe(envoy, sub, correlation);
	else
		send_serve(envoy, registration_of(envoy), correlation);
}

/* Ask, or let the receiver go if that cannot be. */
static void ask(struct uplink *uplink, struct envoy *envoy,
		uint64_t correlation)
{
	struct peer *peer = envoy->receiver->peer;
	uint64_t id;

	if (ask_new(uplink, peer, correlation, envoy, &id))
		envoy_drop(envoy);
	else
		send(envoy, id);
}

static void refuse(struct uplink *uplink, struct peer *peer,
		   uint64_t correlation)
{
	if (uplink_is_up(uplink))
		ask_answer(peer, correlation, STATUS_RESOURCE_EXHAUSTED,
			   "out of memory");
	else
		ask_answer(peer, correlation, STATUS_UNAVAILABLE, uplink->away);
}

static bool keep_wish(struct envoy *envoy, const struct subscription *sub,
		      const char *group)
{
	int r = 0;

	if (group) {
		envoy->group = strdup(group);
		return envoy->group;
	}
	if (sub->log || sub->is_observer)
		return true;
	r = feed_get(envoy->uplink, sub->pattern, sub->n_pattern, &envoy->feed);
	if (r < 0)
		return false;
	list_push_back(&envoy->feed->members, &envoy->feed_link);
	envoy->feed->n_members++;
	return true;
}

void envoy_subscribe(struct uplink *uplink, struct subscription *sub,
		     const char *group, uint64_t correlation)
{
	struct peer *peer = sub->receiver.peer;

	if (uplink_is_up(uplink))
		sub->envoy = envoy_new(uplink, &sub->receiver);
	if (sub->envoy && keep_wish(sub->envoy, sub, group)) {
		ask(uplink, sub->envoy, correlation);
		return;
	}
	subscription_free(sub);
	refuse(uplink, peer, correlation);
}

static bool keep_methods(struct envoy *envoy,
			 const Helio__Bus__V1__Serve *asked)
{
	Helio__Bus__V1__Serve kept = *asked;

	kept.has_id = kept.has_credit_calls = kept.has_credit_bytes = 0;
	envoy->n_asked = helio__bus__v1__serve__get_packed_size(&kept);
	envoy->asked = malloc(envoy->n_asked + SERVE_MORE_BYTES);
	if (!envoy->asked)
		return false;
	helio__bus__v1__serve__pack(&kept, envoy->asked);
	return true;
}

void envoy_serve(struct uplink *uplink, struct registration *registration,
		 const Helio__Bus__V1__Serve *asked, uint64_t correlation)
{
	struct peer *peer = registration->receiver.peer;

	registration_set_instance(registration, 0);
	if (uplink_is_up(uplink))
		registration->envoy =
			envoy_new(uplink, &registration->receiver);
	if (registration->envoy && keep_methods(registration->envoy, asked)) {
		ask(uplink, registration->envoy, correlation);
		return;
	}
	registration_free(registration);
	refuse(uplink, peer, correlation);
}

/* A member that is active stays so: nothing is said to the host in between. */
static void renew(struct envoy *envoy)
{
	uint32_t n_messages;
	uint64_t n_bytes;

	send(envoy, ENVOY_RENEWAL | envoy->id);
	if (!subscription_of(envoy))
		drain_renew(envoy, registration_of(envoy));
	if (!envoy->is_active)
		return;
	(void)reckon(envoy, &n_messages, &n_bytes);
	envoy_grant(envoy->uplink, envoy->id, n_messages, n_bytes);
}

void envoys_renew(struct uplink *uplink)
{
	struct map_node *node = NULL;

	while ((node = map_walk(&uplink->envoys, node)))
		renew(container_of(node, struct envoy, node));
}
