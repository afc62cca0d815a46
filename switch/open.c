/* SPDX-License-Identifier: MIT */

#include "switch/open.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "switch/bus.h"
#include "switch/call.h"
#include "switch/inbound.h"
#include "switch/message.h"
#include "switch/peer.h"
#include "switch/quota.h"
#include "switch/slot.h"
#include "switch/subscription.h"
#include "switch/upward.h"

enum {
	/* A fragment with less than this is small... */
	SMALL_BYTES = 512,
	/* ...and one in so many bytes of a message may be, and a few more. */
	BYTES_PER_SMALL = 256,
	N_SMALL_SPARE = 64,
};

static void on_pause(struct timer *timer, uint64_t now_ns)
{
	struct open *open = container_of(timer, struct open, timer);

	peer_end(open->sender, STATUS_DEADLINE_EXCEEDED,
		 "a message was begun and not finished in time");
}

static void expect_next(struct open *open)
{
	struct bus *bus = open->sender->bus;

	/* Whom the host speaks for, the host itself waits for. */
	if (open->sender->uplink)
		return;
	wheel_add(&bus->wheel, &open->timer,
		  bus->now_ns + bus->limits.fragment_ms * NS_PER_MS);
}

static int open_new(struct speaker *speaker, const struct frame *frame,
		    const char *subject, size_t n_targets,
		    struct open **ret_open)
{
	size_t n_subject = subject ? frame->n_subject : 0;
	struct peer *sender = speaker->peer;
	struct open *open;

	if (!sender->uplink &&
	    sender->open.n_nodes >= sender->bus->limits.open_messages_max)
		return -EMFILE;
	if (account_charge(speaker->account, RESOURCE_OPEN_MESSAGES, 1))
		return -EDQUOT;
	open = malloc(sizeof(*open) + n_targets * sizeof(struct open_target) +
		      n_subject);
	if (!open) {
		account_discharge(speaker->account, RESOURCE_OPEN_MESSAGES, 1);
		return -ENOMEM;
	}
	*open = (struct open){
		.sender = sender,
		.speaker = speaker,
		.correlation = frame->correlation,
		.kind = frame->kind,
		.n_hops = frame->hops,
		.n_left = frame->total_bytes - frame_body_bytes(frame),
		.n_small = N_SMALL_SPARE + frame->total_bytes / BYTES_PER_SMALL,
	};
	if (subject) {
		open->n_subject = n_subject;
		open->subject =
			memcpy(&open->targets[n_targets], subject, n_subject);
	}
	timer_init(&open->timer, on_pause);
	list_init(&open->speaker_link);
	speaker_keep(speaker, &speaker->open, &open->speaker_link);
	map_add(&sender->open, &open->node, map_hash_u64(frame->correlation));
	expect_next(open);
	*ret_open = open;
	return 0;
}

int open_begin(struct speaker *speaker, const struct frame *frame,
	       const char *subject, size_t n_targets, struct open **ret_open)
{
	int r = open_new(speaker, frame, subject, n_targets, ret_open);
	struct peer *sender = speaker->peer;
	char text[400];

	if (r == -EMFILE) {
		peer_limit_text("open_messages_max", sender->open.n_nodes,
				sender->bus->limits.open_messages_max, text,
				sizeof(text));
		peer_end_saying(sender, STATUS_RESOURCE_EXHAUSTED,
				"too many messages are begun on a channel",
				text);
	} else if (r == -EDQUOT) {
		account_full_text(speaker->account, RESOURCE_OPEN_MESSAGES,
				  text, sizeof(text));
		peer_end_saying(sender, STATUS_RESOURCE_EXHAUSTED,
				"too many messages are begun by an owner",
				text);
	} else if (r < 0) {
		peer_end(sender, STATUS_RESOURCE_EXHAUSTED, "out of memory");
	}
	return r < 0;
}

void open_free(struct open *open)
{
	for (size_t i = 0; i < open->n_targets; i++)
		list_unlink(&open->targets[i].link);
	if (open->slot && open->slot->request == open)
		open->slot->request = NULL;
	if (open->slot && open->slot->reply == open)
		open->slot->reply = NULL;
	upward_forget(open);
	timer_remove(&open->timer);
	list_unlink(&open->speaker_link);
	map_remove(&open->sender->open, &open->node);
	account_discharge(open->speaker->account, RESOURCE_OPEN_MESSAGES, 1);
	free(open);
}

