/* SPDX-License-Identifier: MIT */

#include "switch/bus.h"
#include "switch/call.h"
#include "switch/call_stream.h"
#include "switch/endpoint.h"
#include "switch/inbound.h"
#include "switch/message.h"
#include "switch/observe.h"
#include "switch/open.h"
#include "switch/peer.h"
#include "switch/quota.h"
#include "switch/slot.h"
#include "switch/waiting.h"

bool call_was_drawn(const struct peer *callee, uint64_t id)
{
	uint64_t n_drawn = callee->next_call;
	struct receiver *receiver;

	if (!(id & FRAME_SWITCH_DRAWN))
		return false;
	id &= ~FRAME_SWITCH_DRAWN;
	receiver = receiver_lookup(callee, (uint32_t)(id >> 32));
	/* A registration that is gone has left calls that are over. */
	if (!receiver)
		return true;
	/* A subscription may have its id meanwhile. */
	if (receiver->kind == RECEIVER_REGISTRATION)
		n_drawn = container_of(receiver, struct registration, receiver)
				  ->n_drawn;
	return (uint32_t)id < n_drawn;
}

/* The call is over, but its reply has only begun. */
static void swallow(struct peer *callee, const struct inbound *inbound)
{
	struct open *open;

	if (!frame_is_whole(&inbound->frame))
		(void)open_begin(inbound->speaker, &inbound->frame, NULL, 0,
				 &open);
}

static void end_early(struct slot *slot, const char *text)
{
	call_fail(slot, STATUS_RESOURCE_EXHAUSTED, text);
	slot_free(slot);
}

/*
 * Only the service speaks here: the bus's words are the switch's alone, and
 * those of a leaf, which is a switch to what is below it.
 */
static void forward_reply(const struct speaker *callee,
			  const struct inbound *inbound,
			  struct message *ret_message)
{
	struct inbound copy;

	if (!(inbound->frame.flags & FRAME_EXTENDED) || callee->peer->leaf) {
		inbound_forward(inbound, callee, FRAME_REPLY, ret_message);
		return;
	}
	copy.frame = inbound->frame;
	copy.frame.origin = ORIGIN_SERVICE;
	copy.frame.handed_over = 1;
	copy.tail = inbound->tail;
	copy.n_tail = inbound->n_tail;
	inbound_forward(&copy, callee, FRAME_REPLY, ret_message);
}

/* The host says who speaks: a service, or the bus. */
static void forward_from_host(const struct inbound *inbound,
			      struct message *ret_message)
{
	inbound_forward(inbound, inbound->speaker, FRAME_REPLY, ret_message);
	if (inbound->frame.source)
		return;
	ret_message->source = NULL;
	ret_message->frame.source = 0;
}

static void pass_reply(struct slot *slot, const struct message *message)
{
	peer_introduce(slot->caller, message->source);
	peer_send_message(slot->caller, message, slot->caller_id);
}

/* Returns 0, or 1 when the call was ended instead. */
static int check_room(struct slot *slot, const struct inbound *inbound)
{
	uint64_t n = frame_is_whole(&inbound->frame)
			     ? inbound_body_bytes(inbound)
			     : inbound->frame.total_bytes;

	if (n > slot->room_bytes)
		end_early(slot, "the reply is longer than the caller's room");
	else if (outbox_bytes(&slot->caller->outbox) + n >
		 CALL_UNREAD_MAX_BYTES)
		end_early(slot, "the caller does not take its replies");
	else
		return 0;
	return 1;
}

/*
 * The rest of a reply does not come, says a switch in its place; a server has
 * ABORT for that. Returns NULL, or what is wrong.
 */
static const char *replace_begun(struct peer *callee,
				 const struct inbound *inbound,
				 struct slot *slot)
{
	if ((!callee->leaf && !callee->uplink) ||
	    !frame_is_whole(&inbound->frame) ||
	    inbound->frame.status == STATUS_OK)
		return "a second reply to a call";
	open_free(slot->reply);
	return NULL;
}

