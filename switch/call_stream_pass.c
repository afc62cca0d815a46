/* SPDX-License-Identifier: MIT */

/* What passes along a call that has a stream. */

#include <string.h>

#include "base/le.h"
#include "switch/bus.h"
#include "switch/call.h"
#include "switch/call_stream.h"
#include "switch/inbound.h"
#include "switch/message.h"
#include "switch/observe.h"
#include "switch/peer.h"
#include "switch/slot.h"
#include "switch/upward.h"
#include "switch/waiting.h"

enum {
	ENTRY_BYTES = 16, /* of WINDOW */
	ENTRIES_MAX = 256,
};

/* A call, and in which of its ways a frame that came in goes. */
struct place {
	struct slot *slot; /* NULL: the call is over */
	struct call_way *way;
	bool is_request;
};

/*
 * Who calls names the call by an id of its own, who is called by one that was
 * drawn for it. The host is the other end of what a client is.
 */
static struct place place_of(const struct peer *peer, uint64_t id)
{
	bool is_drawn = id & FRAME_SWITCH_DRAWN;
	struct place place = { .is_request = is_drawn == !!peer->uplink };

	place.slot = place.is_request ? slot_lookup_made(peer, id)
				      : slot_lookup_taken(peer, id);
	if (place.slot && place.slot->stream)
		place.way = place.is_request ? &place.slot->stream->requests
					     : &place.slot->stream->replies;
	return place;
}

static struct peer *receiver_of(const struct place *place, uint64_t *ret_id)
{
	const struct slot *slot = place->slot;

	if (!place->is_request) {
		*ret_id = slot->caller_id;
		return slot->caller;
	}
	*ret_id = slot->callee_id;
	return slot->callee ? slot->callee->peer : NULL;
}

static const char *fault_of_header(const struct peer *peer,
				   const struct inbound *inbound)
{
	const struct frame *frame = &inbound->frame;

	if (!peer->uplink && (frame->source || frame->hops) &&
	    (!inbound->speaker || !peer->n_hops))
		return "a stream's message in another's name";
	if (frame->n_subject || frame->n_metadata)
		return "a stream's message with a subject or metadata";
	return NULL;
}

/* The call is over, or this side never had it. */
static const char *fault_of_nobody(const struct peer *peer, uint64_t id)
{
	if (peer->uplink || !(id & FRAME_SWITCH_DRAWN) ||
	    call_was_drawn(peer, id))
		return NULL;
	return "a stream's message to a call that it never had";
}

static const char *fault_of_state(const struct call_way *way)
{
	if (!way || way->state == CALL_WAY_NONE)
		return "a message of a stream that the call has not";
	if (way->state == CALL_WAY_ENDED)
		return "a message of a stream that has ended";
	return NULL;
}

/* As of fragments elsewhere, but for small ones: each costs its header. */
static const char *fault_of_first(const struct frame *frame)
{
	if (frame_is_whole(frame))
		return NULL;
	if (!(frame->flags & FRAME_EXTENDED))
		return "a stream's first fragment without the total length";
	if (frame->total_bytes <= frame_body_bytes(frame))
		return "a stream's first fragment that is the whole message";
	return NULL;
}

static const char *fault_of_fragment(const struct call_way *way,
				     const struct frame *frame)
{
	size_t n = frame_body_bytes(frame);
	bool is_last = frame->flags & FRAME_LAST;

	if (frame->flags & FRAME_FIRST)
		return way->is_begun ? "a stream's message within another"
				     : fault_of_first(frame);
	if (!way->is_begun)
		return "a stream's fragment without a first";
	if (n > way->n_left)
		return "a stream's fragments exceed the total length";
	if (is_last != (n == way->n_left))
		return "a stream's last fragment is not at the total length";
	return NULL;
}

static const char *fault_of_next(const struct call_way *way,
				 const struct frame *frame)
{
	const char *fault = fault_of_state(way);

	if (!fault)
		fault = fault_of_fragment(way, frame);
	if (!fault && frame->length > way->credit_bytes)
		fault = "more of a stream than was granted";
	return fault;
}

