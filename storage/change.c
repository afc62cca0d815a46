/* SPDX-License-Identifier: MIT */

#include "storage/change.h"

#include "storage/commit.h"
#include "storage/service.h"
#include "storage/wish.h"

void change_begin(struct change *change, struct wish *wish)
{
	struct service *service = wish->service;
	const struct caller caller = wish_caller(wish);

	change->wish = wish;
	/* All of it would be cleared with each call. */
	change->judgement.reason[0] = '\0';
	change->judgement.number = 0;
	change->judgement.was_there = false;
	change->judgement.n_jobs = 0;
	draft_init(&change->draft, &service->state, service_now_ms(service),
		   &caller);
}

bool change_apply(struct change *change)
{
	struct wish *wish = change->wish;

	if (change->status != HELIO_OK) {
		wish_refuse(wish, change->status, "%s",
			    change->judgement.reason);
		return false;
	}
	if (commit_step(wish->service, &change->draft) < 0) {
		wish_fail(wish, HELIO_RESOURCE_EXHAUSTED, "no memory");
		return false;
	}
	return true;
}

void change_answer(struct change *change, const ProtobufCMessage *reply)
{
	struct wish *wish = change->wish;

	wish_answer(wish, reply, wish->service->state.revision);
}

void change_end(struct change *change)
{
	draft_deinit(&change->draft);
}

uint64_t change_revision(const struct change *change)
{
	return change->draft.step.n_changes ? change->draft.step.revision : 0;
}
