/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "logger/log.h"
#include "logger/view_inside.h"
#include "proto/subject.h"
#include "storage/backend/row.h"

DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

enum { ROWS_LOOKED_AT_MAX = 16384 }; /* of an index; then it does not pay */

/* ---- by time ---- */

/*
 * The last chunk that begins before `time_ns`: whatever is before it is too
 * early, whatever is after it is not. Times do not go back, so sequences are
 * halved until one chunk is left. 0: there is none.
 */
static int halve(struct store *store, uint64_t low, uint64_t high,
		 uint64_t time_ns, struct chunk *ret_chunk)
{
	bool is_found = false;
	int r;

	while (low <= high) {
		uint64_t middle = low + (high - low) / 2;
		struct chunk chunk;

		r = chunk_head_near(store, STORE_AT_OR_BEFORE, middle, &chunk);
		if (r < 0)
			return r;
		if (!r) {
			low = middle + 1;
		} else if (chunk.head.base_time_ns < time_ns) {
			*ret_chunk = chunk;
			is_found = true;
			if (chunk.last >= middle)
				middle = chunk.last;
			low = middle + 1;
		} else if (chunk.head.base_sequence == 1) {
			break;
		} else {
			high = chunk.head.base_sequence - 1;
		}
	}
	return is_found;
}

/* The first record of a chunk at or after `time_ns`, or what follows it. */
static int find_in_chunk(struct view *view, struct store *store,
			 const struct chunk *chunk, uint64_t time_ns,
			 uint64_t *ret_sequence)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	const struct store_key key = row_number(chunk->head.base_sequence);
	struct run_record record;
	struct chunk whole;
	int r;

	*ret_sequence = chunk->last + 1;
	if (chunk->last_ns < time_ns)
		return 0;
	r = store_cursor_open(store, SEGMENT_CHUNKS, STORE_AT_OR_AFTER, &key,
			      &cursor);
	if (r >= 0)
		r = store_cursor_next(cursor);
	if (r > 0)
		r = chunk_at(cursor, &whole);
	if (r >= 0)
		r = run_reader_begin(&view->reader, chunk_run(&whole),
				     whole.head.n_bytes);
	while (r >= 0 && (r = run_reader_next(&view->reader, &record)) > 0) {
		if (record.time_ns < time_ns)
			continue;
		*ret_sequence = record.sequence;
		return 0;
	}
	return r;
}

static int seek_in_segment(struct view *view, const struct segment_row *row,
			   uint64_t time_ns, uint64_t *ret_sequence)
{
	struct store *store;
	struct chunk chunk;
	int r;

	*ret_sequence = row->first;
	r = view_segment(view, row, &store);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	r = halve(store, row->first, view_last_in(view, row), time_ns, &chunk);
	if (r > 0)
		r = find_in_chunk(view, store, &chunk, time_ns, ret_sequence);
	view_release(view, store);
	return r;
}

/* The last segment that begins before `time_ns`, or NULL. */
static const struct segment_row *row_before(const struct view *view,
					    uint64_t time_ns)
{
	size_t low = 0, high = view->ledger.n_rows;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (view->ledger.rows[middle].first_ns < time_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &view->ledger.rows[low - 1] : NULL;
}

int view_seek_time(struct view *view, uint64_t time_ns, uint64_t *ret_sequence)
{
	const struct segment_row *row = row_before(view, time_ns);
	uint64_t sequence = view->status.first;
	int r = 0;

	/* One that was announced only has no records yet. */
	while (row && row->first > view->status.last && row > view->ledger.rows)
		row--;
	if (row && row->first <= view->status.last)
		r = seek_in_segment(view, row, time_ns, &sequence);
	if (r < 0)
		return r;
	if (sequence < view->status.first)
		sequence = view->status.first;
	if (sequence > view->status.last)
		sequence = view->status.last + 1;
	*ret_sequence = sequence;
	return 0;
}

/* ---- by subject ---- */

/* What is looked for in an index, and how much of it was looked at. */
struct search {
	const char *pattern;
	size_t n_pattern;
	size_t n_prefix; /* of the pattern, which has no wildcard */
	uint64_t from;   /* nothing before it counts */
	uint64_t found;  /* the first that is known; UINT64_MAX: none */
	unsigned n_rows;
};

/* What all subjects begin with that match. */
static size_t prefix_of(const char *pattern, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pattern[i] == '*' || pattern[i] == '>')
			return i;
	return n;
}

static bool matches(const struct search *search, const char *subject, size_t n)
{
	return n &&
	       pattern_matches(search->pattern, search->n_pattern, subject, n);
}

/*
 * A row: a subject has records from `first` on, the newest is row->last. What
 * is before `from` may be a part of it. Outcome 1: no subject after this one
 * can match.
 */
