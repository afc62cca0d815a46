/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "logger/home.h"
#include "logger/log_inside.h"
#include "storage/backend/row.h"

DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);
DEFINE_CLEANUP(struct store *, store_close);

/* ---- the segments that have ended ---- */

/* It is not opened: that it is there, and as long as it was, must do here. */
static int check_ended(struct log *log, const struct segment_row *row,
		       struct fault *fault)
{
	_cleanup_(freep) char *path =
		segment_path(log->folder, row->first, row->first_ns);
	uint64_t n_bytes;
	int r;

	if (!path)
		return -ENOMEM;
	fault_at(fault, path);
	r = store_length(log->backend, path, &n_bytes);
	if (r == -ENOENT)
		return fault_found(fault, row->first, "it is missing");
	if (r < 0)
		return fault_of(fault, NULL, r);
	if (row->state == SEGMENT_SEALED && n_bytes != row->n_bytes)
		return fault_found(fault, row->first,
				   "it has %" PRIu64 " bytes, and had %" PRIu64,
				   n_bytes, row->n_bytes);
	return 0;
}

static void take_end(struct log *log, const struct segment_row *row)
{
	log->status.last = row->last;
	log->status.last_ns = row->last_ns;
	memcpy(log->head_hash, row->head_hash, SHA256_BYTES);
}

static int recover_ended(struct log *log, struct fault *fault)
{
	struct segment_row removed;
	int r;

	r = store_snapshot(log->ledger.store);
	if (r < 0)
		return r;
	r = ledger_last_removed(&log->ledger, &removed);
	store_end(log->ledger.store);
	if (r < 0)
		return fault_of(fault, log->ledger.store, r);
	if (r > 0)
		take_end(log, &removed);
	for (size_t i = 0; i < log->ledger.n_rows; i++) {
		const struct segment_row *row = &log->ledger.rows[i];

		if (row->state < SEGMENT_ENDED)
			break;
		r = check_ended(log, row, fault);
		if (r < 0)
			return r;
		take_end(log, row);
	}
	return 0;
}

/* ---- the one that is coming ---- */

/* Whether a chunk is there. */
static int has_chunk(struct store *store)
{
	struct chunk chunk;
	int r;

	r = store_snapshot(store);
	if (r < 0)
		return r;
	r = chunk_head_near(store, STORE_AT_OR_AFTER, 1, &chunk);
	store_end(store);
	return r;
}

/* It was announced and got no records: then it is taken back. */
static int recover_coming(struct log *log, struct fault *fault)
{
	const struct segment_row *row = ledger_last(&log->ledger);
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_(freep) char *path = NULL;
	int r;

	if (!row || row->state != SEGMENT_COMING)
		return 0;
	path = segment_path(log->folder, row->first, row->first_ns);
	if (!path)
		return -ENOMEM;
	fault_at(fault, path);
	r = store_open(log->backend, path, &segment_layout, 0, &store);
	if (r < 0 && r != -ENOENT)
		return fault_of(fault, NULL, r);
	if (r >= 0) {
		r = has_chunk(store);
		if (r)
			return fault_of(fault, store, r < 0 ? r : 0);
		store = store_close(store);
		r = store_unlink(log->backend, path);
		if (r < 0)
			return fault_of(fault, NULL, r);
	}
	r = ledger_remove_coming(&log->ledger);
	if (r >= 0)
		r = ledger_commit(&log->ledger, true);
	return fault_of(fault, log->ledger.store, r);
}

/* ---- the active one ---- */

static int check_birth(struct log *log, const struct segment_row *row,
		       struct fault *fault)
{
	struct segment_birth birth;
	int r;

	r = segment_get_birth(log->active.store, &birth);
	if (r < 0)
		return fault_of(fault, log->active.store, r);
	if (!r)
		return fault_found(fault, row->first,
				   "it had records, and has none");
	if (memcmp(birth.uuid, log->ledger.uuid, LOG_UUID_BYTES) != 0 ||
	    birth.number != row->number || birth.first != row->first ||
	    birth.first_ns != row->first_ns ||
	    memcmp(birth.previous_hash, row->previous_hash, SHA256_BYTES) != 0)
		return fault_found(fault, row->first,
				   "it is a segment of another place");
	return 0;
}

/* How far the index is written: *ret_last, 0 if there is no block. */
static int load_block(struct log *log, uint64_t *ret_last)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	uint8_t row[SEGMENT_BLOCK_BYTES];
	int r;

	*ret_last = 0;
	r = store_cursor_open(log->active.store, SEGMENT_BLOCKS,
			      STORE_AT_OR_BEFORE, NULL, &cursor);
	if (r < 0)
		return r;
	r = store_cursor_next(cursor);
	if (r <= 0)
		return r;
	r = row_at(cursor, row, sizeof(row));
	if (r < 0)
		return r;
	*ret_last = le64_load(row);
	log->active.n_bytes = le64_load(row + 8);
	log->active.n_keys = le64_load(row + 16);
	return 0;
}

/* The chunk with which the index ends, from where the chain goes on. */
static int take_indexed(struct log *log, uint64_t last, struct fault *fault)
{
	struct chunk chunk;
	int r;

	r = chunk_head_near(log->active.store, STORE_AT_OR_BEFORE, last,
			    &chunk);
	if (r < 0 && r != -EBADMSG)
		return fault_of(fault, log->active.store, r);
	if (r <= 0 || chunk.last != last)
		return fault_found(
			fault, last,
			"the run that ends with %" PRIu64 " is damaged", last);
	log->status.last = chunk.last;
	log->status.last_ns = chunk.last_ns;
	memcpy(log->head_hash, chunk.hash, SHA256_BYTES);
	return 0;
}

