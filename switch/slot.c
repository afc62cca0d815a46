/* SPDX-License-Identifier: MIT */

#include "switch/slot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "switch/ack.h"
#include "switch/bus.h"
#include "switch/call.h"
#include "switch/call_stream.h"
#include "switch/observe.h"
#include "switch/open.h"
#include "switch/peer.h"
#include "switch/quota.h"
#include "switch/schema.h"
#include "switch/subscription.h"
#include "switch/uplink.h"
#include "switch/upward.h"

void slot_table_init(struct slot_table *table)
{
	*table = (struct slot_table){ 0 };
	list_init(&table->free);
	list_init(&table->free_streams);
}

void slot_table_deinit(struct slot_table *table)
{
	struct list *link;

	while ((link = list_pop_front(&table->free)))
		free(container_of(link, struct slot, callee_link));
	call_streams_deinit(table);
}

/* Callers choose their ids, and would choose them all alike. */
static uint64_t hash_id(const struct bus *bus, uint64_t id)
{
	return hash_number(&bus->routes.key, id);
}

static void on_deadline(struct timer *timer, uint64_t now_ns)
{
	struct slot *slot = container_of(timer, struct slot, timer);

	slot_fail(slot, STATUS_DEADLINE_EXCEEDED, "the deadline has passed");
}

static struct slot *slot_take(struct slot_table *table)
{
	struct list *link = list_pop_front(&table->free);

	if (link)
		return container_of(link, struct slot, callee_link);
	return malloc(sizeof(struct slot));
}

int slot_new(struct bus *bus, enum slot_kind kind, struct speaker *speaker,
	     uint64_t caller_id, struct slot **ret_slot)
{
	struct peer *caller = speaker->peer;
	struct slot *slot;

	if (!caller->uplink && caller->made.n_nodes >= bus->limits.calls_max)
		return -EMFILE;
	if (account_charge(speaker->account, RESOURCE_SLOTS, 1))
		return -EDQUOT;
	slot = slot_take(&bus->slots);
	if (!slot) {
		account_discharge(speaker->account, RESOURCE_SLOTS, 1);
		return -ENOMEM;
	}
	*slot = (struct slot){
		.bus = bus,
		.kind = kind,
		.caller = caller,
		.speaker = speaker,
		.caller_id = caller_id,
		.id = ++bus->slots.n_ever,
	};
	timer_init(&slot->timer, on_deadline);
	list_init(&slot->callee_link);
	list_init(&slot->speaker_link);
	speaker_keep(speaker, &speaker->slots, &slot->speaker_link);
	map_add(&caller->made, &slot->made_node, hash_id(bus, caller_id));
	bus->slots.n_slots++;
	*ret_slot = slot;
	return 0;
}

void slot_refused_text(const struct speaker *caller, int r, char *text,
		       size_t n_text)
{
	if (r == -EMFILE)
		peer_limit_text("calls_max", caller->peer->made.n_nodes,
				caller->peer->bus->limits.calls_max, text,
				n_text);
	else if (r == -EDQUOT)
		account_full_text(caller->account, RESOURCE_SLOTS, text,
				  n_text);
	else
		snprintf(text, n_text, "out of memory");
}

/* It waits no longer, at whatever endpoint it did. */
static void stop_waiting(struct slot *slot)
{
	struct endpoint *endpoint = slot->waits_at;

	list_unlink(&slot->callee_link);
	slot->waits_at = NULL;
	if (endpoint)
		endpoint_settle(slot->bus, endpoint);
	if (slot->awaits_registry)
		verdicts_settle(&slot->bus->verdicts);
	slot->awaits_registry = false;
	account_discharge(slot->speaker->account, RESOURCE_QUEUED_BYTES,
			  slot->n_held);
	free(slot->held);
	slot->held = NULL;
	slot->n_held = 0;
}

void slot_free(struct slot *slot)
{
	stop_waiting(slot);
	slot->observation = observation_free(slot->observation);
	slot->schema = schema_unref(slot->schema);
	open_lose_slot(slot->request);
	open_lose_slot(slot->reply);
	if (slot->stream)
		call_stream_free(&slot->bus->slots, slot->stream);
	timer_remove(&slot->timer);
	list_unlink(&slot->speaker_link);
	if (slot->callee && slot->kind != SLOT_STORED)
		map_remove(&slot->callee->peer->taken, &slot->taken_node);
	if (slot->callee && slot->kind == SLOT_PUBLISH)
		slot->bus->uplink->n_unheard +=
			slot->wants_routed + slot->wants_stored;
	map_remove(&slot->caller->made, &slot->made_node);
	account_discharge(slot->speaker->account, RESOURCE_SLOTS, 1);
	slot->bus->slots.n_slots--;
	list_push_front(&slot->bus->slots.free, &slot->callee_link);
}

void slot_drop(struct slot *slot)
{
	if (slot->kind == SLOT_CALL)
		call_drop(slot);
	slot_free(slot);
}

void slot_hand_over(struct slot *slot, struct receiver *callee,
		    uint64_t callee_id, struct list *callee_slots)
{
	stop_waiting(slot);
	slot->callee = callee;
	slot->callee_id = callee_id;
	slot->handed_ns = slot->bus->now_ns;
	list_push_back(callee_slots, &slot->callee_link);
	if (slot->kind != SLOT_STORED)
		map_add(&callee->peer->taken, &slot->taken_node,
			hash_id(slot->bus, callee_id));
	if (slot->stream)
		call_stream_hand_over(slot->stream);
}

struct slot *slot_lookup_made(const struct peer *caller, uint64_t id)
{
	struct map_node *node =
		map_lookup(&caller->made, hash_id(caller->bus, id));

	for (; node; node = map_next(node)) {
		struct slot *slot = container_of(node, struct slot, made_node);

		if (slot->caller_id == id)
			return slot;
	}
	return NULL;
}

struct slot *slot_lookup_taken(const struct peer *callee, uint64_t id)
{
	struct map_node *node =
		map_lookup(&callee->taken, hash_id(callee->bus, id));

	for (; node; node = map_next(node)) {
		struct slot *slot = container_of(node, struct slot, taken_node);

		if (slot->callee_id == id)
			return slot;
	}
	return NULL;
}

void slot_fail(struct slot *slot, enum status status, const char *text)
{
	if (slot->kind == SLOT_CALL) {
		call_fail(slot, status, text);
	} else if (slot->kind == SLOT_PUBLISH) {
		upward_fail(slot, status);
	} else {
		struct ack ack = {
			.correlation = slot->caller_id,
			.count = 1,
			.status = (uint16_t)status,
			.is_stored = true,
		};

		ack_send(slot->caller, &ack, "");
	}
	slot_free(slot);
}

void slots_fail_stored(struct list *stored_slots)
{
	while (!list_is_empty(stored_slots))
		slot_fail(container_of(stored_slots->next, struct slot,
				       callee_link),
			  STATUS_UNAVAILABLE, "the log is gone");
}
