/* SPDX-License-Identifier: MIT */
#ifndef RPC_TYPED_INTRODUCTION_H
#define RPC_TYPED_INTRODUCTION_H

/**
 * How a client's schema becomes known: when the bus ends a call with
 * NOT_FOUND, since the registry cannot judge what it does not know, the client
 * puts its schema there, and the call is made again.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "rpc/heliograph-rpc.h"

enum { INTRODUCTION_REASON_BYTES = 256 };

struct introduction {
	struct helio *bus;
	const struct helio_schema *schema; /* NULL: there is none to put */
	struct helio_call *put;            /* Registry.Put, or NULL */
	struct list waiting;               /* struct newcomer */
	/* The last answer that stands for a while. */
	uint64_t answered_ns; /* 0: there is none */
	unsigned status;
	char reason[INTRODUCTION_REASON_BYTES];
};

/** A call that may have to wait until the schema is known. */
struct newcomer {
	struct list link; /* in introduction.waiting */
	struct helio_timer *timer;
	bool was_introduced; /* it is not done twice for one call */
	/* The answer; it may free the newcomer. */
	void (*on_introduced)(struct newcomer *newcomer, unsigned status,
			      const char *reason);
};

/** `schema` lives as long, and may be NULL. */
void introduction_init(struct introduction *introduction, struct helio *bus,
		       const struct helio_schema *schema);

/** Nothing may wait any more. */
void introduction_deinit(struct introduction *introduction);

/** Whether a call by handle that ended so is worth to be made again. */
bool introduction_helps(const struct introduction *introduction,
			const struct newcomer *newcomer,
			const struct helio_reply *reply);

/**
 * Have the schema put, if that was not done a moment ago, and on_introduced()
 * called: with HELIO_OK, with that which the registry said instead, or after
 * `left_ms` (0: never) with HELIO_DEADLINE_EXCEEDED. It may be called in here.
 */
void introduction_wait(struct introduction *introduction,
		       struct newcomer *newcomer, uint64_t left_ms);

void newcomer_init(struct newcomer *newcomer,
		   void (*on_introduced)(struct newcomer *newcomer,
					 unsigned status, const char *reason));

/** It waits no longer. */
void newcomer_deinit(struct newcomer *newcomer);

/** Whether it waits for the answer. */
static inline bool newcomer_is_waiting(const struct newcomer *newcomer)
{
	return list_is_linked(&newcomer->link);
}

/** Call Registry.Put with the schema. Returns as helio_call_start() does. */
int introduction_put(struct helio *bus, const struct helio_schema *schema,
		     helio_reply_fn on_reply, void *userdata,
		     struct helio_call **ret_call);

#endif
