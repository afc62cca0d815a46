/* SPDX-License-Identifier: MIT */

#include "switch/drain.h"

#include "base/le.h"
#include "switch/ask.h"
#include "switch/bus.h"
#include "switch/endpoint.h"
#include "switch/envoy.h"
#include "switch/inbound.h"
#include "switch/peer.h"
#include "switch/uplink.h"

enum { BODY_BYTES = 4 };

static bool stands_at_host(const struct registration *registration)
{
	const struct envoy *envoy = registration->envoy;

	return envoy && envoy->is_there && uplink_is_up(envoy->uplink);
}

static void tell_host(const struct envoy *envoy,
		      const struct registration *registration,
		      uint64_t correlation)
{
	struct frame frame = { .kind = FRAME_DRAIN,
			       .correlation = correlation };
	uint8_t body[BODY_BYTES];

	le32_store(body, envoy->id);
	uplink_send(envoy->uplink, &frame,
		    registration->receiver.speaker->source, body, sizeof(body));
}

/* Nobody waits for the answer: it has the id 0. */
void drain_renew(const struct envoy *envoy,
		 const struct registration *registration)
{
	if (registration->is_draining)
		tell_host(envoy, registration, 0);
}

static void tell_server(const struct registration *registration)
{
	const struct receiver *receiver = &registration->receiver;

	peer_send_status(receiver->peer, FRAME_RESULT,
			 FRAME_SWITCH_DRAWN | receiver->id, STATUS_OK, "");
}

static struct registration *asked_for(const struct peer *peer,
				      const struct inbound *inbound)
{
	struct receiver *receiver;

	if (inbound_body_bytes(inbound) != BODY_BYTES)
		return NULL;
	receiver = receiver_lookup(
		peer, le32_load(inbound->tail + inbound->frame.n_metadata));
	if (!receiver || receiver->kind != RECEIVER_REGISTRATION)
		return NULL;
	return container_of(receiver, struct registration, receiver);
}

void drain(struct peer *peer, const struct inbound *inbound)
{
	uint64_t correlation = inbound->frame.correlation;
	struct registration *registration = asked_for(peer, inbound);
	uint64_t id;

	if (!registration) {
		ask_answer(peer, correlation, STATUS_NOT_FOUND,
			   "there is no registration of this id");
		return;
	}
	registration_drain(registration);
	if (!stands_at_host(registration)) {
		ask_answer(peer, correlation, STATUS_OK, "");
		return;
	}
	if (ask_new(peer->bus->uplink, peer, correlation, NULL, &id))
		return;
	ask_stands(peer->bus->uplink);
	tell_host(registration->envoy, registration, id);
}

void drain_by_order(struct registration *registration)
{
	if (registration->is_draining)
		return;
	registration_drain(registration);
	tell_server(registration);
	if (stands_at_host(registration))
		tell_host(registration->envoy, registration, 0);
}

void drain_by_host(struct registration *registration)
{
	if (registration->is_draining)
		return;
	registration_drain(registration);
	tell_server(registration);
}
