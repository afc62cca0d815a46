/* SPDX-License-Identifier: MIT */

#include "switch/upward.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/le.h"
#include "switch/ack.h"
#include "switch/bus.h"
#include "switch/inbound.h"
#include "switch/message.h"
#include "switch/open.h"
#include "switch/slot.h"
#include "switch/upbind.h"
#include "switch/uplink.h"
#include "switch/waiting.h"

enum {
	/* More than this in the host's outbox, and who fills it waits... */
	FULL_BYTES = 256 * 1024,
	/* The host ends a call first, and says how. */
	GRACE_MS = 500,
};

/*
 * A publish that wants no ack leaves nothing here: the id has the publisher's
 * handle and its own id in it. Of ids that are too long for that the last few
 * are remembered.
 */
static uint64_t plain_id(struct uplink *uplink, const struct source *source,
			 uint64_t id)
{
	uint64_t n = uplink->n_long_ids;

	if (id <= UPWARD_ID_MASK)
		return UPWARD_PLAIN |
		       (uint64_t)source->handle << UPWARD_ID_BITS | id;
	uplink->long_ids[n % UPLINK_LONG_IDS] = (struct uplink_long_id){
		.handle = source->handle,
		.id = id,
	};
	uplink->n_long_ids++;
	return UPWARD_PLAIN | UPWARD_LONG | (n & UPWARD_ID_MASK);
}

void upward_hold_back(struct uplink *uplink, struct peer *peer)
{
	if (outbox_bytes(&uplink->peer->outbox) <= FULL_BYTES || peer->is_held)
		return;
	peer->is_held = true;
	uplink->is_held = true;
}

void uplink_room(struct uplink *uplink)
{
	struct list *link;

	if (!uplink->is_held ||
	    (uplink->peer &&
	     outbox_bytes(&uplink->peer->outbox) > FULL_BYTES / 2))
		return;
	uplink->is_held = false;
	list_for_each (link, &uplink->bus->peers) {
		struct peer *peer = container_of(link, struct peer, link);

		if (!peer->is_held)
			continue;
		peer->is_held = false;
		peer_wake(peer);
	}
}

/* What has gone too far was stopped at its first fragment. */
static void one_hop_further(uint8_t *frame)
{
	if (frame[FRAME_AT_HOPS] < FRAME_HOPS_MAX)
		frame[FRAME_AT_HOPS]++;
}

/* The frame as receivers see it, but further. */
static void pass(struct uplink *uplink, const struct message *message,
		 uint64_t correlation, uint8_t more_flags)
{
	uint8_t *room;

	if (peer_send_begin(uplink->peer, message->n_bytes, &room))
		return;
	message_write(message, correlation, room);
	room[FRAME_AT_FLAGS] |= more_flags;
	one_hop_further(room);
	peer_write_end(uplink->peer, message->n_bytes);
}

static bool wants_ack(const struct inbound *inbound)
{
	return inbound->frame.flags & (FRAME_ACK_ROUTED | FRAME_ACK_STORED);
}

int upward_admit(struct uplink *uplink, const struct inbound *inbound,
		 struct slot **ret_slot, char *text, size_t n_text)
{
	const struct frame *frame = &inbound->frame;
	int r;

	if (!uplink_is_up(uplink)) {
		snprintf(text, n_text, "%s", uplink->away);
		return frame->flags & FRAME_ACK_STORED ? STATUS_UNAVAILABLE
						       : STATUS_OK;
	}
	if (frame->hops >= FRAME_HOPS_MAX) {
		snprintf(text, n_text,
			 "it has passed too many switches: does "
			 "an uplink lead back here?");
		return STATUS_FAILED_PRECONDITION;
	}
	if (!frame_is_whole(frame) && uplink->n_open >= uplink->open_max) {
		snprintf(text, n_text,
			 "too many messages are begun on the uplink");
		return STATUS_RESOURCE_EXHAUSTED;
	}
	if (!wants_ack(inbound))
		return STATUS_OK;
	r = slot_new(uplink->bus, SLOT_PUBLISH, inbound->speaker,
		     frame->correlation, ret_slot);
	if (r < 0) {
		slot_refused_text(inbound->speaker, r, text, n_text);
		return STATUS_RESOURCE_EXHAUSTED;
	}
	(*ret_slot)->wants_routed = frame->flags & FRAME_ACK_ROUTED;
	(*ret_slot)->wants_stored = frame->flags & FRAME_ACK_STORED;
	return STATUS_OK;
}

void upward_publish(struct uplink *uplink, const struct inbound *inbound,
		    const struct message *message, struct open *open,
		    struct slot *slot)
{
	uint64_t id;

