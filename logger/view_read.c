/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "logger/log.h"
#include "logger/view_inside.h"
#include "storage/backend/row.h"

DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

/* What is read, and how far it has come. */
struct copy {
	uint64_t limit; /* nothing after it is seen */
	uint8_t *buffer;
	size_t n_max;
	size_t n;
	uint64_t next;
	uint64_t previous; /* the last before the next chunk; 0: not known */
};

int view_chunk_head(struct store *store, uint64_t sequence,
		    struct chunk *ret_chunk)
{
	int r;

	r = chunk_head_near(store, STORE_AT_OR_BEFORE, sequence, ret_chunk);
	if (r < 0 || (r > 0 && ret_chunk->last >= sequence))
		return r;
	return chunk_head_near(store, STORE_AFTER, sequence, ret_chunk);
}

/* Where the next chunk stands that may be good; 0: none in this segment. */
static int skip(struct store_cursor *cursor, struct copy *copy)
{
	int r;

	r = store_cursor_next(cursor);
	copy->next = r > 0 ? store_cursor_key(cursor).number : 0;
	return -EBADMSG;
}

/* The run goes from the file to the buffer, and is looked at there. */
static int read_run(struct store_cursor *cursor, const struct chunk *chunk,
		    struct copy *copy)
{
	uint8_t *at = copy->buffer + copy->n;
	size_t n = chunk->head.n_bytes;
	struct run_head head;
	int r;

	r = store_cursor_read(cursor, CHUNK_HEAD_BYTES, at, n);
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	r = run_head_check(at, n, &head);
	if (r < 0)
		return r;
	copy->n += n;
	copy->next = chunk->last + 1;
	copy->previous = chunk->last;
	return 0;
}

/* The head says so; that the run is as long has to be true as well. */
static int is_too_long(struct store_cursor *cursor, const struct chunk *chunk,
		       struct copy *copy)
{
	uint8_t last;
	int r;

	r = store_cursor_read(
		cursor, CHUNK_HEAD_BYTES + chunk->head.n_bytes - 1, &last, 1);
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	copy->n = chunk->head.n_bytes;
	return -EMSGSIZE;
}

/* Outcome 1: no more fits, or there is no more. */
static int copy_chunk(struct store_cursor *cursor, struct copy *copy)
{
	struct chunk chunk;
	int r;

	if (store_cursor_key(cursor).number > copy->limit)
		return 1;
	r = chunk_head_at(cursor, &chunk);
	if (r >= 0 && copy->previous && chunk.previous != copy->previous)
		r = -EBADMSG;
	if (r >= 0 && chunk.head.n_bytes <= copy->n_max - copy->n)
		r = read_run(cursor, &chunk, copy);
	else if (r >= 0)
		r = copy->n ? 1 : is_too_long(cursor, &chunk, copy);
	if (r == -EBADMSG)
		return copy->n ? 1 : skip(cursor, copy);
	return r;
}

/* Where to begin: at the chunk that has `sequence`, or could have it. */
static int find_begin(struct store *store, uint64_t sequence,
		      struct store_key *ret_key, struct copy *copy)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	struct chunk chunk;
	int r;

	*ret_key = row_number(sequence);
	r = store_cursor_open(store, SEGMENT_CHUNKS, STORE_AT_OR_BEFORE,
			      ret_key, &cursor);
	if (r < 0)
		return r;
	r = store_cursor_next(cursor);
	if (r <= 0)
		return r;
	r = chunk_head_at(cursor, &chunk);
	if (r >= 0 && chunk.last < sequence) {
		/* The next one has to say that nothing is between them. */
		copy->previous = chunk.last;
		return 0;
	}
	/* One that is damaged is begun with, and found to be so. */
	*ret_key = row_number(store_cursor_key(cursor).number);
	return r == -EBADMSG ? 0 : r;
}

