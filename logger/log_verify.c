/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "logger/index.h"
#include "logger/ledger.h"
#include "logger/log.h"
#include "logger/segment.h"
#include "storage/backend/row.h"

DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

/* A walk over all of a log; the chain goes on from segment to segment. */
struct verify {
	struct backend *backend;
	const char *folder;
	struct ledger ledger;
	struct sha256 *sha256;
	struct run_reader reader;
	struct index index; /* what the runs of a block have */
	struct fault fault;
	struct log_finding finding;
	struct store *store; /* the segment that is looked at, in a snapshot */
	uint64_t done;       /* the first of the last segment that was */
	uint64_t block_last; /* where the next block that is written ends */
	uint64_t n_rows;     /* of the index, as the runs have it */
	uint64_t last;
	uint64_t last_ns;
	uint8_t head_hash[SHA256_BYTES];
};

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

/* Each row of a table is as it was written. */
static int check_rows(struct verify *verify, struct store *store,
		      unsigned table, uint64_t *ret_n)
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

static int check_tables(struct verify *verify)
{
	static const unsigned tables[] = { SEGMENT_SOURCES, SEGMENT_KEYS,
					   SEGMENT_PRODUCERS, SEGMENT_BLOCKS,
					   SEGMENT_FACTS };
	uint64_t n;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(tables) / sizeof(*tables); i++)
		r = check_rows(verify, verify->store, tables[i], &n);
	if (r >= 0)
		r = check_rows(verify, verify->store, SEGMENT_SUBJECTS, &n);
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

static int check_sums(struct verify *verify)
{
	int r;

	r = store_snapshot(verify->ledger.store);
	if (r < 0)
		return r;
	r = index_each_sum(verify->store, check_sum, verify);
	store_end(verify->ledger.store);
	return r;
}

/* ---- segments ---- */

static int check_birth(struct verify *verify, const struct segment_row *row)
{
	struct segment_birth birth;
	int r;

	r = segment_get_birth(verify->store, &birth);
	if (r < 0 && r != -EBADMSG)
		return r;
	if (r <= 0 && row->state == SEGMENT_COMING)
		return r;
	if (r <= 0 || birth.first != row->first ||
	    birth.number != row->number || birth.first_ns != row->first_ns ||
	    memcmp(birth.uuid, verify->ledger.uuid, LOG_UUID_BYTES) != 0 ||
	    memcmp(birth.previous_hash, verify->head_hash, SHA256_BYTES) != 0)
		return fault_found(&verify->fault, row->first,
				   "it is a segment of another place");
	return 0;
}

static int check_runs(struct verify *verify)
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

static int check_end(struct verify *verify, const struct segment_row *row)
{
	uint64_t end;
	int r;

	if (row->state == SEGMENT_ACTIVE && verify->last < row->first)
		return fault_found(&verify->fault, row->first,
				   "it had records, and has none");
	if (row->state < SEGMENT_ENDED)
		return 0;
	r = segment_get_end(verify->store, &end);
	if (r < 0 && r != -EBADMSG)
		return r;
	if (r <= 0 || end != row->last || verify->last != row->last ||
	    verify->last_ns != row->last_ns ||
	    memcmp(verify->head_hash, row->head_hash, SHA256_BYTES) != 0)
		return fault_found(&verify->fault, verify->last + 1,
				   "it does not end as state says");
	return check_sums(verify);
}

/* Records first, so that it is the record that is named. */
static int check_inside(struct verify *verify, const struct segment_row *row)
{
	int r;

	r = check_birth(verify, row);
	if (r >= 0)
		r = check_runs(verify);
	if (r >= 0)
		r = check_tables(verify);
	if (r >= 0)
		r = check_end(verify, row);
	store_end(verify->store);
	if (r >= 0)
		r = store_check(verify->store);
	return fault_of(&verify->fault, verify->store, r);
}

static int open_segment(struct verify *verify, const struct segment_row *row)
{
	_cleanup_(freep) char *path =
		segment_path(verify->folder, row->first, row->first_ns);
	unsigned flags = STORE_READ_ONLY;
	int r;

	if (!path)
		return -ENOMEM;
	fault_at(&verify->fault, path);
	if (row->state == SEGMENT_SEALED)
		flags |= STORE_SEALED;
	r = store_open(verify->backend, path, &segment_layout, flags,
		       &verify->store);
	if (r == -ENOENT)
		return r;
	if (r < 0)
		return fault_of(&verify->fault, NULL, r);
	r = store_snapshot(verify->store);
	if (r < 0)
		verify->store = store_close(verify->store);
	return fault_of(&verify->fault, NULL, r);
}