	if (!uplink_is_up(uplink))
		return;
	if (slot || open)
		id = uplink_draw(uplink);
	else
		id = plain_id(uplink, message->source,
			      inbound->frame.correlation);
	if (slot)
		slot_hand_over(slot, &uplink->host, id, &uplink->slots);
	if (open) {
		open->up_id = id;
		uplink->n_open++;
	}
	pass(uplink, message, id, inbound->frame.flags & FRAME_ACK_ROUTED);
	upward_hold_back(uplink, inbound->speaker->peer);
}

void upward_fragment(struct uplink *uplink, const struct message *message,
		     uint64_t correlation)
{
	pass(uplink, message, correlation, 0);
}

void upward_continue(struct open *open, const struct message *message)
{
	struct uplink *uplink = open->sender->bus->uplink;

	pass(uplink, message, open->up_id, 0);
	upward_hold_back(uplink, open->sender);
	if (message->flags & FRAME_LAST)
		upward_forget(open);
}

void upward_forget(struct open *open)
{
	if (open->up_id)
		open->sender->bus->uplink->n_open--;
	open->up_id = 0;
}

void upward_abort(struct open *open)
{
	struct uplink *uplink = open->sender->bus->uplink;
	struct frame frame = { .kind = FRAME_ABORT,
			       .correlation = open->up_id };

	uplink_send(uplink, &frame, open->speaker->source, NULL, 0);
	upward_forget(open);
}

/* Our own control service is not the host's. */
static bool is_local(const struct inbound *inbound)
{
	static const char own[] = "helio.switch.v1.";

	return inbound->frame.n_subject > sizeof(own) - 1 &&
	       !memcmp(inbound->subject, own, sizeof(own) - 1);
}

bool upward_takes_call(const struct bus *bus, const struct inbound *inbound,
		       int r)
{
	return uplink_is_up(bus->uplink) && !is_local(inbound) &&
	       inbound->frame.hops < FRAME_HOPS_MAX &&
	       (r == STATUS_UNAVAILABLE || r == STATUS_UNIMPLEMENTED ||
		r == STATUS_RESOURCE_EXHAUSTED);
}

static void hand_up(struct uplink *uplink, struct slot *slot, uint64_t id)
{
	slot_hand_over(slot, &uplink->host, id, &uplink->slots);
	if (slot_has_deadline(slot))
		wheel_add(&uplink->bus->wheel, &slot->timer,
			  slot->timer.due_ns + GRACE_MS * NS_PER_MS);
}

void upward_call(struct uplink *uplink, struct slot *slot,
		 const struct inbound *inbound, const struct message *message)
{
	struct message up = *message;

	if (slot->schema)
		upbind_message(uplink, slot->schema, &up);
	hand_up(uplink, slot, uplink_draw(uplink));
	pass(uplink, &up, slot->callee_id, inbound->frame.flags & FRAME_WAIT);
	upward_hold_back(uplink, slot->caller);
}

/* The frames of a call that waited here, which now waits at the host. */
static void release(struct uplink *uplink, struct slot *slot)
{
	uint64_t id = uplink_draw(uplink);

	waiting_refresh(slot);
	slot->held[FRAME_AT_FLAGS] |= FRAME_WAIT;
	for (size_t at = 0; at < slot->n_held;) {
		uint8_t *frame = slot->held + at;
		size_t n = le32_load(frame);

		at += n;
		if (at == n && slot->schema) {
			frame = upbind_frame(uplink, slot->schema, frame);
			n = le32_load(frame);
		}
		le64_store(frame + FRAME_AT_CORRELATION, id);
		one_hop_further(frame);
		peer_send_frame(uplink->peer, frame, n);
	}
	hand_up(uplink, slot, id);
}

static void renew_of(struct uplink *uplink, struct peer *peer)
{
	struct map_node *node = NULL;

	while ((node = map_walk(&peer->made, node))) {
		struct slot *slot = container_of(node, struct slot, made_node);

		if (slot->held && slot->waits_at &&
		    slot->held[FRAME_AT_HOPS] < FRAME_HOPS_MAX)
			release(uplink, slot);
	}
}

void upward_renew(struct uplink *uplink)
{
	struct list *link;

	list_for_each (link, &uplink->bus->peers) {
		struct peer *peer = container_of(link, struct peer, link);

		if (!peer->uplink)
			renew_of(uplink, peer);
	}
}

void upward_lose(struct uplink *uplink)
{
	struct list *link;

	list_for_each (link, &uplink->bus->peers) {
		struct peer *peer = container_of(link, struct peer, link);
		struct map_node *node = NULL;

		while ((node = map_walk(&peer->open, node)))
			upward_forget(container_of(node, struct open, node));
	}
}
