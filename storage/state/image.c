/* SPDX-License-Identifier: MIT */

#include "storage/state/image.h"

#include <errno.h>

#include "storage/state/bucket.h"
#include "storage/state/draft.h"
#include "storage/state/party.h"
#include "storage/state/queue.h"

typedef const Helio__Store__V1__Step step_type;
typedef const Helio__Store__V1__Change change_type;

/* ---- as rows ---- */

void image_begin(struct image_cursor *cursor, const struct state *state,
		 uint64_t keep_from)
{
	uint64_t next = state->revision + 1;

	*cursor = (struct image_cursor){
		.part = IMAGE_COUNTERS,
		.end_job = state->next_job,
		.begin = state->revision,
		.keep_from = keep_from < next ? keep_from : next,
	};
}

static int add_counters(const struct state *state, struct image_cursor *cursor,
			struct buffer *out)
{
	Helio__Store__V1__Counters counters = HELIO__STORE__V1__COUNTERS__INIT;
	Helio__Store__V1__Row row = HELIO__STORE__V1__ROW__INIT;
	int r;

	counters.has_next_job = true;
	counters.next_job = state->next_job;
	counters.has_next_outgoing = true;
	counters.next_outgoing = state->next_outgoing;
	counters.has_revision = true;
	counters.revision = state->revision;
	counters.has_unix_ms = true;
	counters.unix_ms = state->unix_ms;
	counters.has_keep_from = true;
	counters.keep_from = cursor->keep_from;
	row.what_case = HELIO__STORE__V1__ROW__WHAT_COUNTERS;
	row.counters = &counters;
	r = image_add(out, &row);
	if (!r)
		cursor->part = IMAGE_BUCKETS;
	return r;
}

static int add_outgoing(const struct outgoing *from, struct buffer *out)
{
	Helio__Store__V1__Outgoing outgoing = HELIO__STORE__V1__OUTGOING__INIT;
	Helio__Store__V1__Row row = HELIO__STORE__V1__ROW__INIT;

	outgoing.has_number = true;
	outgoing.number = from->number;
	outgoing.message = from->message;
	outgoing.key = draft_text(from->key);
	if (from->party) {
		outgoing.principal = from->party->principal;
		outgoing.durable_id = from->party->account->durable_id;
	}
	row.what_case = HELIO__STORE__V1__ROW__WHAT_OUTGOING;
	row.outgoing = &outgoing;
	return image_add(out, &row);
}

static int add_outgoings(const struct state *state, struct image_cursor *cursor,
			 size_t n_bytes, struct buffer *out)
{
	const struct list *link = NULL;

	list_for_each (link, &state->outgoing) {
		const struct outgoing *outgoing =
			const_container_of(link, struct outgoing, link);
		int r;

		/* Those made since it was begun are in the steps. */
		if (outgoing->revision > cursor->begin)
			break;
		if (outgoing->number <= cursor->id || outgoing->is_sent)
			continue;
		if (out->n >= n_bytes)
			return 0;
		r = add_outgoing(outgoing, out);
		if (r < 0)
			return r;
		cursor->id = outgoing->number;
	}
	cursor->part = IMAGE_END;
	return 0;
}

static int add_part(const struct state *state, struct image_cursor *cursor,
		    size_t n_bytes, struct buffer *out)
{
	switch (cursor->part) {
	case IMAGE_COUNTERS:
		return add_counters(state, cursor, out);
	case IMAGE_BUCKETS:
	case IMAGE_KEYS:
		return bucket_image(state, cursor, n_bytes, out);
	case IMAGE_QUEUES:
	case IMAGE_JOBS:
		return queue_image(state, cursor, n_bytes, out);
	case IMAGE_OUTGOING:
		return add_outgoings(state, cursor, n_bytes, out);
	default:
		return 0;
	}
}

int image_next(const struct state *state, struct image_cursor *cursor,
	       size_t n_bytes, struct buffer *out)
{
	int r = 0;

	while (!r && cursor->part != IMAGE_END && out->n < n_bytes)
		r = add_part(state, cursor, n_bytes, out);
	return r;
}

/* ---- and back: rows ---- */

static int load_counters(struct state *state,
			 const Helio__Store__V1__Counters *row)
{
	if (row->keep_from > row->revision + 1)
		return -EBADMSG;
	if (row->next_job > state->next_job)
		state->next_job = row->next_job;
	if (row->next_outgoing > state->next_outgoing)
		state->next_outgoing = row->next_outgoing;
	state->revision = row->revision;
	state->unix_ms = row->unix_ms;
	state->keep_from = row->keep_from;
	return 0;
}