static int look_at_row(struct store_cursor *cursor, struct search *search)
{
	struct index_row row;
	const char *subject;
	uint64_t first;
	size_t n;
	int r;

	r = index_row_at(cursor, &subject, &n, &first, &row);
	if (r < 0)
		return r;
	if (n < search->n_prefix ||
	    memcmp(subject, search->pattern, search->n_prefix) != 0)
		return 1;
	if (row.last < search->from || !matches(search, subject, n))
		return 0;
	if (first < search->from)
		first = search->from;
	if (first < search->found)
		search->found = first;
	return 0;
}

/* A pattern of which there is too much here is looked for in the runs. */
static int look_at_index(struct store *store, unsigned table,
			 struct search *search)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	const struct store_key key =
		row_bytes(search->pattern, search->n_prefix);
	int r;

	r = store_cursor_open(store, table, STORE_AT_OR_AFTER,
			      search->n_prefix ? &key : NULL, &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0) {
		if (search->n_rows++ == ROWS_LOOKED_AT_MAX) {
			search->found = search->from;
			return 0;
		}
		r = look_at_row(cursor, search);
		if (r > 0)
			return 0;
	}
	return r;
}

/* In the ledger: the first segment from `from` on that has it. */
static int look_at_ledger(struct view *view, struct search *search)
{
	int r;

	r = store_snapshot(view->ledger.store);
	if (r < 0)
		return r;
	r = look_at_index(view->ledger.store, LEDGER_SUBJECTS, search);
	store_end(view->ledger.store);
	return r;
}

/* In a segment that has ended: its index has all of it. */
static int look_at_ended(struct view *view, const struct segment_row *row,
			 struct search *search)
{
	struct store *store;
	int r;

	r = view_segment(view, row, &store);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	r = look_at_index(store, SEGMENT_SUBJECTS, search);
	view_release(view, store);
	return r;
}

/* What no index has yet. */
static void look_at_tail(struct view *view, struct search *search)
{
	const struct run_words *words = view->tail.subjects;
	uint64_t first = view->tail.first;

	if (!first)
		return;
	if (first < search->from)
		first = search->from;
	for (size_t i = 0; i < words->n_words; i++) {
		const struct run_word *word = &words->words[i];

		if (word->use.last_sequence >= search->from &&
		    first < search->found &&
		    matches(search, (const char *)words->bytes + word->at,
			    word->n))
			search->found = first;
	}
}

static int look_at_newest(struct view *view, struct search *search)
{
	struct store *store;
	int r;

	r = view_newest(view, &store);
	if (r < 0 || !store)
		return r;
	r = look_at_index(store, SEGMENT_SUBJECTS, search);
	view_release(view, store);
	if (r >= 0)
		look_at_tail(view, search);
	return r;
}

/* The ledger names the segment, and that its block. */
static int seek(struct view *view, struct search *search)
{
	const struct segment_row *row;
	uint64_t told;
	int r;

	r = look_at_ledger(view, search);
	if (r < 0 || search->n_rows > ROWS_LOOKED_AT_MAX)
		return r;
	if (search->found == UINT64_MAX)
		return look_at_newest(view, search);
	told = search->found;
	row = ledger_find(&view->ledger, told);
	if (!row)
		return 0;
	search->found = UINT64_MAX;
	search->n_rows = 0;
	r = row->state >= SEGMENT_ENDED ? look_at_ended(view, row, search)
					: look_at_newest(view, search);
	if (search->found == UINT64_MAX)
		search->found = told;
	return r;
}

static int seek_pattern(struct view *view, const char *pattern,
			uint64_t sequence, uint64_t *ret_found)
{
	size_t n = strlen(pattern);
	struct search search = {
		.pattern = pattern,
		.n_pattern = n,
		.n_prefix = prefix_of(pattern, n),
		.from = sequence,
		.found = UINT64_MAX,
	};
	int r;

	if (!pattern_is_valid(pattern, n))
		return -EINVAL;
	r = seek(view, &search);
	*ret_found = search.found;
	return r;
}

int view_seek_subject(struct view *view, const char *const *patterns,
		      size_t n_patterns, uint64_t sequence,
		      uint64_t *ret_sequence)
{
	uint64_t nearest = UINT64_MAX;

	if (sequence < view->status.first)
		sequence = view->status.first;
	for (size_t i = 0; i < n_patterns && nearest > sequence; i++) {
		uint64_t found;
		int r;

		r = seek_pattern(view, patterns[i], sequence, &found);
		if (r < 0)
			return r;
		if (found < nearest)
			nearest = found;
	}
	if (nearest <= view->status.last) {
		*ret_sequence = nearest;
		return 0;
	}
	*ret_sequence = view->status.last + 1;
	return 1;
}
