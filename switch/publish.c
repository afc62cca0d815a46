/* SPDX-License-Identifier: MIT */

#include "switch/publish.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "proto/subject.h"
#include "switch/ack.h"
#include "switch/bus.h"
#include "switch/envoy.h"
#include "switch/group.h"
#include "switch/inbound.h"
#include "switch/message.h"
#include "switch/open.h"
#include "switch/peer.h"
#include "switch/policy.h"
#include "switch/quota.h"
#include "switch/slot.h"
#include "switch/subscription.h"
#include "switch/upward.h"

enum { SAMPLE_ONE_IN = 64, TEXT_BYTES = 400 };

/* Who got a message, for its sender. */
struct tally {
	uint32_t n_took;
	uint32_t n_full;
};

static void refuse(struct peer *peer, const struct inbound *inbound,
		   enum status status, const char *text)
{
	inbound->speaker->stats.n_refused++;
	peer->bus->stats.n_refused++;
	peer_send_status(peer, FRAME_REFUSED, inbound->frame.correlation,
			 status, text);
}

static void refuse_by_policy(struct peer *peer, const struct inbound *inbound)
{
	char text[900];

	if (!speaker_may(inbound->speaker, VERB_PUBLISH, inbound->subject,
			 inbound->frame.n_subject, text, sizeof(text)))
		refuse(peer, inbound, STATUS_PERMISSION_DENIED, text);
}

/* Ask the policy and the route table; their answer is kept. */
static const struct route *resolve(struct peer *peer,
				   const struct inbound *inbound)
{
	struct bus *bus = peer->bus;
	size_t n = inbound->frame.n_subject;
	struct audience *audience = NULL;
	struct policy_verdict verdict;

	if (!subject_is_valid(inbound->subject, n)) {
		refuse(peer, inbound, STATUS_INVALID_ARGUMENT,
		       "this is not a subject");
		return NULL;
	}
	if (*inbound->subject == '$') {
		refuse(peer, inbound, STATUS_PERMISSION_DENIED,
		       "subjects below $ are the switch's own");
		return NULL;
	}
	verdict = policy_judge(bus->policy, speaker_path(inbound->speaker),
			       VERB_PUBLISH, inbound->subject, n);
	if (verdict.is_allowed &&
	    route_match(&bus->routes, inbound->subject, n, &audience) < 0) {
		refuse(peer, inbound, STATUS_RESOURCE_EXHAUSTED,
		       "out of memory");
		return NULL;
	}
	return route_remember(&bus->routes, inbound->tag,
			      route_branch(&bus->routes, inbound->subject, n),
			      verdict.is_allowed, audience);
}

static struct subscription *pick(struct target *target,
				 const struct message *message)
{
	if (target->kind == TARGET_GROUP)
		return group_pick(container_of(target, struct group, target),
				  message);
	return container_of(target, struct subscription, target);
}

/* `open` is NULL when there are no fragments to come. */
static enum delivery deliver_to(struct target *target,
				const struct message *message,
				struct open *open,
				struct subscription **ret_sub,
				uint64_t *ret_correlation)
{
	struct subscription *sub = pick(target, message);
	struct open_target *place;

	*ret_sub = sub;
	if (!peer_is_there(sub->receiver.peer))
		return DELIVERY_FULL;
	if (!open)
		return subscription_deliver(sub, message, ret_correlation);
	place = &open->targets[open->n_targets];
	if (open_target_begin(place, sub, message) == DELIVERY_FULL)
		return DELIVERY_FULL;
	open->n_targets++;
	*ret_correlation = place->correlation;
	return DELIVERY_TAKEN;
}

/* What came by a leaf is not for those to whom the leaf gave it itself. */
static bool is_given(struct target *target, const struct peer *leaf)
{
	if (target->kind == TARGET_GROUP)
		return group_is_chosen_by(
			container_of(target, struct group, target), leaf);
	return target->is_crossing &&
	       container_of(target, struct subscription, target)
			       ->receiver.peer == leaf;
}

/*
 * `leaf` is that by which it came, or NULL; `open` and `stored` are NULL when
 * the message has no more of either.
 */
static inline struct tally deliver_from(struct bus *bus,
					const struct peer *leaf,
					const struct audience *audience,
					const struct message *message,
					struct open *open, struct slot *stored)
{
	struct tally tally = { 0 };

	for (size_t i = 0; i < audience->n_targets; i++) {
		struct target *target = audience->targets[i];
		struct subscription *sub;
		uint64_t correlation;

		if (leaf && is_given(target, leaf))
			continue;
		if (deliver_to(target, message, open, &sub, &correlation) ==
		    DELIVERY_FULL) {
			tally.n_full++;
			continue;
		}
		tally.n_took++;
		if (stored && target == audience->capture)
			slot_hand_over(stored, &sub->receiver, correlation,
				       &sub->stored_slots);
	}
	bus->stats.n_delivered += tally.n_took;
	return tally;
}

