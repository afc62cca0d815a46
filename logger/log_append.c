/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <string.h>

#include "base/le.h"
#include "logger/log_inside.h"
#include "storage/backend/row.h"

enum { KEY_BYTES = 32 }; /* of a row of SEGMENT_KEYS, about */

/* A writer's account is opened while there is a transaction to read in. */
static int open_accounts(struct log *log, const struct run_builder *builder)
{
	uint16_t n = run_builder_n_sources(builder);
	int r = 0;

	for (uint16_t i = 0; r >= 0 && i < n; i++) {
		struct account *account;
		struct run_source source;
		struct run_use use;

		source = run_builder_source(builder, i, &use);
		r = accounts_open(&log->accounts, log->active.store,
				  source.durable_id, source.n_durable_id,
				  &account);
	}
	return r;
}

static void charge_accounts(struct log *log, const struct run_builder *builder)
{
	uint16_t n = run_builder_n_sources(builder);

	for (uint16_t i = 0; i < n; i++) {
		struct account *account;
		struct run_source source;
		struct run_use use;

		source = run_builder_source(builder, i, &use);
		account = accounts_lookup(&log->accounts, source.durable_id,
					  source.n_durable_id);
		account_charge(account, account_price(&use));
		account->n_pending = 0;
		log->active.n_keys += use.n_keys;
		log->active.n_bytes += (uint64_t)use.n_keys * KEY_BYTES;
	}
}

int log_put_block(struct log *log)
{
	const struct store_key key = row_number(log->index.first);
	uint8_t row[SEGMENT_BLOCK_BYTES];
	int r;

	le64_store(row, log->index.last);
	le64_store(row + 8, log->active.n_bytes);
	le64_store(row + 16, log->active.n_keys);
	if (!log->index.first)
		return 0;
	r = index_put(&log->index, log->active.store);
	if (r >= 0)
		r = accounts_put(&log->accounts, log->active.store);
	if (r >= 0)
		r = row_put(log->active.store, SEGMENT_BLOCKS, &key, row,
			    sizeof(row));
	return r;
}

void log_block_is_put(struct log *log)
{
	index_clear(&log->index);
	accounts_are_put(&log->accounts);
}

static int put_chunk(struct log *log, struct run_builder *builder,
		     struct chunk *chunk)
{
	const struct store_key key = row_number(chunk->head.base_sequence);
	uint8_t head[CHUNK_HEAD_BYTES];
	struct sha256_piece run[2];
	const void *bytes[2];
	size_t lengths[2];
	int r;

	r = run_builder_finish(builder, chunk->head.base_sequence, bytes,
			       lengths);
	if (r < 0)
		return r;
	run[0] = (struct sha256_piece){ .bytes = bytes[0], .n = lengths[0] };
	run[1] = (struct sha256_piece){ .bytes = bytes[1], .n = lengths[1] };
	r = chunk_hash(log->sha256, log->head_hash, chunk, run, 2, chunk->hash);
	if (r < 0)
		return r;
	chunk_encode(head, chunk);
	chunk->n_bytes = sizeof(head) + lengths[0] + lengths[1];
	return store_put(log->active.store, SEGMENT_CHUNKS, &key,
			 (const struct store_piece[]){
				 { .bytes = head, .n_bytes = sizeof(head) },
				 { .bytes = bytes[0], .n_bytes = lengths[0] },
				 { .bytes = bytes[1], .n_bytes = lengths[1] },
			 },
			 3);
}

/* All that is in one commit. Outcome 1: nothing was left to be stored. */
static int put_all(struct log *log, struct run_builder *builder,
		   const struct log_condition *conditions, size_t n_conditions,
		   struct chunk *chunk)
{
	bool is_block_put =
		index_is_full(&log->index, run_builder_n_subjects(builder));
	uint64_t first = chunk->head.base_sequence;
	int r;

	if (log->active.is_blank) {
		r = log_begin_segment(log);
		if (r < 0)
			return r;
	}
	r = open_accounts(log, builder);
	if (r >= 0)
		r = log_judge(log, builder, conditions, n_conditions, first);
	if (r < 0)
		return r;
	if (log->n_verdicts)
		run_builder_remove(builder, log->places, log->n_verdicts);
	if (!builder->n_records)
		return 1;
	if (is_block_put) {
		r = log_put_block(log);
		if (r < 0)
			return r;
	}
	chunk->last = first + builder->n_records - 1;
	chunk->last_ns = run_builder_last_ns(builder);
	return put_chunk(log, builder, chunk);
}

/* It is on disk: now it is so in memory too. */
static int take_in(struct log *log, const struct run_builder *builder,
		   const struct chunk *chunk, bool is_block_put)
{
	uint64_t first = chunk->head.base_sequence;

	if (is_block_put)
		log_block_is_put(log);
	memcpy(log->head_hash, chunk->hash, sizeof(log->head_hash));
	log->active.is_blank = false;
	log->active.n_bytes += chunk->n_bytes;
	if (log->status.last < log->status.first)
		log->status.first_ns = builder->base_time_ns;
	log->status.last = chunk->last;
	log->status.last_ns = chunk->last_ns;
	charge_accounts(log, builder);
	log_count_segments(log);
	return index_add_built(&log->index, builder, first, chunk->last,
			       chunk->n_bytes);
}

static int store_all(struct log *log, struct run_builder *builder,
		     const struct log_condition *conditions,
		     size_t n_conditions, struct chunk *chunk)
{
	bool is_block_put =
		index_is_full(&log->index, run_builder_n_subjects(builder));
	int r;

	r = store_begin(log->active.store);
	if (r < 0)
		return r;
	r = put_all(log, builder, conditions, n_conditions, chunk);
	if (r) {
		store_rollback(log->active.store);
		keys_undo(&log->keys);
		return r;
	}
	r = store_commit(log->active.store);
	if (r < 0) {
		keys_undo(&log->keys);
		return r;
	}
	return take_in(log, builder, chunk, is_block_put);
}

static int append(struct log *log, struct run_builder *builder,
		  const struct log_condition *conditions, size_t n_conditions)
{
	struct chunk chunk = {
		.previous = log->status.last,
		.head.base_sequence = log->status.last + 1,
	};
	int r;

	run_builder_not_before(builder, log->status.last_ns);
	r = log_make_segment(log, chunk.head.base_sequence,
			     builder->base_time_ns);
	if (r < 0)
		return r;
	r = store_all(log, builder, conditions, n_conditions, &chunk);
	if (r < 0)
		return r;
	return log->active.is_told || log->active.is_blank
		       ? 0
		       : log_tell_segment(log);
}

int log_append(struct log *log, struct run_builder *builder,
	       const struct log_condition *conditions, size_t n_conditions,
	       uint64_t *ret_first, const struct log_verdict **ret_verdicts,
	       size_t *ret_n_verdicts)
{
	uint64_t first = log->status.last + 1;
	int r = 0;

	if (log->broken)
		return -ESTALE;
	log->n_verdicts = 0;
	if (builder->n_records)
		r = append(log, builder, conditions, n_conditions);
	if (r < 0)
		return log_fail(log, r);
	*ret_first = first;
	*ret_verdicts = log->verdicts;
	*ret_n_verdicts = log->n_verdicts;
	return 0;
}