static int copy_segment(struct store *store, uint64_t sequence,
			struct copy *copy)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	struct store_key key;
	int r;

	r = find_begin(store, sequence, &key, copy);
	if (r >= 0)
		r = store_cursor_open(store, SEGMENT_CHUNKS, STORE_AT_OR_AFTER,
				      &key, &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0) {
		r = copy_chunk(cursor, copy);
		if (r)
			break;
	}
	if (r < 0)
		return r;
	/* What the view has seen must be there. */
	return copy->n ? 0 : -EBADMSG;
}

/* The segment that has the first record from *sequence on. */
static const struct segment_row *find_row(const struct view *view,
					  uint64_t *sequence)
{
	const struct segment_row *row = ledger_find(&view->ledger, *sequence);

	if (!row || row->state < SEGMENT_ENDED || *sequence <= row->last)
		return row;
	/* A log that was imported leaves sequences out. */
	row++;
	*sequence = row->first;
	return row;
}

int view_read(struct view *view, uint64_t sequence, void *buffer, size_t n_max,
	      size_t *ret_n, uint64_t *ret_next)
{
	struct copy copy = {
		.limit = view->status.last,
		.buffer = buffer,
		.n_max = n_max,
	};
	const struct segment_row *row;
	struct store *store;
	int r;

	*ret_n = 0;
	*ret_next = view->status.first;
	if (sequence < view->status.first)
		return -ERANGE;
	if (sequence > view->status.last)
		return -ENOENT;
	row = find_row(view, &sequence);
	r = view_segment(view, row, &store);
	if (r >= 0) {
		r = copy_segment(store, sequence, &copy);
		view_release(view, store);
	}
	*ret_n = copy.n;
	*ret_next = copy.next;
	if (r == -ENOENT || r == -EBADMSG) {
		r = -EBADMSG;
		*ret_n = 0;
		if (copy.next <= sequence || copy.next > copy.limit)
			*ret_next = view_last_in(view, row) + 1;
	}
	return r;
}

/* ---- backwards ---- */

/* That a chunk which ends before `sequence` is followed by one after it. */
static int check_hole(struct store *store, uint64_t sequence,
		      const struct chunk *chunk)
{
	struct chunk next;
	int r;

	r = chunk_head_near(store, STORE_AFTER, chunk->head.base_sequence,
			    &next);
	if (r < 0)
		return r;
	if (!r || next.previous != chunk->last ||
	    next.head.base_sequence <= sequence)
		return -EBADMSG;
	return 0;
}

static int copy_before(struct store *store, uint64_t sequence,
		       struct copy *copy)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	const struct store_key key = row_number(sequence);
	struct chunk chunk;
	int r;

	r = store_cursor_open(store, SEGMENT_CHUNKS, STORE_AT_OR_BEFORE, &key,
			      &cursor);
	if (r < 0)
		return r;
	r = store_cursor_next(cursor);
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	copy->next = store_cursor_key(cursor).number;
	r = chunk_at(cursor, &chunk);
	if (r < 0)
		return r;
	copy->n = chunk.head.n_bytes;
	if (copy->n > copy->n_max)
		return -EMSGSIZE;
	memcpy(copy->buffer, chunk_run(&chunk), copy->n);
	return chunk.last < sequence ? check_hole(store, sequence, &chunk) : 0;
}

int view_read_before(struct view *view, uint64_t sequence, void *buffer,
		     size_t n_max, size_t *ret_n, uint64_t *ret_first)
{
	struct copy copy = { .buffer = buffer, .n_max = n_max };
	const struct segment_row *row;
	struct store *store;
	int r;

	*ret_n = 0;
	*ret_first = view->status.first;
	if (sequence > view->status.last)
		sequence = view->status.last + 1;
	if (sequence <= view->status.first)
		return -ENOENT;
	row = ledger_find(&view->ledger, --sequence);
	if (sequence > view_last_in(view, row))
		sequence = view_last_in(view, row);
	r = view_segment(view, row, &store);
	if (r >= 0) {
		r = copy_before(store, sequence, &copy);
		view_release(view, store);
	}
	*ret_n = copy.n;
	*ret_first = copy.next ? copy.next : row->first;
	return r == -ENOENT ? -EBADMSG : r;
}
