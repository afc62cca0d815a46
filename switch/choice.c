/* SPDX-License-Identifier: MIT */

#include "switch/choice.h"

#include <stdio.h>

#include "switch/bus.h"
#include "switch/endpoint.h"
#include "switch/peer.h"
#include "switch/slot.h"
#include "switch/uplink.h"
#include "switch/verdict.h"
#include "switch/version.h"
#include "switch/waiting.h"

/* Only what has come by leaves already can be too far from another. */
static bool is_out_of_reach(const struct wish *wish)
{
	unsigned n_hops = wish->demand.n_hops;

	if (n_hops < FRAME_HOPS_MAX)
		return false;
	if (wish->registration)
		return peer_is_too_far(wish->registration->receiver.peer,
				       n_hops);
	return wish->endpoint && wish->endpoint->n_members &&
	       !endpoint_is_in_reach(wish->endpoint, n_hops);
}

static bool is_away(const struct bus *bus)
{
	return bus->uplink && !uplink_is_up(bus->uplink);
}

static void say_bad(const struct wish *wish, const struct schema *server,
		    const struct verdict *verdict, char *text, size_t n_text)
{
	char ours[SCHEMA_SHORT_CHARS];
	char theirs[SCHEMA_SHORT_CHARS];

	snprintf(text, n_text,
		 "the caller's schema of %.*s, %s, does not fit that of its "
		 "servers, %s: %s",
		 (int)server->n_name, server->name,
		 schema_short(wish->schema, ours), schema_short(server, theirs),
		 verdict && verdict->why
			 ? verdict->why
			 : "they are not equal, and no registry is asked");
}

/* The caller may put its schema there, and call again. */
static void say_unheard(const struct wish *wish, const struct verdict *verdict,
			char *text, size_t n_text)
{
	const struct schema *server = verdict->server;
	char ours[SCHEMA_SHORT_CHARS];
	char theirs[SCHEMA_SHORT_CHARS];

	snprintf(text, n_text,
		 "helio-registry cannot judge the caller's schema of %.*s, %s, "
		 "and that of its servers, %s: %s",
		 (int)server->n_name, server->name,
		 schema_short(wish->schema, ours), schema_short(server, theirs),
		 verdict->why ? verdict->why : "it does not know them both");
}

/* The registry is there, and of these two says nothing. */
static void say_failed(const struct wish *wish, const struct verdict *verdict,
		       char *text, size_t n_text)
{
	const struct schema *server = verdict->server;
	char ours[SCHEMA_SHORT_CHARS];
	char theirs[SCHEMA_SHORT_CHARS];

	snprintf(text, n_text,
		 "helio-registry has not judged the caller's schema of %.*s, "
		 "%s, and that of its servers, %s: %s",
		 (int)server->n_name, server->name,
		 schema_short(wish->schema, ours), schema_short(server, theirs),
		 verdict->why ? verdict->why : "it does not say why");
}

/* What is known of the members that do not fit, or will be. */
static int judge(const struct wish *wish, struct verdict **ret_verdict,
		 char *text, size_t n_text)
{
	const struct bus *bus = wish->speaker->peer->bus;
	struct list *link;
	int r = STATUS_FAILED_PRECONDITION;

	list_for_each (link, &wish->endpoint->cohorts) {
		const struct cohort *cohort =
			container_of(link, struct cohort, link);
		struct verdict *verdict;

		if (list_is_empty(&cohort->members) ||
		    verdict_fits(bus, wish->schema, cohort->schema))
			continue;
		switch (verdict_of_pair(wish->speaker, wish->schema,
					cohort->schema, &verdict)) {
		case OUTLOOK_GOOD:
			break;
		case OUTLOOK_BAD:
			if (r != STATUS_FAILED_PRECONDITION)
				break;
			if (verdict && verdict->is_unheard) {
				say_unheard(wish, verdict, text, n_text);
				r = STATUS_NOT_FOUND;
			} else {
				say_bad(wish, cohort->schema, verdict, text,
					n_text);
			}
			break;
		case OUTLOOK_ASKED:
			*ret_verdict = verdict;
			r = CHOICE_ASKED;
			break;
		case OUTLOOK_AWAY:
			snprintf(text, n_text, "%s", bus->verdicts.away);
			if (r != CHOICE_ASKED)
				r = CHOICE_AWAY;
			break;
		case OUTLOOK_FAILED:
			say_failed(wish, verdict, text, n_text);
			if (r != CHOICE_ASKED)
				r = CHOICE_AWAY;
			break;
		case OUTLOOK_TOO_MANY:
			snprintf(text, n_text,
				 "helio-registry is asked too often: try "
				 "later");
			if (r != CHOICE_ASKED)
				r = CHOICE_AWAY;
			break;
		}
	}
	return r;
}