static bool is_too_long(const struct frame *frame, const struct peer *to)
{
	uint64_t n = frame_is_whole(frame) ? frame_body_bytes(frame)
					   : frame->total_bytes;

	return frame->flags & FRAME_FIRST &&
	       (n > to->message_max || n > to->bus->limits.message_max_bytes);
}

static void count(struct call_way *way, const struct frame *frame)
{
	if (frame->flags & FRAME_FIRST)
		way->n_left = frame->total_bytes;
	if (!frame_is_whole(frame))
		way->n_left -= frame_body_bytes(frame);
	way->is_begun = !(frame->flags & FRAME_LAST);
	way->credit_bytes -= frame->length;
}

/* What goes on of it: the fields that mean something, and no others. */
static struct frame forwarded(const struct frame *frame, uint64_t id)
{
	return (struct frame){
		.length = frame->length,
		.kind = frame->kind,
		.flags = frame->flags & (FRAME_WHOLE | FRAME_EXTENDED),
		.correlation = id,
		.total_bytes =
			frame->flags & FRAME_FIRST ? frame->total_bytes : 0,
	};
}

/* Observers see the same bytes as the receiver. */
static const uint8_t *show(const struct place *place,
			   const struct inbound *inbound,
			   const struct frame *frame)
{
	uint8_t *scratch = place->slot->bus->scratch;
	struct message message = {
		.frame = *frame,
		.flags = frame->flags,
		.tail = scratch,
		.n_tail = inbound->n_tail,
		.n_body = inbound->n_tail,
		.total_bytes = frame->total_bytes,
	};

	memcpy(scratch, inbound->tail, inbound->n_tail);
	observe_next(place->slot, place->is_request, &message);
	return scratch;
}

static void pass(struct peer *from, struct peer *to,
		 const struct inbound *inbound, const struct place *place,
		 uint64_t id)
{
	struct frame frame = forwarded(&inbound->frame, id);
	const uint8_t *tail = inbound->tail;
	uint8_t *room;

	if (place->slot->observation)
		tail = show(place, inbound, &frame);
	if (peer_send_begin(to, frame.length, &room))
		return;
	memcpy(room + frame_encode(&frame, room), tail, inbound->n_tail);
	peer_write_end(to, frame.length);
	if (to->uplink)
		upward_hold_back(to->uplink, from);
}

static void pass_or_fail(struct peer *from, const struct inbound *inbound,
			 const struct place *place)
{
	struct slot *slot = place->slot;
	uint64_t id;
	struct peer *to = receiver_of(place, &id);

	if (is_too_long(&inbound->frame, to)) {
		slot_fail(slot, STATUS_INVALID_ARGUMENT,
			  "a message of the stream is longer than message_max");
		return;
	}
	if (outbox_bytes(&to->outbox) + inbound->frame.length >
	    CALL_UNREAD_MAX_BYTES) {
		slot_fail(slot, STATUS_RESOURCE_EXHAUSTED,
			  place->is_request
				  ? "the server does not take the stream"
				  : "the caller does not take the stream");
		return;
	}
	count(place->way, &inbound->frame);
	call_stream_touch(slot->stream);
	pass(from, to, inbound, place, id);
}

void call_stream_next(struct peer *peer, const struct inbound *inbound)
{
	uint64_t id = inbound->frame.correlation;
	const char *fault = fault_of_header(peer, inbound);
	struct place place = { 0 };

	if (!fault) {
		place = place_of(peer, id);
		fault = place.slot ? fault_of_next(place.way, &inbound->frame)
				   : fault_of_nobody(peer, id);
	}
	/* What crossed the reply on its way is nobody's. */
	if (place.slot && place.is_request && place.slot->reply)
		return;
	if (fault)
		peer_end(peer, STATUS_INVALID_ARGUMENT, fault);
	else if (place.slot)
		pass_or_fail(peer, inbound, &place);
}

/* A call that waits for a server brings the end of its requests, too. */
static void pass_end(struct slot *slot)
{
	struct frame frame = { .kind = FRAME_END,
			       .correlation = slot->callee_id };
	struct message message = { .subject = "", .tail = (const uint8_t *)"" };

	if (slot->callee) {
		peer_send(slot->callee->peer, &frame, NULL, 0);
		return;
	}
	message_set_frame(&message, &frame);
	if (waiting_append(slot, &message))
		slot_fail(slot, STATUS_RESOURCE_EXHAUSTED,
			  "no room to wait for a server");
}

