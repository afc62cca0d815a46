/* SPDX-License-Identifier: MIT */

#include "switch/verdict.h"

#include <stdlib.h>

#include "base/clock.h"
#include "switch/bus.h"
#include "switch/endpoint.h"
#include "switch/peer.h"
#include "switch/slot.h"
#include "switch/speaker.h"

/* What may be served is asked again after that, for it may be forgotten. */
#define FRESH_NS (10 * NS_PER_S)

static struct verdicts *verdicts_of(const struct verdict *verdict)
{
	return &verdict->bus->verdicts;
}

/* Those that waited in vain try again. */
static void on_retry(struct timer *timer, uint64_t now_ns)
{
	verdicts_registry_came(container_of(timer, struct verdicts, retry));
}

int verdicts_init(struct verdicts *verdicts, struct bus *bus)
{
	int r;

	list_init(&verdicts->all);
	list_init(&verdicts->waiting);
	timer_init(&verdicts->retry, on_retry);
	r = docket_init(&verdicts->docket, bus->now_ns);
	if (r < 0)
		return r;
	return map_init(&verdicts->by_pair);
}

void verdicts_set_equal_only(struct verdicts *verdicts, bool is_equal_only)
{
	verdicts->is_equal_only = is_equal_only;
	verdicts_registry_came(verdicts);
}

void verdict_forget(struct verdict *verdict)
{
	struct verdicts *verdicts = verdicts_of(verdict);

	if (list_is_linked(&verdict->docket_link))
		docket_remove(verdict);
	verdict->asker->n_verdicts--;
	list_unlink(&verdict->link);
	map_remove(&verdicts->by_pair, &verdict->node);
	schema_unref(verdict->client);
	schema_unref(verdict->server);
	free(verdict->why);
	free(verdict);
}

void verdicts_deinit(struct verdicts *verdicts)
{
	if (!verdicts->all.next)
		return;
	while (!list_is_empty(&verdicts->all))
		verdict_forget(
			container_of(verdicts->all.next, struct verdict, link));
	timer_remove(&verdicts->retry);
	map_deinit(&verdicts->by_pair);
}

/* Ids are ours to draw, so nobody can choose them alike. */
static uint64_t hash_pair(const struct schema *client,
			  const struct schema *server)
{
	return map_hash_u64((client ? client->id << 32 : 0) ^ server->id);
}

static struct verdict *lookup(const struct verdicts *verdicts,
			      const struct schema *client,
			      const struct schema *server)
{
	struct map_node *node =
		map_lookup(&verdicts->by_pair, hash_pair(client, server));

	for (; node; node = map_next(node)) {
		struct verdict *verdict =
			container_of(node, struct verdict, node);

		if (verdict->client == client && verdict->server == server)
			return verdict;
	}
	return NULL;
}

bool verdict_is_fit(const struct bus *bus, const struct schema *client,
		    const struct schema *server)
{
	const struct verdict *verdict;

	if (bus->verdicts.is_equal_only)
		return false;
	verdict = lookup(&bus->verdicts, client, server);
	return verdict && verdict->is_known && verdict->is_good;
}

/* The oldest of the asker, or of all, goes. Returns whether one did. */
static bool make_room(struct verdicts *verdicts, const struct asker *asker)
{
	bool is_own = asker->n_verdicts >= VERDICTS_OF_ONE_MAX;
	struct list *link;

	if (!is_own && verdicts->by_pair.n_nodes < VERDICTS_MAX)
		return true;
	list_for_each (link, &verdicts->all) {
		struct verdict *verdict =
			container_of(link, struct verdict, link);

		if (verdict->is_asked || (is_own && verdict->asker != asker))
			continue;
		verdict_forget(verdict);
		return true;
	}
	return false;
}

struct verdict *verdict_new(struct bus *bus, struct asker *asker,
			    struct schema *client, struct schema *server)
{
	struct verdicts *verdicts = &bus->verdicts;
	struct verdict *verdict;