/* Apart, so that what came by no leaf does not pay for the question. */
static __attribute__((noinline)) struct tally deliver_by_leaf(
	struct bus *bus, const struct peer *leaf,
	const struct audience *audience, const struct message *message,
	struct open *open, struct slot *stored)
{
	return deliver_from(bus, leaf, audience, message, open, stored);
}

static struct tally deliver(struct bus *bus, const struct audience *audience,
			    const struct message *message, struct open *open,
			    struct slot *stored)
{
	return deliver_from(bus, NULL, audience, message, open, stored);
}

/* Whether a log is there to answer; if not, nobody gets the message. */
static int check_capture(const struct audience *audience,
			 const struct message *message, const char **ret_text)
{
	const struct subscription *log;

	if (!audience->capture) {
		*ret_text = "no log captures this subject";
		return STATUS_FAILED_PRECONDITION;
	}
	log = container_of(audience->capture, struct subscription, target);
	if (!peer_is_there(log->receiver.peer)) {
		*ret_text = "the log of this subject is away";
		return STATUS_UNAVAILABLE;
	}
	if (!subscription_has_room(log, message)) {
		*ret_text = "the log of this subject takes no more now";
		return STATUS_RESOURCE_EXHAUSTED;
	}
	return STATUS_OK;
}

/* Returns STATUS_OK and, if the publisher wants it, a slot for the log. */
static int open_stored(struct peer *peer, const struct inbound *inbound,
		       const struct audience *audience,
		       const struct message *message, struct slot **ret_slot,
		       char text[TEXT_BYTES])
{
	const char *why;
	struct bus *bus = peer->bus;
	uint32_t ms = inbound->frame.time_left_ms;
	int r;

	r = check_capture(audience, message, &why);
	if (r) {
		snprintf(text, TEXT_BYTES, "%s", why);
		return r;
	}
	r = slot_new(bus, SLOT_STORED, inbound->speaker,
		     inbound->frame.correlation, ret_slot);
	if (r < 0) {
		slot_refused_text(inbound->speaker, r, text, TEXT_BYTES);
		return STATUS_RESOURCE_EXHAUSTED;
	}
	if (!ms)
		ms = SLOT_DEFAULT_MS;
	if (ms > bus->limits.deadline_max_ms)
		ms = bus->limits.deadline_max_ms;
	wheel_add(&bus->wheel, &(*ret_slot)->timer,
		  bus->now_ns + ms * NS_PER_MS);
	return STATUS_OK;
}

static void tell_routed(struct peer *peer, const struct inbound *inbound,
			struct tally tally)
{
	struct ack ack = {
		.correlation = inbound->frame.correlation,
		.count = 1,
		.n_took = tally.n_took,
		.n_full = tally.n_full,
	};

	ack_send(peer, &ack, NULL);
}

/* What was refused at its first fragment has more: they are taken and lost. */
static void swallow_rest(struct peer *peer, const struct inbound *inbound)
{
	struct open *open;

	if (!frame_is_whole(&inbound->frame) && peer->state != PEER_ENDED)
		(void)open_begin(inbound->speaker, &inbound->frame, NULL, 0,
				 &open);
}

/* Of the subjects a sample is enough. */
static void count(struct bus *bus, const struct inbound *inbound,
		  struct tally tally)
{
	struct bus_stats *stats = &bus->stats;

	stats->n_published++;
	stats->n_received_bytes += inbound->frame.length;
	stats->n_delivered_bytes +=
		(uint64_t)tally.n_took * inbound->frame.length;
	stats->n_unmatched += !tally.n_took && !tally.n_full;
	if (!(stats->n_published % SAMPLE_ONE_IN))
		sketch_add(&bus->busiest, inbound->tag.low, inbound->subject,
			   inbound->frame.n_subject, SAMPLE_ONE_IN);
}

/* Returns STATUS_OK, or why nobody gets it. */
static int admit(struct peer *peer, const struct inbound *inbound,
		 const struct audience *audience, const struct message *message,
		 struct slot **ret_stored, char text[TEXT_BYTES])
{
	if (!frame_is_whole(&inbound->frame) &&
	    message->total_bytes > peer->bus->limits.message_max_bytes) {
		snprintf(text, TEXT_BYTES,
			 "the message is longer than message_max");
		return STATUS_INVALID_ARGUMENT;
	}
	if (peer->bus->uplink)
		return upward_admit(peer->bus->uplink, inbound, ret_stored,
				    text, TEXT_BYTES);
	if (!(inbound->frame.flags & FRAME_ACK_STORED))
		return STATUS_OK;
	return open_stored(peer, inbound, audience, message, ret_stored, text);
}

/* The host answers for all of its own, and ours are added. */
static void pass_up(struct peer *peer, const struct inbound *inbound,
		    const struct message *message, struct open *open,
		    struct slot *slot, struct tally tally)
{
	if (slot) {
		slot->n_took = tally.n_took;
		slot->n_full = tally.n_full;
	} else if (inbound->frame.flags & FRAME_ACK_ROUTED) {
		tell_routed(peer, inbound, tally);
	}
	upward_publish(peer->bus->uplink, inbound, message, open, slot);
}

