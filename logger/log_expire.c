/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "logger/home.h"
#include "logger/log_inside.h"
#include "storage/backend/row.h"

DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

/* ---- what is served ---- */

static uint64_t floor_of_records(const struct log *log)
{
	uint64_t max = log->limits.records_max;

	return max && log->status.last > max ? log->status.last - max + 1 : 1;
}

/* Whole segments: so many of the oldest that the rest is within the limit. */
static uint64_t floor_of_bytes(const struct log *log)
{
	uint64_t n_bytes = log->status.bytes;
	uint64_t floor = 1;

	if (!log->limits.bytes_max)
		return 1;
	for (size_t i = 0; i + 1 < log->ledger.n_rows; i++) {
		const struct segment_row *row = &log->ledger.rows[i];

		if (n_bytes <= log->limits.bytes_max)
			break;
		n_bytes -= row->n_bytes;
		floor = row->last + 1;
	}
	return floor;
}

/* By a view of our own, which is closed again: it would keep files open. */
static int floor_of_age(struct log *log, uint64_t now_ns, uint64_t *ret_floor)
{
	struct view *view;
	uint64_t oldest_ns;
	int r;

	*ret_floor = 1;
	if (!log->limits.age_max_ns || now_ns <= log->limits.age_max_ns ||
	    !log->ledger.n_rows)
		return 0;
	oldest_ns = now_ns - log->limits.age_max_ns;
	if (log->ledger.rows[0].first_ns >= oldest_ns)
		return 0;
	r = view_open(log->backend, log->folder, &view, NULL);
	if (r < 0)
		return r;
	r = view_seek_time(view, oldest_ns, ret_floor);
	view_close(view);
	return r;
}

static int find_floor(struct log *log, uint64_t now_ns, uint64_t *ret_floor)
{
	uint64_t floors[] = { floor_of_records(log), floor_of_bytes(log), 1 };
	int r;

	r = floor_of_age(log, now_ns, &floors[2]);
	*ret_floor = log->ledger.floor;
	for (size_t i = 0; i < 3; i++)
		if (floors[i] > *ret_floor)
			*ret_floor = floors[i];
	return r;
}

/* ---- what is removed ---- */

/* Nothing of it is served, and its keys are not needed for what may come. */
static bool is_gone(const struct log *log, const struct segment_row *row,
		    uint64_t floor, uint64_t now_ns)
{
	if (row->state < SEGMENT_ENDED || row->last >= floor)
		return false;
	if (!row->n_keys || row->last < floor_of_bytes(log))
		return true;
	return now_ns >= row->last_ns &&
	       now_ns - row->last_ns >= log_dedup_window_ns(log);
}

/* One row of the ledger for each of the segment's own: TEXT, 0, first. */
static int delete_row(struct log *log, unsigned table, const void *text,
		      size_t n, uint64_t first)
{
	uint8_t key[ROW_TEXT_MAX + ROW_TEXT_BYTES];
	struct store_key at = { .bytes = key };

	if (n > ROW_TEXT_MAX)
		return -EBADMSG;
	at.n_bytes = row_text_key(key, text, n, first);
	return store_delete(log->ledger.store, table, &at);
}

static int delete_subjects(struct log *log, struct store *segment,
			   uint64_t first)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	uint64_t block;
	int r;

	r = store_cursor_open(segment, SEGMENT_SUBJECTS, STORE_AT_OR_AFTER,
			      NULL, &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0) {
		struct store_key key = store_cursor_key(cursor);

		r = row_text_of(&key, &block);
		if (r >= 0)
			r = delete_row(log, LEDGER_SUBJECTS, key.bytes,
				       (size_t)r, first);
	}
	return r;
}

