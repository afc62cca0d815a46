/* SPDX-License-Identifier: MIT */

#include "rpc/turn.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "proto/unpack.h"
#include "rpc/ack.h"
#include "rpc/client.h"
#include "rpc/incoming.h"
#include "rpc/service.h"
#include "rpc/session.h"
#include "rpc/subscription.h"

enum {
	PASSES_PER_TURN = 8,
	PING_MAX_BYTES = 64,
	GAP_BYTES = 16,
	PEER_MAX_BYTES = 1024,
	PEER_ARENA_BYTES = 4096,
};

static void take_ping(struct helio *bus, const struct frame *ping,
		      const uint8_t *body)
{
	uint8_t bytes[FRAME_HEADER_BYTES + PING_MAX_BYTES];
	struct frame pong = {
		.kind = FRAME_PONG,
		.correlation = ping->correlation,
	};
	size_t n = frame_body_bytes(ping);

	if (n > PING_MAX_BYTES) {
		client_violation(bus, "a long PING");
		return;
	}
	frame_set_body(&pong, n);
	memcpy(bytes + frame_encode(&pong, bytes), body, n);
	outbox_send_small(bus, bytes, pong.length);
}

static const char *gap_reason(uint32_t reason)
{
	static const char *const reasons[] = { "unknown", "overflow", "aborted",
					       "uplink" };

	return reasons[reason < 4 ? reason : 0];
}

static void take_gap(struct helio *bus, const struct frame *frame,
		     const uint8_t *body)
{
	struct registration *registration;
	uint8_t gap[GAP_BYTES];

	if (frame_body_bytes(frame) != GAP_BYTES) {
		client_violation(bus, "GAP of a bad length");
		return;
	}
	memcpy(gap, body, GAP_BYTES);
	registration = registration_lookup(&bus->registrations, le32_load(gap));
	if (!registration || registration->is_service) {
		client_violation(bus, "GAP of no subscription");
		return;
	}
	helio_subscription_gap(registration, le64_load(gap + 8),
			       gap_reason(le32_load(gap + 4)));
}

/* Unpack a small control message; NULL when it is none. */
static const ProtobufCMessage *unpack_small(
	const ProtobufCMessageDescriptor *descriptor, const struct frame *frame,
	const uint8_t *body, uint8_t memory[PEER_ARENA_BYTES])
{
	struct unpack_arena arena = {
		.bytes = memory,
		.n_bytes = PEER_ARENA_BYTES,
	};
	uint8_t copy[PEER_MAX_BYTES];
	size_t n = frame_body_bytes(frame);
	ProtobufCMessage *message;

	if (n > sizeof(copy))
		return NULL;
	memcpy(copy, body, n);
	if (unpack(descriptor, copy, n, &arena, &message))
		return NULL;
	return message;
}

static void take_peer(struct helio *bus, const struct frame *frame,
		      const uint8_t *body)
{
	_Alignas(16) uint8_t memory[PEER_ARENA_BYTES];
	const Helio__Bus__V1__Peer *peer;
	int r = -EPROTO;

	peer = (const Helio__Bus__V1__Peer *)unpack_small(
		&helio__bus__v1__peer__descriptor, frame, body, memory);
	if (peer && peer->principal &&
	    strlen(peer->principal) <= PRINCIPAL_MAX_BYTES &&
	    (!peer->durable_id ||
	     strlen(peer->durable_id) <= PRINCIPAL_MAX_BYTES))
		r = handles_add(&bus->handles, peer->handle, peer->incarnation,
				peer->principal,
				peer->durable_id ? peer->durable_id : "");
	if (r == -ENOMEM)
		client_fail(bus, r, "no memory");
	else if (r < 0)
		client_violation(bus, "a bad PEER");
}

static void take_forget(struct helio *bus, const struct frame *frame,
			const uint8_t *body)
{
	_Alignas(16) uint8_t memory[PEER_ARENA_BYTES];
	const Helio__Bus__V1__Forget *forget;

	forget = (const Helio__Bus__V1__Forget *)unpack_small(
		&helio__bus__v1__forget__descriptor, frame, body, memory);
	if (!forget || handles_remove(&bus->handles, forget->handle) < 0)
		client_violation(bus, "a bad FORGET");
}

static void take_refused(struct helio *bus, const struct frame *frame,
			 const uint8_t *body)
{
	char reason[INCOMING_TEXT_MAX_BYTES + 1];

	incoming_text(body, frame_body_bytes(frame), reason);
	acks_refuse(bus, frame, reason);
}

/* What a client never gets, and what nobody knows. */
static void take_other(struct helio *bus, const struct frame *frame)
{
	bool is_known = strcmp(frame_kind_name(frame->kind), "unknown") != 0;

	if (is_known || !(frame->flags & FRAME_IGNORABLE))
		client_violation(bus, "a kind of frame that is not for us");
}

static void take_control(struct helio *bus, const struct frame *frame,
			 const uint8_t *bytes)
{
	const uint8_t *body = bytes + frame_body_offset(frame);

	switch (frame->kind) {
	case FRAME_CANCEL:
		incoming_cancel(bus, frame);
		break;
	case FRAME_ABORT:
		incoming_abort(bus, frame);
		break;
	case FRAME_ACK:
		acks_take(bus, frame, bytes);
		break;
	case FRAME_END:
		flow_take_end(bus, frame);
		break;
	case FRAME_WINDOW:
		flow_take_window(bus, frame, body);
		break;
	case FRAME_REFUSED:
		take_refused(bus, frame, body);
		break;
	case FRAME_WELCOME:
		session_welcome(bus, frame, body);
		break;
	case FRAME_GOODBYE:
		session_part(bus, frame, body);
		break;
	case FRAME_RESULT:
		inquiry_answer(bus, frame, body);
		break;
	case FRAME_GAP:
		take_gap(bus, frame, body);
		break;
	case FRAME_PEER:
		take_peer(bus, frame, body);
		break;
	case FRAME_FORGET:
		take_forget(bus, frame, body);
		break;
	case FRAME_PING:
		take_ping(bus, frame, body);
		break;
	case FRAME_PONG:
		break;
	default:
		take_other(bus, frame);
	}
}

