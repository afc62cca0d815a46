/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "logger/verify_inside.h"
#include "storage/backend/row.h"

DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

/* ---- runs ---- */

/* The first record that is not as it was written is named. */
static int check_records(struct verify *verify, const struct chunk *chunk)
{
	uint64_t next = chunk->head.base_sequence;
	struct run_record record;
	int r;

	r = run_reader_begin(&verify->reader, chunk_run(chunk),
			     chunk->head.n_bytes);
	while (r >= 0 && (r = run_reader_next(&verify->reader, &record)) > 0) {
		if (record.time_ns < verify->last_ns)
			return fault_found(&verify->fault, record.sequence,
					   "record %" PRIu64
					   " is before the one before it",
					   record.sequence);
		verify->last_ns = record.time_ns;
		next = record.sequence + 1;
		verify->finding.n_records++;
	}
	if (r == -EBADMSG)
		return fault_found(&verify->fault, next,
				   "record %" PRIu64 " is damaged", next);
	if (r >= 0 &&
	    (next != chunk->last + 1 || verify->last_ns != chunk->last_ns))
		return fault_found(&verify->fault, chunk->head.base_sequence,
				   "the run at %" PRIu64 " ends elsewhere",
				   chunk->head.base_sequence);
	return r;
}

static int check_chunk(struct verify *verify, struct store_cursor *cursor,
		       struct chunk *chunk)
{
	uint64_t first = store_cursor_key(cursor).number;
	int r;

	r = chunk_at(cursor, chunk);
	if (r == -EBADMSG)
		return fault_found(&verify->fault, first,
				   "the run at %" PRIu64 " is damaged", first);
	if (r < 0)
		return r;
	if (chunk->previous != verify->last)
		return fault_found(&verify->fault, verify->last + 1,
				   "records %" PRIu64 " to %" PRIu64
				   " are missing",
				   verify->last + 1, first - 1);
	r = check_records(verify, chunk);
	if (r < 0)
		return r;
	r = chunk_check_hash(verify->sha256, verify->head_hash, chunk);
	if (r == -EBADMSG)
		return fault_found(&verify->fault, first,
				   "the chain breaks at %" PRIu64, first);
	if (r < 0)
		return r;
	memcpy(verify->head_hash, chunk->hash, SHA256_BYTES);
	verify->last = chunk->last;
	verify->finding.n_bytes += chunk->n_bytes;
	return 0;
}

/* ---- the index ---- */

static int check_subject(struct verify *verify, const struct run_word *word)
{
	const uint8_t *subject = verify->index.subjects->bytes + word->at;
	struct index_row row;
	int r;

	r = index_row_get(verify->store, SEGMENT_SUBJECTS, subject, word->n,
			  verify->index.first, &row);
	if (r < 0 && r != -EBADMSG)
		return r;
	if (r <= 0 || row.last != word->use.last_sequence ||
	    row.n_records != word->use.n_records)
		return fault_found(&verify->fault, verify->index.first,
				   "the index is wrong about %.*s from %" PRIu64
				   " on",
				   (int)(word->n < 64 ? word->n : 64), subject,
				   verify->index.first);
	verify->n_rows++;
	return 0;
}

static int next_block(struct verify *verify, uint64_t first)
{
	const struct store_key key = row_number(first);
	uint8_t row[SEGMENT_BLOCK_BYTES];
	int r;

	index_clear(&verify->index);
	r = row_get(verify->store, SEGMENT_BLOCKS, &key, row, sizeof(row));
	if (r == -EBADMSG)
		return fault_found(&verify->fault, first,
				   "the index is damaged at %" PRIu64, first);
	verify->block_last = r > 0 ? le64_load(row) : UINT64_MAX;
	return r < 0 ? r : 0;
}

/* What a run adds to its block, which is compared when it is whole. */
static int check_index(struct verify *verify, const struct chunk *chunk)
{
	const struct run_words *words = verify->index.subjects;
	int r = 0;

	if (!verify->index.first)
		r = next_block(verify, chunk->head.base_sequence);
	if (r < 0 || verify->block_last == UINT64_MAX)
		return r;
	r = run_reader_begin(&verify->reader, chunk_run(chunk),
			     chunk->head.n_bytes);
	if (r >= 0)
		r = index_add_run(&verify->index, &verify->reader, chunk->last,
				  chunk->n_bytes);
	if (r < 0 || chunk->last < verify->block_last)
		return r;
	for (size_t i = 0; r >= 0 && i < words->n_words; i++)
		r = check_subject(verify, &words->words[i]);
	index_clear(&verify->index);
	return r;
}

int verify_runs(struct verify *verify)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	struct chunk chunk;
	int r;

	index_clear(&verify->index);
	verify->n_rows = 0;
	r = store_cursor_open(verify->store, SEGMENT_CHUNKS, STORE_AT_OR_AFTER,
			      NULL, &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0) {
		r = check_chunk(verify, cursor, &chunk);
		if (r >= 0)
			r = check_index(verify, &chunk);
	}
	return r;
}

/* ---- tables ---- */

int verify_rows(struct verify *verify, struct store *store, unsigned table,
		uint64_t *ret_n)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	struct store_key key;
	const void *value;
	size_t n;
	int r;

	*ret_n = 0;
	r = store_cursor_open(store, table, STORE_AT_OR_AFTER, NULL, &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0) {
		r = store_cursor_value(cursor, &value, &n);
		if (r < 0)
			break;
		key = store_cursor_key(cursor);
		r = row_check(&key, value, n, &n);
		if (r < 0)
			return fault_found(&verify->fault, 0,
					   "a row of its tables is damaged");
		++*ret_n;
	}
	return r;
}

int verify_tables(struct verify *verify)
{
	static const unsigned tables[] = { SEGMENT_SOURCES, SEGMENT_KEYS,
					   SEGMENT_PRODUCERS, SEGMENT_BLOCKS,
					   SEGMENT_FACTS };
	uint64_t n;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(tables) / sizeof(*tables); i++)
		r = verify_rows(verify, verify->store, tables[i], &n);
	if (r >= 0)
		r = verify_rows(verify, verify->store, SEGMENT_SUBJECTS, &n);
	if (r >= 0 && n != verify->n_rows)
		return fault_found(&verify->fault, 0,
				   "the index has %" PRIu64
				   " rows, and the runs %" PRIu64,
				   n, verify->n_rows);
	return r;
}

/* The ledger says of a subject what the segment's own index says. */
static int check_sum(const char *subject, size_t n, const struct index_row *sum,
		     void *userdata)
{
	struct verify *verify = userdata;
	struct index_row row;
	int r;

	r = index_row_get(verify->ledger.store, LEDGER_SUBJECTS, subject, n,
			  verify->done, &row);
	if (r < 0 && r != -EBADMSG)
		return r;
	if (r <= 0 || row.last != sum->last || row.n_records != sum->n_records)
		return fault_found(&verify->fault, verify->done,
				   "state is wrong about %.*s",
				   (int)(n < 64 ? n : 64), subject);
	return 0;
}

int verify_sums(struct verify *verify)
{
	int r;

	r = store_snapshot(verify->ledger.store);
	if (r < 0)
		return r;
	r = index_each_sum(verify->store, check_sum, verify);
	store_end(verify->ledger.store);
	return r;
}