/* What is wrong with the reply beside what came before it, or NULL. */
static const char *fault_of_reply(struct peer *callee,
				  const struct inbound *inbound,
				  struct slot *slot)
{
	const char *fault = NULL;

	if (slot->reply)
		fault = replace_begun(callee, inbound, slot);
	if (!fault && slot->stream)
		fault = call_stream_close(slot->stream,
					  inbound->frame.status == STATUS_OK);
	return fault;
}

void call_reply(struct peer *callee, const struct inbound *inbound)
{
	uint64_t id = inbound->frame.correlation;
	struct slot *slot = slot_lookup_taken(callee, id);
	const char *fault;
	struct message message;
	struct open *open;

	if (!slot && !callee->uplink && !call_was_drawn(callee, id)) {
		peer_end(callee, STATUS_INVALID_ARGUMENT,
			 "a reply to a call that it never had");
		return;
	}
	fault = slot && slot->kind == SLOT_CALL
			? fault_of_reply(callee, inbound, slot)
			: NULL;
	if (fault) {
		peer_end(callee, STATUS_INVALID_ARGUMENT, fault);
		return;
	}
	if (!slot || slot->kind != SLOT_CALL || check_room(slot, inbound)) {
		swallow(callee, inbound);
		return;
	}
	callee->bus->stats.n_replies++;
	slot->callee->speaker->stats.n_calls_served++;
	slot->callee->n_failed += inbound->frame.status != STATUS_OK;
	if (callee->uplink)
		forward_from_host(inbound, &message);
	else
		forward_reply(slot->callee->speaker, inbound, &message);
	if (slot->observation) {
		message_settle(&message, callee->bus->scratch);
		observe_reply(slot, inbound, &message);
	}
	if (frame_is_whole(&inbound->frame)) {
		pass_reply(slot, &message);
		slot_free(slot);
		return;
	}
	if (open_begin(callee->uplink ? inbound->speaker
				      : slot->callee->speaker,
		       &inbound->frame, NULL, 0, &open))
		return;
	open->slot = slot;
	slot->reply = open;
	pass_reply(slot, &message);
}

void call_drop(struct slot *slot)
{
	struct frame cancel = { .kind = FRAME_CANCEL,
				.correlation = slot->callee_id };

	if (slot->callee)
		peer_send(slot->callee->peer, &cancel, NULL, 0);
	if (slot->observation)
		observe_end(slot, STATUS_CANCELLED, "");
}

void call_cancel(struct peer *caller, const struct inbound *inbound)
{
	struct slot *slot =
		slot_lookup_made(caller, inbound->frame.correlation);

	/* If not, it was answered meanwhile. */
	if (slot && slot->kind == SLOT_CALL)
		slot_drop(slot);
}

void call_continue(struct open *open, const struct message *message)
{
	struct slot *slot = open->slot;
	struct message settled;

	if (slot->stream)
		call_stream_touch(slot->stream);
	if (slot->observation) {
		settled = *message;
		message_settle(&settled, slot->bus->scratch);
		observe_continue(slot, &settled);
		message = &settled;
	}
	if (open->kind == FRAME_REPLY) {
		pass_reply(slot, message);
		if (message->flags & FRAME_LAST)
			slot_free(slot);
	} else if (slot->callee) {
		peer_send_message(slot->callee->peer, message, slot->callee_id);
	} else if (waiting_append(slot, message)) {
		end_early(slot, "no room to wait for a server");
	}
}

void call_abort(struct open *open)
{
	struct slot *slot = open->slot;
	bool is_reply = open->kind == FRAME_REPLY;

	call_fail(slot, is_reply ? STATUS_UNAVAILABLE : STATUS_CANCELLED,
		  is_reply ? "the reply was not finished"
			   : "the call was not finished");
	slot_free(slot);
}
