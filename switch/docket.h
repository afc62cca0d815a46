/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_DOCKET_H
#define SWITCH_DOCKET_H

/**
 * The questions that helio-registry is to be asked: in whose name, how many at
 * a time, and in what order.
 *
 * A few are under way at a time, of each asker and of all; the others wait
 * here, each asker's in their order, and the askers take turns. So one who
 * makes us ask much, or asks what takes long to answer, waits for itself.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"

struct speaker;
struct verdict;

enum {
	/* Questions of one: so many at once, then so many a second. */
	QUESTIONS_BURST = 1024,
	QUESTIONS_PER_SECOND = 64,
	/* Of one so many wait; what is more is refused. */
	QUESTIONS_WAITING_MAX = 256,
	/* Under way at a time: of one, and of all. The registry takes 64 calls,
	 * and others call it too. */
	QUESTIONS_OF_ONE_MAX = 4,
	QUESTIONS_OF_ALL_MAX = 48,
	/* Durable ids are told apart by a hash. */
	N_ASKERS = 1024,
};

/** Somebody who makes us ask: a durable id; a leaf with all below it is one. */
struct asker {
	uint32_t n_questions; /* that it has left */
	uint32_t n_verdicts;  /* that are remembered, or will be */
	uint32_t n_waiting;
	uint32_t n_asked; /* under way */
	uint64_t filled_ns;
	struct list waiting; /* verdicts, the next one first */
	struct list turn;    /* in docket.turns, while something waits */
};

struct docket {
	struct list turns; /* askers for whom something waits */
	uint32_t n_asked;
	struct hash_key key;
	struct asker askers[N_ASKERS];
};

/** Returns 0 or a negative errno. */
int docket_init(struct docket *docket, uint64_t now_ns);

/** In whose name the speaker asks. */
struct asker *docket_asker(struct docket *docket,
			   const struct speaker *speaker);

/** Whether it may ask one more question, which is counted then. */
bool asker_take_question(struct asker *asker, uint64_t now_ns);

/** Whether its next question would be asked at once. */
bool docket_has_room(const struct docket *docket, const struct asker *asker);

/** The verdict's question waits behind those of its asker. */
void docket_push(struct docket *docket, struct verdict *verdict);

/** From now on the verdict is this one's; it does not wait. */
void docket_charge(struct verdict *verdict, struct asker *asker);

/**
 * Another wants to know what waits: if it has a question to spend and room, the
 * question becomes its own, and its next. So nobody waits behind a stranger's
 * questions. Returns whether it did.
 */
bool docket_adopt(struct docket *docket, struct verdict *verdict,
		  struct asker *asker, uint64_t now_ns);

/** It waits no longer. */
void docket_remove(struct verdict *verdict);

/** The next that may be asked now, which waits no longer; or NULL. */
struct verdict *docket_next(struct docket *docket);

/** Any that waits, which waits no longer; or NULL. */
struct verdict *docket_pop(struct docket *docket);

/** Its question is under way. */
void docket_begin(struct docket *docket, struct verdict *verdict);

/** It was answered, or could not be asked. */
void docket_end(struct docket *docket, struct verdict *verdict);

#endif
