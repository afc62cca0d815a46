/* SPDX-License-Identifier: MIT */

#include "switch/receiver.h"

#include "switch/ask.h"
#include "switch/bus.h"
#include "switch/crossing.h"
#include "switch/endpoint.h"
#include "switch/peer.h"
#include "switch/subscription.h"

void receiver_enter(struct receiver *receiver)
{
	struct bus *bus = receiver->peer->bus;

	receiver->serial = ++bus->n_receivers_ever;
	list_push_back(&bus->receivers, &receiver->all_link);
	list_init(&receiver->speaker_link);
	speaker_keep(receiver->speaker, &receiver->speaker->receivers,
		     &receiver->speaker_link);
	map_add(&receiver->peer->receivers, &receiver->node,
		hash_number(&bus->routes.key, receiver->id));
}

void receiver_drop(struct receiver *receiver)
{
	if (receiver->kind == RECEIVER_SUBSCRIPTION)
		subscription_orphan(
			container_of(receiver, struct subscription, receiver));
	else if (receiver->kind == RECEIVER_REGISTRATION)
		registration_free(
			container_of(receiver, struct registration, receiver));
	else
		crossing_leave(container_of(receiver, struct crossing_member,
					    receiver));
}

void receiver_leave(struct receiver *receiver)
{
	list_unlink(&receiver->speaker_link);
	list_unlink(&receiver->all_link);
	map_remove(&receiver->peer->receivers, &receiver->node);
	receiver->peer = NULL;
	receiver->speaker = NULL;
}

bool receiver_refuse_id(struct peer *peer, uint32_t id, uint64_t correlation)
{
	if (!id || id > RECEIVER_ID_MAX) {
		ask_answer(peer, correlation, STATUS_INVALID_ARGUMENT,
			   "an id is from 1 to 2147483647");
		return true;
	}
	if (!receiver_lookup(peer, id))
		return false;
	ask_answer(peer, correlation, STATUS_ALREADY_EXISTS,
		   "the id is in use");
	return true;
}

struct receiver *receiver_lookup(const struct peer *peer, uint32_t id)
{
	struct map_node *node = map_lookup(
		&peer->receivers, hash_number(&peer->bus->routes.key, id));

	for (; node; node = map_next(node)) {
		struct receiver *receiver =
			container_of(node, struct receiver, node);

		if (receiver->id == id)
			return receiver;
	}
	return NULL;
}

void receiver_grant(struct receiver *receiver, uint32_t n_messages,
		    uint64_t n_bytes)
{
	if (__builtin_add_overflow(receiver->credit_messages, n_messages,
				   &receiver->credit_messages))
		receiver->credit_messages = UINT32_MAX;
	if (__builtin_add_overflow(receiver->credit_bytes, n_bytes,
				   &receiver->credit_bytes))
		receiver->credit_bytes = UINT64_MAX;
}
