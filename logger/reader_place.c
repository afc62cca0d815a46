/* SPDX-License-Identifier: MIT */

#include "logger/reader_place.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "logger/reader.h"
#include "logger/reader_send.h"

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What was removed is not there to begin with: only who named it is told. */
static void begin_at(struct reader *reader, uint64_t sequence, bool is_named)
{
	uint64_t first = reader->keeper->status.first;

	if (sequence < first && is_named && sequence)
		reader->expired_to = first;
	reader->range.from = sequence < first ? first : sequence;
	if (!reader->range.from)
		reader->range.from = 1;
	reader->told_next = reader->range.from;
	reader->stage = READER_READING;
}

/* Backwards `position` moves down, and nothing below `from` is told. */
static void begin_reverse(struct reader *reader)
{
	reader->position = smaller(reader->range.until, reader->end);
	reader->stage = READER_REVERSE;
}

static void begin_newest(struct reader *reader, uint64_t newest)
{
	begin_at(reader, 0, false);
	if (reader->is_reverse) {
		reader->range.limit = smaller(reader->range.limit, newest);
		return;
	}
	reader->newest = newest;
	reader->position =
		smaller(reader->range.until, reader->keeper->status.last + 1);
	reader->stage = READER_COUNTING;
	if (!newest)
		begin_at(reader, reader->keeper->status.last + 1, false);
}

void reader_place_begin(struct reader *reader,
			const Helio__Log__V1__Place *place)
{
	uint64_t last = reader->keeper->status.last;

	if (place && place->has_sequence) {
		begin_at(reader, place->sequence, true);
	} else if (place && place->has_unix_ns) {
		reader->stage = READER_PLACING;
		reader->fetches[0].time_ns = place->unix_ns;
	} else if (place && place->has_newest) {
		begin_newest(reader, place->newest);
	} else if (place && place->end) {
		begin_at(reader, last + 1, false);
	} else if (place && place->last_per_subject && !reader->is_reverse) {
		reader->stage = READER_LISTING;
	} else {
		begin_at(reader, 0, false);
	}
	if (reader->is_reverse && reader->stage == READER_READING)
		begin_reverse(reader);
}

/* Begin a fetch, or take its answer. Returns 1 when there is one. */
static int ask(struct reader *reader, enum fetch_kind kind, uint64_t from)
{
	if (!reader->is_fetching) {
		reader->is_fetching = true;
		reader_fetch(reader, 0, kind, from);
		return -EINPROGRESS;
	}
	reader->is_fetching = false;
	return reader->fetches[0].r < 0 ? reader->fetches[0].r : 1;
}

static int step_placing(struct reader *reader)
{
	int r = ask(reader, FETCH_TIME, 0);

	if (r < 0)
		return r;
	begin_at(reader, reader->fetches[0].next, false);
	if (reader->is_reverse)
		begin_reverse(reader);
	return 0;
}

static bool is_in_range(const struct reader *reader,
			const struct run_record *record)
{
	return record->sequence >= reader->range.from &&
	       record->sequence < reader->position &&
	       record->time_ns < reader->range.until_ns;
}

/* The run before `position`: 1 when it is there; 0: there is none. */
static int ask_before(struct reader *reader)
{
	int r;

	if (reader->has_runs)
		return 1;
	if (reader->position <= reader->range.from)
		return 0;
	r = ask(reader, FETCH_BEFORE, reader->position);
	if (r == -ENOENT || r == -ERANGE)
		return 0;
	reader->has_runs = r == 1;
	return r;
}

static int go_before(struct reader *reader)
{
	uint64_t next = reader->fetches[0].next;

	reader->has_runs = false;
	if (next >= reader->position)
		return -EBADMSG;
	reader->position = next;
	return 0;
}

/* Counts what passes; with `nth` stops at that and says its sequence. */
static int count(struct reader *reader, uint64_t nth, uint64_t *ret_n,
		 uint64_t *ret_sequence)
{
	const struct fetch *fetch = &reader->fetches[0];
	struct run_record record;
	uint64_t n = 0;
	int r;

	*ret_n = 0;
	if (!fetch->n)
		return 0;
	r = sieve_begin(&reader->sieve, fetch_bytes(fetch), fetch->n,
			&reader->wait);
	if (r < 0)
		return r;
	while ((r = sieve_next(&reader->sieve, &record)) == 1) {
		if (!is_in_range(reader, &record))
			continue;
		if (n++ != nth)
			continue;
		*ret_sequence = record.sequence;
		return 0;
	}
	*ret_n = n;
	return r;
}

static int step_counting(struct reader *reader)
{
	uint64_t n = 0;
	uint64_t sequence = reader->range.from;
	int r = ask_before(reader);

	if (r < 0)
		return r;
	if (r == 1) {
		r = count(reader, UINT64_MAX, &n, &sequence);
		if (r == 0 && n < reader->newest) {
			reader->newest -= n;
			return go_before(reader);
		}
		if (r == 0)
			r = count(reader, n - reader->newest, &n, &sequence);
		if (r < 0)
			return r;
	}
	reader->has_runs = false;
	begin_at(reader, sequence, false);
	return 0;
}

