/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "logger/log.h"
#include "logger/view_inside.h"
#include "proto/subject.h"
#include "storage/backend/row.h"

DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

enum { SUBJECT_BYTES_MAX = 255 };

/* A segment that still grows has rows in the ledger only if it grows no more
 * and the view has not seen it: its own index tells of it. */
static uint64_t ledger_end(const struct view *view)
{
	const struct segment_row *last = ledger_last(&view->ledger);

	return last && last->state < SEGMENT_ENDED ? last->first : UINT64_MAX;
}

/* ---- the newest of one ---- */

/* The newest row of a subject, of a block that begins before `end`. 1 or 0. */
static int newest_row(struct store *store, unsigned table, const char *subject,
		      size_t n, uint64_t end, struct index_row *ret_row)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	uint8_t key[SUBJECT_BYTES_MAX + ROW_TEXT_BYTES];
	struct store_key at = { .bytes = key };
	const char *found;
	uint64_t first;
	size_t n_found;
	int r;

	at.n_bytes = row_text_key(key, subject, n, end);
	r = store_cursor_open(store, table, STORE_BEFORE, &at, &cursor);
	if (r < 0)
		return r;
	r = store_cursor_next(cursor);
	if (r <= 0)
		return r;
	r = index_row_at(cursor, &found, &n_found, &first, ret_row);
	if (r < 0)
		return r;
	return n_found == n && !memcmp(found, subject, n);
}

static int newest_in_ledger(struct view *view, const char *subject, size_t n,
			    struct index_row *ret_row)
{
	int r;

	r = store_snapshot(view->ledger.store);
	if (r < 0)
		return r;
	r = newest_row(view->ledger.store, LEDGER_SUBJECTS, subject, n,
		       ledger_end(view), ret_row);
	store_end(view->ledger.store);
	return r;
}

int view_last_of(struct view *view, const char *subject, uint64_t *ret_sequence)
{
	size_t n = strlen(subject);
	const struct run_word *word = NULL;
	struct index_row row = { 0 };
	struct store *store;
	int r;

	if (!n || n > SUBJECT_BYTES_MAX)
		return 0;
	r = view_newest(view, &store);
	if (r < 0)
		return r;
	word = run_words_lookup(view->tail.subjects, (const uint8_t *)subject,
				n);
	if (store) {
		if (!word)
			r = newest_row(store, SEGMENT_SUBJECTS, subject, n,
				       UINT64_MAX, &row);
		view_release(view, store);
	}
	if (word)
		row.last = word->use.last_sequence;
	else if (!r)
		r = newest_in_ledger(view, subject, n, &row);
	if (r < 0 || (!word && !r) || row.last < view->status.first)
		return r < 0 ? r : 0;
	*ret_sequence = row.last;
	return 1;
}

/* ---- all of them ---- */

/* Subjects in their order, from one of the three places where they are. */
struct stream {
	struct store_cursor *cursor; /* or NULL: the tail */
	uint64_t end;                /* rows from here on do not count */
	const struct run_words *words;
	const uint32_t *order;
	size_t at;
	bool is_ahead; /* the cursor is at the next subject's row already */
	bool is_done;  /* it has been at the end */
	char subject[SUBJECT_BYTES_MAX];
	size_t n;
	uint64_t last;
	bool has_one;
};

static void stream_next_word(struct stream *stream)
{
	const struct run_word *word;

	stream->has_one = stream->at < stream->words->n_words;
	if (!stream->has_one)
		return;
	word = &stream->words->words[stream->order[stream->at++]];
	memcpy(stream->subject, stream->words->bytes + word->at, word->n);
	stream->n = word->n;
	stream->last = word->use.last_sequence;
}

/* To the next row, unless it is at one that was not counted yet. */
static int stream_step(struct stream *stream)
{
	int r;

	if (stream->is_ahead)
		return 1;
	if (stream->is_done)
		return 0;
	r = store_cursor_next(stream->cursor);
	stream->is_done = !r;
	return r;
}

/* All rows of a subject, of which the last has the newest record. */
static int stream_next(struct stream *stream)
{
	struct index_row row;
	const char *subject;
	uint64_t first;
	size_t n;
	int r;

	if (!stream->cursor) {
		if (stream->words)
			stream_next_word(stream);
		return 0;
	}
	stream->has_one = false;
	for (;;) {
		r = stream_step(stream);
		if (r <= 0)
			return r;
		stream->is_ahead = true;
		r = index_row_at(stream->cursor, &subject, &n, &first, &row);
		if (r < 0)
			return r;
		if (stream->has_one &&
		    (n != stream->n || memcmp(subject, stream->subject, n)))
			return 0;
		stream->is_ahead = false;
		if (first >= stream->end)
			continue;
		memcpy(stream->subject, subject, n);
		stream->n = n;
		stream->last = row.last;
		stream->has_one = true;
	}
}

