/* SPDX-License-Identifier: MIT */

#include "switch/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "proto/subject.h"
#include "switch/bind.h"
#include "switch/bus.h"
#include "switch/call_stream.h"
#include "switch/callee.h"
#include "switch/choice.h"
#include "switch/endpoint.h"
#include "switch/envoy.h"
#include "switch/inbound.h"
#include "switch/message.h"
#include "switch/observe.h"
#include "switch/open.h"
#include "switch/peer.h"
#include "switch/quota.h"
#include "switch/schema.h"
#include "switch/slot.h"
#include "switch/uplink.h"
#include "switch/upward.h"
#include "switch/waiting.h"

enum { TEXT_BYTES = 900 };

static void reply_by_bus(struct peer *caller, uint64_t id, enum status status,
			 const char *text, bool is_handed_over)
{
	struct frame frame = {
		.kind = FRAME_REPLY,
		.flags = FRAME_WHOLE | FRAME_EXTENDED,
		.correlation = id,
		.status = (uint16_t)status,
		.origin = ORIGIN_BUS,
		.handed_over = is_handed_over,
	};

	peer_send(caller, &frame, text, strlen(text));
}

void call_fail(struct slot *slot, enum status status, const char *text)
{
	struct frame cancel = { .kind = FRAME_CANCEL,
				.correlation = slot->callee_id };

	if (slot->callee) {
		peer_send(slot->callee->peer, &cancel, NULL, 0);
		slot->callee->n_failed++;
	}
	slot->bus->stats.n_calls_failed++;
	if (slot->observation)
		observe_end(slot, status, text);
	reply_by_bus(slot->caller, slot->caller_id, status, text,
		     slot->callee != NULL);
}

bool call_is_allowed(const struct speaker *caller, const char *subject,
		     size_t n, char *text, size_t n_text)
{
	subject = callee_subject(subject, &n);
	return speaker_may(caller, VERB_CALL, subject, n, text, n_text);
}

void call_judge(struct slot *slot)
{
	const struct call_stream *stream = slot->stream;
	const char *subject;
	char text[900];
	size_t n;

	/* What the host hands to a leaf, the host judges. */
	if (slot->caller->uplink)
		return;
	if (slot->waits_at || slot->awaits_registry) {
		subject = waiting_subject(slot, &n);
	} else if (stream) {
		subject = stream->subject;
		n = stream->n_subject;
	} else {
		return;
	}
	if (call_is_allowed(slot->speaker, subject, n, text, sizeof(text)))
		return;
	call_fail(slot, STATUS_PERMISSION_DENIED, text);
	slot_free(slot);
}

/* Credit is taken for all fragments at once, so that none has to wait. */
uint64_t call_cost(const struct inbound *inbound)
{
	uint64_t n = inbound->frame.length;

	if (!frame_is_whole(&inbound->frame))
		n += inbound->frame.total_bytes - inbound_body_bytes(inbound);
	return n;
}

static void hand_over(struct slot *slot, struct registration *registration,
		      const struct message *message, uint64_t n_bytes)
{
	struct receiver *receiver = &registration->receiver;

	slot_hand_over(slot, receiver, registration_draw(registration),
		       &registration->slots);
	peer_introduce(receiver->peer, slot->speaker->source);
	peer_send_message(receiver->peer, message, slot->callee_id);
	receiver_spend(receiver, 1, n_bytes);
}

static void fail_held(struct slot *slot)
{
	call_fail(slot, STATUS_RESOURCE_EXHAUSTED,
		  "no room to wait for a server");
	slot_free(slot);
}

/* The host has chosen the server, whose credit it cannot know exactly. */
static void hold_for(struct slot *slot, const struct inbound *inbound,
		     const struct message *message,
		     struct registration *registration)
{
	if (waiting_add_for(slot, registration, call_cost(inbound), message))
		fail_held(slot);
}

static bool is_stream(const struct frame *call)
{
	return call->flags & (FRAME_MORE | FRAME_STREAM);
}

/* A stream lives as long as it likes, or as its caller says. */
static uint32_t time_left(const struct bus *bus, const struct frame *call)
{
	uint32_t ms = call->time_left_ms;

	if (is_stream(call))
		return ms;
	if (!ms)
		ms = SLOT_DEFAULT_MS;
	return ms < bus->limits.deadline_max_ms ? ms
						: bus->limits.deadline_max_ms;
}

