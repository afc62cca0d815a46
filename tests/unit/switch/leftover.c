/* SPDX-License-Identifier: MIT */

#include "tests/unit/switch/leftover.h"

#include "switch/subscription.h"

static bool is_watched(const struct ledger *ledger,
		       const struct account *account)
{
	for (size_t i = 0; i < ledger->n_accounts; i++)
		if (ledger->accounts[i] == account)
			return true;
	return false;
}

void ledger_watch(struct ledger *ledger, struct bus *bus)
{
	struct map_node *node = NULL;

	while ((node = map_walk(&bus->accounts.by_owner, node))) {
		struct account *account =
			container_of(node, struct account, node);

		if (is_watched(ledger, account) ||
		    ledger->n_accounts == LEDGER_MAX)
			continue;
		account->n_refs++;
		ledger->accounts[ledger->n_accounts++] = account;
	}
}

void ledger_close(struct ledger *ledger)
{
	while (ledger->n_accounts)
		account_unref(ledger->accounts[--ledger->n_accounts]);
}

/* Each holds a reference to the account above it. */
static unsigned n_children(const struct ledger *ledger,
			   const struct account *account)
{
	unsigned n = 0;

	for (size_t i = 0; i < ledger->n_accounts; i++)
		n += ledger->accounts[i]->parent == account;
	return n;
}

/* Captures that are away: held by `account` itself, or charged to it too. */
static unsigned n_captures(const struct bus *bus, const struct account *account,
			   bool is_itself)
{
	struct list *link;
	unsigned n = 0;

	list_for_each (link, &bus->captures) {
		const struct account *other =
			container_of(link, struct subscription, capture_link)
				->account;

		if (!is_itself)
			while (other && other != account)
				other = other->parent;
		n += other == account;
	}
	return n;
}

static const char *leftover_account(const struct bus *bus,
				    const struct ledger *ledger)
{
	if (bus->accounts.by_owner.n_nodes != ledger->n_accounts)
		return "an account";
	for (size_t i = 0; i < ledger->n_accounts; i++) {
		const struct account *account = ledger->accounts[i];

		if (account->n_refs != 1 + n_children(ledger, account) +
					       n_captures(bus, account, true))
			return "a reference to an account";
		for (unsigned j = 0; j < N_RESOURCES; j++)
			if (account->used[j] !=
			    (j == RESOURCE_SUBSCRIPTIONS
				     ? n_captures(bus, account, false)
				     : 0))
				return resource_name(j);
	}
	return NULL;
}

static const char *leftover_peer(const struct bus *bus)
{
	if (bus->n_peers || !list_is_empty(&bus->peers))
		return "a peer";
	if (!list_is_empty(&bus->active) || !list_is_empty(&bus->dirty) ||
	    !list_is_empty(&bus->ended))
		return "a peer in a list";
	if (!list_is_empty(&bus->receivers))
		return "a receiver";
	for (uint32_t i = 0; i < bus->sources.n_handles; i++)
		if (bus->sources.of_handle[i])
			return "a source";
	return NULL;
}

static const char *leftover_capture(const struct bus *bus)
{
	struct list *link;
	size_t n = 0;

	list_for_each (link, &bus->captures) {
		struct subscription *log =
			container_of(link, struct subscription, capture_link);

		n++;
		if (log->receiver.peer || backlog_n_frames(&log->backlog) ||
		    log->backlog.n_reserved_bytes ||
		    !list_is_empty(&log->stored_slots) ||
		    !list_is_empty(&log->open_targets))
			return "what hangs on a capture";
	}
	return n == bus->n_captures ? NULL : "the count of captures";
}

static const char *leftover_route(const struct bus *bus)
{
	if (bus->routes.n_targets != bus->n_captures)
		return "a target of a route";
	if (!bus->routes.n_targets && bus->routes.nodes.n_nodes)
		return "a node of a route";
	if (bus->observers.n_targets || bus->observers.nodes.n_nodes)
		return "an observer";
	if (bus->groups.by_name.n_nodes)
		return "a group";
	if (bus->endpoints.by_subject.n_nodes)
		return "an endpoint";
	if (bus->endpoints.by_instance.n_nodes)
		return "a registration";
	if (bus->endpoints.services.n_nodes)
		return "a service";
	if (bus->shares.by_owner.n_nodes)
		return "a share of what waits";
	if (bus->slots.n_slots)
		return "a slot";
	return NULL;
}

/* Those of its own are that of the busiest subjects and that of the vigil. */
static const char *leftover_timer(const struct bus *bus)
{
	const struct list *link;
	size_t n = 0;

	for (unsigned i = 0; i < WHEEL_N_SLOTS; i++)
		list_for_each (link, &bus->wheel.slots[i])
			n++;
	return n == 2 ? NULL : "a timer";
}

const char *leftover(const struct bus *bus, const struct ledger *ledger)
{
	const char *what = leftover_peer(bus);

	if (!what)
		what = leftover_capture(bus);
	if (!what)
		what = leftover_route(bus);
	if (!what)
		what = leftover_account(bus, ledger);
	if (!what)
		what = leftover_timer(bus);
	return what;
}
