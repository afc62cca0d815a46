/* SPDX-License-Identifier: MIT */

#include "switch/inbound.h"

#include <errno.h>
#include <string.h>

#include "proto/reader.h"
#include "switch/bind.h"
#include "switch/bus.h"
#include "switch/call.h"
#include "switch/call_stream.h"
#include "switch/control.h"
#include "switch/leaf.h"
#include "switch/message.h"
#include "switch/open.h"
#include "switch/peer.h"
#include "switch/publish.h"
#include "switch/slot.h"
#include "switch/uplink.h"

enum {
	BATCH_FRAMES = 32,
	SHORT_SUBJECT_BYTES = 32,
	/* In a turn, from one peer. */
	TURN_BYTES = 256 * 1024,
	/* What of a sender's flags its receivers see. */
	FORWARDED_FLAGS = FRAME_WHOLE | FRAME_EXTENDED | FRAME_ACK_STORED,
	/* What a class does to a subject: publish it, or call it. */
	CLASS_CALL = 1,
};

struct batch {
	struct inbound frames[BATCH_FRAMES];
	size_t n_frames;
	size_t n_bytes; /* of the channel's window */
};

static inline uint64_t class_of(const struct speaker *speaker, uint8_t kind)
{
	return speaker->id << 1 | (kind == FRAME_CALL ? CLASS_CALL : 0);
}

/* Slot and callee are the switch's to name; a MESSAGE has neither room. */
static void clear_extension(struct frame *frame)
{
	frame->slot = 0;
	frame->callee = 0;
	if (frame->kind == FRAME_MESSAGE)
		frame->room_kib = 0;
}

void inbound_forward(const struct inbound *inbound,
		     const struct speaker *speaker, enum frame_kind kind,
		     struct message *ret_message)
{
	const struct frame *frame = &inbound->frame;
	struct message *message = ret_message;

	message->frame = *frame;
	message->frame.kind = (uint8_t)kind;
	message->frame.flags = frame->flags & FORWARDED_FLAGS;
	message->frame.source = speaker->source->handle;
	if (frame->flags & FRAME_EXTENDED)
		clear_extension(&message->frame);
	message->flags = message->frame.flags;
	message->n_header = frame_header_bytes(frame);
	message->subject = inbound->subject;
	message->n_subject = frame->n_subject;
	message->tail = inbound->tail;
	message->n_tail = inbound->n_tail;
	message->n_body = inbound_body_bytes(inbound);
	message->n_bytes = frame->length;
	message->image = NULL;
	message->source = speaker->source;
	message->callee = NULL;
	message->total_bytes = frame->total_bytes;
}

const uint8_t *inbound_settle(struct bus *bus, const struct inbound *inbound)
{
	memcpy(bus->scratch, inbound->tail + inbound->frame.n_metadata,
	       inbound_body_bytes(inbound));
	return bus->scratch;
}

/* Who speaks of one subject often speaks of it again. */
static inline bool is_same(const struct inbound *before,
			   const struct inbound *inbound)
{
	return before->frame.kind == inbound->frame.kind &&
	       before->speaker == inbound->speaker &&
	       before->frame.n_subject == inbound->frame.n_subject &&
	       !memcmp(before->subject, inbound->subject,
		       inbound->frame.n_subject);
}

/*
 * Most subjects are short: to copy a fixed number of bytes, what follows the
 * subject included, takes two instructions. `n` bytes are left of the frame.
 */
static inline void copy_subject(struct inbound *inbound, const uint8_t *bytes,
				size_t n)
{
	size_t n_subject = inbound->frame.n_subject;

	if (n_subject <= SHORT_SUBJECT_BYTES && n >= SHORT_SUBJECT_BYTES)
		memcpy(inbound->subject, bytes, SHORT_SUBJECT_BYTES);
	else
		memcpy(inbound->subject, bytes, n_subject);
	inbound->subject[n_subject] = '\0';
}

/* A source is a leaf's to name, and what it says has come by the leaf. */
static __attribute__((noinline, cold)) void speak_for(
	struct peer *peer, const struct inbound *before,
	struct inbound *inbound)
{
	struct frame *frame = &inbound->frame;

	if (before && before->frame.source == frame->source)
		inbound->speaker = before->speaker;
	else
		inbound->speaker = leaf_lookup(peer->leaf, frame->source);
	if (!frame->hops && frame->kind <= FRAME_CALL)
		frame->hops = 1;
}

/* What follows it may mean something else by the same handle. */
static inline bool is_about_handles(uint8_t kind)
{
	return kind == FRAME_PEER || kind == FRAME_FORGET ||
	       kind == FRAME_BIND || kind == FRAME_UNBIND;
}

static inline bool has_method(const struct frame *frame)
{
	return frame->kind == FRAME_CALL && frame->flags & FRAME_FIRST;
}

/*
 * Copy what is looked at out of the peer's memory. Returns whether what follows
 * may mean something else by its handles.
 */
static inline bool take_apart(struct peer *peer, const uint8_t *bytes,
			      const struct inbound *before,
			      struct inbound *inbound)
{
	const struct frame *frame = &inbound->frame;
	size_t n_header = frame_header_bytes(frame);