static int grow_backwards(struct reader *reader)
{
	size_t n = reader->n_backwards_max ? reader->n_backwards_max * 2 : 64;
	struct run_record *grown;

	if (reader->n_backwards < reader->n_backwards_max)
		return 0;
	grown = realloc(reader->backwards, n * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	reader->backwards = grown;
	reader->n_backwards_max = n;
	return 0;
}

static int gather_backwards(struct reader *reader)
{
	const struct fetch *fetch = &reader->fetches[0];
	struct run_record record;
	int r;

	reader->n_backwards = 0;
	if (!fetch->n)
		return 0;
	r = sieve_begin(&reader->sieve, fetch_bytes(fetch), fetch->n,
			&reader->wait);
	if (r < 0)
		return r;
	while ((r = sieve_next(&reader->sieve, &record)) == 1) {
		if (!is_in_range(reader, &record))
			continue;
		r = grow_backwards(reader);
		if (r < 0)
			return r;
		reader->backwards[reader->n_backwards++] = record;
	}
	return r;
}

static int send_backwards(struct reader *reader)
{
	const struct run_record *record;
	const void *pieces[2];
	size_t lengths[2];
	int r;

	record = &reader->backwards[--reader->n_backwards];
	r = sieve_single(&reader->sieve, record, pieces, lengths);
	if (r < 0)
		return r;
	if (reader->range.limit != UINT64_MAX)
		reader->range.limit--;
	return reader_send_pieces(reader, pieces, lengths);
}

static int step_reverse(struct reader *reader)
{
	int r;

	if (!reader->range.limit) {
		reader_end(reader, HELIO_OK, "%s", "");
		return -EPIPE;
	}
	if (reader->n_backwards)
		return send_backwards(reader);
	if (reader->is_gathered) {
		reader->is_gathered = false;
		return go_before(reader);
	}
	r = ask_before(reader);
	if (r < 0)
		return r;
	if (r == 0) {
		reader_end(reader, HELIO_OK, "%s", "");
		return -EPIPE;
	}
	r = gather_backwards(reader);
	reader->is_gathered = r == 0;
	return r;
}

/* ---- the newest of each subject ---- */

static void begin_after_listing(struct reader *reader)
{
	reader->has_runs = false;
	begin_at(reader, reader->after_listing, false);
}

/* It may be gone by now, or not for this reader. */
static int send_listed(struct reader *reader)
{
	const struct fetch *fetch = &reader->fetches[0];
	struct sieve_range range = reader->range;
	struct sieve_out out = { 0 };
	const uint8_t *run;
	size_t n = 0;
	int r;

	range.from = reader->sequences[reader->next_sequence];
	range.until = range.from + 1;
	range.until_ns = UINT64_MAX;
	run = fetch_find(fetch, range.from, &n);
	if (run) {
		r = sieve_take(&reader->sieve, run, n, &range, &reader->wait,
			       &out);
		if (r < 0)
			return r;
	}
	reader->next_sequence++;
	if (!out.n_records)
		return 0;
	if (reader->range.limit != UINT64_MAX)
		reader->range.limit--;
	if (out.is_whole) {
		out.pieces[0] = run;
		out.lengths[0] = n;
		out.pieces[1] = run;
		out.lengths[1] = 0;
	}
	return reader_send_pieces(reader, out.pieces, out.lengths);
}

static int list_subjects(struct reader *reader)
{
	struct fetch *fetch = &reader->fetches[0];
	int r = ask(reader, FETCH_SUBJECTS, 0);

	if (r == -EDQUOT) {
		reader_end(reader, HELIO_RESOURCE_EXHAUSTED,
			   "there are more than %d subjects",
			   FETCH_SUBJECTS_MAX);
		return -EPIPE;
	}
	if (r < 0)
		return r;
	reader->after_listing = fetch->next;
	reader->sequences = take_ptr(fetch->sequences);
	reader->n_sequences = fetch->n_sequences;
	fetch->n_sequences = 0;
	fetch->n_sequences_max = 0;
	reader->is_listed = true;
	return 0;
}

static int step_listing(struct reader *reader)
{
	const struct fetch *fetch = &reader->fetches[0];
	uint64_t sequence;
	int r;

	if (!reader->is_listed)
		return list_subjects(reader);
	if (reader->next_sequence == reader->n_sequences ||
	    !reader->range.limit) {
		begin_after_listing(reader);
		return 0;
	}
	sequence = reader->sequences[reader->next_sequence];
	if (reader->has_runs && sequence < fetch->next)
		return send_listed(reader);
	r = ask(reader, FETCH_RUNS, sequence);
	if (r == -ERANGE || r == -ENOENT) {
		reader->next_sequence++;
		return 0;
	}
	reader->has_runs = r == 1;
	if (r == 1 && fetch->next <= sequence)
		return -EBADMSG;
	return r < 0 ? r : 0;
}

int reader_place_step(struct reader *reader)
{
	switch (reader->stage) {
	case READER_PLACING:
		return step_placing(reader);
	case READER_COUNTING:
		return step_counting(reader);
	case READER_LISTING:
		return step_listing(reader);
	case READER_REVERSE:
		return step_reverse(reader);
	case READER_READING:
	case READER_ENDED:
		break;
	}
	return -EINVAL;
}
