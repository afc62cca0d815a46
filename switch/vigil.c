/* SPDX-License-Identifier: MIT */

#include "switch/vigil.h"

#include "base/clock.h"
#include "switch/bus.h"
#include "switch/endpoint.h"
#include "switch/peer.h"
#include "switch/slot.h"

/* Often enough that a PING and its answer fit before VIGIL_STUCK_MS. */
#define ROUND_NS (4 * NS_PER_S)

/* A stream's server may have nothing to say for hours. */
static struct slot *oldest_owed(const struct registration *registration)
{
	struct list *link;

	list_for_each (link, &registration->slots) {
		struct slot *slot =
			container_of(link, struct slot, callee_link);

		if (!slot->stream)
			return slot;
	}
	return NULL;
}

static bool is_spent(const struct receiver *receiver)
{
	return !receiver->credit_messages || !receiver->credit_bytes;
}

/* Since when it owes something and nothing came; UINT64_MAX: it owes nothing.
 */
static uint64_t quiet_since(const struct registration *registration)
{
	const struct receiver *receiver = &registration->receiver;
	const struct slot *slot = oldest_owed(registration);
	uint64_t heard_ns = receiver->peer->heard_ns;

	if (slot)
		return heard_ns < slot->handed_ns ? slot->handed_ns : heard_ns;
	if (is_spent(receiver) || !outbox_is_empty(&receiver->peer->outbox))
		return heard_ns;
	return UINT64_MAX;
}

static bool is_quiet_for(const struct registration *registration, uint64_t ns)
{
	uint64_t since_ns = quiet_since(registration);
	uint64_t now_ns = registration->bus->now_ns;

	return since_ns < now_ns && now_ns - since_ns >= ns;
}

const char *vigil_state(const struct registration *registration)
{
	if (is_quiet_for(registration, VIGIL_STUCK_MS * NS_PER_MS))
		return "stuck";
	if (registration->is_draining)
		return "draining";
	return is_spent(&registration->receiver) ? "busy" : "serving";
}

/* Once for each time that it falls silent. */
static void wake(struct peer *peer)
{
	struct frame frame = { .kind = FRAME_PING };

	if (peer->pinged_ns > peer->heard_ns || !outbox_is_empty(&peer->outbox))
		return;
	peer->pinged_ns = peer->bus->now_ns;
	peer_send(peer, &frame, NULL, 0);
}

static void on_round(struct timer *timer, uint64_t now_ns)
{
	struct bus *bus = container_of(timer, struct bus, vigil);
	struct list *link;

	list_for_each (link, &bus->receivers) {
		struct receiver *receiver =
			container_of(link, struct receiver, all_link);

		if (receiver->kind == RECEIVER_REGISTRATION &&
		    is_quiet_for(container_of(receiver, struct registration,
					      receiver),
				 ROUND_NS))
			wake(receiver->peer);
	}
	wheel_add(&bus->wheel, timer, now_ns + ROUND_NS);
}

void vigil_init(struct bus *bus)
{
	timer_init(&bus->vigil, on_round);
	wheel_add(&bus->wheel, &bus->vigil, bus->now_ns + ROUND_NS);
}