static int delete_principals(struct log *log, struct store *segment,
			     uint64_t first)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	int r;

	r = store_cursor_open(segment, SEGMENT_SOURCES, STORE_AT_OR_AFTER, NULL,
			      &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0) {
		struct store_key key = store_cursor_key(cursor);

		r = key.n_bytes ? delete_row(log, LEDGER_PRINCIPALS, key.bytes,
					     key.n_bytes - 1, first)
				: -EBADMSG;
	}
	return r;
}

/*
 * Rows that stay because the segment is damaged do no harm: there is none of
 * that number any more.
 */
static int remove_first(struct log *log)
{
	struct segment_row row = log->ledger.rows[0];
	struct store *segment;
	int r;

	r = ledger_begin(&log->ledger);
	if (r < 0)
		return r;
	r = keys_segment(&log->keys, &row, &segment);
	if (r >= 0)
		r = delete_subjects(log, segment, row.first);
	if (r >= 0)
		r = delete_principals(log, segment, row.first);
	if (r < 0 && r != -EBADMSG && r != -EBUSY)
		return r;
	return ledger_remove_first(&log->ledger);
}

/* Nobody of us has it open any more; a view that has goes on reading it. */
static int unlink_segment(struct log *log, const struct segment_row *row)
{
	_cleanup_(freep) char *path =
		segment_path(log->folder, row->first, row->first_ns);
	int r;

	if (!path)
		return -ENOMEM;
	if (log->ended && log->ended_first == row->first)
		log->ended = store_close(log->ended);
	keys_close(&log->keys, false);
	r = store_unlink(log->backend, path);
	return r == -ENOENT || r == -EBUSY ? 0 : r;
}

/* In one transaction; the files afterwards, or when the log is opened. */
static int remove_segments(struct log *log, uint64_t floor, uint64_t now_ns)
{
	uint64_t old_floor = log->ledger.floor;
	_cleanup_(freep) struct segment_row *gone = NULL;
	size_t n_gone = 0;
	int r = 0;

	while (n_gone + 1 < log->ledger.n_rows &&
	       is_gone(log, &log->ledger.rows[n_gone], floor, now_ns))
		n_gone++;
	if (!n_gone && floor == old_floor)
		return 0;
	gone = calloc(n_gone + 1, sizeof(*gone));
	if (!gone)
		return -ENOMEM;
	for (size_t i = 0; i < n_gone; i++)
		gone[i] = log->ledger.rows[i];
	for (size_t i = 0; r >= 0 && i < n_gone; i++)
		r = remove_first(log);
	if (r >= 0)
		r = ledger_begin(&log->ledger);
	log->ledger.floor = floor;
	r = log_commit_ledger(log, r);
	for (size_t i = 0; r >= 0 && i < n_gone; i++)
		r = unlink_segment(log, &gone[i]);
	accounts_forget_before(&log->accounts);
	return r;
}

int log_expire(struct log *log, uint64_t now_ns)
{
	uint64_t floor;
	int r;

	if (log->broken)
		return -ESTALE;
	r = log_seal_ended(log);
	if (r >= 0)
		r = find_floor(log, now_ns, &floor);
	if (r >= 0)
		r = remove_segments(log, floor, now_ns);
	log_count_segments(log);
	return log_fail(log, r);
}

int log_delete(struct backend *backend, const char *folder)
{
	struct ledger ledger;
	struct fault fault = { 0 };
	_cleanup_(freep) char *state = ledger_path(folder);
	int r;

	if (!state)
		return -ENOMEM;
	if (backend_has_files(backend))
		return home_remove(backend, folder);
	r = ledger_open(&ledger, backend, folder, STORE_READ_ONLY, &fault);
	for (size_t i = 0; r >= 0 && i < ledger.n_rows; i++) {
		_cleanup_(freep) char *path = segment_path(
			folder, ledger.rows[i].first, ledger.rows[i].first_ns);

		if (path)
			store_unlink(backend, path);
	}
	ledger_close(&ledger);
	r = store_unlink(backend, state);
	return r == -ENOENT ? 0 : r;
}
