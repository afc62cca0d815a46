/* SPDX-License-Identifier: MIT */

#include "switch/event.h"

#include <stdio.h>
#include <string.h>

#include "helio/switch/v1/events.pb-c.h"
#include "switch/domain.h"
#include "switch/peer.h"
#include "switch/publish.h"

void event_peer(struct peer *peer, const char *what, const char *reason)
{
	struct principal who = peer->self.source->principal;
	Helio__Switch__V1__PeerEvent event =
		HELIO__SWITCH__V1__PEER_EVENT__INIT;
	char subject[64];
	char why[128];
	uint8_t body[512];

	snprintf(subject, sizeof(subject), "$sys.peer.%s", what);
	snprintf(why, sizeof(why), "%s", reason);
	event.principal = who.path;
	event.has_incarnation = 1;
	event.incarnation = who.incarnation;
	event.reason = why;
	publish_event(peer->bus, subject, body,
		      helio__switch__v1__peer_event__pack(&event, body));
}

void event_domain(struct bus *bus, const struct domain *domain,
		  const char *what)
{
	struct domain told = *domain;
	Helio__Switch__V1__DomainEvent event =
		HELIO__SWITCH__V1__DOMAIN_EVENT__INIT;
	char uuid[PRINCIPAL_UUID_CHARS + 1];
	char subject[64];
	uint8_t body[512];

	snprintf(subject, sizeof(subject), "$sys.domain.%s", what);
	principal_format_uuid(told.is.uuid, uuid);
	event.principal = told.path;
	event.has_incarnation = 1;
	event.incarnation = told.is.incarnation;
	event.has_domid = 1;
	event.domid = told.is.domid;
	event.uuid = uuid;
	event.name = told.is.name;
	publish_event(bus, subject, body,
		      helio__switch__v1__domain_event__pack(&event, body));
}
