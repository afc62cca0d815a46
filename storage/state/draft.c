/* SPDX-License-Identifier: MIT */

#include "storage/state/draft.h"

#include <string.h>

#include "storage/state/state.h"

enum {
	N_FIRST = sizeof(((struct draft *)0)->first) / sizeof(void *),
	DRAFT_BYTES_MAX = 16 * 1024 * 1024,
};

char *draft_text(const char *text)
{
	union {
		const char *from;
		char *to;
	} both = { .from = text };

	return both.to;
}

void draft_init(struct draft *draft, const struct state *state, uint64_t now,
		const struct caller *caller)
{
	arena_init(&draft->arena, DRAFT_BYTES_MAX);
	draft->state = state;
	draft->step = (Helio__Store__V1__Step)HELIO__STORE__V1__STEP__INIT;
	draft->step.has_revision = true;
	draft->step.revision = state->revision + 1;
	draft->step.has_unix_ms = true;
	draft->step.unix_ms = now > state->unix_ms ? now : state->unix_ms;
	draft->step.principal = draft_text(caller->principal);
	if (caller->principal)
		draft->step.durable_id = draft_text(caller->durable_id);
	draft->incarnation = caller->incarnation;
	draft->step.changes = draft->first;
	draft->n_changes_max = N_FIRST;
	draft->rooms = NULL;
	draft->n_new_bytes = draft->n_gone_bytes = draft->n_own_gone = 0;
	draft->n_gone = 0;
	draft->next_job = state->next_job;
	draft->next_outgoing = state->next_outgoing;
}

void draft_deinit(struct draft *draft)
{
	arena_deinit(&draft->arena);
}

Helio__Store__V1__Change *draft_add(struct draft *draft)
{
	Helio__Store__V1__Change *change = &draft->change;
	Helio__Store__V1__Step *step = &draft->step;
	Helio__Store__V1__Change **changes;

	changes = arena_grow(&draft->arena, step->changes, step->n_changes,
			     &draft->n_changes_max, sizeof(*changes));
	if (!changes)
		return NULL;
	step->changes = changes;
	if (step->n_changes)
		change = arena_alloc(&draft->arena, sizeof(*change));
	if (!change)
		return NULL;
	*change = (Helio__Store__V1__Change)HELIO__STORE__V1__CHANGE__INIT;
	changes[step->n_changes++] = change;
	return change;
}

void *draft_copy(struct draft *draft, const void *from, size_t n)
{
	void *copy = arena_alloc(&draft->arena, n);

	if (copy)
		memcpy(copy, from, n);
	return copy;
}

Helio__Store__V1__Entry *draft_add_version(struct draft *draft,
					   const char *bucket, const char *key)
{
	bool is_first = !draft->step.n_changes;
	Helio__Store__V1__Change *change = draft_add(draft);
	Helio__Store__V1__Version *version = &draft->version;
	Helio__Store__V1__Entry *entry = &draft->entry;

	if (!is_first) {
		version = arena_alloc(&draft->arena, sizeof(*version));
		entry = arena_alloc(&draft->arena, sizeof(*entry));
	}
	if (!change || !version || !entry)
		return NULL;
	*version = (Helio__Store__V1__Version)HELIO__STORE__V1__VERSION__INIT;
	*entry = (Helio__Store__V1__Entry)HELIO__STORE__V1__ENTRY__INIT;
	version->bucket = draft_text(bucket);
	version->entry = entry;
	entry->key = draft_text(key);
	change->what_case = HELIO__STORE__V1__CHANGE__WHAT_VERSION;
	change->version = version;
	return entry;
}
