/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "logger/log_inside.h"

/*
 * A segment ends in steps, each of which is on disk before the next begins:
 *
 *	1. its own file says that it has ended, and its index is whole
 *	2. the ledger has its sums, and says so too
 *	3. the ledger says that the next one is coming
 *	4. the file of that is there, empty
 *	5. the first chunk is in it, with its birth and what is handed down
 *	6. the ledger says that it has records: if it has none, it is damaged
 *
 * A disk that is full may stop it at any of them; the next append goes on from
 * there. So does log_recover() after a crash. Sealing the old one waits until
 * nobody reads it who opened it before it had ended.
 */

enum { LARGE_FROM_BYTES = 64 << 20 };

/* ---- the end of one ---- */

/* Step 1. */
static int end_active(struct log *log)
{
	int r;

	r = store_begin(log->active.store);
	if (r < 0)
		return r;
	r = log_put_block(log);
	if (r >= 0)
		r = segment_put_end(log->active.store, log->status.last);
	if (r < 0) {
		store_rollback(log->active.store);
		return r;
	}
	r = store_commit(log->active.store);
	if (r < 0)
		return r;
	log_block_is_put(log);
	log->active.has_ended = true;
	return 0;
}

/* A subject's rows, one for each block, become one row of the segment. */
static int put_sum(const char *subject, size_t n, const struct index_row *sum,
		   void *userdata)
{
	struct log *log = userdata;

	return index_row_put(log->ledger.store, LEDGER_SUBJECTS, subject, n,
			     ledger_last(&log->ledger)->first, sum);
}

static int put_sums(struct log *log)
{
	struct segment_row row = *ledger_last(&log->ledger);
	int r;

	row.state = SEGMENT_ENDED;
	row.last = log->status.last;
	row.last_ns = log->status.last_ns;
	row.n_keys = log->active.n_keys;
	row.n_bytes = log->active.n_bytes;
	memcpy(row.head_hash, log->head_hash, sizeof(row.head_hash));
	r = ledger_begin(&log->ledger);
	if (r < 0)
		return r;
	r = store_snapshot(log->active.store);
	if (r < 0)
		return r;
	r = index_each_sum(log->active.store, put_sum, log);
	if (r >= 0)
		r = accounts_put_ended(log->active.store, &log->ledger,
				       row.first);
	store_end(log->active.store);
	return r < 0 ? r : ledger_put(&log->ledger, &row);
}

/* What was put is committed, or undone. */
int log_commit_ledger(struct log *log, int r)
{
	int undone;

	if (r >= 0)
		r = ledger_commit(&log->ledger, true);
	if (r >= 0)
		return 0;
	undone = ledger_undo(&log->ledger);
	return undone < 0 ? undone : r;
}

/* Step 2. Without a word of it the segment before is closed unsealed. */
static int hand_over(struct log *log)
{
	int r;

	r = log_commit_ledger(log, put_sums(log));
	if (r < 0)
		return r;
	r = log_seal_ended(log);
	store_close(log->ended);
	log->ended = log->active.store;
	log->ended_first = ledger_last(&log->ledger)->first;
	log->active = (struct log_active){ 0 };
	accounts_clear(&log->accounts);
	return r;
}

static int tell_sealed(struct log *log, const struct segment_row *row)
{
	_cleanup_(freep) char *path =
		segment_path(log->folder, row->first, row->first_ns);
	struct segment_row sealed = *row;
	int r;

	if (!path)
		return -ENOMEM;
	sealed.state = SEGMENT_SEALED;
	r = store_length(log->backend, path, &sealed.n_bytes);
	if (r < 0)
		return r;
	return log_commit_ledger(log, ledger_put(&log->ledger, &sealed));
}

/* After a crash there may be one that nobody has opened yet. */
static int open_ended(struct log *log)
{
	const struct segment_row *row = NULL;
	_cleanup_(freep) char *path = NULL;
	int r;

	for (size_t i = 0; !row && i < log->ledger.n_rows; i++)
		if (log->ledger.rows[i].state == SEGMENT_ENDED)
			row = &log->ledger.rows[i];
	if (log->ended || !row)
		return 0;
	path = segment_path(log->folder, row->first, row->first_ns);
	if (!path)
		return -ENOMEM;
	r = store_open(log->backend, path, &segment_layout, 0, &log->ended);
	if (r >= 0)
		log->ended_first = row->first;
	/* One that is damaged stays as it is: who reads it is told. */
	if (r == -ENOENT || r == -EBADMSG)
		return 0;
	/*
	 * Sealed, and the ledger was not told any more: to be opened again it
	 * waits, as it did to be sealed, until nobody reads it. The same for
	 * the room that this takes.
	 */
	return r == -EBUSY || r == -ENOSPC ? 0 : r;
}

