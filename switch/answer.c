/* SPDX-License-Identifier: MIT */

#include "switch/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "helio/bus/v1/control.pb-c.h"
#include "switch/endpoint.h"
#include "switch/peer.h"
#include "switch/quota.h"

static void send_served(struct peer *peer, uint64_t correlation,
			uint64_t instance)
{
	struct frame frame = { .kind = FRAME_RESULT,
			       .correlation = correlation };
	Helio__Bus__V1__Served served = HELIO__BUS__V1__SERVED__INIT;
	char number[24];
	uint8_t body[40];

	snprintf(number, sizeof(number), "%" PRIu64, instance);
	served.instance = number;
	peer_send(peer, &frame, body,
		  helio__bus__v1__served__pack(&served, body));
}

static void send(struct peer *peer, uint64_t correlation, enum status status,
		 const char *text, uint64_t instance)
{
	if (instance)
		send_served(peer, correlation, instance);
	else
		peer_send_status(peer, FRAME_RESULT, correlation, status,
				 text ? text : "");
}

static void answer_free(struct answer *kept)
{
	account_discharge(kept->peer->self.account, RESOURCE_SLOTS, 1);
	list_unlink(&kept->link);
	free(kept->text);
	free(kept);
}

static struct answer *answer_new(struct peer *peer, uint64_t correlation)
{
	struct account *account = peer->self.account;
	struct answer *kept;

	if (account_charge(account, RESOURCE_SLOTS, 1))
		return NULL;
	kept = malloc(sizeof(*kept));
	if (!kept) {
		account_discharge(account, RESOURCE_SLOTS, 1);
		return NULL;
	}
	*kept = (struct answer){ .peer = peer, .correlation = correlation };
	list_push_back(&peer->answers, &kept->link);
	return kept;
}

/* Without memory for the text the status has to do. */
static void fill(struct answer *kept, enum status status, const char *text,
		 uint64_t instance)
{
	kept->status = status;
	kept->instance = instance;
	kept->text = text && *text ? strdup(text) : NULL;
}

/* Those whose turn has come. */
static void send_decided(struct peer *peer)
{
	while (!list_is_empty(&peer->answers)) {
		struct answer *first =
			container_of(peer->answers.next, struct answer, link);

		if (first->registration)
			return;
		send(peer, first->correlation, first->status, first->text,
		     first->instance);
		answer_free(first);
	}
}

static void put(struct peer *peer, uint64_t correlation, enum status status,
		const char *text, uint64_t instance)
{
	struct answer *kept;

	if (list_is_empty(&peer->answers)) {
		send(peer, correlation, status, text, instance);
		return;
	}
	kept = answer_new(peer, correlation);
	if (kept)
		fill(kept, status, text, instance);
	else
		peer_end(peer, STATUS_RESOURCE_EXHAUSTED,
			 "too much is asked at a time");
}

void answer(struct peer *peer, uint64_t correlation, enum status status,
	    const char *text)
{
	put(peer, correlation, status, text, 0);
}

void answer_served(struct peer *peer, uint64_t correlation, uint64_t instance)
{
	put(peer, correlation, STATUS_OK, NULL, instance);
}

int answer_promise(struct peer *peer, uint64_t correlation,
		   struct registration *registration)
{
	struct answer *promised = answer_new(peer, correlation);

	if (!promised)
		return 1;
	promised->registration = registration;
	registration->promised = promised;
	return 0;
}

void answer_keep(struct answer *promised, enum status status, const char *text,
		 uint64_t instance)
{
	promised->registration->promised = NULL;
	promised->registration = NULL;
	fill(promised, status, text, instance);
	send_decided(promised->peer);
}

void answers_drop(struct peer *peer)
{
	while (!list_is_empty(&peer->answers)) {
		struct answer *first =
			container_of(peer->answers.next, struct answer, link);

		if (first->registration)
			first->registration->promised = NULL;
		answer_free(first);
	}
}
