/* SPDX-License-Identifier: MIT */

#include "switch/subscribe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "proto/subject.h"
#include "switch/ask.h"
#include "switch/bus.h"
#include "switch/control.h"
#include "switch/crossing.h"
#include "switch/envoy.h"
#include "switch/group.h"
#include "switch/inbound.h"
#include "switch/peer.h"
#include "switch/quota.h"
#include "switch/subscription.h"

enum { TEXT_BYTES = 900, CAPTURES_MAX = 4096 };

/* What is wrong, for RESULT. */
struct fault {
	enum status status;
	char text[TEXT_BYTES];
};

static bool is_allowed(const struct speaker *speaker, enum verb verb,
		       const char *pattern, size_t n, struct fault *fault)
{
	if (speaker_may(speaker, verb, pattern, n, fault->text,
			sizeof(fault->text)))
		return true;
	fault->status = STATUS_PERMISSION_DENIED;
	return false;
}

static bool fail(struct fault *fault, enum status status, const char *text)
{
	fault->status = status;
	snprintf(fault->text, sizeof(fault->text), "%s", text);
	return false;
}

static bool is_name(const char *name)
{
	size_t n = strlen(name);

	return subject_is_valid(name, n) && !memchr(name, '.', n);
}

/* Two logs for one message would be two orders. */
static bool is_free_to_capture(const struct peer *peer,
			       const struct subscription_options *options,
			       struct fault *fault)
{
	struct list *link;

	if (peer->bus->n_captures >= CAPTURES_MAX)
		return fail(fault, STATUS_RESOURCE_EXHAUSTED,
			    "there are too many captures");
	list_for_each (link, &peer->bus->captures) {
		struct subscription *other =
			container_of(link, struct subscription, capture_link);

		if (!pattern_overlaps(other->pattern, other->n_pattern,
				      options->pattern, options->n_pattern))
			continue;
		if (!other->receiver.peer && !strcmp(other->log, options->log))
			continue; /* the same log comes back */
		fault->status = STATUS_ALREADY_EXISTS;
		snprintf(fault->text, sizeof(fault->text),
			 "the log %s captures %.*s, which overlaps", other->log,
			 (int)other->n_pattern, other->pattern);
		return false;
	}
	return true;
}

/* What the log left behind when it went is replaced by what it now asks. */
static void replace_away(struct bus *bus,
			 const struct subscription_options *options)
{
	struct list *link;
	struct list *after;

	list_for_each_safe (link, after, &bus->captures) {
		struct subscription *other =
			container_of(link, struct subscription, capture_link);

		if (!other->receiver.peer &&
		    !strcmp(other->log, options->log) &&
		    pattern_overlaps(other->pattern, other->n_pattern,
				     options->pattern, options->n_pattern))
			subscription_free(other);
	}
}

static bool check_form(const Helio__Bus__V1__Subscribe *asked,
		       const struct subscription_options *options,
		       struct fault *fault)
{
	if (!pattern_is_valid(options->pattern, options->n_pattern))
		return fail(fault, STATUS_INVALID_ARGUMENT,
			    "this is not a pattern");
	if (asked->group && !is_name(asked->group))
		return fail(fault, STATUS_INVALID_ARGUMENT,
			    "a group's name is one token");
	if (asked->capture && !is_name(asked->capture))
		return fail(fault, STATUS_INVALID_ARGUMENT,
			    "a log's name is one token");
	if (!!asked->group + !!asked->capture + options->is_observer > 1)
		return fail(fault, STATUS_INVALID_ARGUMENT,
			    "only one of group, capture and observe");
	if (asked->has_crossing &&
	    (asked->group || asked->capture || options->is_observer))
		return fail(fault, STATUS_INVALID_ARGUMENT,
			    "a crossing is for plain subscriptions");
	if ((unsigned)options->overflow >= N_OVERFLOWS)
		return fail(fault, STATUS_INVALID_ARGUMENT,
			    "an overflow policy that is not defined");
	/* A log answers what it was given by number, and so gets each. */
	if (asked->capture && options->overflow != OVERFLOW_DROP_NEW &&
	    options->overflow != OVERFLOW_DISCONNECT)
		return fail(fault, STATUS_INVALID_ARGUMENT,
			    "a log drops new messages, or disconnects");
	return true;
}

