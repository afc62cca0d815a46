/* SPDX-License-Identifier: MIT */

#include "storage/state/undo.h"

#include <errno.h>

#include "storage/state/state.h"

static struct undo_step *step_of(struct list *link)
{
	return container_of(link, struct undo_step, link);
}

int undo_begin(struct state *state)
{
	struct undo_step *step =
		spares_take(&state->spare_steps, sizeof(*step));

	if (!step)
		return -ENOMEM;
	*step = (struct undo_step){
		.revision = state->revision + 1,
		.unix_ms_before = state->unix_ms,
		.next_job_before = state->next_job,
		.next_outgoing_before = state->next_outgoing,
	};
	list_init(&step->undos);
	list_push_back(&state->undos, &step->link);
	state->applying = step;
	return 0;
}

void undo_end(struct state *state)
{
	state->applying = NULL;
}

void undo_add(struct state *state, struct undo *undo)
{
	if (!state->applying) {
		undo->let_go(state, undo);
		return;
	}
	list_push_back(&state->applying->undos, &undo->link);
}

void undo_take_back(struct state *state)
{
	struct undo_step *step = step_of(state->undos.prev);

	while (!list_is_empty(&step->undos)) {
		struct undo *undo =
			container_of(step->undos.prev, struct undo, link);

		list_unlink(&undo->link);
		undo->take_back(state, undo);
	}
	state->revision = step->revision - 1;
	state->unix_ms = step->unix_ms_before;
	state->next_job = step->next_job_before;
	state->next_outgoing = step->next_outgoing_before;
	list_unlink(&step->link);
	spares_put_upto(&state->spare_steps, step, STATE_SPARES_MAX);
}

void undo_let_go(struct state *state)
{
	struct undo_step *step = step_of(state->undos.next);
	struct list *link;

	while ((link = list_pop_front(&step->undos))) {
		struct undo *undo = container_of(link, struct undo, link);

		undo->let_go(state, undo);
	}
	list_unlink(&step->link);
	spares_put_upto(&state->spare_steps, step, STATE_SPARES_MAX);
}
