/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <string.h>

#include "switch/message.h"
#include "switch/peer.h"
#include "switch/subscription.h"

enum {
	/* A peer that does not take what it asked for is not heard... */
	OUTBOX_CHOKED_BYTES = 256 * 1024,
	/* ...and ended when it gathers all the same. */
	OUTBOX_MAX_BYTES = 32 * 1024 * 1024,
	DRAIN_BYTES = 256 * 1024,
};

bool peer_is_choked(const struct peer *peer)
{
	return outbox_bytes(&peer->outbox) > OUTBOX_CHOKED_BYTES;
}

void peer_want_room(struct peer *peer)
{
	peer->wants_room = true;
	if (!list_is_linked(&peer->active_link))
		list_push_back(&peer->bus->active, &peer->active_link);
}

int peer_write_slowly(struct peer *peer, size_t n, uint8_t **ret_room)
{
	int r;

	if (peer->state == PEER_ENDED || !outbox_is_empty(&peer->outbox))
		return 1;
	r = channel_reserve(peer->channel, n, ret_room);
	if (!r) {
		peer->outbox.is_written = false;
		return 0;
	}
	if (r == -EMSGSIZE && peer->channel->n_out_max) {
		/* Longer than the ring: it passes in pieces. */
		return outbox_push(&peer->outbox, n, ret_room) < 0;
	}
	/* What went wrong is told again by the next refill. */
	peer_want_room(peer);
	return 1;
}

int peer_send_begin(struct peer *peer, size_t n, uint8_t **ret_room)
{
	if (!peer_write_begin(peer, n, ret_room))
		return 0;
	if (peer->state == PEER_ENDED)
		return 1;
	/* The host's is bounded by who may be heard: switch/upward.c. */
	if (!peer->uplink &&
	    outbox_bytes(&peer->outbox) + n > OUTBOX_MAX_BYTES) {
		peer_end(peer, STATUS_RESOURCE_EXHAUSTED,
			 "it does not take what it asked for");
		return 1;
	}
	if (outbox_push(&peer->outbox, n, ret_room) < 0) {
		peer_end(peer, STATUS_RESOURCE_EXHAUSTED, "out of memory");
		return 1;
	}
	peer_want_room(peer);
	return 0;
}

void peer_send(struct peer *peer, struct frame *frame, const void *body,
	       size_t n_body)
{
	uint8_t *room;

	frame_set_body(frame, n_body);
	if (peer_send_begin(peer, frame->length, &room))
		return;
	room += frame_encode(frame, room);
	if (n_body)
		memcpy(room, body, n_body);
	peer_write_end(peer, frame->length);
}

void peer_send_message(struct peer *peer, const struct message *message,
		       uint64_t correlation)
{
	size_t n = message->n_bytes;
	uint8_t *room;

	if (peer_send_begin(peer, n, &room))
		return;
	message_write(message, correlation, room);
	peer_write_end(peer, n);
}

void peer_send_frame(struct peer *peer, const uint8_t *bytes, size_t n)
{
	uint8_t *room;

	if (peer_send_begin(peer, n, &room))
		return;
	memcpy(room, bytes, n);
	peer_write_end(peer, n);
}

void peer_send_status(struct peer *peer, enum frame_kind kind,
		      uint64_t correlation, enum status status,
		      const char *text)
{
	struct frame frame = {
		.kind = (uint8_t)kind,
		.flags = FRAME_EXTENDED,
		.correlation = correlation,
		.status = (uint16_t)status,
		.origin = ORIGIN_BUS,
	};

	peer_send(peer, &frame, text, strlen(text));
}

/* Returns whether the outbox is empty now. */
static bool pump_outbox(struct peer *peer)
{
	size_t n_sent;
	int r = outbox_send(&peer->outbox, peer->channel, &n_sent);

	if (n_sent)
		timer_remove(&peer->stall);
	if (r)
		peer_want_room(peer);
	return !r;
}

void peer_pump(struct peer *peer)
{
	struct list later;
	struct list *link;

	peer->wants_room = false;
	if (!pump_outbox(peer))
		return;

	list_init(&later);
	while (!peer->wants_room && (link = list_pop_front(&peer->waiting))) {
		struct subscription *sub =
			container_of(link, struct subscription, waiting_link);

		if (subscription_drain(sub, DRAIN_BYTES) &&
		    !list_is_linked(&sub->waiting_link))
			list_push_back(&later, &sub->waiting_link);
		if (!outbox_is_empty(&peer->outbox) && !pump_outbox(peer))
			break;
	}
	list_splice_back(&peer->waiting, &later);
	if (!list_is_empty(&peer->waiting))
		peer_want_room(peer);
}
