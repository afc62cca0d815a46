/* SPDX-License-Identifier: MIT */

#include "switch/speaker.h"

#include <stdio.h>
#include <string.h>

#include "switch/bus.h"
#include "switch/call.h"
#include "switch/endpoint.h"
#include "switch/open.h"
#include "switch/peer.h"
#include "switch/policy.h"
#include "switch/quota.h"
#include "switch/receiver.h"
#include "switch/slot.h"
#include "switch/subscription.h"

void speaker_init(struct speaker *speaker, struct peer *peer)
{
	*speaker = (struct speaker){ .peer = peer };
	list_init(&speaker->all_link);
	list_init(&speaker->own_link);
	list_init(&speaker->receivers);
	list_init(&speaker->slots);
	list_init(&speaker->open);
}

bool speaker_may(const struct speaker *speaker, enum verb verb,
		 const char *what, size_t n_what, char *text, size_t n_text)
{
	const char *who = speaker_path(speaker);
	struct policy_verdict verdict;
	char why[300];

	verdict = policy_judge(speaker->peer->bus->policy, who, verb, what,
			       n_what);
	if (verdict.is_allowed)
		return true;
	policy_verdict_text(&verdict, why, sizeof(why));
	snprintf(text, n_text, "%s may not %s %.*s: %s", who, verb_name(verb),
		 (int)n_what, what, why);
	return false;
}

void speaker_enter(struct speaker *speaker)
{
	struct bus *bus = speaker->peer->bus;

	speaker->id = ++bus->n_peers_ever;
	speaker->since_ns = bus->now_ns;
	list_push_back(&bus->speakers, &speaker->all_link);
	list_push_back(&speaker->account->speakers, &speaker->own_link);
}

void speaker_leave(struct speaker *speaker)
{
	list_unlink(&speaker->all_link);
	list_unlink(&speaker->own_link);
}

bool speaker_is_below(const struct speaker *speaker, const char *path)
{
	const char *own = speaker_path(speaker);
	size_t n;

	if (!path)
		return true;
	n = strlen(path);
	return !strncmp(own, path, n) && (!own[n] || own[n] == '/');
}

void speaker_drop_all(struct speaker *speaker)
{
	while (!list_is_empty(&speaker->slots))
		slot_drop(container_of(speaker->slots.next, struct slot,
				       speaker_link));
	while (!list_is_empty(&speaker->receivers))
		receiver_drop(container_of(speaker->receivers.next,
					   struct receiver, speaker_link));
	while (!list_is_empty(&speaker->open))
		open_abort(container_of(speaker->open.next, struct open,
					speaker_link));
}
