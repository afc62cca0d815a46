/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_CHANGE_H
#define STORAGE_CHANGE_H

/**
 * What a wish wants changed, from the judge to the answer:
 *
 *	change_begin(&change, wish);
 *	change.status = judge_put(&change.draft, request, &change.judgement);
 *	if (change_apply(&change))
 *		change_answer(&change, &reply.base);
 *	change_end(&change);
 */

#include <helio/store/v1/store.pb-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/state/draft.h"
#include "storage/state/judge.h"

struct wish;

struct change {
	struct wish *wish;
	struct draft draft;
	struct judgement judgement;
	unsigned status; /* what the judge says */
};

void change_begin(struct change *change, struct wish *wish);
/**
 * Have it applied, and written. False: the wish was refused, or failed, and
 * may be freed.
 */
bool change_apply(struct change *change);
/** What is answered once it is on disk. The wish may be freed. */
void change_answer(struct change *change, const ProtobufCMessage *reply);
void change_end(struct change *change);

/** The transaction that it is; 0: there was nothing to change. */
uint64_t change_revision(const struct change *change);

#endif
