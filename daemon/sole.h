/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_SOLE_H
#define DAEMON_SOLE_H

/**
 * Whether somebody else serves what only one can serve on a bus, because each
 * would have a state of its own: asked of the switch before serving. One that
 * has just died is waited for.
 *
 * Two that begin at the same moment do not see each other.
 */

#include <stdint.h>

struct helio;
struct helio_call;
struct helio_timer;

struct sole {
	struct helio *bus;   /* borrowed */
	const char *service; /* lasts for ever */
	struct helio_call *call;
	struct helio_timer *timer;
	uint64_t until_ns; /* who serves until then stays */
	/*
	 * The principal that serves it, until this returns; NULL: nobody does,
	 * or the switch did not say.
	 */
	void (*on_answer)(struct sole *sole, const char *principal);
};

/**
 * Begin to ask, once there is a connection: `service` and on_answer, which is
 * called once and not from in here, are set. Returns 0 or a negative errno, as
 * helio_call_start().
 */
int sole_ask(struct sole *sole, struct helio *bus);

/** on_answer is not called any more. Safe on a zeroed one. */
void sole_cancel(struct sole *sole);

#endif