int image_load_row(struct state *state, const Helio__Store__V1__Row *row)
{
	switch (row->what_case) {
	case HELIO__STORE__V1__ROW__WHAT_COUNTERS:
		return load_counters(state, row->counters);
	case HELIO__STORE__V1__ROW__WHAT_BUCKET:
		return bucket_load(state, row->bucket);
	case HELIO__STORE__V1__ROW__WHAT_VERSIONS:
		return bucket_load_versions(state, row->versions);
	case HELIO__STORE__V1__ROW__WHAT_QUEUE:
		return queue_load(state, row->queue);
	case HELIO__STORE__V1__ROW__WHAT_JOB:
		return queue_load_job(state, row->job);
	case HELIO__STORE__V1__ROW__WHAT_OUTGOING:
		return outgoing_apply(state, row->outgoing, 0);
	default:
		return -EBADMSG;
	}
}

/* ---- steps ---- */

/* It may have left. */
static int load_key(struct state *state,
		    const Helio__Store__V1__OutgoingKey *change)
{
	const struct outgoing *outgoing =
		outgoing_lookup(state, change->number);

	return outgoing && !outgoing->is_sent
		       ? outgoing_apply_key(state, change)
		       : 0;
}

/* One of a step after the snapshot's begin, which rows may have seen. */
static int load_change(struct state *state, step_type *step,
		       change_type *change)
{
	switch (change->what_case) {
	case HELIO__STORE__V1__CHANGE__WHAT_BUCKET:
		return bucket_load_set(state, step, change->bucket);
	case HELIO__STORE__V1__CHANGE__WHAT_BUCKET_DROPPED:
		return bucket_load_drop(state, step, change->bucket_dropped);
	case HELIO__STORE__V1__CHANGE__WHAT_VERSION:
		return bucket_load_version(state, step, change->version, false);
	case HELIO__STORE__V1__CHANGE__WHAT_OUTGOING:
		if (outgoing_lookup(state, change->outgoing->number))
			return 0;
		return outgoing_apply(state, change->outgoing, step->revision);
	case HELIO__STORE__V1__CHANGE__WHAT_OUTGOING_SENT:
		if (!outgoing_lookup(state, change->outgoing_sent))
			return 0;
		return outgoing_apply_sent(state, change->outgoing_sent);
	case HELIO__STORE__V1__CHANGE__WHAT_OUTGOING_KEY:
		return load_key(state, change->outgoing_key);
	case HELIO__STORE__V1__CHANGE__WHAT__NOT_SET:
		return -EBADMSG;
	default:
		return queue_load_change(state, step, change);
	}
}

/* One of a step before it: all that it has to tell is what keys were. */
static int load_past(struct state *state, step_type *step, change_type *change)
{
	if (change->what_case != HELIO__STORE__V1__CHANGE__WHAT_VERSION)
		return 0;
	return bucket_load_version(state, step, change->version, true);
}

/* The steps come without a hole, from the first that is needed on. */
static int check_order(const struct state *state, step_type *step,
		       uint64_t begin)
{
	uint64_t first = state->keep_from ? state->keep_from : begin + 1;

	if (state->loaded)
		return step->revision == state->loaded + 1 ? 0 : -EBADMSG;
	return step->revision && step->revision <= first ? 0 : -EBADMSG;
}

static int check_time(const struct state *state, step_type *step, uint64_t end)
{
	if (step->revision <= end)
		return 0;
	return step->revision == state->revision + 1 &&
			       step->unix_ms >= state->unix_ms
		       ? 0
		       : -EBADMSG;
}

int image_load_step(struct state *state, const Helio__Store__V1__Step *step,
		    uint64_t begin, uint64_t end)
{
	int (*load)(struct state * state, step_type * step,
		    change_type * change);
	int r = check_order(state, step, begin);

	if (!r)
		r = check_time(state, step, end);
	if (r < 0)
		return r;
	state->loaded = step->revision;
	if (step->revision < state->keep_from && step->revision <= begin)
		return 0;
	load = step->revision <= begin ? load_past
	       : step->revision <= end ? load_change
				       : state_apply_change;
	for (size_t i = 0; !r && i < step->n_changes; i++)
		r = load(state, step, step->changes[i]);
	if (step->revision > state->revision)
		state->revision = step->revision;
	if (step->unix_ms > state->unix_ms)
		state->unix_ms = step->unix_ms;
	return r;
}

int image_loaded(struct state *state, uint64_t end)
{
	if (state->revision < end ||
	    (state->loaded && state->loaded < state->revision))
		return -EBADMSG;
	state->committed = state->revision;
	state->keep_from = 0;
	state->loaded = 0;
	queue_loaded(state);
	state_sweep(state, SIZE_MAX);
	return 0;
}
