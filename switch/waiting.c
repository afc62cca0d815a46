/* SPDX-License-Identifier: MIT */

#include "switch/waiting.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/le.h"
#include "switch/bus.h"
#include "switch/call.h"
#include "switch/endpoint.h"
#include "switch/message.h"
#include "switch/peer.h"
#include "switch/quota.h"
#include "switch/slot.h"
#include "switch/verdict.h"

/* How many calls without a claim a CREDIT passes: at an endpoint, and at all.
 */
enum { PASSES_MAX = 64, PASSES_TOTAL_MAX = 512 };

static struct slot *slot_of(struct list *link)
{
	return container_of(link, struct slot, callee_link);
}

int waiting_append(struct slot *slot, const struct message *message)
{
	size_t n = message->n_bytes;
	uint8_t *held;

	if (account_charge(slot->speaker->account, RESOURCE_QUEUED_BYTES, n))
		return 1;
	held = realloc(slot->held, slot->n_held + n);
	if (!held) {
		account_discharge(slot->speaker->account, RESOURCE_QUEUED_BYTES,
				  n);
		return 1;
	}
	message_write(message, 0, held + slot->n_held);
	slot->held = held;
	slot->n_held += n;
	return 0;
}

int waiting_keep(struct slot *slot, uint64_t cost_bytes,
		 const struct message *message)
{
	slot->cost_bytes = cost_bytes;
	return waiting_append(slot, message);
}

int waiting_at(struct slot *slot, const char *subject, size_t n_subject)
{
	struct endpoint *endpoint;

	if (endpoint_get(slot->bus, subject, n_subject, &endpoint) < 0)
		return 1;
	slot->waits_at = endpoint;
	list_push_back(&endpoint->waiting, &slot->callee_link);
	return 0;
}

const char *waiting_subject(const struct slot *slot, size_t *ret_n)
{
	struct frame frame = { .flags = slot->held[FRAME_AT_FLAGS] };

	*ret_n = le16_load(slot->held + FRAME_AT_SUBJECT_BYTES);
	return (const char *)slot->held + frame_header_bytes(&frame);
}

static bool is_too_far(const struct slot *slot,
		       const struct registration *registration)
{
	return slot->held && peer_is_too_far(registration->receiver.peer,
					     slot->held[FRAME_AT_HOPS]);
}

int waiting_add_for(struct slot *slot, struct registration *registration,
		    uint64_t cost_bytes, const struct message *message)
{
	list_push_back(&registration->waiting, &slot->callee_link);
	return waiting_keep(slot, cost_bytes, message);
}

static bool fits(const struct slot *slot,
		 const struct registration *registration)
{
	return verdict_fits(slot->bus, slot->schema, registration->schema);
}

static bool has_claim(const struct slot *slot,
		      const struct registration *registration)
{
	return slot->cost_bytes <= registration->credit_bytes_most / 2 &&
	       !is_too_far(slot, registration) && fits(slot, registration);
}

bool waiting_has_claim(const struct endpoint *endpoint,
		       const struct registration *registration)
{
	return !list_is_empty(&endpoint->waiting) &&
	       has_claim(slot_of(endpoint->waiting.next), registration);
}

/* Of the deadline, at least 1: 0 says that there is none. */
static uint32_t ms_left(const struct slot *slot)
{
	uint64_t now_ns = slot->bus->now_ns;

	if (!slot_has_deadline(slot))
		return 0;
	if (slot->timer.due_ns < now_ns + NS_PER_MS)
		return 1;
	return (uint32_t)((slot->timer.due_ns - now_ns) / NS_PER_MS);
}

void waiting_refresh(struct slot *slot)
{
	le32_store(slot->held + FRAME_AT_TIME_LEFT, ms_left(slot));
}

/* Send on the frames that were held, the first of which is the call's own. */
void waiting_release(struct slot *slot, struct registration *registration)
{
	struct receiver *receiver = &registration->receiver;
	uint8_t *held = slot->held;
	size_t n_held = slot->n_held;
	uint64_t id = registration_draw(registration);

	peer_introduce(receiver->peer, slot->speaker->source);
	waiting_refresh(slot);
	for (size_t at = 0; at < n_held;) {
		size_t n = le32_load(held + at);

		le64_store(held + at + FRAME_AT_CORRELATION, id);
		held[at + FRAME_AT_HOPS] = (uint8_t)(held[at + FRAME_AT_HOPS] +
						     receiver->peer->n_hops);
		peer_send_frame(receiver->peer, held + at, n);
		at += n;
	}
	receiver_spend(receiver, 1, slot->cost_bytes);
	slot_hand_over(slot, receiver, id, &registration->slots);
}

/* What its schema keeps from the server may have to wait for no other. */
static void pass(struct slot *slot, const struct registration *registration)
{
	struct endpoint *endpoint = slot->waits_at;

	list_unlink(&slot->callee_link);
	if (fits(slot, registration)) {
		list_push_back(&endpoint->waiting, &slot->callee_link);
		return;
	}
	slot->waits_at = NULL;
	call_resume(slot);
}

/*
 * Those that are passed go to the back, so that all come into sight. Returns
 * false when no more may be passed.
 */
static bool wake_at(struct registration *registration,
		    struct endpoint *endpoint, unsigned *n_left)
{
	struct receiver *receiver = &registration->receiver;
	const struct slot *first_passed = NULL;
	unsigned n_passed = 0;

	while (n_passed < PASSES_MAX && !list_is_empty(&endpoint->waiting)) {
		struct slot *slot = slot_of(endpoint->waiting.next);

		if (!receiver->credit_messages ||
		    !peer_is_there(receiver->peer))
			break;
		if (receiver_has_credit(receiver, 1, slot->cost_bytes) &&
		    !is_too_far(slot, registration) &&
		    fits(slot, registration)) {
			waiting_release(slot, registration);
			continue;
		}
		if (slot == first_passed || has_claim(slot, registration))
			break;
		if (!*n_left)
			return false;
		if (!first_passed)
			first_passed = slot;
		pass(slot, registration);
		n_passed++;
		--*n_left;
	}
	return true;
}

/* Where it comes to its bound it goes on next time. */
static void wake_all(struct registration *registration)
{
	size_t n = registration->n_memberships;
	size_t start = registration->wakes_from;
	unsigned n_left = PASSES_TOTAL_MAX;
	bool has_come_far = false;

	for (size_t i = 0; i < n; i++) {
		size_t at = (start + i) % n;

		if (wake_at(registration,
			    registration->memberships[at].endpoint, &n_left) ||
		    has_come_far)
			continue;
		registration->wakes_from = at;
		has_come_far = true;
	}
}

/* What the host has chosen it for is not another's. */
static void wake_chosen(struct registration *registration)
{
	struct list *waiting = &registration->waiting;

	while (!list_is_empty(waiting) &&
	       receiver_has_credit(&registration->receiver, 1,
				   slot_of(waiting->next)->cost_bytes))
		waiting_release(slot_of(waiting->next), registration);
}

void waiting_wake(struct registration *registration)
{
	if (!registration_is_open(registration))
		return;
	wake_chosen(registration);
	if (registration->is_draining)
		return;
	if (registration->credit_bytes_most <
	    registration->receiver.credit_bytes)
		registration->credit_bytes_most =
			registration->receiver.credit_bytes;
	wake_all(registration);
}