static void route(struct peer *peer, const struct inbound *inbound,
		  const struct audience *audience)
{
	struct message message;
	struct open *open = NULL;
	struct slot *stored = NULL;
	struct tally tally;
	char text[TEXT_BYTES];
	int r;

	inbound_forward(inbound, inbound->speaker, FRAME_MESSAGE, &message);
	r = admit(peer, inbound, audience, &message, &stored, text);
	if (r) {
		refuse(peer, inbound, (enum status)r, text);
		swallow_rest(peer, inbound);
		return;
	}
	if (!frame_is_whole(&inbound->frame) &&
	    open_begin(inbound->speaker, &inbound->frame, inbound->subject,
		       audience->n_targets, &open))
		return;
	if (audience->n_targets + (peer->bus->uplink != NULL) > 1)
		message_settle(&message, peer->bus->scratch);
	if (peer->leaf)
		tally = deliver_by_leaf(peer->bus, peer, audience, &message,
					open, stored);
	else
		tally = deliver(peer->bus, audience, &message, open, stored);
	inbound->speaker->stats.n_published++;
	count(peer->bus, inbound, tally);
	if (peer->bus->uplink) {
		pass_up(peer, inbound, &message, open, stored, tally);
		return;
	}
	if (stored && !stored->callee)
		slot_fail(stored, STATUS_RESOURCE_EXHAUSTED, "");
	if (inbound->frame.flags & FRAME_ACK_ROUTED)
		tell_routed(peer, inbound, tally);
}

void publish(struct peer *peer, const struct inbound *inbound)
{
	const struct route *found;

	found = route_cached(&peer->bus->routes, inbound->tag);
	if (!found)
		found = resolve(peer, inbound);
	if (found && found->is_allowed) {
		route(peer, inbound, found->found);
		return;
	}
	if (found)
		refuse_by_policy(peer, inbound);
	swallow_rest(peer, inbound);
}

/* Answer the publishers of a run of deliveries. Returns 0, or 1: no such run.
 */
static int answer_run(struct subscription *log, const struct ack *run)
{
	uint32_t first = (uint32_t)run->correlation;
	uint32_t offset = first - log->n_acked;

	if (run->correlation >> 32 != log->receiver.id || offset ||
	    run->count > log->receiver.next - log->n_acked)
		return 1;
	log->n_acked += run->count;
	while (!list_is_empty(&log->stored_slots)) {
		struct slot *slot = container_of(log->stored_slots.next,
						 struct slot, callee_link);
		uint32_t at = (uint32_t)slot->callee_id - first;
		struct ack ack = *run;

		if (at >= run->count)
			break;
		ack.correlation = slot->caller_id;
		ack.count = 1;
		ack.sequence = run->sequence + at;
		ack_send(slot->caller, &ack, log->log);
		slot_free(slot);
	}
	return 0;
}

void publish_acked(struct peer *peer, const struct inbound *inbound)
{
	size_t n = inbound_body_bytes(inbound);
	const uint8_t *body = inbound_settle(peer->bus, inbound);
	bool is_good = n && !(n % ACK_ENTRY_BYTES);

	for (size_t at = 0; is_good && at < n; at += ACK_ENTRY_BYTES) {
		struct receiver *receiver;
		struct subscription *log;
		struct ack run;

		is_good = !ack_decode(body + at, &run) && run.is_stored;
		if (!is_good)
			break;
		receiver = receiver_lookup(peer,
					   (uint32_t)(run.correlation >> 32));
		is_good = receiver && receiver->kind == RECEIVER_SUBSCRIPTION;
		if (!is_good)
			break;
		log = container_of(receiver, struct subscription, receiver);
		is_good = log->log && !answer_run(log, &run);
		if (is_good && log->envoy)
			envoy_acked(log->envoy, &run);
	}
	if (!is_good)
		peer_end(peer, STATUS_INVALID_ARGUMENT,
			 "an ack of what was not delivered");
}

void publish_event(struct bus *bus, uint64_t owner, const char *subject,
		   const void *body, size_t n_body)
{
	uint64_t outer = bus->event_owner;
	struct frame frame = { .kind = FRAME_MESSAGE, .flags = FRAME_WHOLE };
	struct message message = {
		.subject = subject,
		.n_subject = strlen(subject),
		.tail = body,
		.n_tail = n_body,
		.n_body = n_body,
	};
	struct audience *audience;

	/* A leaf's programs get the host's, which tells of them too. */
	if (bus->uplink)
		return;
	if (route_match(&bus->routes, subject, message.n_subject, &audience))
		return;
	message_set_frame(&message, &frame);
	bus->event_owner = owner;
	(void)deliver(bus, audience, &message, NULL, NULL);
	bus->event_owner = outer;
}