	if (!make_room(verdicts, asker))
		return NULL;
	verdict = calloc(1, sizeof(*verdict));
	if (!verdict)
		return NULL;
	verdict->bus = bus;
	verdict->client = schema_ref(client);
	verdict->server = schema_ref(server);
	verdict->asker = asker;
	list_init(&verdict->docket_link);
	list_init(&verdict->slots);
	list_init(&verdict->registrations);
	list_push_back(&verdicts->all, &verdict->link);
	map_add(&verdicts->by_pair, &verdict->node, hash_pair(client, server));
	asker->n_verdicts++;
	return verdict;
}

static void touch(struct verdict *verdict)
{
	list_unlink(&verdict->link);
	list_push_back(&verdicts_of(verdict)->all, &verdict->link);
}

/* What there is of it; if it waits in another's name, in this one from now. */
static struct verdict *lookup_for(const struct speaker *speaker,
				  struct schema *client, struct schema *server)
{
	struct bus *bus = speaker->peer->bus;
	struct docket *docket = &bus->verdicts.docket;
	struct verdict *verdict = lookup(&bus->verdicts, client, server);

	if (!verdict)
		return NULL;
	touch(verdict);
	if (!list_is_linked(&verdict->docket_link) ||
	    bus->verdicts.away_until_ns > bus->now_ns ||
	    !docket_adopt(docket, verdict, docket_asker(docket, speaker),
			  bus->now_ns))
		return verdict;
	verdicts_send_more(bus);
	return lookup(&bus->verdicts, client, server);
}

enum outlook verdict_of_pair(const struct speaker *asker, struct schema *client,
			     struct schema *server,
			     struct verdict **ret_verdict)
{
	struct bus *bus = asker->peer->bus;
	struct verdict *verdict = lookup_for(asker, client, server);
	enum outlook outlook;

	*ret_verdict = verdict;
	if (bus->verdicts.is_equal_only) {
		*ret_verdict = NULL;
		return OUTLOOK_BAD;
	}
	if (verdict && verdict->is_asked)
		return OUTLOOK_ASKED;
	if (verdict && verdict->is_good)
		return OUTLOOK_GOOD;
	if (verdict && bus->now_ns < verdict->until_ns)
		return verdict->is_failed ? OUTLOOK_FAILED : OUTLOOK_BAD;
	if (verdict)
		verdict_forget(verdict);
	*ret_verdict = NULL;
	outlook = verdict_ask(asker, client, server, ret_verdict);
	if (outlook != OUTLOOK_ASKED)
		*ret_verdict = NULL;
	return outlook;
}

enum outlook verdict_of_registration(struct registration *registration)
{
	const struct speaker *speaker = registration->receiver.speaker;
	struct bus *bus = registration->bus;
	struct verdict *verdict;
	enum outlook outlook = OUTLOOK_ASKED;

	if (bus->verdicts.is_equal_only || !registration->schema)
		return OUTLOOK_GOOD;
	verdict = lookup_for(speaker, NULL, registration->schema);
	if (verdict && verdict->is_known && !verdict->is_asked &&
	    bus->now_ns - verdict->decided_ns < FRESH_NS)
		return OUTLOOK_GOOD;
	if (!verdict || !verdict->is_asked)
		outlook = verdict_ask(speaker, NULL, registration->schema,
				      &verdict);
	if (outlook == OUTLOOK_ASKED)
		list_push_back(&verdict->registrations,
			       &registration->verdict_link);
	else if (verdict && verdict->is_known)
		return OUTLOOK_GOOD;
	return outlook;
}

void verdict_hold(struct verdict *verdict, struct slot *slot)
{
	slot->awaits_registry = true;
	list_push_back(&verdict->slots, &slot->callee_link);
}

void verdicts_hold(struct verdicts *verdicts, struct slot *slot)
{
	slot->awaits_registry = true;
	list_push_back(&verdicts->waiting, &slot->callee_link);
	if (!list_is_linked(&verdicts->retry.link))
		wheel_add(&slot->bus->wheel, &verdicts->retry,
			  slot->bus->now_ns + VERDICT_AWAY_NS);
}

void verdicts_settle(struct verdicts *verdicts)
{
	if (list_is_empty(&verdicts->waiting))
		timer_remove(&verdicts->retry);
}
