/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "logger/log.h"
#include "logger/view_inside.h"
#include "storage/backend/row.h"

DEFINE_CLEANUP(struct view *, view_close);
DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

/* ---- segments ---- */

static void handle_close(struct view_handle *handle)
{
	store_close(handle->store);
	*handle = (struct view_handle){ 0 };
}

/* A free place, or that of the one not used for longest. */
static struct view_handle *oldest(struct view *view)
{
	struct view_handle *oldest = &view->handles[0];

	for (size_t i = 1; i < VIEW_HANDLES; i++)
		if (view->handles[i].used < oldest->used)
			oldest = &view->handles[i];
	return oldest;
}

static struct view_handle *lookup(struct view *view,
				  const struct segment_row *row)
{
	for (size_t i = 0; i < VIEW_HANDLES; i++)
		if (view->handles[i].first == row->first)
			return &view->handles[i];
	return NULL;
}

static int open_segment(struct view *view, const struct segment_row *row,
			struct view_handle **ret_handle)
{
	_cleanup_(freep) char *path =
		segment_path(view->folder, row->first, row->first_ns);
	struct view_handle *handle = oldest(view);
	bool is_sealed = row->state == SEGMENT_SEALED;
	int r;

	if (!path)
		return -ENOMEM;
	if (handle->store)
		handle_close(handle);
	r = store_open(view->backend, path, &segment_layout,
		       STORE_READ_ONLY | (is_sealed ? STORE_SEALED : 0),
		       &handle->store);
	if (is_sealed && (r == -EBUSY || r == -EPROTO))
		r = -EBADMSG;
	if (r < 0)
		return r;
	handle->first = row->first;
	handle->is_sealed = is_sealed;
	*ret_handle = handle;
	return 0;
}

int view_segment(struct view *view, const struct segment_row *row,
		 struct store **ret_store)
{
	struct view_handle *handle = lookup(view, row);
	int r;

	if (!handle) {
		r = open_segment(view, row, &handle);
		if (r < 0)
			return r;
	}
	handle->used = ++view->n_calls;
	r = store_snapshot(handle->store);
	if (r < 0)
		return r;
	*ret_store = handle->store;
	return 0;
}

/* One that has ended, and waits to be sealed, is not kept from it. */
void view_release(struct view *view, struct store *store)
{
	store_end(store);
	for (size_t i = 0; i < VIEW_HANDLES; i++) {
		struct view_handle *handle = &view->handles[i];
		const struct segment_row *row;

		if (handle->store != store || handle->is_sealed)
			continue;
		row = ledger_find(&view->ledger, handle->first);
		if (!row || row->state >= SEGMENT_ENDED)
			handle_close(handle);
	}
}

uint64_t view_last_in(const struct view *view, const struct segment_row *row)
{
	if (row->state >= SEGMENT_ENDED && row->last < view->status.last)
		return row->last;
	return view->status.last;
}

/* ---- opened and refreshed ---- */

/* How far the newest segment goes. 0 also when it is not there yet. */
static int look_at_active(struct view *view, const struct segment_row *row)
{
	struct store *store;
	struct chunk chunk;
	int r;

	r = view_segment(view, row, &store);
	if (r == -ENOENT && row->state == SEGMENT_COMING)
		return 0;
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	r = chunk_head_near(store, STORE_AT_OR_BEFORE, RUN_SEQUENCE_MAX,
			    &chunk);
	if (r > 0) {
		view->status.last = chunk.last;
		view->status.last_ns = chunk.last_ns;
	}
	view_release(view, store);
	return r < 0 ? r : 0;
}

static int look_at_removed(struct view *view)
{
	struct segment_row row;
	int r;

	if (view->ledger.n_rows)
		return 0;
	r = store_snapshot(view->ledger.store);
	if (r < 0)
		return r;
	r = ledger_last_removed(&view->ledger, &row);
	store_end(view->ledger.store);
	if (r > 0) {
		view->status.last = row.last;
		view->status.last_ns = row.last_ns;
	}
	return r < 0 ? r : 0;
}

