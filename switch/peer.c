/* SPDX-License-Identifier: MIT */

#include "switch/peer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/diag.h"
#include "switch/answer.h"
#include "switch/ask.h"
#include "switch/bind.h"
#include "switch/bus.h"
#include "switch/endpoint.h"
#include "switch/event.h"
#include "switch/leaf.h"
#include "switch/open.h"
#include "switch/quota.h"
#include "switch/slot.h"
#include "switch/uplink.h"

const char *peer_path(const struct peer *peer)
{
	return speaker_path(&peer->self);
}

void peer_wake(struct peer *peer)
{
	peer->n_quiet = 0;
	if (!list_is_linked(&peer->active_link) && peer->state != PEER_ENDED)
		list_push_back(&peer->bus->active, &peer->active_link);
}

static void on_ready(struct channel *channel)
{
	peer_wake(channel->owner);
}

bool peer_is_inside(const struct peer *peer)
{
	return peer->channel->evidence.kind == EVIDENCE_INSIDE;
}

static void on_no_greeting(struct timer *timer, uint64_t now_ns)
{
	peer_end(container_of(timer, struct peer, greeting),
		 STATUS_DEADLINE_EXCEEDED, "HELLO did not come in time");
}

/* What it said lies unread, so that its death would not show either. */
static void on_stall(struct timer *timer, uint64_t now_ns)
{
	peer_end(container_of(timer, struct peer, stall),
		 STATUS_DEADLINE_EXCEEDED,
		 "it does not take what it asked for");
}

static struct peer *peer_alloc(struct bus *bus)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->bus = bus;
	speaker_init(&peer->self, peer);
	list_init(&peer->link);
	list_init(&peer->active_link);
	list_init(&peer->dirty_link);
	list_init(&peer->ended_link);
	list_init(&peer->waiting);
	list_init(&peer->windows);
	list_init(&peer->answers);
	outbox_init(&peer->outbox, &bus->chunks);
	timer_init(&peer->greeting, on_no_greeting);
	timer_init(&peer->stall, on_stall);
	if (map_init(&peer->receivers) < 0 || map_init(&peer->open) < 0 ||
	    map_init(&peer->made) < 0 || map_init(&peer->taken) < 0 ||
	    map_init(&peer->bound) < 0)
		return peer_free(peer);
	return peer;
}

static int charge_channel(struct peer *peer, const struct principal *who)
{
	struct account *account;
	int r;

	r = account_get(&peer->bus->accounts, who->durable_id, who->path,
			&account);
	if (r < 0)
		return r;
	if (account_charge(account, RESOURCE_CHANNELS, 1)) {
		account_unref(account);
		return -EDQUOT;
	}
	peer->self.account = account;
	return 0;
}

int peer_new_as(struct bus *bus, struct channel *channel,
		const struct principal *who, struct peer **ret_peer)
{
	struct peer *peer = peer_alloc(bus);
	int r;

	if (!peer)
		return -ENOMEM;
	r = charge_channel(peer, who);
	if (!r)
		r = source_new(&bus->sources, who, &peer->self.source);
	if (r < 0) {
		peer_free(peer);
		return r;
	}

	speaker_enter(&peer->self);
	peer->self.source->speaker = &peer->self;
	peer->channel = channel;
	channel->owner = peer;
	channel->on_ready = on_ready;
	bus->n_peers++;
	list_push_back(&bus->peers, &peer->link);
	list_push_back(&bus->active, &peer->active_link);
	wheel_add(&bus->wheel, &peer->greeting,
		  bus->now_ns + bus->limits.greeting_ms * NS_PER_MS);
	*ret_peer = peer;
	return 0;
}

int peer_new(struct bus *bus, struct channel *channel, struct peer **ret_peer)
{
	struct principal who;
	int r;

	r = principal_from_evidence(&channel->evidence, &bus->domains, &who);
	if (!r && bus->uplink)
		r = uplink_put_below(bus->uplink, &who);
	if (r < 0)
		return r;
	return peer_new_as(bus, channel, &who, ret_peer);
}

static void free_receivers(struct peer *peer)
{
	struct map_node *node;

	while ((node = map_first(&peer->receivers)))
		receiver_drop(container_of(node, struct receiver, node));
}

