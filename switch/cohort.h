/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_COHORT_H
#define SWITCH_COHORT_H

/**
 * The members of an endpoint, by the schema that they serve.
 *
 * All members of an endpoint take turns. Whom a caller with a schema of its own
 * may call is asked once for each schema and not for each member: there may be
 * thousands of these, but a service has at most SERVICE_SCHEMAS_MAX schemas at
 * a time. Each cohort is in the order of its turns, so the next in turn of all
 * that fit is the first of one of them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct bus;
struct endpoint;
struct membership;
struct registration;
struct schema;

enum { SERVICE_SCHEMAS_MAX = 32 };

struct cohort {
	struct list link;      /* in endpoint.cohorts */
	struct list members;   /* of struct membership; first: next in turn */
	struct schema *schema; /* NULL: of those that tell none */
	unsigned n_users; /* memberships, those that are not in it included */
	bool fits;        /* the call for which a member is being picked */
};

/** What a member must do to get a call. */
struct demand {
	const struct schema *schema; /* of the caller; NULL: any will do */
	uint64_t n_bytes;            /* that it takes of the credit */
	unsigned n_hops;             /* that the call has made */
	/* Set by endpoint_pick(): its schema to those of the members. */
	bool does_all_fit;
	bool does_any_fit;
};

/**
 * The endpoint's cohort of the schema, made if need be. Returns 0, -ENOMEM, or
 * -E2BIG when it has SERVICE_SCHEMAS_MAX.
 */
int cohort_get(struct endpoint *endpoint, struct schema *schema,
	       struct cohort **ret_cohort);

/** The membership is over. */
void cohort_put(struct endpoint *endpoint, struct cohort *cohort);

/** From now on it has its turn, which comes after those of all others. */
void cohort_enter(struct membership *membership);
void cohort_leave(struct membership *membership);

/**
 * The next member in turn with credit for the call, on which none that waits
 * has a claim; NULL: none has. It costs a look at each cohort, and at each
 * member that is passed over.
 */
struct registration *endpoint_pick(const struct bus *bus,
				   struct endpoint *endpoint,
				   struct demand *demand);

/** Whether a call that has made `n_hops` may go on to any member. */
bool endpoint_is_in_reach(const struct endpoint *endpoint, unsigned n_hops);

#endif
