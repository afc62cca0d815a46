/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_CROSSING_H
#define SWITCH_CROSSING_H

/**
 * Crossings: equal plain subscriptions below one leaf that get their messages
 * once (docs/PROTOCOL.md, 14).
 *
 * A crossing is a subscription of the leaf itself, with credit and a backlog.
 * Those who name it are judged and charged each for themselves, but nothing is
 * sent to them: the leaf does that. With the last of them the crossing goes.
 */

#include <stdint.h>

#include "base/list.h"
#include "switch/receiver.h"

struct leaf;
struct peer;
struct speaker;
struct subscription;
struct subscription_options;

struct crossing {
	struct subscription *subscription;
	struct list members;
	struct list link; /* in leaf.crossings */
};

/** A subscription that names a crossing. */
struct crossing_member {
	struct receiver receiver;
	struct crossing *crossing; /* NULL: it is gone */
	struct list link;          /* in crossing.members */
};

/**
 * Whether a subscription may name the crossing `id`. Returns STATUS_OK, or why
 * not and *ret_text, which is constant.
 */
int crossing_check(const struct peer *peer, uint32_t id,
		   const struct subscription_options *options,
		   const char **ret_text);

/**
 * Subscribe by the crossing `id`, which is made if need be. What `options` say
 * of credit, queue and overflow is for a new one. Returns 0, -EDQUOT or
 * -ENOMEM.
 */
int crossing_join(struct speaker *speaker, uint32_t id,
		  const struct subscription_options *options);

/** One that names it ends; the last takes the crossing with it. */
void crossing_leave(struct crossing_member *member);

/** Its subscription ends: nobody names it any more. */
void crossing_free(struct crossing *crossing);

/** Policy has changed: judge again all who name crossings of this leaf. */
void crossings_judge(struct leaf *leaf);

#endif