struct open *open_lookup(const struct peer *sender, uint64_t correlation)
{
	struct map_node *node =
		map_lookup(&sender->open, map_hash_u64(correlation));

	for (; node; node = map_next(node)) {
		struct open *open = container_of(node, struct open, node);

		if (open->correlation == correlation)
			return open;
	}
	return NULL;
}

/* One receiver may read from the sender's memory; several must not. */
static void pass_to_targets(struct open *open, struct message *message)
{
	if (open->n_targets + (open->up_id != 0) > 1)
		message_settle(message, open->sender->bus->scratch);
	for (size_t i = 0; i < open->n_targets; i++)
		if (open->targets[i].subscription)
			open_target_continue(&open->targets[i], message);
	if (open->up_id)
		upward_continue(open, message);
}

static const char *fault_of(const struct open *open,
			    const struct inbound *inbound)
{
	size_t n = inbound_body_bytes(inbound);
	bool is_last = inbound->frame.flags & FRAME_LAST;

	if (!open || open->kind != inbound->frame.kind)
		return "a fragment of a message that was not begun";
	if (inbound->frame.n_subject || inbound->frame.n_metadata)
		return "a later fragment with a subject or metadata";
	if (n > open->n_left)
		return "fragments exceed the total length";
	if (is_last != (n == open->n_left))
		return "the last fragment is not where the total length ends";
	if (n < SMALL_BYTES && !open->n_small)
		return "a message in too many small fragments";
	return NULL;
}

int open_continue(struct peer *sender, const struct inbound *inbound,
		  const char **ret_reason)
{
	struct open *open = open_lookup(sender, inbound->frame.correlation);
	const char *fault = fault_of(open, inbound);
	struct message message;

	if (fault) {
		*ret_reason = fault;
		return 1;
	}
	inbound_forward(inbound, open->speaker, open->kind, &message);
	message.frame.hops = open->n_hops;
	open->n_left -= message.n_body;
	if (message.n_body < SMALL_BYTES)
		open->n_small--;
	if (open->kind == FRAME_MESSAGE)
		pass_to_targets(open, &message);
	else if (open->slot)
		call_continue(open, &message);
	if (inbound->frame.flags & FRAME_LAST)
		open_free(open);
	else
		expect_next(open);
	return 0;
}

/* Tell all who have its beginning; nobody gets the rest. */
static void abort_targets(struct open *open)
{
	for (size_t i = 0; i < open->n_targets; i++)
		if (open->targets[i].subscription)
			open_target_abort(&open->targets[i],
					  "the sender did not finish it");
	open->n_targets = 0;
}

void open_abort(struct open *open)
{
	abort_targets(open);
	if (open->up_id)
		upward_abort(open);
	if (open->slot)
		call_abort(open);
	open_free(open);
}

/* Of a publish that waits for the log, REFUSED is the answer. */
static void refuse_message(struct open *open, const char *text)
{
	struct peer *sender = open->sender;
	struct slot *stored = slot_lookup_made(sender, open->correlation);

	abort_targets(open);
	if (open->up_id)
		upward_abort(open);
	if (stored)
		slot_free(stored);
	open->speaker->stats.n_refused++;
	sender->bus->stats.n_refused++;
	peer_send_status(sender, FRAME_REFUSED, open->correlation,
			 STATUS_PERMISSION_DENIED, text);
}

void open_judge(struct open *open)
{
	const char *subject = open->subject;
	struct slot *slot = open->slot;
	char text[900];

	if (!subject)
		return;
	if (open->kind == FRAME_MESSAGE) {
		if (speaker_may(open->speaker, VERB_PUBLISH, subject,
				open->n_subject, text, sizeof(text)))
			return;
		refuse_message(open, text);
	} else {
		if (!slot ||
		    call_is_allowed(open->speaker, subject, open->n_subject,
				    text, sizeof(text)))
			return;
		call_fail(slot, STATUS_PERMISSION_DENIED, text);
		slot_free(slot);
	}
	/* The rest is taken and lost. */
	open->subject = NULL;
}

void open_lose_slot(struct open *open)
{
	if (open)
		open->slot = NULL;
}
