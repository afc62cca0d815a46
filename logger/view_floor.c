/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "logger/log.h"
#include "logger/view_inside.h"
#include "storage/backend/row.h"

DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

enum { SUBJECT_BYTES_MAX = 255 };

/* Counting back from the newest record of a subject. */
struct count {
	const char *subject;
	size_t n;
	uint64_t n_left; /* that are still served */
	uint64_t floor;
	bool is_found;
};

static bool is_of(const struct count *count, const char *subject, size_t n)
{
	return n == count->n && !memcmp(subject, count->subject, n);
}

static bool has_subject(const struct run_reader *reader,
			const struct count *count)
{
	for (unsigned i = 0; i < reader->head.n_subjects; i++) {
		size_t n;
		const char *subject =
			run_reader_subject(reader, (uint16_t)i, &n);

		if (is_of(count, subject, n))
			return true;
	}
	return false;
}

/* Pass over *skip records of the subject in a run; 1: the next was found. */
static int scan_run(struct view *view, const struct chunk *chunk,
		    struct count *count, uint64_t *skip)
{
	struct run_record record;
	int r;

	r = run_reader_begin(&view->reader, chunk_run(chunk),
			     chunk->head.n_bytes);
	if (r < 0 || !has_subject(&view->reader, count))
		return r;
	while ((r = run_reader_next(&view->reader, &record)) > 0) {
		if (!is_of(count, record.subject, record.n_subject))
			continue;
		if (!(*skip)--) {
			count->floor = record.sequence;
			count->is_found = true;
			return 1;
		}
	}
	return r;
}

/* In the block that begins at `first`, all but the newest count->n_left. */
static int scan_block(struct view *view, struct store *store, uint64_t first,
		      uint64_t n_records, struct count *count)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	const struct store_key key = row_number(first);
	uint64_t skip = n_records - count->n_left;
	int r;

	r = store_cursor_open(store, SEGMENT_CHUNKS, STORE_AT_OR_AFTER, &key,
			      &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0) {
		struct chunk chunk;

		r = chunk_at(cursor, &chunk);
		if (r >= 0)
			r = scan_run(view, &chunk, count, &skip);
		if (r > 0)
			return 0;
	}
	return r;
}

/*
 * Down an index, a block or a segment at a time. *ret_first and *ret_n say
 * where it is that the last of them is, if it is in this index; 1.
 */
static int count_down(struct store *store, unsigned table, uint64_t end,
		      struct count *count, uint64_t *ret_first, uint64_t *ret_n)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	uint8_t key[SUBJECT_BYTES_MAX + ROW_TEXT_BYTES];
	struct store_key at = { .bytes = key };
	int r;

	at.n_bytes = row_text_key(key, count->subject, count->n, end);
	r = store_cursor_open(store, table, STORE_BEFORE, &at, &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0) {
		struct index_row row;
		const char *subject;
		size_t n;

		r = index_row_at(cursor, &subject, &n, ret_first, &row);
		if (r < 0 || !is_of(count, subject, n))
			return r;
		*ret_n = row.n_records;
		if (row.n_records >= count->n_left)
			return 1;
		count->n_left -= row.n_records;
	}
	return r;
}

static int count_segment(struct view *view, struct store *store,
			 struct count *count)
{
	uint64_t first, n;
	int r;

	r = count_down(store, SEGMENT_SUBJECTS, UINT64_MAX, count, &first, &n);
	return r > 0 ? scan_block(view, store, first, n, count) : r;
}

static int count_newest(struct view *view, struct count *count)
{
	const struct run_word *word;
	struct store *store;
	int r;

	r = view_newest(view, &store);
	if (r < 0 || !store)
		return r;
	word = run_words_lookup(view->tail.subjects,
				(const uint8_t *)count->subject, count->n);
	if (word && word->use.n_records >= count->n_left) {
		r = scan_block(view, store, view->tail.first,
			       word->use.n_records, count);
	} else {
		if (word)
			count->n_left -= word->use.n_records;
		r = count_segment(view, store, count);
	}
	view_release(view, store);
	return r;
}

/* Which of the segments that have ended it is, and then in that. */
static int count_ended(struct view *view, struct count *count)
{
	const struct segment_row *row = ledger_last(&view->ledger);
	uint64_t end = UINT64_MAX;
	struct store *store;
	uint64_t first, n;
	int r;

	if (row && row->state < SEGMENT_ENDED)
		end = row->first;
	r = store_snapshot(view->ledger.store);
	if (r < 0)
		return r;
	r = count_down(view->ledger.store, LEDGER_SUBJECTS, end, count, &first,
		       &n);
	store_end(view->ledger.store);
	if (r <= 0)
		return r;
	row = ledger_find(&view->ledger, first);
	if (!row || row->first != first)
		return 0;
	r = view_segment(view, row, &store);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	r = count_segment(view, store, count);
	view_release(view, store);
	return r;
}

/* The place of a subject among what was found out; another may be in it. */
static struct view_floor *cached(struct view *view, const char *subject,
				 size_t n)
{
	uint64_t hash = 1469598103934665603u;

	if (!view->floors)
		view->floors = calloc(view->n_floors, sizeof(*view->floors));
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (uint8_t)subject[i]) * 1099511628211u;
	return view->floors ? &view->floors[hash % view->n_floors] : NULL;
}

void view_remember_floors(struct view *view, size_t n)
{
	free(take_ptr(view->floors));
	view->n_floors = n;
}

static bool is_valid(const struct view *view, const struct view_floor *floor,
		     const struct count *count, uint64_t records_max)
{
	return floor->n && is_of(count, floor->subject, floor->n) &&
	       floor->records_max == records_max &&
	       floor->last == view->status.last;
}

int view_floor_of(struct view *view, const char *subject, uint64_t records_max,
		  uint64_t *ret_sequence)
{
	struct count count = {
		.subject = subject,
		.n = strlen(subject),
		.n_left = records_max,
		.floor = 1,
	};
	struct view_floor *floor;
	int r = 0;

	if (!count.n || count.n > SUBJECT_BYTES_MAX || !records_max)
		return -EINVAL;
	floor = cached(view, subject, count.n);
	if (!floor)
		return -ENOMEM;
	if (!is_valid(view, floor, &count, records_max)) {
		r = count_newest(view, &count);
		if (r >= 0 && !count.is_found)
			r = count_ended(view, &count);
		if (r < 0)
			return r;
		memcpy(floor->subject, subject, count.n);
		floor->n = count.n;
		floor->records_max = records_max;
		floor->last = view->status.last;
		floor->floor = count.floor;
	}
	*ret_sequence = floor->floor > view->status.first ? floor->floor
							  : view->status.first;
	return 0;
}

int view_serves(struct view *view, const struct run_record *record,
		uint64_t records_max, uint64_t *floor)
{
	char subject[SUBJECT_BYTES_MAX + 1];
	int r = 0;

	if (!records_max || record->kind == RUN_GAP || !record->n_subject ||
	    record->n_subject > SUBJECT_BYTES_MAX)
		return 1;
	/* So few are behind it, whatever their subjects. */
	if (view->status.last - record->sequence < records_max)
		return 1;
	if (!*floor) {
		memcpy(subject, record->subject, record->n_subject);
		subject[record->n_subject] = '\0';
		r = view_floor_of(view, subject, records_max, floor);
	}
	return r < 0 ? r : record->sequence >= *floor;
}