/* Returns 0 and the slot, or 1 when the caller has been told why not. */
static int open_slot(struct peer *caller, const struct inbound *inbound,
		     struct slot **ret_slot)
{
	struct bus *bus = caller->bus;
	uint64_t id = inbound->frame.correlation;
	uint32_t time_left_ms = time_left(bus, &inbound->frame);
	struct slot *slot;
	char text[400];
	int r;

	r = slot_new(bus, SLOT_CALL, inbound->speaker, id, &slot);
	if (!r && is_stream(&inbound->frame)) {
		r = call_stream_new(slot, inbound);
		if (r < 0)
			slot_free(slot);
	}
	if (r < 0) {
		slot_refused_text(inbound->speaker, r, text, sizeof(text));
		reply_by_bus(caller, id, STATUS_RESOURCE_EXHAUSTED, text,
			     false);
		return 1;
	}
	slot->schema = schema_ref(inbound->schema);
	slot->may_wait = inbound->frame.flags & FRAME_WAIT;
	slot->room_bytes = caller->message_max;
	if (inbound->frame.room_kib && !(inbound->frame.flags & FRAME_STREAM))
		slot->room_bytes = inbound->frame.room_kib * UINT64_C(1024);
	if (slot->room_bytes > bus->limits.message_max_bytes)
		slot->room_bytes = bus->limits.message_max_bytes;
	if (time_left_ms)
		wheel_add(&bus->wheel, &slot->timer,
			  bus->now_ns + time_left_ms * NS_PER_MS);
	*ret_slot = slot;
	return 0;
}

/* What goes to the callee, who is told of the deadline that is enforced. */
static void forward_call(struct peer *caller, const struct inbound *inbound,
			 struct message *ret_message)
{
	inbound_forward(inbound, inbound->speaker, FRAME_CALL, ret_message);
	ret_message->frame.time_left_ms =
		time_left(caller->bus, &inbound->frame);
	if (!is_stream(&inbound->frame))
		return;
	ret_message->frame.flags |= inbound->frame.flags & FRAME_MORE;
	ret_message->flags = ret_message->frame.flags;
}

/* Later fragments of a call whose first went nowhere are taken and lost. */
static int begin(struct peer *caller, const struct inbound *inbound,
		 struct slot *slot)
{
	struct open *open;

	if (frame_is_whole(&inbound->frame))
		return 0;
	if (open_begin(inbound->speaker, &inbound->frame,
		       slot ? inbound->subject : NULL, 0, &open))
		return 1;
	if (slot) {
		open->slot = slot;
		slot->request = open;
	}
	return 0;
}

static int check_length(const struct peer *caller,
			const struct inbound *inbound, char *text,
			size_t n_text)
{
	if (frame_is_whole(&inbound->frame) ||
	    inbound->frame.total_bytes <= caller->bus->limits.message_max_bytes)
		return STATUS_OK;
	snprintf(text, n_text, "the call is longer than message_max");
	return STATUS_INVALID_ARGUMENT;
}

/* Whether it has come down from the host, or goes up to it. */
static bool crosses(const struct peer *caller, const struct inbound *inbound,
		    int r)
{
	return caller->uplink || upward_takes_call(caller->bus, inbound, r);
}

/* Who observes it is told by the host. */
static void cross(struct peer *caller, const struct inbound *inbound,
		  struct slot *slot, const struct message *message,
		  const struct wish *wish, int r, const char *text)
{
	if (caller->uplink && r != STATUS_OK &&
	    r != STATUS_RESOURCE_EXHAUSTED) {
		(void)begin(caller, inbound, NULL);
		call_fail(slot, (enum status)r, text);
		slot_free(slot);
		return;
	}
	if (begin(caller, inbound, slot))
		return;
	if (!caller->uplink)
		upward_call(caller->bus->uplink, slot, inbound, message);
	else if (!r)
		hand_over(slot, wish->registration, message,
			  call_cost(inbound));
	else
		hold_for(slot, inbound, message, wish->registration);
}

/* Have it wait for what `r` says, or end it. */
static void wait_or_fail(struct slot *slot, const struct wish *wish, int r,
			 struct verdict *verdict, const char *text)
{
	if (!choice_wait(slot, wish, r, verdict))
		return;
	call_fail(slot, choice_status(r), text);
	slot_free(slot);
}

