/* SPDX-License-Identifier: MIT */

#include "logger/segment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/le.h"
#include "storage/backend/row.h"

const struct store_layout segment_layout = {
	.application = "HLsg",
	.version = 1,
	.n_tables = SEGMENT_TABLES,
	.tables = {
		[SEGMENT_CHUNKS] = { "chunks", STORE_NUMBERED },
		[SEGMENT_SUBJECTS] = { "subjects", STORE_KEYED },
		[SEGMENT_BLOCKS] = { "blocks", STORE_NUMBERED },
		[SEGMENT_SOURCES] = { "sources", STORE_KEYED },
		[SEGMENT_KEYS] = { "keys", STORE_NUMBERED },
		[SEGMENT_PRODUCERS] = { "producers", STORE_KEYED },
		[SEGMENT_FACTS] = { "facts", STORE_KEYED },
	},
};

enum { BIRTH_BYTES = LOG_UUID_BYTES + 3 * 8 + SHA256_BYTES, END_BYTES = 8 };

char *segment_path(const char *folder, uint64_t first, uint64_t first_ns)
{
	size_t n = strlen(folder) + sizeof("/-.seg") + 32;
	char *path = malloc(n);

	if (path)
		snprintf(path, n, "%s/%016" PRIx64 "-%016" PRIx64 ".seg",
			 folder, first, first_ns);
	return path;
}

int segment_put_birth(struct store *store, const struct segment_birth *birth)
{
	const struct store_key key = row_bytes("segment", 7);
	uint8_t row[BIRTH_BYTES];

	memcpy(row, birth->uuid, LOG_UUID_BYTES);
	le64_store(row + 16, birth->number);
	le64_store(row + 24, birth->first);
	le64_store(row + 32, birth->first_ns);
	memcpy(row + 40, birth->previous_hash, SHA256_BYTES);
	return row_put(store, SEGMENT_FACTS, &key, row, sizeof(row));
}

int segment_get_birth(struct store *store, struct segment_birth *ret_birth)
{
	const struct store_key key = row_bytes("segment", 7);
	uint8_t row[BIRTH_BYTES];
	int r;

	r = row_get(store, SEGMENT_FACTS, &key, row, sizeof(row));
	if (r <= 0)
		return r;
	memcpy(ret_birth->uuid, row, LOG_UUID_BYTES);
	ret_birth->number = le64_load(row + 16);
	ret_birth->first = le64_load(row + 24);
	ret_birth->first_ns = le64_load(row + 32);
	memcpy(ret_birth->previous_hash, row + 40, SHA256_BYTES);
	return 1;
}

int segment_put_end(struct store *store, uint64_t last)
{
	const struct store_key key = row_bytes("end", 3);
	uint8_t row[END_BYTES];

	le64_store(row, last);
	return row_put(store, SEGMENT_FACTS, &key, row, sizeof(row));
}

int segment_get_end(struct store *store, uint64_t *ret_last)
{
	const struct store_key key = row_bytes("end", 3);
	uint8_t row[END_BYTES];
	int r;

	r = row_get(store, SEGMENT_FACTS, &key, row, sizeof(row));
	if (r > 0)
		*ret_last = le64_load(row);
	return r;
}

/* ---- chunks ---- */

enum {
	CHUNK_PREVIOUS = 32,
	CHUNK_LAST = 40,
	CHUNK_LAST_NS = 48,
	CHUNK_CRC = 56,
};

static void encode_ends(uint8_t *at, const struct chunk *chunk)
{
	le64_store(at + CHUNK_PREVIOUS, chunk->previous);
	le64_store(at + CHUNK_LAST, chunk->last);
	le64_store(at + CHUNK_LAST_NS, chunk->last_ns);
}

void chunk_encode(uint8_t at[CHUNK_HEAD_BYTES], const struct chunk *chunk)
{
	memcpy(at, chunk->hash, SHA256_BYTES);
	encode_ends(at, chunk);
	le32_store(at + CHUNK_CRC, crc32c(0, at, CHUNK_CRC));
}

