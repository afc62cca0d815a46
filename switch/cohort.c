/* SPDX-License-Identifier: MIT */

#include "switch/cohort.h"

#include <errno.h>
#include <stdlib.h>

#include "switch/endpoint.h"
#include "switch/peer.h"
#include "switch/verdict.h"
#include "switch/waiting.h"

static struct cohort *cohort_of(struct list *link)
{
	return container_of(link, struct cohort, link);
}

static struct membership *first_of(const struct cohort *cohort)
{
	return container_of(cohort->members.next, struct membership, link);
}

int cohort_get(struct endpoint *endpoint, struct schema *schema,
	       struct cohort **ret_cohort)
{
	struct cohort *cohort = NULL;
	struct list *link;

	list_for_each (link, &endpoint->cohorts)
		if (cohort_of(link)->schema == schema)
			cohort = cohort_of(link);
	if (!cohort && endpoint->n_cohorts == SERVICE_SCHEMAS_MAX)
		return -E2BIG;
	if (!cohort) {
		cohort = malloc(sizeof(*cohort));
		if (!cohort)
			return -ENOMEM;
		*cohort = (struct cohort){ .schema = schema };
		list_init(&cohort->members);
		endpoint->n_cohorts++;
		list_push_back(&endpoint->cohorts, &cohort->link);
	}
	cohort->n_users++;
	*ret_cohort = cohort;
	return 0;
}

void cohort_put(struct endpoint *endpoint, struct cohort *cohort)
{
	if (--cohort->n_users)
		return;
	endpoint->n_cohorts--;
	list_unlink(&cohort->link);
	free(cohort);
}

static void go_last(struct membership *membership)
{
	membership->turn = ++membership->endpoint->n_turns;
	list_push_back(&membership->cohort->members, &membership->link);
}

void cohort_enter(struct membership *membership)
{
	membership->endpoint->n_members++;
	go_last(membership);
}

void cohort_leave(struct membership *membership)
{
	if (!list_is_linked(&membership->link))
		return;
	list_unlink(&membership->link);
	membership->endpoint->n_members--;
}

static void fit(const struct bus *bus, const struct endpoint *endpoint,
		struct demand *demand)
{
	struct list *link;

	demand->does_all_fit = true;
	demand->does_any_fit = false;

	list_for_each (link, &endpoint->cohorts) {
		struct cohort *cohort = cohort_of(link);

		if (list_is_empty(&cohort->members)) {
			cohort->fits = false;
			continue;
		}
		cohort->fits =
			verdict_fits(bus, demand->schema, cohort->schema);
		demand->does_any_fit |= cohort->fits;
		demand->does_all_fit &= cohort->fits;
	}
}

/* Of those that had no turn since `last`. */
static struct membership *next_in_turn(const struct endpoint *endpoint,
				       uint64_t last)
{
	struct membership *next = NULL;
	struct list *link;

	list_for_each (link, &endpoint->cohorts) {
		struct cohort *cohort = cohort_of(link);
		struct membership *first;

		if (!cohort->fits)
			continue;
		first = first_of(cohort);
		if (first->turn <= last && (!next || first->turn < next->turn))
			next = first;
	}
	return next;
}

static bool takes(const struct endpoint *endpoint,
		  const struct registration *registration,
		  const struct demand *demand)
{
	const struct receiver *receiver = &registration->receiver;

	return peer_is_there(receiver->peer) &&
	       !peer_is_too_far(receiver->peer, demand->n_hops) &&
	       receiver_has_credit(receiver, 1, demand->n_bytes) &&
	       registration_is_open(registration) &&
	       !waiting_has_claim(endpoint, registration);
}

struct registration *endpoint_pick(const struct bus *bus,
				   struct endpoint *endpoint,
				   struct demand *demand)
{
	uint64_t last = endpoint->n_turns;
	struct membership *membership;

	fit(bus, endpoint, demand);
	while ((membership = next_in_turn(endpoint, last))) {
		list_unlink(&membership->link);
		go_last(membership);
		if (takes(endpoint, membership->registration, demand))
			return membership->registration;
	}
	return NULL;
}

bool endpoint_is_in_reach(const struct endpoint *endpoint, unsigned n_hops)
{
	struct list *link;
	struct list *at;

	list_for_each (link, &endpoint->cohorts)
		list_for_each (at, &cohort_of(link)->members) {
			const struct membership *membership =
				container_of(at, struct membership, link);

			if (!peer_is_too_far(
				    membership->registration->receiver.peer,
				    n_hops))
				return true;
		}
	return false;
}