static void take_frame(struct helio *bus, const struct frame *frame,
		       const uint8_t *bytes)
{
	switch (frame->kind) {
	case FRAME_MESSAGE:
	case FRAME_CALL:
	case FRAME_REPLY:
	case FRAME_OBSERVED_CALL:
	case FRAME_OBSERVED_REPLY:
		incoming_take(bus, frame, bytes);
		break;
	case FRAME_NEXT:
		flow_take_next(bus, frame, bytes);
		break;
	default:
		take_control(bus, frame, bytes);
	}
}

/* Long windows are given back, and long answers sent, before the end. */
static void flush_if_much(struct helio *bus)
{
	struct channel *channel = bus->channel;

	if (channel->n_committed < bus->flush_bytes &&
	    channel->n_consumed < channel->n_in_max / 2)
		return;
	if (channel_flush(channel) < 0)
		client_fail(bus, -EPIPE, "the channel is gone");
}

static int take_window(struct helio *bus, int n_max)
{
	struct channel *channel = bus->channel;
	int n = 0;

	while (n < n_max && !bus->fault) {
		struct frame frame;
		const uint8_t *bytes;
		size_t n_used;
		int r;

		r = frame_reader_next(&bus->reader, channel->in, channel->n_in,
				      channel->n_in_max, &n_used, &frame,
				      &bytes);
		if (!r)
			take_frame(bus, &frame, bytes);
		else if (r == -ENOMEM)
			client_fail(bus, r, "no memory");
		else if (r != FRAME_E_INCOMPLETE)
			client_violation(bus, frame_error_text(r));
		if (bus->fault)
			break;
		channel_consume(channel, n_used);
		if (r)
			break;
		flush_if_much(bus);
		n++;
	}
	return n;
}

static void fail_channel(struct helio *bus, int r)
{
	const char *reason = bus->channel->reason;

	client_fail(bus, r, "%s",
		    r == -EPROTO && reason ? reason : strerror(-r));
}

static int take_frames(struct helio *bus, int n_max)
{
	int n = 0;

	while (n < n_max && !bus->fault) {
		int r = channel_refill(bus->channel);
		int n_taken;

		if (r < 0) {
			fail_channel(bus, r);
			break;
		}
		n_taken = take_window(bus, n_max - n);
		if (!n_taken)
			break;
		n += n_taken;
	}
	return n;
}

static void send_what_waits(struct helio *bus)
{
	registrations_give_credit(bus);
	outbox_pump(bus);
	flows_pump(bus);
	services_drained(bus);
}

/* Returns whether the program may sleep. */
static bool arm(struct helio *bus)
{
	bool for_room = bus->wants_room || outbox_is_waiting(&bus->outbox) ||
			!list_is_empty(&bus->registrations.owing) ||
			flows_are_waiting(bus);
	int r;

	bus->wants_room = false;
	r = channel_arm(bus->channel, for_room);
	if (r < 0)
		fail_channel(bus, r);
	bus->is_stirred |= r > 0;
	return !r;
}

static void flush(struct helio *bus)
{
	int r = channel_flush(bus->channel);

	if (r < 0)
		fail_channel(bus, r);
}

static int work(struct helio *bus, bool will_sleep)
{
	int n = 0;

	bus->is_armed = false;
	for (int pass = 0; pass < PASSES_PER_TURN && !bus->fault; pass++) {
		n += take_frames(bus, bus->turn_frames - n);
		if (bus->fault)
			break;
		send_what_waits(bus);
		if (bus->fault)
			break;
		/* There may be more in the window, of which no arm tells. */
		if (!will_sleep || n == bus->turn_frames) {
			flush(bus);
			break;
		}
		if (arm(bus)) {
			bus->is_armed = true;
			break;
		}
	}
	return n;
}

/* A program that only looks does without the system call. */
static void start_turn(struct helio *bus, bool will_sleep)
{
	bus->is_in_turn = true;
	bus->is_stirred = false;
	bus->now_ns = clock_now_ns();
	if (will_sleep && bus->poller.epoll_fd >= 0)
		(void)poller_dispatch(&bus->poller, 0);
	if (bus->phase == PHASE_WAITING && bus->transport &&
	    bus->now_ns >= bus->retry_at_ns)
		(void)session_connect(bus);
	deadlines_expire(&bus->deadlines, bus->now_ns);
}

static void end_turn(struct helio *bus)
{
	if (bus->fault && bus->channel)
		session_lose(bus);
	/* Who leaves does not wait for another connection. */
	if (!bus->channel)
		services_drained(bus);
	bus->is_in_turn = false;
	registrations_reap(bus);
}

int turn_run(struct helio *bus, bool will_sleep)
{
	int n = 0;

	if (bus->is_in_turn)
		return 0;
	start_turn(bus, will_sleep);
	if (bus->channel)
		n = work(bus, will_sleep);
	end_turn(bus);
	return !n && bus->phase == PHASE_CLOSED ? bus->fault : n;
}

int helio_dispatch(struct helio *bus)
{
	return turn_run(bus, true);
}