/* Calls that it made are cancelled at their callees, acks forgotten. */
static void free_made(struct peer *peer)
{
	struct map_node *node;

	while ((node = map_first(&peer->made))) {
		struct slot *slot = container_of(node, struct slot, made_node);

		if (slot->kind == SLOT_CALL)
			slot_fail(slot, STATUS_CANCELLED, "the caller is gone");
		else
			slot_free(slot);
	}
}

static void free_open(struct peer *peer)
{
	struct map_node *node;

	while ((node = map_first(&peer->open)))
		open_abort(container_of(node, struct open, node));
}

static void free_tables(struct peer *peer)
{
	if (peer->open.buckets)
		free_open(peer);
	if (peer->receivers.buckets)
		free_receivers(peer);
	if (peer->made.buckets)
		free_made(peer);
	if (peer->bound.buckets)
		bound_drop_all(peer);
	answers_drop(peer);
	map_deinit(&peer->bound);
	map_deinit(&peer->open);
	map_deinit(&peer->receivers);
	map_deinit(&peer->made);
	map_deinit(&peer->taken);
}

struct peer *peer_free(struct peer *peer)
{
	if (!peer)
		return NULL;

	if (peer->uplink)
		uplink_leave(peer->uplink);
	if (peer->n_asks)
		asks_forget(peer->bus->uplink, peer);
	free_tables(peer);
	if (peer->uplink)
		uplink_left(peer->uplink);
	else if (peer->bus->uplink)
		uplink_forget(peer->bus->uplink, &peer->self);
	if (peer->self.source)
		peer->self.source->speaker = NULL;
	if (peer->channel)
		peer->bus->n_peers--;
	list_unlink(&peer->link);
	speaker_leave(&peer->self);
	list_unlink(&peer->active_link);
	list_unlink(&peer->dirty_link);
	list_unlink(&peer->ended_link);
	timer_remove(&peer->greeting);
	timer_remove(&peer->stall);
	frame_reader_deinit(&peer->reader);
	outbox_deinit(&peer->outbox);
	leaf_free(peer->leaf);
	channel_free(peer->channel);
	source_unref(&peer->bus->sources, peer->self.source);
	if (peer->self.account)
		account_discharge(peer->self.account, RESOURCE_CHANNELS, 1);
	account_unref(peer->self.account);
	free(peer->known);
	free(peer);
	return NULL;
}

void peer_say_goodbye(struct channel *channel, enum status status,
		      const char *reason)
{
	struct frame frame = {
		.kind = FRAME_GOODBYE,
		.flags = FRAME_EXTENDED,
		.status = (uint16_t)status,
		.origin = ORIGIN_BUS,
	};
	uint8_t *room;

	frame_set_body(&frame, strlen(reason));
	if (channel_reserve(channel, frame.length, &room))
		return;
	memcpy(room + frame_encode(&frame, room), reason, strlen(reason));
	channel_commit(channel, frame.length);
}

void peer_limit_text(const char *limit, uint64_t n_used, uint64_t n_max,
		     char *text, size_t n_text)
{
	snprintf(text, n_text,
		 "%s of this channel is reached: %" PRIu64 " of %" PRIu64,
		 limit, n_used, n_max);
}

void peer_end(struct peer *peer, enum status status, const char *reason)
{
	peer_end_saying(peer, status, reason, reason);
}

void peer_end_saying(struct peer *peer, enum status status, const char *reason,
		     const char *text)
{
	if (peer->state == PEER_ENDED)
		return;

	log_info("%s (%s): %s: %s", peer_path(peer), peer->channel->ops->name,
		 status_name(status), text);
	bus_count_reason(peer->bus, reason);
	if (outbox_is_empty(&peer->outbox))
		peer_say_goodbye(peer->channel, status, text);
	(void)channel_flush(peer->channel);
	/* Told later: whom the news ends would be told of from in here. */
	if (peer->state == PEER_LIVE)
		peer->end_reason = reason;
	peer->state = PEER_ENDED;
	list_unlink(&peer->dirty_link);
	list_push_back(&peer->bus->ended, &peer->ended_link);
}

void peer_tell_down(struct peer *peer)
{
	if (!peer->end_reason)
		return;
	leaf_tell_down(peer->leaf, peer->end_reason);
	event_speaker(&peer->self, "down", peer->end_reason);
}

void peer_watch_stall(struct peer *peer)
{
	struct bus *bus = peer->bus;

	if (!list_is_linked(&peer->stall.link))
		wheel_add(&bus->wheel, &peer->stall,
			  bus->now_ns + bus->limits.stall_ms * NS_PER_MS);
}