	copy_subject(inbound, bytes + n_header, frame->length - n_header);
	inbound->tail = bytes + n_header + frame->n_subject;
	inbound->n_tail = frame->length - n_header - frame->n_subject;
	inbound->speaker = &peer->self;
	inbound->schema = NULL;
	if (__builtin_expect(frame->source != 0, 0)) {
		speak_for(peer, before, inbound);
		if (!inbound->speaker)
			return false;
	}
	if (frame->kind > FRAME_CALL)
		return is_about_handles(frame->kind);
	if (__builtin_expect(frame->handle != 0, 0) && has_method(frame))
		bind_resolve(peer, inbound);
	if (before && is_same(before, inbound)) {
		inbound->tag = before->tag;
		return false;
	}
	inbound->tag = route_tag(&peer->bus->routes,
				 class_of(inbound->speaker, frame->kind),
				 inbound->subject, frame->n_subject);
	route_prefetch(&peer->bus->routes, inbound->tag);
	return false;
}

/* Returns 0, a FRAME_E_* or a negative errno once there is no more. */
static int fill_batch(struct peer *peer, struct batch *batch)
{
	const struct channel *channel = peer->channel;
	int r = 0;

	batch->n_frames = 0;
	batch->n_bytes = 0;
	while (batch->n_frames < BATCH_FRAMES) {
		struct inbound *inbound = &batch->frames[batch->n_frames];
		const uint8_t *at = channel->in + batch->n_bytes;
		const uint8_t *bytes;
		bool is_last;
		size_t n_used;

		r = frame_reader_next(
			&peer->reader, at, channel->n_in - batch->n_bytes,
			channel->n_in_max, &n_used, &inbound->frame, &bytes);
		batch->n_bytes += n_used;
		if (r)
			break;
		peer->stats.n_bytes_in += inbound->frame.length;
		is_last = take_apart(peer, bytes,
				     batch->n_frames ? inbound - 1 : NULL,
				     inbound);
		batch->n_frames++;
		if (is_last || bytes != at)
			break; /* the carry holds one frame */
	}
	return r;
}

static void continue_open(struct peer *peer, const struct inbound *inbound)
{
	const char *reason;

	if (open_continue(peer, inbound, &reason))
		peer_end(peer, STATUS_INVALID_ARGUMENT, reason);
}

static void abort_open(struct peer *peer, const struct inbound *inbound)
{
	struct open *open = open_lookup(peer, inbound->frame.correlation);

	if (open)
		open_abort(open);
	else
		peer_end(peer, STATUS_INVALID_ARGUMENT,
			 "ABORT of a message that was not begun");
}

/* Something will be said of it later: the id says of what. */
static bool needs_id(const struct frame *frame)
{
	return frame->kind != FRAME_MESSAGE || !frame_is_whole(frame) ||
	       frame->flags & (FRAME_ACK_ROUTED | FRAME_ACK_STORED);
}

/* Calls, what has begun and what waits for an ack share one space. */
static bool is_id_in_use(const struct peer *peer, const struct frame *frame)
{
	uint64_t id = frame->correlation;

	if (frame->kind == FRAME_REPLY)
		return !frame_is_whole(frame) && open_lookup(peer, id);
	if (!needs_id(frame))
		return false;
	return (peer->made.n_nodes && slot_lookup_made(peer, id)) ||
	       (peer->open.n_nodes && open_lookup(peer, id));
}

/* Who speaks for others is a leaf, and has announced them. */
static bool is_impostor(const struct peer *peer, const struct inbound *inbound)
{
	return !inbound->speaker || (inbound->frame.hops && !peer->n_hops);
}

static const char *fault_of_source(const struct peer *peer)
{
	return peer->leaf ? "a source that the leaf did not announce"
			  : "a direct peer names another source";
}

/* A first fragment says how long the whole is, and is not all of it. */
static const char *fault_of_message(const struct peer *peer,
				    const struct inbound *inbound)
{
	const struct frame *frame = &inbound->frame;

	if ((frame->source || frame->hops) && is_impostor(peer, inbound))
		return fault_of_source(peer);
	if (frame->kind == FRAME_REPLY && frame->flags & FRAME_ACK_STORED)
		return "an ack of what is no message";
	if (frame->kind == FRAME_REPLY && frame->n_subject)
		return "a reply with a subject";
	if (frame->kind == FRAME_REPLY && frame->status >= N_STATUS)
		return "a reply with a status that is none";
	if (frame->handle && !has_method(frame))
		return "a handle where none is defined";
	if (frame->kind != FRAME_REPLY &&
	    frame->correlation & FRAME_SWITCH_DRAWN)
		return "a correlation id that is the switch's to draw";
	if (!frame->correlation && needs_id(frame))
		return "no correlation id where one is needed";
	if (!(frame->flags & FRAME_FIRST))
		return NULL;
	if (is_id_in_use(peer, frame))
		return "a correlation id is used twice";
	if (frame_is_whole(frame))
		return NULL;
	if (frame->kind == FRAME_CALL && frame->flags & FRAME_MORE)
		return "a call in fragments whose requests are a stream";
	if (!(frame->flags & FRAME_EXTENDED))
		return "a first fragment without the total length";
	if (frame->total_bytes <= inbound_body_bytes(inbound))
		return "a first fragment that is the whole message";
	return NULL;
}