static int charge(struct log *log, struct run_reader *reader)
{
	struct run_record record;
	int r;

	while ((r = run_reader_next(reader, &record)) > 0) {
		struct account *account;

		r = accounts_open(&log->accounts, log->active.store,
				  record.source.durable_id,
				  record.source.n_durable_id, &account);
		if (r < 0)
			return r;
		account_charge(account,
			       account_price_of(run_record_bytes(&record),
						record.flags));
		log->active.n_keys += (record.flags & RUN_HAS_KEY) != 0;
	}
	return r;
}

int log_take_chunk(struct log *log, const struct chunk *chunk, const void *run,
		   struct run_reader *reader)
{
	int r;

	r = run_reader_begin(reader, run, chunk->head.n_bytes);
	if (r >= 0)
		r = index_add_run(&log->index, reader, chunk->last,
				  chunk->n_bytes);
	if (r >= 0)
		r = run_reader_begin(reader, run, chunk->head.n_bytes);
	if (r >= 0)
		r = charge(log, reader);
	if (r < 0)
		return r;
	log->active.n_bytes += chunk->n_bytes;
	log->status.last = chunk->last;
	log->status.last_ns = chunk->last_ns;
	memcpy(log->head_hash, chunk->hash, SHA256_BYTES);
	return 0;
}

static int read_chunk(struct log *log, struct store_cursor *cursor,
		      struct run_reader *reader, struct fault *fault)
{
	uint64_t first = store_cursor_key(cursor).number;
	struct chunk chunk;
	int r;

	r = chunk_at(cursor, &chunk);
	if (r >= 0 && chunk.previous != log->status.last)
		r = -EBADMSG;
	if (r >= 0)
		r = chunk_check_hash(log->sha256, log->head_hash, &chunk);
	if (r >= 0)
		r = log_take_chunk(log, &chunk, chunk_run(&chunk), reader);
	if (r == -EBADMSG)
		return fault_found(fault, first,
				   "the run at %" PRIu64 " is damaged", first);
	return r;
}

/* What was stored since the index was written last. */
static int read_tail(struct log *log, struct fault *fault)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	const struct store_key key = row_number(log->status.last);
	struct run_reader reader = { 0 };
	int r;

	r = store_cursor_open(log->active.store, SEGMENT_CHUNKS, STORE_AFTER,
			      log->status.last ? &key : NULL, &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0)
		r = read_chunk(log, cursor, &reader, fault);
	run_reader_deinit(&reader);
	return fault_of(fault, log->active.store, r);
}

static int read_active(struct log *log, const struct segment_row *row,
		       struct fault *fault)
{
	uint64_t indexed, end;
	int r;

	r = check_birth(log, row, fault);
	if (r < 0)
		return r;
	r = load_block(log, &indexed);
	if (r == -EBADMSG)
		return fault_found(fault, 0, "its index is damaged");
	if (r >= 0 && indexed)
		r = take_indexed(log, indexed, fault);
	if (r >= 0)
		r = read_tail(log, fault);
	if (r < 0)
		return fault_of(fault, log->active.store, r);
	if (log->status.last < row->first)
		return fault_found(fault, row->first,
				   "it had records, and has none");
	r = segment_get_end(log->active.store, &end);
	log->active.has_ended = r > 0;
	if (r > 0 && end != log->status.last)
		return fault_found(fault, log->status.last + 1,
				   "it ends before its end");
	return fault_of(fault, log->active.store, r);
}

static int recover_active(struct log *log, struct fault *fault)
{
	const struct segment_row *row = ledger_last(&log->ledger);
	_cleanup_(freep) char *path = NULL;
	int r;

	if (!row || row->state >= SEGMENT_ENDED)
		return 0;
	path = segment_path(log->folder, row->first, row->first_ns);
	if (!path)
		return -ENOMEM;
	fault_at(fault, path);
	r = store_open(log->backend, path, &segment_layout,
		       log_store_flags(log), &log->active.store);
	if (r == -ENOENT)
		return fault_found(fault, row->first, "it is missing");
	if (r >= 0)
		r = store_snapshot(log->active.store);
	if (r < 0)
		return fault_of(fault, log->active.store, r);
	r = read_active(log, row, fault);
	store_end(log->active.store);
	return r;
}

/*
 * Whoever sees a record relies on it: so what a process left behind that died
 * before it could sync, and the kernel alone may have, is brought to disk
 * before it is told. Without room for that it has at least been synced where it
 * is.
 */
static int settle(struct store *store, struct fault *fault)
{
	int r = store ? store_begin(store) : 0;

	if (store && r >= 0)
		store_rollback(store);
	return r == -ENOSPC ? 0 : fault_of(fault, store, r);
}

int log_recover(struct log *log, struct fault *fault)
{
	const struct segment_row *row;
	int r;

	r = recover_coming(log, fault);
	if (r >= 0)
		r = recover_ended(log, fault);
	if (r >= 0)
		r = recover_active(log, fault);
	if (r >= 0)
		r = settle(log->active.store, fault);
	if (r >= 0)
		r = settle(log->ledger.store, fault);
	if (r < 0)
		return r;
	row = ledger_last(&log->ledger);
	if (row && row->state == SEGMENT_COMING)
		r = log_tell_segment(log);
	else
		log->active.is_told = true;
	if (r < 0)
		return r;
	if (log->ledger.n_rows) {
		log->status.first_ns = log->ledger.rows[0].first_ns;
		home_sweep(log->backend, log->folder,
			   log->ledger.rows[0].first);
	}
	log_count_segments(log);
	return 0;
}