static bool check_leaf(const struct peer *peer,
		       const Helio__Bus__V1__Subscribe *asked,
		       const struct subscription_options *options,
		       struct fault *fault)
{
	const char *text;
	int r;

	/* It is active from its first CREDIT on: see docs/PROTOCOL.md, 14. */
	if (peer->leaf && asked->group &&
	    (options->credit_messages || options->credit_bytes))
		return fail(fault, STATUS_INVALID_ARGUMENT,
			    "a leaf's member of a group begins with credit");
	if (!asked->has_crossing)
		return true;
	r = crossing_check(peer, asked->crossing, options, &text);
	return !r || fail(fault, (enum status)r, text);
}

static bool check_rights(const struct speaker *speaker,
			 const Helio__Bus__V1__Subscribe *asked,
			 const struct subscription_options *options,
			 struct fault *fault)
{
	const char *pattern = options->pattern;
	size_t n = options->n_pattern;

	if (options->is_observer)
		return is_allowed(speaker, VERB_OBSERVE, pattern, n, fault);
	if (!is_allowed(speaker, VERB_SUBSCRIBE, pattern, n, fault))
		return false;
	if (asked->group && !is_allowed(speaker, VERB_GROUP, pattern, n, fault))
		return false;
	if (!asked->capture)
		return true;
	return is_allowed(speaker, VERB_CAPTURE, pattern, n, fault) &&
	       is_free_to_capture(speaker->peer, options, fault);
}

static bool check_limits(const struct peer *peer, struct fault *fault)
{
	uint32_t limit = peer->bus->limits.subscriptions_max;

	if (peer_n_held(peer) < limit)
		return true;
	fault->status = STATUS_RESOURCE_EXHAUSTED;
	snprintf(fault->text, sizeof(fault->text),
		 "%s has %u subscriptions and registrations, and may have no "
		 "more on a channel",
		 peer_path(peer), limit);
	return false;
}

static int enter_tables(struct bus *bus, struct subscription *sub,
			const char *group)
{
	if (group)
		return group_join(bus, group, strlen(group), sub);
	if (sub->log) {
		list_push_back(&bus->captures, &sub->capture_link);
		bus->n_captures++;
	}
	return route_add(sub->is_observer ? &bus->observers : &bus->routes,
			 sub->pattern, sub->n_pattern, &sub->target);
}

/* In a leaf the host has a say in it, but for the leaf's own service. */
static bool goes_up(const struct peer *peer)
{
	return peer->bus->uplink && !peer_is_inside(peer);
}

static bool make(struct speaker *speaker,
		 const Helio__Bus__V1__Subscribe *asked,
		 const struct subscription_options *options,
		 struct subscription **ret_pending, struct fault *fault)
{
	struct bus *bus = speaker->peer->bus;
	struct subscription *sub = NULL;
	int r;

	if (options->log && !goes_up(speaker->peer))
		replace_away(bus, options);
	if (asked->has_crossing)
		r = crossing_join(speaker, asked->crossing, options);
	else
		r = subscription_new(speaker, options, &sub);
	if (!r && sub && goes_up(speaker->peer)) {
		*ret_pending = sub;
		return true;
	}
	if (!r && sub)
		r = enter_tables(bus, sub, asked->group);
	if (!r)
		return true;
	subscription_free(sub);
	if (r != -EDQUOT)
		return fail(fault, STATUS_RESOURCE_EXHAUSTED, "out of memory");
	fault->status = STATUS_RESOURCE_EXHAUSTED;
	account_full_text(speaker->account, RESOURCE_SUBSCRIPTIONS, fault->text,
			  sizeof(fault->text));
	return false;
}

