/* SPDX-License-Identifier: MIT */

#include "tests/torture/disk/chores.h"

#include <string.h>

#include "proto/status.h"
#include "storage/state/record.h"
#include "tests/torture/complaint.h"
#include "tests/torture/disk/chore.h"

enum { CALLERS = 3 };

#define BEGIN UINT64_C(1800000000000)

static const struct caller callers[CALLERS] = {
	{ "vm:web", "web", 11 },
	{ "vm:db", "db", 22 },
	{ "uid:1000", "uid:1000", 33 },
};

static const struct caller nobody = { 0 };

void chores_init(struct chores *chores, uint64_t seed, uint64_t stream)
{
	*chores =
		(struct chores){ .dice = dice_new(seed, stream), .now = BEGIN };
}

/* ---- time, and those who go ---- */

static unsigned pass_time(struct chore *chore)
{
	if (state_draft_due((struct state *)(uintptr_t)chore->draft->state,
			    chore->now, CHORE_DUE_MAX, chore->draft) < 0)
		complain("no memory");
	return STATUS_OK;
}

static unsigned leave(struct chore *chore)
{
	const struct caller *who = &callers[below(chore, CALLERS)];

	return judge_worker_down(chore->draft, who->durable_id,
				 is(chore, 50) ? who->incarnation : 0,
				 CHORE_DUE_MAX);
}

/* ---- one of them ---- */

static const struct {
	unsigned weight;
	bool is_stores_own;
	unsigned (*judge)(struct chore *chore);
} kinds[] = {
	{ 30, false, chore_put },
	{ 6, false, chore_delete },
	{ 10, false, chore_transact },
	{ 14, false, chore_submit },
	{ 12, false, chore_lease },
	{ 8, false, chore_complete },
	{ 4, false, chore_fail },
	{ 4, false, chore_extend },
	{ 2, false, chore_cancel },
	{ 2, false, chore_retry },
	{ 4, false, chore_create_bucket },
	{ 3, false, chore_change_bucket },
	{ 1, false, chore_drop_bucket },
	{ 3, false, chore_create_queue },
	{ 2, false, chore_change_queue },
	{ 1, false, chore_drop_queue },
	{ 12, true, pass_time },
	{ 3, true, chore_send },
	{ 1, true, leave },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static unsigned choose(struct chores *chores)
{
	unsigned total = 0, i = 0;
	uint64_t at;

	for (unsigned k = 0; k < KINDS; k++)
		total += kinds[k].weight;
	at = dice_below(&chores->dice, total);
	while (at >= kinds[i].weight)
		at -= kinds[i++].weight;
	return i;
}

static void apply(struct state *state, const struct draft *draft,
		  struct buffer *steps)
{
	int r;

	r = state_apply(state, &draft->step);
	if (r < 0)
		complain("a judge granted what cannot be applied: %s",
			 strerror(-r));
	r = record_add(steps, &draft->step.base);
	if (r < 0)
		complain("packing: %s", strerror(-r));
}

bool chores_do(struct chores *chores, struct state *state, struct buffer *steps)
{
	static struct judgement out;
	unsigned kind = choose(chores);
	const struct caller *caller =
		&callers[dice_below(&chores->dice, CALLERS)];
	struct draft draft;
	struct chore chore = {
		.dice = &chores->dice,
		.draft = &draft,
		.out = &out,
	};
	bool has_changed;
	unsigned status;

	chores->now += dice_below(&chores->dice, 300);
	chore.now = chores->now;
	draft_init(&draft, state, chores->now,
		   kinds[kind].is_stores_own ? &nobody : caller);
	status = kinds[kind].judge(&chore);
	has_changed = status == STATUS_OK && draft.step.n_changes;
	if (has_changed)
		apply(state, &draft, steps);
	draft_deinit(&draft);
	return has_changed;
}