/* Whether it may have to be held, of which choice_wait() has the last word. */
static bool may_be_held(const struct slot *slot, const struct wish *wish, int r)
{
	if (wish->registration)
		return false;
	return r == CHOICE_ASKED ||
	       (slot->may_wait &&
		(r == CHOICE_AWAY || r == STATUS_UNAVAILABLE ||
		 r == STATUS_RESOURCE_EXHAUSTED));
}

void call_resume(struct slot *slot)
{
	struct wish wish = {
		.speaker = slot->speaker,
		.schema = slot->schema,
		.demand.n_bytes = slot->cost_bytes,
		.demand.n_hops = slot->held[FRAME_AT_HOPS],
	};
	struct registration *registration;
	struct verdict *verdict = NULL;
	char subject[SUBJECT_MAX_BYTES + 1];
	char text[900];
	int r;

	wish.subject = waiting_subject(slot, &wish.n_subject);
	memcpy(subject, wish.subject, wish.n_subject);
	subject[wish.n_subject] = '\0';
	wish.subject = subject;
	slot->awaits_registry = false;
	wish.endpoint = endpoint_lookup(slot->bus, subject, wish.n_subject);
	r = choice_make(&wish, &registration, &verdict, text, sizeof(text));
	if (!r)
		waiting_release(slot, registration);
	else
		wait_or_fail(slot, &wish, r, verdict, text);
}

/* Returns a status or CHOICE_*: to whom it goes, or why to nobody. */
static int decide(struct peer *caller, const struct inbound *inbound,
		  struct wish *wish, struct registration **ret_registration,
		  struct verdict **ret_verdict, char text[TEXT_BYTES])
{
	int r = STATUS_OK;

	if (inbound->frame.handle)
		r = bind_fault(caller, inbound, text, TEXT_BYTES);
	if (!r)
		r = check_length(caller, inbound, text, TEXT_BYTES);
	if (!r)
		r = callee_find(caller, inbound, wish, text, TEXT_BYTES);
	if (r)
		return r;
	wish->demand.n_bytes = call_cost(inbound);
	wish->demand.n_hops = inbound->frame.hops;
	return choice_make(wish, ret_registration, ret_verdict, text,
			   TEXT_BYTES);
}

static void go_on(struct peer *caller, const struct inbound *inbound,
		  struct slot *slot, const struct message *message,
		  struct registration *registration)
{
	if (!begin(caller, inbound, slot))
		hand_over(slot, registration, message, call_cost(inbound));
}

static void go_nowhere(struct peer *caller, const struct inbound *inbound,
		       struct slot *slot, int r, const char *text)
{
	(void)begin(caller, inbound, NULL);
	call_fail(slot, choice_status(r), text);
	slot_free(slot);
}

void call_start(struct peer *caller, const struct inbound *inbound)
{
	struct bus *bus = caller->bus;
	struct wish wish = {
		.speaker = inbound->speaker,
		.subject = inbound->subject,
		.n_subject = inbound->frame.n_subject,
		.schema = inbound->schema,
	};
	struct registration *registration = NULL;
	struct verdict *verdict = NULL;
	struct message message;
	struct slot *slot;
	char text[TEXT_BYTES];
	int r;

	bus->stats.n_calls++;
	inbound->speaker->stats.n_calls++;
	if (open_slot(caller, inbound, &slot)) {
		(void)begin(caller, inbound, NULL);
		return;
	}
	r = decide(caller, inbound, &wish, &registration, &verdict, text);
	forward_call(caller, inbound, &message);
	if (bus->uplink && crosses(caller, inbound, r)) {
		cross(caller, inbound, slot, &message, &wish, r, text);
		return;
	}
	if (!r)
		message.frame.hops =
			(uint8_t)(message.frame.hops +
				  registration->receiver.peer->n_hops);
	if (bus->observers.n_targets) {
		message_settle(&message, bus->scratch);
		observe_call(slot, inbound, &message, registration);
	}
	if (!r)
		go_on(caller, inbound, slot, &message, registration);
	else if (!may_be_held(slot, &wish, r))
		go_nowhere(caller, inbound, slot, r, text);
	else if (begin(caller, inbound, slot))
		return;
	else if (waiting_keep(slot, call_cost(inbound), &message))
		fail_held(slot);
	else
		wait_or_fail(slot, &wish, r, verdict, text);
}