int chunk_hash(struct sha256 *sha256, const uint8_t before[SHA256_BYTES],
	       const struct chunk *chunk, const struct sha256_piece *run,
	       size_t n_run, uint8_t ret_hash[SHA256_BYTES])
{
	uint8_t head[CHUNK_HEAD_BYTES];
	struct sha256_piece pieces[4] = {
		{ .bytes = before, .n = SHA256_BYTES },
		{ .bytes = head + CHUNK_PREVIOUS,
		  .n = CHUNK_CRC - CHUNK_PREVIOUS },
	};

	encode_ends(head, chunk);
	for (size_t i = 0; i < n_run && i < 2; i++)
		pieces[2 + i] = run[i];
	return sha256_of(sha256, pieces, 2 + n_run, ret_hash);
}

/* That what stands before the run is as it was written, and fits to it. */
static int decode(uint64_t first, const uint8_t *at, struct chunk *chunk)
{
	if (le32_load(at + CHUNK_CRC) != crc32c(0, at, CHUNK_CRC))
		return -EBADMSG;
	memcpy(chunk->hash, at, SHA256_BYTES);
	chunk->previous = le64_load(at + CHUNK_PREVIOUS);
	chunk->last = le64_load(at + CHUNK_LAST);
	chunk->last_ns = le64_load(at + CHUNK_LAST_NS);
	if (chunk->head.base_sequence != first || chunk->previous >= first ||
	    chunk->last < first || chunk->last > RUN_SEQUENCE_MAX ||
	    chunk->last - first < chunk->head.n_records - 1 ||
	    chunk->last_ns < chunk->head.base_time_ns)
		return -EBADMSG;
	return 0;
}

int chunk_check(uint64_t first, const void *value, size_t n,
		struct chunk *ret_chunk)
{
	struct chunk chunk = { .bytes = value, .n_bytes = n };
	int r;

	if (n < CHUNK_HEAD_BYTES)
		return -EBADMSG;
	r = run_head_check(chunk.bytes + CHUNK_HEAD_BYTES, n - CHUNK_HEAD_BYTES,
			   &chunk.head);
	if (r < 0)
		return r;
	if (chunk.head.n_bytes != n - CHUNK_HEAD_BYTES)
		return -EBADMSG;
	r = decode(first, value, &chunk);
	if (r < 0)
		return r;
	*ret_chunk = chunk;
	return 0;
}

int chunk_check_hash(struct sha256 *sha256, const uint8_t before[SHA256_BYTES],
		     const struct chunk *chunk)
{
	const struct sha256_piece run = { .bytes = chunk_run(chunk),
					  .n = chunk->head.n_bytes };
	uint8_t hash[SHA256_BYTES];
	int r;

	r = chunk_hash(sha256, before, chunk, &run, 1, hash);
	if (r < 0)
		return r;
	return memcmp(hash, chunk->hash, SHA256_BYTES) != 0 ? -EBADMSG : 0;
}

const void *chunk_run(const struct chunk *chunk)
{
	return chunk->bytes + CHUNK_HEAD_BYTES;
}

int chunk_at(struct store_cursor *cursor, struct chunk *ret_chunk)
{
	const void *value;
	size_t n;
	int r;

	r = store_cursor_value(cursor, &value, &n);
	if (r < 0)
		return r;
	return chunk_check(store_cursor_key(cursor).number, value, n,
			   ret_chunk);
}

int chunk_head_at(struct store_cursor *cursor, struct chunk *ret_chunk)
{
	uint8_t bytes[CHUNK_HEAD_BYTES + RUN_HEAD_BYTES];
	struct chunk chunk = { 0 };
	int r;

	r = store_cursor_read(cursor, 0, bytes, sizeof(bytes));
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	r = run_head_decode(bytes + CHUNK_HEAD_BYTES, RUN_HEAD_BYTES,
			    &chunk.head);
	if (r < 0)
		return r;
	r = decode(store_cursor_key(cursor).number, bytes, &chunk);
	if (r < 0)
		return r;
	*ret_chunk = chunk;
	return 0;
}

int chunk_head_near(struct store *store, enum store_seek seek,
		    uint64_t sequence, struct chunk *ret_chunk)
{
	const struct store_key key = row_number(sequence);
	struct store_cursor *cursor;
	int r;

	r = store_cursor_open(store, SEGMENT_CHUNKS, seek, &key, &cursor);
	if (r < 0)
		return r;
	r = store_cursor_next(cursor);
	if (r > 0) {
		r = chunk_head_at(cursor, ret_chunk);
		r = r < 0 ? r : 1;
	}
	store_cursor_close(cursor);
	return r;
}