/* With what the chain begins: what was removed is known by its hash. */
static int begin_chain(struct verify *verify)
{
	const struct ledger *ledger = &verify->ledger;
	struct segment_row removed;
	int r;

	r = store_snapshot(ledger->store);
	if (r < 0)
		return r;
	r = ledger_last_removed(&verify->ledger, &removed);
	store_end(ledger->store);
	if (r <= 0)
		return r;
	verify->last = removed.last;
	verify->last_ns = removed.last_ns;
	memcpy(verify->head_hash, removed.head_hash, SHA256_BYTES);
	return 0;
}

/* One that is not there may have been removed since the ledger was read. */
static int check_missing(struct verify *verify, const struct segment_row *row)
{
	uint64_t first = row->first;
	bool is_coming = row->state == SEGMENT_COMING;
	int r;

	if (is_coming)
		return 0;
	r = ledger_refresh(&verify->ledger);
	if (r < 0)
		return r;
	row = ledger_find(&verify->ledger, first);
	if (row && row->first == first)
		return fault_found(&verify->fault, first, "it is missing");
	return begin_chain(verify);
}

static int check_segment(struct verify *verify, const struct segment_row *row)
{
	struct segment_row copy = *row;
	int r;

	verify->done = copy.first;
	r = open_segment(verify, &copy);
	if (r == -ENOENT)
		return check_missing(verify, &copy);
	if (r < 0)
		return r;
	verify->finding.n_segments++;
	r = check_inside(verify, &copy);
	verify->store = store_close(verify->store);
	return r;
}

/* ---- all of it ---- */

static const struct segment_row *next_row(const struct verify *verify)
{
	for (size_t i = 0; i < verify->ledger.n_rows; i++)
		if (verify->ledger.rows[i].first > verify->done)
			return &verify->ledger.rows[i];
	return NULL;
}

static int check_ledger(struct verify *verify)
{
	struct store *store = verify->ledger.store;
	uint64_t n;
	int r;

	r = store_snapshot(store);
	if (r < 0)
		return r;
	for (unsigned table = 0; r >= 0 && table < LEDGER_TABLES; table++)
		r = check_rows(verify, store, table, &n);
	store_end(store);
	if (r >= 0)
		r = store_check(store);
	return fault_of(&verify->fault, store, r);
}

static int check_all(struct verify *verify)
{
	const struct segment_row *row;
	int r;

	r = ledger_open(&verify->ledger, verify->backend, verify->folder,
			STORE_READ_ONLY, &verify->fault);
	if (r >= 0)
		r = begin_chain(verify);
	while (r >= 0 && (row = next_row(verify)))
		r = check_segment(verify, row);
	if (r < 0)
		return r;
	fault_at(&verify->fault, "state");
	return check_ledger(verify);
}

static void tell(const struct verify *verify, int r,
		 struct log_finding *ret_finding)
{
	const struct fault *fault = &verify->fault;

	*ret_finding = verify->finding;
	ret_finding->is_good = !r;
	if (!r)
		return;
	ret_finding->bad_sequence = fault->sequence;
	memcpy(ret_finding->file, fault->file, sizeof(ret_finding->file));
	memcpy(ret_finding->fault, fault->text, sizeof(ret_finding->fault));
	if (!ret_finding->fault[0])
		snprintf(ret_finding->fault, sizeof(ret_finding->fault), "%s",
			 r == -EBADMSG ? "damaged" : strerror(-r));
}

int log_verify(struct backend *backend, const char *folder,
	       struct log_finding *ret_finding)
{
	struct verify verify = { .backend = backend, .folder = folder };
	int r;

	r = sha256_new(&verify.sha256);
	if (r >= 0)
		r = index_init(&verify.index);
	if (r >= 0)
		r = check_all(&verify);
	if (r >= 0 || r == -EBADMSG) {
		tell(&verify, r < 0 ? r : 0, ret_finding);
		r = 0;
	}
	store_close(verify.store);
	ledger_close(&verify.ledger);
	index_deinit(&verify.index);
	run_reader_deinit(&verify.reader);
	sha256_free(verify.sha256);
	return r;
}