static int stream_open(struct stream *stream, struct store *store,
		       unsigned table, const char *pattern, uint64_t end)
{
	size_t n = strcspn(pattern, "*>");
	const struct store_key key = row_bytes(pattern, n);
	int r;

	*stream = (struct stream){ .end = end };
	if (!store)
		return 0;
	r = store_cursor_open(store, table, STORE_AT_OR_AFTER, n ? &key : NULL,
			      &stream->cursor);
	return r < 0 ? r : stream_next(stream);
}

static int compare(const struct stream *a, const struct stream *b)
{
	size_t n = a->n < b->n ? a->n : b->n;
	int order = memcmp(a->subject, b->subject, n);

	return order ? order : (a->n > b->n) - (a->n < b->n);
}

/* What the caller wants of it. */
struct listing {
	const char *pattern;
	size_t n_pattern;
	uint64_t first; /* that is served */
	int (*on_subject)(const char *subject, uint64_t last, void *userdata);
	void *userdata;
};

static int tell(const struct listing *listing, const struct stream *stream)
{
	char subject[SUBJECT_BYTES_MAX + 1];

	if (stream->last < listing->first || !stream->n ||
	    !pattern_matches(listing->pattern, listing->n_pattern,
			     stream->subject, stream->n))
		return 0;
	memcpy(subject, stream->subject, stream->n);
	subject[stream->n] = '\0';
	return listing->on_subject(subject, stream->last, listing->userdata);
}

/* Whether no subject from here on can match. */
static bool is_past(const struct listing *listing, const struct stream *stream)
{
	size_t n = strcspn(listing->pattern, "*>");
	size_t n_both = n < stream->n ? n : stream->n;

	return memcmp(stream->subject, listing->pattern, n_both) > 0;
}

/* One step: the least subject, in all the streams that have it. */
static int merge_step(struct stream streams[3], const struct listing *listing)
{
	struct stream *least = NULL;
	struct stream one;
	int r;

	for (size_t i = 0; i < 3; i++)
		if (streams[i].has_one &&
		    (!least || compare(&streams[i], least) < 0))
			least = &streams[i];
	if (!least || is_past(listing, least))
		return 0;
	one = *least;
	for (size_t i = 0; i < 3; i++) {
		if (!streams[i].has_one || compare(&streams[i], &one) != 0)
			continue;
		if (streams[i].last > one.last)
			one.last = streams[i].last;
		r = stream_next(&streams[i]);
		if (r < 0)
			return r;
	}
	r = tell(listing, &one);
	return r < 0 ? r : 1;
}

static int merge(struct view *view, struct store *newest,
		 const struct listing *listing)
{
	_cleanup_(freep) uint32_t *order = index_order(&view->tail);
	struct stream streams[3] = { 0 };
	int r;

	if (!order)
		return -ENOMEM;
	r = stream_open(&streams[0], view->ledger.store, LEDGER_SUBJECTS,
			listing->pattern, ledger_end(view));
	if (r >= 0)
		r = stream_open(&streams[1], newest, SEGMENT_SUBJECTS,
				listing->pattern, UINT64_MAX);
	streams[2].words = view->tail.subjects;
	streams[2].order = order;
	stream_next_word(&streams[2]);
	while (r >= 0 && (r = merge_step(streams, listing)) > 0)
		continue;
	store_cursor_close(streams[0].cursor);
	store_cursor_close(streams[1].cursor);
	return r;
}

int view_subjects(struct view *view, const char *pattern,
		  int (*on_subject)(const char *subject, uint64_t last,
				    void *userdata),
		  void *userdata)
{
	struct listing listing = {
		.pattern = pattern,
		.n_pattern = strlen(pattern),
		.on_subject = on_subject,
		.userdata = userdata,
	};
	struct store *newest;
	int r;

	if (!pattern_is_valid(pattern, listing.n_pattern))
		return -EINVAL;
	r = view_newest(view, &newest);
	if (r < 0)
		return r;
	listing.first = view->status.first;
	r = store_snapshot(view->ledger.store);
	if (r >= 0) {
		r = merge(view, newest, &listing);
		store_end(view->ledger.store);
	}
	if (newest)
		view_release(view, newest);
	return r;
}
