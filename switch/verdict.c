/* SPDX-License-Identifier: MIT */

#include "switch/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "switch/bus.h"
#include "switch/call.h"
#include "switch/endpoint.h"
#include "switch/peer.h"
#include "switch/quota.h"
#include "switch/serve.h"
#include "switch/slot.h"
#include "switch/speaker.h"

/* So long nobody is asked after a question to which no answer came. */
#define AWAY_NS  (500 * NS_PER_MS)
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
	for (unsigned i = 0; i < N_ASKERS; i++)
		verdicts->askers[i] = (struct asker){
			.n_questions = QUESTIONS_BURST,
			.filled_ns = bus->now_ns,
		};
	r = hash_key_draw(&verdicts->key);
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

	verdicts->askers[verdict->asker].n_verdicts--;
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

/* A leaf with all that is below it is one. */
static unsigned asker_of(const struct verdicts *verdicts,
			 const struct speaker *speaker)
{
	const struct account *account = speaker->account;

	while (account->parent)
		account = account->parent;
	return hash_bytes(&verdicts->key, account->owner,
			  strlen(account->owner)) %
	       N_ASKERS;
}

/* Returns whether it has a question left, which is taken. */
static bool take_question(struct asker *asker, uint64_t now_ns)
{
	uint64_t n =
		(now_ns - asker->filled_ns) * QUESTIONS_PER_SECOND / NS_PER_S;

	if (now_ns - asker->filled_ns >
	    QUESTIONS_BURST / QUESTIONS_PER_SECOND * NS_PER_S)
		n = QUESTIONS_BURST;
	if (n) {
		n += asker->n_questions;
		asker->n_questions =
			(uint32_t)(n < QUESTIONS_BURST ? n : QUESTIONS_BURST);
		asker->filled_ns = now_ns;
	}
	if (!asker->n_questions)
		return false;
	asker->n_questions--;
	return true;
}

/* The oldest of the asker, or of all, goes. Returns whether one did. */
static bool make_room(struct verdicts *verdicts, unsigned asker)
{
	bool is_own = verdicts->askers[asker].n_verdicts >= VERDICTS_OF_ONE_MAX;
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

static struct verdict *verdict_new(struct bus *bus, unsigned asker,
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
	list_init(&verdict->slots);
	list_init(&verdict->registrations);
	list_push_back(&verdicts->all, &verdict->link);
	map_add(&verdicts->by_pair, &verdict->node, hash_pair(client, server));
	verdicts->askers[asker].n_verdicts++;
	return verdict;
}

static void note_away(struct bus *bus, const char *why)
{
	struct verdicts *verdicts = &bus->verdicts;

	verdicts->away_until_ns = bus->now_ns + AWAY_NS;
	snprintf(verdicts->away, sizeof(verdicts->away),
		 "helio-registry, which would judge it, is away%s%s",
		 why ? ": " : "", why ? why : "");
}

/* *ret_verdict is what there is of it, or NULL, and what was asked then. */
static enum outlook ask(const struct speaker *speaker, struct schema *client,
			struct schema *server, struct verdict **ret_verdict)
{
	struct bus *bus = speaker->peer->bus;
	struct verdicts *verdicts = &bus->verdicts;
	unsigned asker = asker_of(verdicts, speaker);
	struct verdict *verdict = *ret_verdict;
	int r = -ENOTCONN;

	if (verdicts->away_until_ns > bus->now_ns)
		return OUTLOOK_AWAY;
	if (!take_question(&verdicts->askers[asker], bus->now_ns))
		return OUTLOOK_TOO_MANY;
	if (!verdict)
		verdict = verdict_new(bus, asker, client, server);
	if (!verdict)
		return OUTLOOK_TOO_MANY;
	if (verdicts->ask)
		r = verdicts->ask(verdicts->userdata, verdict);
	if (r < 0) {
		note_away(bus, strerror(-r));
		if (!verdict->is_known)
			verdict_forget(verdict);
		return OUTLOOK_AWAY;
	}
	verdict->is_asked = true;
	*ret_verdict = verdict;
	return OUTLOOK_ASKED;
}

static void touch(struct verdict *verdict)
{
	list_unlink(&verdict->link);
	list_push_back(&verdicts_of(verdict)->all, &verdict->link);
}

enum outlook verdict_of_pair(const struct speaker *asker, struct schema *client,
			     struct schema *server,
			     struct verdict **ret_verdict)
{
	struct bus *bus = asker->peer->bus;
	struct verdict *verdict = lookup(&bus->verdicts, client, server);
	enum outlook outlook;

	*ret_verdict = verdict;
	if (bus->verdicts.is_equal_only)
		return OUTLOOK_BAD;
	if (verdict)
		touch(verdict);
	if (verdict && verdict->is_asked)
		return OUTLOOK_ASKED;
	if (verdict && verdict->is_known) {
		if (verdict->is_good)
			return OUTLOOK_GOOD;
		if (bus->now_ns < verdict->until_ns)
			return OUTLOOK_BAD;
		verdict_forget(verdict);
		*ret_verdict = NULL;
	}
	outlook = ask(asker, client, server, ret_verdict);
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
	verdict = lookup(&bus->verdicts, NULL, registration->schema);
	if (verdict)
		touch(verdict);
	if (verdict && verdict->is_known && !verdict->is_asked &&
	    bus->now_ns - verdict->decided_ns < FRESH_NS)
		return OUTLOOK_GOOD;
	if (!verdict || !verdict->is_asked)
		outlook = ask(speaker, NULL, registration->schema, &verdict);
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
			  slot->bus->now_ns + AWAY_NS);
}

