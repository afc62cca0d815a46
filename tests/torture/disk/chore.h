/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_DISK_CHORE_H
#define TESTS_TORTURE_DISK_CHORE_H

/**
 * One request of tests/torture/disk/chores.h, drawn and judged. Each returns
 * what its judge said.
 */

#include <helio/store/v1/store.pb-c.h>

#include "storage/state/draft.h"
#include "storage/state/judge.h"
#include "tests/torture/dice.h"

struct chore {
	struct dice *dice;
	uint64_t now; /* ms since 1970 */
	struct draft *draft;
	struct judgement *out;
};

enum { CHORE_DUE_MAX = 16 };

/* Of keys. */
unsigned chore_create_bucket(struct chore *chore);
unsigned chore_change_bucket(struct chore *chore);
unsigned chore_drop_bucket(struct chore *chore);
unsigned chore_put(struct chore *chore);
unsigned chore_delete(struct chore *chore);

/* Of all. */
unsigned chore_transact(struct chore *chore);
/** Messages have left. */
unsigned chore_send(struct chore *chore);

/* Of jobs. */
unsigned chore_create_queue(struct chore *chore);
unsigned chore_change_queue(struct chore *chore);
unsigned chore_drop_queue(struct chore *chore);
unsigned chore_submit(struct chore *chore);
unsigned chore_lease(struct chore *chore);
unsigned chore_extend(struct chore *chore);
unsigned chore_complete(struct chore *chore);
unsigned chore_fail(struct chore *chore);
unsigned chore_cancel(struct chore *chore);
unsigned chore_retry(struct chore *chore);

/* ---- what is chosen ---- */

static inline uint64_t below(struct chore *chore, uint64_t n)
{
	return dice_below(chore->dice, n);
}

static inline bool is(struct chore *chore, unsigned percent)
{
	return dice_is(chore->dice, percent);
}

static inline void set(protobuf_c_boolean *has, uint64_t *value, uint64_t to)
{
	*has = true;
	*value = to;
}

/** "b3", of `n`: lives until it was asked for some others. */
char *a_name(struct chore *chore, char letter, unsigned n);
char *a_bucket(struct chore *chore);
char *a_key(struct chore *chore);
char *a_queue(struct chore *chore);
/** Mostly short; lives until the next one. */
ProtobufCBinaryData a_body(struct chore *chore);

enum { CHORE_PARTS = 3 };

struct transaction {
	Helio__Store__V1__Transaction in;
	Helio__Store__V1__Write writes[CHORE_PARTS], *write_list[CHORE_PARTS];
	Helio__Store__V1__Message messages[CHORE_PARTS],
		*message_list[CHORE_PARTS];
	Helio__Store__V1__SubmitRequest submits[CHORE_PARTS],
		*submit_list[CHORE_PARTS];
};

/** Of keys, messages and jobs. */
void chore_fill(struct chore *chore, struct transaction *transaction);
void chore_fill_submit(struct chore *chore,
		       Helio__Store__V1__SubmitRequest *in);

#endif
