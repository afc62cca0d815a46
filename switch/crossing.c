/* SPDX-License-Identifier: MIT */

#include "switch/crossing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/status.h"
#include "switch/bus.h"
#include "switch/leaf.h"
#include "switch/peer.h"
#include "switch/quota.h"
#include "switch/subscribe.h"
#include "switch/subscription.h"

static struct crossing *crossing_lookup(const struct peer *peer, uint32_t id)
{
	struct receiver *receiver = receiver_lookup(peer, id);

	if (!receiver || receiver->kind != RECEIVER_SUBSCRIPTION)
		return NULL;
	return container_of(receiver, struct subscription, receiver)->crossing;
}

static bool is_of_pattern(const struct crossing *crossing,
			  const struct subscription_options *options)
{
	const struct subscription *sub = crossing->subscription;

	return sub->n_pattern == options->n_pattern &&
	       !memcmp(sub->pattern, options->pattern, options->n_pattern);
}

int crossing_check(const struct peer *peer, uint32_t id,
		   const struct subscription_options *options,
		   const char **ret_text)
{
	const struct crossing *crossing;

	if (!peer->leaf) {
		*ret_text = "only a leaf has crossings";
		return STATUS_FAILED_PRECONDITION;
	}
	if (!id || id > RECEIVER_ID_MAX || id == options->id) {
		*ret_text = "this is no id for a crossing";
		return STATUS_INVALID_ARGUMENT;
	}
	if (!receiver_lookup(peer, id))
		return STATUS_OK;
	crossing = crossing_lookup(peer, id);
	if (!crossing) {
		*ret_text = "the crossing's id is in use";
		return STATUS_ALREADY_EXISTS;
	}
	if (is_of_pattern(crossing, options))
		return STATUS_OK;
	*ret_text = "the crossing is of another pattern";
	return STATUS_INVALID_ARGUMENT;
}

static int crossing_new(struct peer *peer, uint32_t id,
			const struct subscription_options *options,
			struct crossing **ret_crossing)
{
	struct subscription_options its_own = *options;
	struct crossing *crossing;
	struct subscription *sub;
	int r;

	crossing = malloc(sizeof(*crossing));
	if (!crossing)
		return -ENOMEM;
	its_own.id = id;
	r = subscription_new(&peer->self, &its_own, &sub);
	if (r < 0) {
		free(crossing);
		return r;
	}
	*crossing = (struct crossing){ .subscription = sub };
	list_init(&crossing->members);
	list_init(&crossing->link);
	list_push_back(&peer->leaf->crossings, &crossing->link);
	sub->crossing = crossing;
	sub->target.is_crossing = true;
	r = route_add(&peer->bus->routes, sub->pattern, sub->n_pattern,
		      &sub->target);
	if (r < 0) {
		subscription_free(sub);
		return r;
	}
	*ret_crossing = crossing;
	return 0;
}

void crossing_free(struct crossing *crossing)
{
	struct list *link;

	while ((link = list_pop_front(&crossing->members)))
		container_of(link, struct crossing_member, link)->crossing =
			NULL;
	list_unlink(&crossing->link);
	free(crossing);
}

/* Charged; in no crossing yet. */
static int member_new(struct speaker *speaker, uint32_t id,
		      struct crossing_member **ret_member)
{
	struct crossing_member *member;

	if (account_charge(speaker->account, RESOURCE_SUBSCRIPTIONS, 1))
		return -EDQUOT;
	member = malloc(sizeof(*member));
	if (!member) {
		account_discharge(speaker->account, RESOURCE_SUBSCRIPTIONS, 1);
		return -ENOMEM;
	}
	*member = (struct crossing_member){
		.receiver.kind = RECEIVER_MEMBER,
		.receiver.id = id,
		.receiver.peer = speaker->peer,
		.receiver.speaker = speaker,
	};
	list_init(&member->link);
	receiver_enter(&member->receiver);
	*ret_member = member;
	return 0;
}

int crossing_join(struct speaker *speaker, uint32_t id,
		  const struct subscription_options *options)
{
	struct crossing *crossing = crossing_lookup(speaker->peer, id);
	struct crossing_member *member;
	int r;

	r = member_new(speaker, options->id, &member);
	if (r < 0)
		return r;
	if (!crossing) {
		r = crossing_new(speaker->peer, id, options, &crossing);
		if (r < 0) {
			crossing_leave(member);
			return r;
		}
	}
	list_push_back(&crossing->members, &member->link);
	member->crossing = crossing;
	return 0;
}

void crossing_leave(struct crossing_member *member)
{
	struct crossing *crossing = member->crossing;

	list_unlink(&member->link);
	account_discharge(member->receiver.speaker->account,
			  RESOURCE_SUBSCRIPTIONS, 1);
	receiver_leave(&member->receiver);
	free(member);
	if (crossing && list_is_empty(&crossing->members))
		subscription_free(crossing->subscription);
}

/* The last to leave takes the crossing with it, so look no further then. */
static void judge(struct crossing *crossing)
{
	struct list *link = crossing->members.next;
	bool is_last = false;

	while (!is_last) {
		struct crossing_member *member =
			container_of(link, struct crossing_member, link);

		link = link->next;
		is_last = link == &crossing->members;
		subscribe_judge_member(member);
	}
}

void crossings_judge(struct leaf *leaf)
{
	struct list *link;
	struct list *after;

	list_for_each_safe (link, after, &leaf->crossings)
		judge(container_of(link, struct crossing, link));
}
