/* SPDX-License-Identifier: MIT */

#include "storage/state/judge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "proto/status.h"
#include "storage/state/party.h"
#include "storage/state/state.h"

/* What was too long may end in the middle of a character. */
static void cut_to_characters(char *text)
{
	size_t n = strlen(text);

	while (n && !utf8_is_valid(text, n))
		text[--n] = '\0';
}

unsigned judge_no(struct judgement *out, unsigned status, const char *format,
		  ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(out->reason, sizeof(out->reason), format, args);
	va_end(args);
	cut_to_characters(out->reason);
	return status;
}

unsigned judge_no_memory(struct judgement *out)
{
	return judge_no(out, STATUS_RESOURCE_EXHAUSTED,
			"the store has no memory for it, or it is too large");
}

unsigned judge_quota(const struct draft *draft, uint64_t n_bytes,
		     const char *what, struct judgement *out)
{
	const struct state *state = draft->state;
	const struct state_limits *limits = &state->limits;
	const char *id = draft->step.durable_id;
	const struct account *account = id ? account_lookup(state, id) : NULL;
	uint64_t n_used = account ? account->n_bytes : 0;

	if (id && n_used + n_bytes > limits->party_bytes_max)
		return judge_no(
			out, STATUS_RESOURCE_EXHAUSTED,
			"quota of bytes in the store: %s has %" PRIu64
			" of %" PRIu64 ", and %s wants %" PRIu64 " more",
			id, n_used, limits->party_bytes_max, what, n_bytes);
	if (state->n_bytes + n_bytes > limits->bytes_max)
		return judge_no(
			out, STATUS_RESOURCE_EXHAUSTED,
			"bytes of the whole store: %" PRIu64 " of %" PRIu64
			" are taken, and %s wants %" PRIu64 " more",
			state->n_bytes, limits->bytes_max, what, n_bytes);
	return STATUS_OK;
}

unsigned judge_things(const struct draft *draft, struct judgement *out)
{
	const struct state *state = draft->state;
	const char *id = draft->step.durable_id;
	const struct account *account = id ? account_lookup(state, id) : NULL;

	if (!account || account->n_things < state->limits.party_things_max)
		return STATUS_OK;
	return judge_no(out, STATUS_RESOURCE_EXHAUSTED,
			"quota of buckets and queues: %s has %u of %u", id,
			account->n_things, state->limits.party_things_max);
}

unsigned judge_sent(struct draft *draft, const uint64_t *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct outgoing *outgoing =
			outgoing_lookup(draft->state, numbers[i]);
		Helio__Store__V1__Change *change;

		if (!outgoing || outgoing->is_sent)
			continue;
		change = draft_add(draft);
		if (!change)
			return STATUS_RESOURCE_EXHAUSTED;
		change->what_case =
			HELIO__STORE__V1__CHANGE__WHAT_OUTGOING_SENT;
		change->outgoing_sent = numbers[i];
	}
	return STATUS_OK;
}

unsigned judge_renamed(struct draft *draft, uint64_t number, const char *key)
{
	Helio__Store__V1__Change *change = draft_add(draft);
	Helio__Store__V1__OutgoingKey *renamed =
		change ? arena_alloc(&draft->arena, sizeof(*renamed)) : NULL;

	if (!renamed)
		return STATUS_RESOURCE_EXHAUSTED;
	helio__store__v1__outgoing_key__init(renamed);
	renamed->has_number = true;
	renamed->number = number;
	renamed->key = arena_copy(&draft->arena, key, strlen(key));
	change->what_case = HELIO__STORE__V1__CHANGE__WHAT_OUTGOING_KEY;
	change->outgoing_key = renamed;
	return renamed->key ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
}
