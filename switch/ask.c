/* SPDX-License-Identifier: MIT */

#include "switch/ask.h"

#include <stdlib.h>
#include <string.h>

#include "switch/answer.h"
#include "switch/bus.h"
#include "switch/envoy.h"
#include "switch/inbound.h"
#include "switch/quota.h"
#include "switch/upbind.h"
#include "switch/uplink.h"

static struct ask *first_of(const struct uplink *uplink)
{
	if (list_is_empty(&uplink->asks))
		return NULL;
	return container_of(uplink->asks.next, struct ask, link);
}

static struct ask *add(struct uplink *uplink, struct peer *peer,
		       uint64_t correlation, const char *text)
{
	struct account *account = peer->self.account;
	size_t n = strlen(text) + 1;
	struct ask *ask;

	if (account_charge(account, RESOURCE_SLOTS, 1))
		return NULL;
	ask = malloc(sizeof(*ask) + n);
	if (!ask) {
		account_discharge(account, RESOURCE_SLOTS, 1);
		return NULL;
	}
	*ask = (struct ask){ .peer = peer, .correlation = correlation };
	memcpy(ask->text, text, n);
	list_push_back(&uplink->asks, &ask->link);
	peer->n_asks++;
	return ask;
}

static void leave_peer(struct ask *ask)
{
	if (!ask->peer)
		return;
	account_discharge(ask->peer->self.account, RESOURCE_SLOTS, 1);
	ask->peer->n_asks--;
	ask->peer = NULL;
}

static void ask_free(struct ask *ask)
{
	leave_peer(ask);
	if (ask->envoy)
		ask->envoy->ask = NULL;
	list_unlink(&ask->link);
	free(ask);
}

int ask_new(struct uplink *uplink, struct peer *peer, uint64_t correlation,
	    struct envoy *envoy, uint64_t *ret_id)
{
	struct ask *ask = add(uplink, peer, correlation, "");

	if (!ask) {
		peer_send_status(peer, FRAME_RESULT, correlation,
				 STATUS_RESOURCE_EXHAUSTED,
				 "too much is asked at a time");
		return 1;
	}
	ask->id = uplink_draw(uplink);
	ask->envoy = envoy;
	if (envoy)
		envoy->ask = ask;
	*ret_id = ask->id;
	return 0;
}

void ask_stands(struct uplink *uplink)
{
	container_of(uplink->asks.prev, struct ask, link)->stands = true;
}

void ask_answer(struct peer *peer, uint64_t correlation, enum status status,
		const char *text)
{
	struct ask *ask = NULL;

	if (peer->n_asks)
		ask = add(peer->bus->uplink, peer, correlation, text);
	if (ask)
		ask->status = status;
	else
		answer(peer, correlation, status, text);
}

void ask_sync(struct peer *peer, const struct source *source,
	      uint64_t correlation)
{
	struct uplink *uplink = peer->bus->uplink;
	struct frame sync = { .kind = FRAME_SYNC };

	if (!uplink_is_up(uplink) || peer_is_inside(peer)) {
		ask_answer(peer, correlation, STATUS_OK, "");
		return;
	}
	if (!ask_new(uplink, peer, correlation, NULL, &sync.correlation))
		uplink_send(uplink, &sync, source, NULL, 0);
}

/* Answers of our own whose turn has come. */
static void answer_decided(struct uplink *uplink)
{
	struct ask *ask;

	while ((ask = first_of(uplink)) && !ask->id) {
		if (ask->peer)
			peer_send_status(ask->peer, FRAME_RESULT,
					 ask->correlation, ask->status,
					 ask->text);
		ask_free(ask);
	}
}

/* The host's answer goes to who asked, word for word. */
static void pass_on(struct peer *peer, uint64_t correlation,
		    const struct inbound *inbound)
{
	struct frame result = inbound->frame;

	result.correlation = correlation;
	result.source = 0;
	result.hops = 0;
	result.n_subject = 0;
	result.n_metadata = 0;
	peer_send(peer, &result, inbound_settle(peer->bus, inbound),
		  inbound_body_bytes(inbound));
}

static void finish(struct ask *ask, const struct inbound *inbound)
{
	struct peer *peer = ask->peer;
	struct envoy *envoy = ask->envoy;
	uint64_t correlation = ask->correlation;

	ask_free(ask);
	if (envoy && envoy_settle(envoy, inbound)) {
		if (peer)
			peer_send_status(peer, FRAME_RESULT, correlation,
					 STATUS_RESOURCE_EXHAUSTED,
					 "out of memory");
		return;
	}
	if (!peer)
		return;
	pass_on(peer, correlation, inbound);
	if (envoy && !inbound->frame.status)
		envoy_activate(envoy);
}

void asks_take(struct uplink *uplink, const struct inbound *inbound)
{
	uint64_t id = inbound->frame.correlation;
	struct ask *ask = first_of(uplink);

	if (id & (FRAME_SWITCH_DRAWN | ENVOY_RENEWAL)) {
		envoy_result(uplink, inbound);
		return;
	}
	if (id & UPBIND_ID) {
		upbind_result(uplink, inbound);
		return;
	}
	if (!id)
		return;
	if (id == uplink->renewal) {
		uplink_renewed(uplink);
		return;
	}
	if (!ask || ask->id != id) {
		uplink_end(uplink, "a RESULT of what was not asked");
		return;
	}
	finish(ask, inbound);
	answer_decided(uplink);
}

void asks_lose(struct uplink *uplink)
{
	struct ask *ask;

	while ((ask = first_of(uplink))) {
		struct envoy *envoy = ask->envoy;
		bool is_ours = !ask->id || ask->stands;

		if (ask->peer)
			peer_send_status(
				ask->peer, FRAME_RESULT, ask->correlation,
				is_ours ? ask->status : STATUS_UNAVAILABLE,
				is_ours ? ask->text : uplink->away);
		ask_free(ask);
		if (envoy)
			envoy_drop(envoy);
	}
}

void asks_forget(struct uplink *uplink, struct peer *peer)
{
	struct list *link;

	if (!peer->n_asks)
		return;
	list_for_each (link, &uplink->asks) {
		struct ask *ask = container_of(link, struct ask, link);

		if (ask->peer == peer)
			leave_peer(ask);
	}
}
