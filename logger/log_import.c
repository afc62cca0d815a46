/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <string.h>

#include "logger/log_inside.h"
#include "storage/backend/row.h"

/* Look at each record, and find the last. */
static int look(struct run_reader *reader, struct chunk *chunk)
{
	struct run_record record;
	int r;

	while ((r = run_reader_next(reader, &record)) > 0) {
		chunk->last = record.sequence;
		chunk->last_ns = record.time_ns;
	}
	return r;
}

static int put_chunk(struct log *log, struct chunk *chunk, const void *run)
{
	const struct store_key key = row_number(chunk->head.base_sequence);
	const struct sha256_piece piece = { .bytes = run,
					    .n = chunk->head.n_bytes };
	uint8_t head[CHUNK_HEAD_BYTES];
	int r;

	r = chunk_hash(log->sha256, log->head_hash, chunk, &piece, 1,
		       chunk->hash);
	if (r < 0)
		return r;
	chunk_encode(head, chunk);
	chunk->n_bytes = sizeof(head) + chunk->head.n_bytes;
	return store_put(log->active.store, SEGMENT_CHUNKS, &key,
			 (const struct store_piece[]){
				 { .bytes = head, .n_bytes = sizeof(head) },
				 { .bytes = run, .n_bytes = piece.n },
			 },
			 2);
}

static int put_all(struct log *log, struct chunk *chunk, const void *run,
		   bool is_block_put)
{
	int r = 0;

	if (log->active.is_blank)
		r = log_begin_segment(log);
	if (r >= 0 && is_block_put)
		r = log_put_block(log);
	if (r >= 0)
		r = put_chunk(log, chunk, run);
	return r;
}

/* What is on disk is taken into memory as it is at opening. */
static int take_in(struct log *log, const struct chunk *chunk, const void *run,
		   struct run_reader *reader)
{
	int r;

	r = store_snapshot(log->active.store);
	if (r < 0)
		return r;
	r = log_take_chunk(log, chunk, run, reader);
	store_end(log->active.store);
	log_count_segments(log);
	return r;
}

static int import(struct log *log, struct chunk *chunk, const void *run,
		  struct run_reader *reader)
{
	bool is_block_put = index_is_full(&log->index, chunk->head.n_subjects);
	bool is_first = log->status.last < log->status.first;
	int r;

	r = log_make_segment(log, chunk->head.base_sequence,
			     chunk->head.base_time_ns);
	if (r >= 0)
		r = store_begin(log->active.store);
	if (r < 0)
		return r;
	r = put_all(log, chunk, run, is_block_put);
	if (r < 0) {
		store_rollback(log->active.store);
		return r;
	}
	r = store_commit(log->active.store);
	if (r < 0)
		return r;
	if (is_block_put)
		log_block_is_put(log);
	log->active.is_blank = false;
	if (is_first)
		log->status.first_ns = chunk->head.base_time_ns;
	r = take_in(log, chunk, run, reader);
	if (r >= 0 && !log->active.is_told)
		r = log_tell_segment(log);
	return r;
}

int log_import(struct log *log, const void *run, size_t n_run)
{
	struct run_reader reader = { 0 };
	struct chunk chunk = { .previous = log->status.last };
	int r;

	if (log->broken)
		return -ESTALE;
	r = run_reader_begin(&reader, run, n_run);
	if (r >= 0 && reader.head.n_bytes != n_run)
		r = -EBADMSG;
	if (r >= 0)
		r = look(&reader, &chunk);
	chunk.head = reader.head;
	if (r >= 0 && (chunk.head.base_sequence <= log->status.last ||
		       chunk.head.base_time_ns < log->status.last_ns))
		r = -EINVAL;
	if (r >= 0)
		r = log_fail(log, import(log, &chunk, run, &reader));
	run_reader_deinit(&reader);
	return r;
}