static const char *fault_of_end(const struct place *place)
{
	if (!place->is_request)
		return "the end of a stream that is the server's";
	if (!place->slot)
		return NULL;
	if (!place->way || place->way->state == CALL_WAY_NONE)
		return "the end of a stream that the call has not";
	if (place->way->state == CALL_WAY_ENDED)
		return "the end of a stream that has ended";
	if (place->way->is_begun)
		return "the end of a stream within a message";
	return NULL;
}

void call_stream_end(struct peer *peer, const struct inbound *inbound)
{
	uint64_t id = inbound->frame.correlation;
	struct place place = place_of(peer, id);
	const char *fault;

	if (place.slot && place.is_request && place.slot->reply)
		return;
	fault = fault_of_end(&place);
	if (fault) {
		peer_end(peer, STATUS_INVALID_ARGUMENT, fault);
		return;
	}
	if (!place.slot)
		return;
	place.way->state = CALL_WAY_ENDED;
	call_stream_touch(place.slot->stream);
	pass_end(place.slot);
}

static void plan_to_tell(struct call_way *way, struct peer *sender)
{
	if (!list_is_linked(&way->link))
		list_push_back(&sender->windows, &way->link);
	peer_mark_dirty(sender);
}

void call_stream_hand_over(struct call_stream *stream)
{
	if (stream->replies.n_untold)
		plan_to_tell(&stream->replies, stream->slot->callee->peer);
}

static uint64_t add(uint64_t a, uint64_t b)
{
	return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

/* A leaf and a host have idle limits of their own. */
static bool is_switch(const struct peer *peer)
{
	return peer->leaf || peer->uplink;
}

/* Who grants is one end, who may send then is the other. */
static void grant(struct peer *peer, uint64_t id, uint64_t n_bytes)
{
	struct place place = place_of(peer, id);
	struct call_way *way;
	struct peer *sender;

	if (!place.way)
		return; /* it is over, or was no stream */
	way = place.is_request ? &place.slot->stream->replies
			       : &place.slot->stream->requests;
	call_stream_touch(way->stream);
	if (way->state != CALL_WAY_OPEN)
		n_bytes = 0;
	way->credit_bytes = add(way->credit_bytes, n_bytes);
	way->n_untold = add(way->n_untold, n_bytes);
	sender = receiver_of(&place, &id);
	if (sender && (n_bytes || is_switch(sender)))
		plan_to_tell(way, sender);
}

void call_stream_window(struct peer *peer, const struct inbound *inbound)
{
	size_t n = inbound_body_bytes(inbound);
	uint8_t body[ENTRIES_MAX * ENTRY_BYTES];

	if (!n || n % ENTRY_BYTES || n > sizeof(body)) {
		peer_end(peer, STATUS_INVALID_ARGUMENT,
			 "WINDOW of a wrong length");
		return;
	}
	memcpy(body, inbound->tail + inbound->frame.n_metadata, n);
	for (size_t at = 0; at < n; at += ENTRY_BYTES)
		grant(peer, le64_load(body + at), le64_load(body + at + 8));
}

static void put_entry(struct list *link, uint8_t entry[ENTRY_BYTES])
{
	struct call_way *way = container_of(link, struct call_way, link);
	const struct slot *slot = way->stream->slot;

	le64_store(entry, way == &way->stream->requests ? slot->caller_id
							: slot->callee_id);
	le64_store(entry + 8, way->n_untold);
	way->n_untold = 0;
}

void call_streams_tell(struct peer *peer)
{
	uint8_t body[ENTRIES_MAX * ENTRY_BYTES];

	while (!list_is_empty(&peer->windows) &&
	       outbox_is_empty(&peer->outbox) && peer->state != PEER_ENDED) {
		struct frame frame = { .kind = FRAME_WINDOW };
		struct list *link;
		size_t n = 0;

		while (n < sizeof(body) &&
		       (link = list_pop_front(&peer->windows))) {
			put_entry(link, body + n);
			n += ENTRY_BYTES;
		}
		peer_send(peer, &frame, body, n);
	}
}