static void route_message(struct peer *peer, const struct inbound *inbound)
{
	const char *fault = fault_of_message(peer, inbound);

	if (fault)
		peer_end(peer, STATUS_INVALID_ARGUMENT, fault);
	else if (!(inbound->frame.flags & FRAME_FIRST))
		continue_open(peer, inbound);
	else if (inbound->frame.kind == FRAME_MESSAGE)
		publish(peer, inbound);
	else if (inbound->frame.kind == FRAME_CALL)
		call_start(peer, inbound);
	else
		call_reply(peer, inbound);
}

static void dispatch_other(struct peer *peer, const struct inbound *inbound)
{
	if (!inbound->speaker) {
		peer_end(peer, STATUS_INVALID_ARGUMENT, fault_of_source(peer));
		return;
	}
	switch (inbound->frame.kind) {
	case FRAME_CANCEL:
		call_cancel(peer, inbound);
		break;
	case FRAME_ABORT:
		abort_open(peer, inbound);
		break;
	case FRAME_END:
		call_stream_end(peer, inbound);
		break;
	case FRAME_WINDOW:
		call_stream_window(peer, inbound);
		break;
	case FRAME_ACK:
		publish_acked(peer, inbound);
		break;
	default:
		control(peer, inbound);
	}
}

static void dispatch(struct peer *peer, struct inbound *inbound)
{
	if (peer->uplink) {
		uplink_inbound(peer->uplink, inbound);
		return;
	}
	if (peer->state == PEER_GREETING &&
	    inbound->frame.kind != FRAME_HELLO) {
		peer_end(peer, STATUS_FAILED_PRECONDITION,
			 "the first frame is not HELLO");
		return;
	}
	if (inbound->frame.kind <= FRAME_REPLY && inbound->frame.kind)
		route_message(peer, inbound);
	else if (inbound->frame.kind == FRAME_NEXT)
		call_stream_next(peer, inbound);
	else
		dispatch_other(peer, inbound);
}

static void dispatch_all(struct peer *peer, struct batch *batch)
{
	for (size_t i = 0; i < batch->n_frames && peer->state != PEER_ENDED;
	     i++) {
		peer->stats.n_frames_in++;
		dispatch(peer, &batch->frames[i]);
	}
}

static void end_badly(struct peer *peer, int r)
{
	if (r == -ENOMEM)
		peer_end(peer, STATUS_RESOURCE_EXHAUSTED,
			 "out of memory for a frame");
	else
		peer_end(peer, STATUS_INVALID_ARGUMENT, frame_error_text(r));
}

/* The host is always heard, or both sides might wait for each other. */
static bool is_deaf(const struct peer *peer)
{
	return peer->is_held || (!peer->uplink && peer_is_choked(peer));
}

/* Returns whether there may be more. */
static bool read_batch(struct peer *peer)
{
	struct batch batch;
	int r;

	r = fill_batch(peer, &batch);
	dispatch_all(peer, &batch);
	if (peer->state == PEER_ENDED)
		return false;
	channel_consume(peer->channel, batch.n_bytes);
	if (r && r != FRAME_E_INCOMPLETE)
		end_badly(peer, r);
	return !r && !is_deaf(peer);
}

static void end_of_channel(struct peer *peer, int r)
{
	if (peer->uplink)
		uplink_lost(peer->uplink, r, peer->channel->reason);
	if (r == -EPROTO)
		peer_end(peer, STATUS_INVALID_ARGUMENT, peer->channel->reason);
	else
		peer_end(peer, STATUS_UNAVAILABLE, "the peer is gone");
}

bool inbound_is_owed(const struct peer *peer)
{
	return peer->was_deaf && !is_deaf(peer);
}

bool inbound_read(struct peer *peer)
{
	size_t n_start = peer->channel->n_consumed;
	bool was_heard = false;
	int r;

	/* One that is not heard is looked at: it may be gone. */
	r = channel_refill(peer->channel);
	if (r < 0) {
		end_of_channel(peer, r);
		return true;
	}
	peer->was_deaf = is_deaf(peer);
	if (peer->was_deaf) {
		if (!peer->is_held)
			peer_watch_stall(peer);
		return false;
	}
	while (peer->channel->n_in) {
		size_t n_before = peer->channel->n_in;
		bool has_more = read_batch(peer);

		if (peer->state == PEER_ENDED)
			return true;
		was_heard |= peer->channel->n_in != n_before;
		if (!has_more ||
		    peer->channel->n_consumed - n_start > TURN_BYTES)
			break;
	}
	if (was_heard) {
		peer->heard_ns = peer->bus->now_ns;
		peer_mark_dirty(peer);
	}
	return was_heard;
}
