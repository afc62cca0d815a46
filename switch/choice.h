/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_CHOICE_H
#define SWITCH_CHOICE_H

/**
 * To which server a call goes, or why to none.
 */

#include <stddef.h>

#include "proto/status.h"
#include "switch/cohort.h"

struct bus;
struct endpoint;
struct registration;
struct slot;
struct speaker;
struct verdict;

/** A call that looks for a server; subject and policy were looked at. */
struct wish {
	const struct speaker *speaker; /* who calls */
	const char *subject;
	size_t n_subject;
	struct endpoint *endpoint;         /* NULL: nobody ever served it */
	struct registration *registration; /* of a call to one instance */
	struct schema *schema;             /* of the caller, or NULL */
	struct demand demand;
};

/** What choice_make() returns beside a status. */
enum {
	CHOICE_ASKED = N_STATUS, /* it depends on a verdict to come */
	CHOICE_AWAY,             /* on one that cannot be had now */
};

/** The status that the caller is told of one of those. */
static inline enum status choice_status(int r)
{
	return r < N_STATUS ? (enum status)r : STATUS_UNAVAILABLE;
}

/**
 * Returns STATUS_OK and the registration; CHOICE_ASKED and the verdict; or why
 * nobody takes it now, with a text for people.
 */
int choice_make(struct wish *wish, struct registration **ret_registration,
		struct verdict **ret_verdict, char *text, size_t n_text);

/**
 * Have the call, whose frames are held, wait for what `r` says, if it may.
 * Returns 0, or 1 when it does not.
 */
int choice_wait(struct slot *slot, const struct wish *wish, int r,
		struct verdict *verdict);

#endif