static struct subscription_options options_of(
	const struct peer *peer, const struct inbound *inbound,
	const Helio__Bus__V1__Subscribe *asked)
{
	const struct bus_limits *limits = &peer->bus->limits;

	return (struct subscription_options){
		.id = asked->id,
		.pattern = inbound->subject,
		.n_pattern = inbound->frame.n_subject,
		.overflow = (enum overflow)asked->overflow,
		.credit_messages = asked->credit_messages,
		.credit_bytes = asked->credit_bytes,
		.queue_messages = asked->queue_messages
					  ? asked->queue_messages
					  : limits->queue_messages,
		.queue_bytes = asked->queue_bytes ? asked->queue_bytes
						  : limits->queue_bytes,
		.is_observer = asked->observe,
		.log = asked->capture,
	};
}

void subscribe(struct peer *peer, const struct inbound *inbound)
{
	const Helio__Bus__V1__Subscribe *asked;
	struct subscription_options options;
	struct fault fault = { .status = STATUS_OK };
	struct subscription *pending = NULL;
	ProtobufCMessage *unpacked;

	if (control_unpack(peer, inbound,
			   &helio__bus__v1__subscribe__descriptor, &unpacked))
		return;
	asked = (const Helio__Bus__V1__Subscribe *)unpacked;
	if (receiver_refuse_id(peer, asked->id, inbound->frame.correlation))
		return;
	options = options_of(peer, inbound, asked);
	if (check_form(asked, &options, &fault) &&
	    check_leaf(peer, asked, &options, &fault) &&
	    check_rights(inbound->speaker, asked, &options, &fault) &&
	    check_limits(peer, &fault))
		(void)make(inbound->speaker, asked, &options, &pending, &fault);
	if (pending) {
		envoy_subscribe(peer->bus->uplink, pending, asked->group,
				inbound->frame.correlation);
		return;
	}
	ask_answer(peer, inbound->frame.correlation, fault.status, fault.text);
}

/* A crossing is none: those that name it are. */
static bool is_subscription(struct receiver *receiver)
{
	return receiver->kind == RECEIVER_MEMBER ||
	       (receiver->kind == RECEIVER_SUBSCRIPTION &&
		!container_of(receiver, struct subscription, receiver)
			 ->crossing);
}

void unsubscribe(struct peer *peer, const struct inbound *inbound)
{
	struct receiver *receiver = NULL;

	if (inbound_body_bytes(inbound) == sizeof(uint32_t))
		receiver = receiver_lookup(
			peer,
			le32_load(inbound->tail + inbound->frame.n_metadata));
	if (!receiver || !is_subscription(receiver)) {
		ask_answer(peer, inbound->frame.correlation, STATUS_NOT_FOUND,
			   "there is no subscription of this id");
		return;
	}
	if (receiver->kind == RECEIVER_MEMBER)
		crossing_leave(container_of(receiver, struct crossing_member,
					    receiver));
	else
		subscription_free(
			container_of(receiver, struct subscription, receiver));
	ask_answer(peer, inbound->frame.correlation, STATUS_OK, "");
}

static void tell_ended(const struct receiver *receiver,
		       const struct fault *fault)
{
	peer_send_status(receiver->peer, FRAME_RESULT,
			 FRAME_SWITCH_DRAWN | receiver->id, fault->status,
			 fault->text);
}

void subscribe_judge_member(struct crossing_member *member)
{
	const struct subscription *sub = member->crossing->subscription;
	struct fault fault;

	if (is_allowed(member->receiver.speaker, VERB_SUBSCRIBE, sub->pattern,
		       sub->n_pattern, &fault))
		return;
	tell_ended(&member->receiver, &fault);
	crossing_leave(member);
}

void subscribe_judge(struct subscription *sub)
{
	const struct speaker *speaker = sub->receiver.speaker;
	enum verb verb = sub->is_observer ? VERB_OBSERVE : VERB_SUBSCRIBE;
	const char *pattern = sub->pattern;
	size_t n = sub->n_pattern;
	struct fault fault;

	if (sub->crossing)
		return; /* those who name it are judged */
	if (is_allowed(speaker, verb, pattern, n, &fault) &&
	    (!sub->group ||
	     is_allowed(speaker, VERB_GROUP, pattern, n, &fault)) &&
	    (!sub->log ||
	     is_allowed(speaker, VERB_CAPTURE, pattern, n, &fault)))
		return;
	tell_ended(&sub->receiver, &fault);
	subscription_free(sub);
}
