/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_ANSWER_H
#define SWITCH_ANSWER_H

/**
 * RESULTs in the order of what they answer.
 *
 * Nearly all are known at once. That of a SERVE whose schema the registry has
 * to judge is promised: what is asked after it on the same channel is answered
 * after it, at the expense of who asks.
 */

#include <stdint.h>

#include "base/list.h"
#include "proto/status.h"

struct peer;
struct registration;

struct answer {
	struct list link; /* in peer.answers */
	struct peer *peer;
	struct registration *registration; /* that is promised, or NULL */
	uint64_t correlation;
	enum status status;
	uint64_t instance; /* of SERVE that is OK; else 0 */
	char *text;        /* or NULL */
};

/** Send a RESULT in its turn. */
void answer(struct peer *peer, uint64_t correlation, enum status status,
	    const char *text);

/** The same of a SERVE that is OK. */
void answer_served(struct peer *peer, uint64_t correlation, uint64_t instance);

/**
 * That of a SERVE comes later. Returns 0, or 1 when the peer asks too much at a
 * time.
 */
int answer_promise(struct peer *peer, uint64_t correlation,
		   struct registration *registration);

/** Now it is known; it is the registration's no longer. */
void answer_keep(struct answer *promised, enum status status, const char *text,
		 uint64_t instance);

/** The peer is gone. */
void answers_drop(struct peer *peer);

#endif