/* In a leaf it is the host who judges: so the call goes up. */
static int pick(struct wish *wish, struct registration **ret_registration,
		struct verdict **ret_verdict, char *text, size_t n_text)
{
	const struct bus *bus = wish->speaker->peer->bus;
	int r = STATUS_OK;

	*ret_registration = endpoint_pick(bus, wish->endpoint, &wish->demand);
	if (!wish->demand.does_all_fit && bus->uplink) {
		snprintf(text, n_text,
			 "the servers of %s here have another schema%s%s",
			 wish->subject, is_away(bus) ? ", and " : "",
			 is_away(bus) ? bus->uplink->away : "");
		r = STATUS_UNAVAILABLE;
	} else if (!wish->demand.does_all_fit) {
		r = judge(wish, ret_verdict, text, n_text);
	}
	if (*ret_registration)
		return STATUS_OK;
	if (r && (r == CHOICE_ASKED || !wish->demand.does_any_fit))
		return r;
	snprintf(text, n_text, "all servers of %s are busy", wish->subject);
	return STATUS_RESOURCE_EXHAUSTED;
}

int choice_make(struct wish *wish, struct registration **ret_registration,
		struct verdict **ret_verdict, char *text, size_t n_text)
{
	const struct bus *bus = wish->speaker->peer->bus;

	wish->demand.schema = wish->schema;
	if (is_out_of_reach(wish)) {
		snprintf(text, n_text, "no server of %s is near enough",
			 wish->subject);
		return STATUS_FAILED_PRECONDITION;
	}
	if (wish->registration) {
		*ret_registration = wish->registration;
		if (receiver_has_credit(&wish->registration->receiver, 1,
					wish->demand.n_bytes))
			return STATUS_OK;
		snprintf(text, n_text, "all servers of %s are busy",
			 wish->subject);
		return STATUS_RESOURCE_EXHAUSTED;
	}
	if (wish->endpoint && wish->endpoint->n_members)
		return pick(wish, ret_registration, ret_verdict, text, n_text);
	if (wish->endpoint && wish->endpoint->n_draining) {
		snprintf(text, n_text, "all servers of %s are draining",
			 wish->subject);
		return STATUS_UNAVAILABLE;
	}
	if (endpoint_is_method_missing(bus, wish->subject, wish->n_subject)) {
		version_explain(bus, wish->subject, wish->n_subject,
				wish->schema, text, n_text);
		return STATUS_UNIMPLEMENTED;
	}
	snprintf(text, n_text, "nobody serves %s%s%s", wish->subject,
		 is_away(bus) ? ", and " : "",
		 is_away(bus) ? bus->uplink->away : "");
	return STATUS_UNAVAILABLE;
}

int choice_wait(struct slot *slot, const struct wish *wish, int r,
		struct verdict *verdict)
{
	if (r == CHOICE_ASKED) {
		verdict_hold(verdict, slot);
		return 0;
	}
	if (!slot->may_wait || wish->registration)
		return 1;
	if (r == CHOICE_AWAY) {
		verdicts_hold(&slot->bus->verdicts, slot);
		return 0;
	}
	if (r != STATUS_UNAVAILABLE && r != STATUS_RESOURCE_EXHAUSTED)
		return 1;
	return waiting_at(slot, wish->subject, wish->n_subject);
}
