/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
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
	struct view_floor *floor;
};

static bool is_of(const struct count *count, const char *subject, size_t n)
{
	return n == count->n && !memcmp(subject, count->subject, n);
}

/* In this block, with so many of its records, is the last that is served. */
static void found(struct count *count, uint64_t first, uint64_t last,
		  uint64_t n_records)
{
	count->floor->block = first;
	count->floor->block_last = last;
	count->floor->n_below = n_records - count->n_left;
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

/* Outcome 1: it is in this segment. */
static int count_segment(struct store *store, struct count *count)
{
	uint8_t row[SEGMENT_BLOCK_BYTES];
	struct store_key key;
	uint64_t first, n;
	int r;

	r = count_down(store, SEGMENT_SUBJECTS, UINT64_MAX, count, &first, &n);
	if (r <= 0)
		return r;
	key = row_number(first);
	r = row_get(store, SEGMENT_BLOCKS, &key, row, sizeof(row));
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	found(count, first, le64_load(row), n);
	return 1;
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
		found(count, view->tail.first, view->status.last,
		      word->use.n_records);
		r = 1;
	} else {
		if (word)
			count->n_left -= word->use.n_records;
		r = count_segment(store, count);
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
	r = count_segment(store, count);
	view_release(view, store);
	return r;
}

/* The place of a subject among what was found out; another may be in it. */
static struct view_floor *place_of(struct view *view, struct hash_tag tag)
{
	if (!view->floors)
		view->floors = calloc(VIEW_FLOORS, sizeof(*view->floors));
	return view->floors ? &view->floors[tag.low % VIEW_FLOORS] : NULL;
}

void view_floor_keep(struct view *view, const struct view_floor *floor)
{
	struct view_floor *place = place_of(view, floor->tag);

	if (place)
		*place = *floor;
}

int view_floor_find(struct view *view, const char *subject, size_t n,
		    uint64_t records_max, struct view_floor *ret_floor)
{
	struct hash_tag tag = hash_bytes_tag(&view->key, subject, n);
	const struct view_floor *known = place_of(view, tag);
	struct count count = {
		.subject = subject,
		.n = n,
		.n_left = records_max,
		.floor = ret_floor,
	};
	int r;

	if (!n || n > SUBJECT_BYTES_MAX || !records_max)
		return -EINVAL;
	if (!known)
		return -ENOMEM;
	if (hash_tag_equal(known->tag, tag) &&
	    known->records_max == records_max &&
	    known->last == view->status.last) {
		*ret_floor = *known;
		return 0;
	}
	*ret_floor = (struct view_floor){
		.tag = tag,
		.records_max = records_max,
	};
	r = count_newest(view, &count);
	if (r == 0)
		r = count_ended(view, &count);
	if (r < 0)
		return r;
	/* It may have seen more by now. */
	ret_floor->last = view->status.last;
	view_floor_keep(view, ret_floor);
	return 0;
}

/* The same, and counted in its block where that is asked for. */
static int find_whole(struct view *view, const char *subject, size_t n,
		      uint64_t records_max, struct view_floor *ret_floor)
{
	struct view_count count = { .subject = subject, .n = n };
	int r = view_floor_find(view, subject, n, records_max, ret_floor);

	if (r < 0 || !ret_floor->block || ret_floor->floor)
		return r;
	count.floor = ret_floor;
	r = view_count(view, &count, 1, ret_floor->block_last);
	/* Of one that is removed meanwhile nothing is there. */
	if (r == 0 && !ret_floor->floor)
		ret_floor->floor = ret_floor->block;
	if (r == 0)
		view_floor_keep(view, ret_floor);
	return r;
}

int view_floor_of(struct view *view, const char *subject, uint64_t records_max,
		  uint64_t *ret_sequence)
{
	struct view_floor floor;
	int r = find_whole(view, subject, strlen(subject), records_max, &floor);

	if (r < 0)
		return r;
	*ret_sequence = floor.floor > view->status.first ? floor.floor
							 : view->status.first;
	return 0;
}

bool view_may_be_below(const struct view *view, const struct run_record *record,
		       uint64_t records_max)
{
	return records_max && record->kind != RUN_GAP && record->n_subject &&
	       record->n_subject <= SUBJECT_BYTES_MAX &&
	       view->status.last - record->sequence >= records_max;
}

int view_serves(struct view *view, const struct run_record *record,
		uint64_t records_max)
{
	struct view_floor floor;
	int r;

	if (!view_may_be_below(view, record, records_max))
		return 1;
	r = find_whole(view, record->subject, record->n_subject, records_max,
		       &floor);
	return r < 0 ? r : view_floor_serves(&floor, record->sequence);
}