void verdicts_settle(struct verdicts *verdicts)
{
	if (list_is_empty(&verdicts->waiting))
		timer_remove(&verdicts->retry);
}

/* Each may wait for something else then, or for the same again. */
static void resume(struct list *slots)
{
	struct list now;
	struct list *link;

	list_init(&now);
	list_splice_back(&now, slots);
	while ((link = list_pop_front(&now)))
		call_resume(container_of(link, struct slot, callee_link));
}

void verdicts_registry_came(struct verdicts *verdicts)
{
	timer_remove(&verdicts->retry);
	verdicts->away_until_ns = 0;
	resume(&verdicts->waiting);
}

static void decide_registrations(struct verdict *verdict, enum answer_kind kind,
				 const char *why)
{
	static const enum status statuses[] = {
		[ANSWER_GOOD] = STATUS_OK,
		[ANSWER_BAD] = STATUS_FAILED_PRECONDITION,
		[ANSWER_NOT_FOUND] = STATUS_NOT_FOUND,
		[ANSWER_AWAY] = STATUS_UNAVAILABLE,
	};
	struct list *link;

	while ((link = list_pop_front(&verdict->registrations)))
		serve_decide(
			container_of(link, struct registration, verdict_link),
			statuses[kind], why);
}

/* What is said of one alone is remembered only if it is good. */
static bool is_worth_keeping(const struct verdict *verdict,
			     enum answer_kind kind)
{
	if (kind == ANSWER_AWAY)
		return verdict->is_known;
	return verdict->client || kind == ANSWER_GOOD;
}

void verdict_answer(struct verdict *verdict, enum answer_kind kind,
		    const char *why)
{
	struct bus *bus = verdict->bus;
	struct list slots;

	if (kind == ANSWER_AWAY) {
		note_away(bus, why);
		why = bus->verdicts.away;
	} else {
		verdict->is_known = true;
		verdict->is_good = kind == ANSWER_GOOD;
		verdict->is_unheard = kind == ANSWER_NOT_FOUND;
		verdict->decided_ns = bus->now_ns;
		/* It may be put there at any time: the next turn asks again. */
		verdict->until_ns =
			kind == ANSWER_BAD ? UINT64_MAX : bus->now_ns + 1;
		free(verdict->why);
		verdict->why = verdict->is_good || !why ? NULL : strdup(why);
	}
	list_init(&slots);
	list_splice_back(&slots, &verdict->slots);
	/* What was good stays so while nobody can be asked. */
	if (kind == ANSWER_AWAY && verdict->is_known)
		kind = ANSWER_GOOD;
	decide_registrations(verdict, kind, why ? why : "");
	verdict->is_asked = false;
	if (!is_worth_keeping(verdict, kind))
		verdict_forget(verdict);
	resume(&slots);
}
