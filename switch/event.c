/* SPDX-License-Identifier: MIT */

#include "switch/event.h"

#include <stdio.h>
#include <string.h>

#include "helio/switch/v1/events.pb-c.h"
#include "proto/subject.h"
#include "switch/domain.h"
#include "switch/peer.h"
#include "switch/policy.h"
#include "switch/publish.h"
#include "switch/quota.h"

enum { SEEN_MAX = 1024 };

/*
 * To whom policy allows, and to the one that it is about. In a backlog it is
 * counted as what that one said: who comes and goes without end keeps no news
 * of others from anybody.
 */
static void tell(struct bus *bus, uint64_t owner, const char *about,
		 const char *what, const char *path, const uint8_t *body,
		 size_t n_body)
{
	char subject[PRINCIPAL_MAX_BYTES + 64];

	snprintf(subject, sizeof(subject), "$sys.%s.%s", about, what);
	publish_event(bus, owner, subject, body, n_body);
	snprintf(subject, sizeof(subject), POLICY_OWN_EVENTS "%s.%s", path,
		 what);
	if (subject_is_valid(subject, strlen(subject)))
		publish_event(bus, owner, subject, body, n_body);
}

/* A domain has one incarnation, however many channels; others draw theirs. */
static bool may_have_more(const struct speaker *speaker)
{
	return speaker->handle ||
	       speaker->peer->channel->evidence.kind == EVIDENCE_DOMAIN;
}

/*
 * Among those of its own durable id, for a leaf can say the incarnation of
 * anybody. Who has too many to look at is said to have one left.
 */
static uint32_t n_channels_left(const struct speaker *speaker)
{
	uint64_t incarnation = speaker->source->principal.incarnation;
	const struct list *link;
	unsigned n_seen = 0;
	uint32_t n = 0;

	if (!may_have_more(speaker))
		return 0;
	list_for_each (link, &speaker->account->speakers) {
		const struct speaker *other =
			const_container_of(link, struct speaker, own_link);

		if (++n_seen > SEEN_MAX)
			return n ? n : 1;
		n += other != speaker && other->peer->state == PEER_LIVE &&
		     other->source->principal.incarnation == incarnation;
	}
	return n;
}

void event_speaker(const struct speaker *speaker, const char *what,
		   const char *reason)
{
	struct principal who = speaker->source->principal;
	Helio__Switch__V1__PeerEvent event =
		HELIO__SWITCH__V1__PEER_EVENT__INIT;
	char why[128];
	uint8_t body[1024];

	snprintf(why, sizeof(why), "%s", reason);
	event.principal = who.path;
	event.has_incarnation = 1;
	event.incarnation = who.incarnation;
	event.reason = why;
	event.durable_id = who.durable_id;
	event.has_channels_left = 1;
	event.channels_left = n_channels_left(speaker);
	tell(speaker->peer->bus, speaker->source->owner, "peer", what, who.path,
	     body, helio__switch__v1__peer_event__pack(&event, body));
}

void event_domain(struct bus *bus, const struct domain *domain,
		  const char *what)
{
	struct domain told = *domain;
	Helio__Switch__V1__DomainEvent event =
		HELIO__SWITCH__V1__DOMAIN_EVENT__INIT;
	char uuid[PRINCIPAL_UUID_CHARS + 1];
	uint8_t body[512];

	principal_format_uuid(told.is.uuid, uuid);
	event.principal = told.path;
	event.has_incarnation = 1;
	event.incarnation = told.is.incarnation;
	event.has_domid = 1;
	event.domid = told.is.domid;
	event.uuid = uuid;
	event.name = told.is.name;
	tell(bus, SOURCE_OWNER_SWITCH, "domain", what, told.path, body,
	     helio__switch__v1__domain_event__pack(&event, body));
}