int log_seal_ended(struct log *log)
{
	int r;

	/* We would be in our own way, also in that of opening it. */
	keys_close(&log->keys, true);
	r = open_ended(log);
	if (r < 0 || !log->ended)
		return r;
	r = store_seal(log->ended);
	if (r == -EBUSY)
		return 0;
	/* Without room it may be half sealed: then it is to be opened anew. */
	log->ended = store_close(log->ended);
	if (r == -EBADMSG || r == -ENOSPC)
		return 0;
	if (r < 0)
		return r;
	r = tell_sealed(log, ledger_find(&log->ledger, log->ended_first));
	return r == -ENOSPC ? 0 : r;
}

/* ---- the beginning of another ---- */

/* Step 3. */
static int announce(struct log *log, uint64_t first, uint64_t time_ns)
{
	const struct segment_row *last = ledger_last(&log->ledger);
	struct segment_row row = {
		.first = first,
		.first_ns = time_ns,
		.state = SEGMENT_COMING,
		.number = last ? last->number + 1 : 1,
	};

	memcpy(row.previous_hash, log->head_hash, sizeof(row.previous_hash));
	return log_commit_ledger(log, ledger_put(&log->ledger, &row));
}

static uint64_t segment_bytes_max(const struct log *log)
{
	uint64_t max = log->limits.segment_bytes_max;

	if (!max || max > LOG_SEGMENT_BYTES_MAX)
		max = LOG_SEGMENT_BYTES_MAX;
	/* Removed as a whole, so that an eighth more than wanted is there. */
	if (log->limits.bytes_max && log->limits.bytes_max / 8 < max)
		max = log->limits.bytes_max / 8;
	/* The rest is for what the backend needs beside the chunks. */
	return max / 8 * 7;
}

/* Segments of which there are many small ones need no large log each. */
unsigned log_store_flags(const struct log *log)
{
	return segment_bytes_max(log) >= LARGE_FROM_BYTES ? STORE_LARGE : 0;
}

/* Step 4. */
static int make_file(struct log *log)
{
	const struct segment_row *row = ledger_last(&log->ledger);
	_cleanup_(freep) char *path =
		segment_path(log->folder, row->first, row->first_ns);
	int r;

	if (!path)
		return -ENOMEM;
	r = store_open(log->backend, path, &segment_layout,
		       STORE_CREATE | log_store_flags(log), &log->active.store);
	if (r < 0)
		return r;
	log->active.is_blank = true;
	log->active.is_told = false;
	return 0;
}

int log_make_segment(struct log *log, uint64_t first, uint64_t time_ns)
{
	const struct segment_row *last;
	int r;

	if (log->active.store && !log->active.is_blank &&
	    (log->active.has_ended ||
	     log->active.n_bytes >= segment_bytes_max(log))) {
		r = log->active.has_ended ? 0 : end_active(log);
		if (r >= 0)
			r = hand_over(log);
		if (r < 0)
			return r;
	}
	if (log->active.store)
		return 0;
	last = ledger_last(&log->ledger);
	if (!last || last->state != SEGMENT_COMING) {
		r = announce(log, first, time_ns);
		if (r < 0)
			return r;
	}
	return make_file(log);
}

/* Step 5, in its transaction. */
int log_begin_segment(struct log *log)
{
	const struct segment_row *row = ledger_last(&log->ledger);
	struct segment_birth birth = {
		.number = row->number,
		.first = row->first,
		.first_ns = row->first_ns,
	};
	struct store *before;
	int r;

	memcpy(birth.uuid, log->ledger.uuid, sizeof(birth.uuid));
	memcpy(birth.previous_hash, row->previous_hash, SHA256_BYTES);
	r = segment_put_birth(log->active.store, &birth);
	if (r < 0 || log->ledger.n_rows < 2)
		return r;
	r = keys_segment(&log->keys, row - 1, &before);
	return r < 0 ? r : keys_carry(before, log->active.store);
}

/* Step 6. */
int log_tell_segment(struct log *log)
{
	struct segment_row row = *ledger_last(&log->ledger);
	int r;

	row.state = SEGMENT_ACTIVE;
	r = log_commit_ledger(log, ledger_put(&log->ledger, &row));
	if (r >= 0)
		log->active.is_told = true;
	return r == -ENOSPC ? 0 : r;
}