static void count(struct view *view)
{
	struct log_status *status = &view->status;
	const struct ledger *ledger = &view->ledger;
	uint64_t first = status->last + 1;

	if (ledger->n_rows)
		first = ledger->rows[0].first;
	if (ledger->floor > first)
		first = ledger->floor;
	status->first = first > status->last ? status->last + 1 : first;
	status->n_segments = (unsigned)ledger->n_rows;
	status->bytes = 0;
	for (size_t i = 0; i < ledger->n_rows; i++)
		status->bytes += ledger->rows[i].n_bytes;
}

/* The time of the first record that is served, as far as a run tells it. */
static int look_at_first(struct view *view, uint64_t old_first)
{
	struct log_status *status = &view->status;
	const struct segment_row *row;
	struct store *store;
	struct chunk chunk;
	int r;

	if (status->first == old_first || status->first > status->last)
		return 0;
	row = ledger_find(&view->ledger, status->first);
	if (!row)
		return 0;
	r = view_segment(view, row, &store);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = view_chunk_head(store, status->first, &chunk);
	if (r > 0)
		status->first_ns = chunk.head.base_time_ns;
	view_release(view, store);
	return r >= 0 || r == -EBADMSG ? 0 : r;
}

/* Handles that would keep a segment from being sealed, or that is gone. */
static void drop_handles(struct view *view)
{
	const struct segment_row *last = ledger_last(&view->ledger);

	for (size_t i = 0; i < VIEW_HANDLES; i++) {
		struct view_handle *handle = &view->handles[i];
		const struct segment_row *row;

		if (!handle->store)
			continue;
		row = ledger_find(&view->ledger, handle->first);
		if (!row || row->first != handle->first ||
		    (!handle->is_sealed && row->state >= SEGMENT_ENDED))
			handle_close(handle);
	}
	if (view->checkpoint &&
	    (!last || last->first != view->checkpoint_first ||
	     last->state >= SEGMENT_ENDED))
		view->checkpoint = store_close(view->checkpoint);
}

static int look(struct view *view)
{
	uint64_t old_first = view->status.last ? view->status.first : 0;
	const struct ledger *ledger = &view->ledger;
	int r;

	r = look_at_removed(view);
	for (size_t i = ledger->n_rows; r >= 0 && i > 0; i--) {
		const struct segment_row *row = &ledger->rows[i - 1];

		if (row->state < SEGMENT_ENDED) {
			r = look_at_active(view, row);
			if (r < 0 || view->status.last >= row->first)
				break;
			continue;
		}
		view->status.last = row->last;
		view->status.last_ns = row->last_ns;
		break;
	}
	if (r < 0)
		return r;
	count(view);
	return look_at_first(view, old_first);
}

int view_refresh(struct view *view)
{
	int r;

	r = ledger_refresh(&view->ledger);
	if (r < 0)
		return r;
	if (r > 0)
		drop_handles(view);
	return look(view);
}

const struct log_status *view_status(const struct view *view)
{
	return &view->status;
}

static int view_new(struct backend *backend, const char *folder,
		    struct view **ret_view)
{
	_cleanup_(view_closep) struct view *view = NULL;
	int r;

	view = calloc(1, sizeof(*view));
	if (!view)
		return -ENOMEM;
	view->backend = backend;
	view->folder = strdup(folder);
	if (!view->folder)
		return -ENOMEM;
	r = hash_key_draw(&view->key);
	if (r < 0)
		return r;
	r = index_init(&view->tail);
	if (r < 0)
		return r;
	*ret_view = take_ptr(view);
	return 0;
}

int view_open(struct backend *backend, const char *folder,
	      struct view **ret_view, char **ret_why)
{
	_cleanup_(view_closep) struct view *view = NULL;
	struct fault fault = { .file = "state" };
	int r;

	r = view_new(backend, folder, &view);
	if (r >= 0)
		r = ledger_open(&view->ledger, backend, folder, STORE_READ_ONLY,
				&fault);
	if (r >= 0)
		r = look(view);
	if (r < 0) {
		fault_of(&fault, NULL, r);
		if (ret_why)
			*ret_why = fault_text(&fault);
		return r;
	}
	*ret_view = take_ptr(view);
	return 0;
}

