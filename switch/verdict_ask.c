/* SPDX-License-Identifier: MIT */

/* What is asked of the registry, and what becomes of what it says. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "switch/bus.h"
#include "switch/call.h"
#include "switch/endpoint.h"
#include "switch/peer.h"
#include "switch/serve.h"
#include "switch/slot.h"
#include "switch/speaker.h"
#include "switch/verdict.h"

static void note_away(struct bus *bus, const char *why)
{
	struct verdicts *verdicts = &bus->verdicts;

	verdicts->away_until_ns = bus->now_ns + VERDICT_AWAY_NS;
	snprintf(verdicts->away, sizeof(verdicts->away),
		 "helio-registry, which would judge it, is away%s%s",
		 why ? ": " : "", why ? why : "");
}

/* Returns 0 or a negative errno: then it was not asked. */
static int put_question(struct verdicts *verdicts, struct verdict *verdict)
{
	int r = -ENOTCONN;

	verdict->waits_there = false;
	verdict->asked_ns = verdict->bus->now_ns;
	docket_begin(&verdicts->docket, verdict);
	if (verdicts->ask)
		r = verdicts->ask(verdicts->userdata, verdict);
	if (r < 0)
		docket_end(&verdicts->docket, verdict);
	return r;
}

enum outlook verdict_ask(const struct speaker *speaker, struct schema *client,
			 struct schema *server, struct verdict **ret_verdict)
{
	struct bus *bus = speaker->peer->bus;
	struct verdicts *verdicts = &bus->verdicts;
	struct asker *asker = docket_asker(&verdicts->docket, speaker);
	struct verdict *verdict = *ret_verdict;
	int r;

	if (verdicts->away_until_ns > bus->now_ns)
		return OUTLOOK_AWAY;
	if (!asker_take_question(asker, bus->now_ns))
		return OUTLOOK_TOO_MANY;
	if (verdict)
		docket_charge(verdict, asker);
	else
		verdict = verdict_new(bus, asker, client, server);
	if (!verdict)
		return OUTLOOK_TOO_MANY;
	if (!docket_has_room(&verdicts->docket, asker)) {
		docket_push(&verdicts->docket, verdict);
	} else if ((r = put_question(verdicts, verdict)) < 0) {
		note_away(bus, strerror(-r));
		if (!verdict->is_known)
			verdict_forget(verdict);
		return OUTLOOK_AWAY;
	}
	verdict->is_asked = true;
	*ret_verdict = verdict;
	return OUTLOOK_ASKED;
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
		[ANSWER_FAILED] = STATUS_UNAVAILABLE,
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
		return false;
	return verdict->client || kind == ANSWER_GOOD;
}

/* When it will be asked again; UINT64_MAX: never. */
static uint64_t until(const struct verdict *verdict, enum answer_kind kind)
{
	uint64_t now_ns = verdict->bus->now_ns;
	uint64_t took_ns = now_ns - verdict->asked_ns;

	if (kind == ANSWER_BAD)
		return UINT64_MAX;
	/* It may be put there at any time: the next turn asks again. */
	if (kind == ANSWER_NOT_FOUND)
		return now_ns + 1;
	/* What takes long for nothing is asked half of the time at most. */
	return now_ns + (took_ns > VERDICT_AWAY_NS ? took_ns : VERDICT_AWAY_NS);
}

static void learn(struct verdict *verdict, enum answer_kind kind,
		  const char *why)
{
	verdict->is_failed = kind == ANSWER_FAILED;
	verdict->is_known = kind != ANSWER_FAILED;
	verdict->is_good = kind == ANSWER_GOOD;
	verdict->is_unheard = kind == ANSWER_NOT_FOUND;
	verdict->decided_ns = verdict->bus->now_ns;
	verdict->until_ns = until(verdict, kind);
	free(verdict->why);
	verdict->why = verdict->is_good || !why ? NULL : strdup(why);
}

static void settle(struct verdict *verdict, enum answer_kind kind,
		   const char *why)
{
	struct list slots;

	/* What was good stays so while nothing else is said of it. */
	if (verdict->is_known && kind >= ANSWER_FAILED)
		kind = ANSWER_GOOD;
	else if (kind != ANSWER_AWAY)
		learn(verdict, kind, why);
	list_init(&slots);
	list_splice_back(&slots, &verdict->slots);
	decide_registrations(verdict, kind, why ? why : "");
	verdict->is_asked = false;
	if (!is_worth_keeping(verdict, kind))
		verdict_forget(verdict);
	resume(&slots);
}

/* With one that cannot be asked it is the same for all that wait. */
static void settle_away(struct verdict *verdict, const char *why)
{
	struct bus *bus = verdict->bus;

	note_away(bus, why);
	do
		settle(verdict, ANSWER_AWAY, bus->verdicts.away);
	while ((verdict = docket_pop(&bus->verdicts.docket)));
}

/* Whose askers are gone, or waited too long, is no question any more. */
static bool is_wanted(const struct verdict *verdict)
{
	return !list_is_empty(&verdict->slots) ||
	       !list_is_empty(&verdict->registrations);
}

void verdicts_send_more(struct bus *bus)
{
	struct verdicts *verdicts = &bus->verdicts;
	struct verdict *verdict;
	int r;

	while ((verdict = docket_next(&verdicts->docket))) {
		if (!is_wanted(verdict)) {
			verdict->is_asked = false;
			if (!verdict->is_known)
				verdict_forget(verdict);
			continue;
		}
		r = put_question(verdicts, verdict);
		if (r < 0)
			settle_away(verdict, strerror(-r));
	}
}

void verdict_answer(struct verdict *verdict, enum answer_kind kind,
		    const char *why)
{
	struct bus *bus = verdict->bus;

	docket_end(&bus->verdicts.docket, verdict);
	/* One that answers others meanwhile is there. */
	if (kind < ANSWER_LATE)
		bus->verdicts.heard_ns = bus->now_ns;
	else if (kind == ANSWER_LATE &&
		 bus->verdicts.heard_ns > verdict->asked_ns)
		kind = ANSWER_FAILED;
	if (kind < ANSWER_LATE)
		settle(verdict, kind, why);
	else
		settle_away(verdict, why);
	verdicts_send_more(bus);
}