struct view *view_close(struct view *view)
{
	if (!view)
		return NULL;
	for (size_t i = 0; i < VIEW_HANDLES; i++)
		store_close(view->handles[i].store);
	store_close(view->checkpoint);
	ledger_close(&view->ledger);
	index_deinit(&view->tail);
	run_reader_deinit(&view->reader);
	free(view->floors);
	free(view->folder);
	free(view);
	return NULL;
}

/* ---- checkpoints ---- */

int view_checkpoint(struct view *view)
{
	const struct segment_row *row = ledger_last(&view->ledger);
	_cleanup_(freep) char *path = NULL;
	int r;

	if (!row || row->state != SEGMENT_ACTIVE)
		return 0;
	if (!view->checkpoint) {
		path = segment_path(view->folder, row->first, row->first_ns);
		if (!path)
			return -ENOMEM;
		r = store_open(view->backend, path, &segment_layout,
			       STORE_BESIDE, &view->checkpoint);
		/* It is gone or sealed since it was looked at. */
		if (r < 0)
			return r == -ENOENT || r == -EBUSY ? 0 : r;
		view->checkpoint_first = row->first;
	}
	return store_checkpoint(view->checkpoint);
}

/* ---- what no index has ---- */

static int find_indexed(struct store *store, uint64_t *ret_last)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	uint8_t row[SEGMENT_BLOCK_BYTES];
	int r;

	*ret_last = 0;
	r = store_cursor_open(store, SEGMENT_BLOCKS, STORE_AT_OR_BEFORE, NULL,
			      &cursor);
	if (r < 0)
		return r;
	r = store_cursor_next(cursor);
	if (r <= 0)
		return r;
	r = row_at(cursor, row, sizeof(row));
	if (r >= 0)
		*ret_last = le64_load(row);
	return r;
}

static int add_chunk(struct view *view, struct store_cursor *cursor)
{
	struct chunk chunk;
	int r;

	r = chunk_at(cursor, &chunk);
	if (r < 0)
		return r;
	if (chunk.last > view->status.last)
		return 1;
	r = run_reader_begin(&view->reader, chunk_run(&chunk),
			     chunk.head.n_bytes);
	if (r >= 0)
		r = index_add_run(&view->tail, &view->reader, chunk.last,
				  chunk.n_bytes);
	if (r >= 0)
		view->tail_last = chunk.last;
	return r;
}

static int read_tail(struct view *view, struct store *store)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	struct store_key key;
	uint64_t indexed;
	int r;

	r = find_indexed(store, &indexed);
	if (r < 0)
		return r;
	/* What is here is still no block: only what is new has to be read. */
	if (!view->tail.first || view->tail.first <= indexed) {
		index_clear(&view->tail);
		view->tail_last = indexed;
	}
	key = row_number(view->tail_last);
	r = store_cursor_open(store, SEGMENT_CHUNKS, STORE_AFTER,
			      view->tail_last ? &key : NULL, &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0) {
		r = add_chunk(view, cursor);
		if (r > 0)
			break;
	}
	return r < 0 ? r : 0;
}

/* The row of the segment that grows, if it has records. */
static const struct segment_row *growing_row(const struct view *view)
{
	const struct segment_row *row = ledger_last(&view->ledger);

	return row && row->state < SEGMENT_ENDED &&
			       view->status.last >= row->first
		       ? row
		       : NULL;
}

static int read_newest(struct view *view, const struct segment_row *row,
		       struct store *store)
{
	struct chunk chunk;
	int r;

	if (view->tail_first != row->first) {
		index_clear(&view->tail);
		view->tail_first = row->first;
		view->tail_last = 0;
	}
	r = chunk_head_near(store, STORE_AT_OR_BEFORE, RUN_SEQUENCE_MAX,
			    &chunk);
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	view->status.last = chunk.last;
	view->status.last_ns = chunk.last_ns;
	return read_tail(view, store);
}

int view_newest(struct view *view, struct store **ret_store)
{
	const struct segment_row *row = growing_row(view);
	struct store *store;
	int r;

	*ret_store = NULL;
	if (!row) {
		index_clear(&view->tail);
		view->tail_first = 0;
		return 0;
	}
	r = view_segment(view, row, &store);
	if (r < 0)
		return r;
	r = read_newest(view, row, store);
	if (r < 0) {
		view_release(view, store);
		return r;
	}
	*ret_store = store;
	return 0;
}
