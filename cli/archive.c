/* SPDX-License-Identifier: MIT */

#include "cli/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "schema/canonical.h"

enum { VERSION = 1 };

static const char magic[8] = "HELIOLOG";

/*
 * A block stands in memory behind the hash of the one before it, so that all
 * that is hashed is in one piece:  hash, kind, length, content.
 */
enum { AT_KIND = 32, AT_LENGTH = 36, AT_CONTENT = 40 };

static int make_room(uint8_t **block, size_t *n_block_max, size_t n)
{
	uint8_t *bytes;

	if (n + AT_CONTENT <= *n_block_max)
		return 0;
	bytes = realloc(*block, n + AT_CONTENT);
	if (!bytes)
		return -ENOMEM;
	*block = bytes;
	*n_block_max = n + AT_CONTENT;
	return 0;
}

static int hash_block(uint8_t chain[ARCHIVE_HASH_BYTES], uint8_t *block,
		      size_t n)
{
	memcpy(block, chain, ARCHIVE_HASH_BYTES);
	return canonical_hash(block, AT_CONTENT + n, chain);
}

static void make_head(uint8_t head[ARCHIVE_HEAD_BYTES])
{
	memcpy(head, magic, sizeof(magic));
	le32_store(head + 8, VERSION);
	le32_store(head + 12, 0);
}

/* ---- writing ---- */

static int write_all(FILE *out, const void *bytes, size_t n)
{
	return n == 0 || fwrite(bytes, 1, n, out) == n ? 0 : -EIO;
}

/* The content stands in the block already. */
static int write_block(struct archive_writer *writer, enum archive_kind kind,
		       size_t n)
{
	int r;

	le32_store(writer->block + AT_KIND, (uint32_t)kind);
	le32_store(writer->block + AT_LENGTH, (uint32_t)n);
	r = hash_block(writer->chain, writer->block, n);
	if (r == 0)
		r = write_all(writer->out, writer->block + AT_KIND, 8);
	if (r == 0)
		r = write_all(writer->out, writer->chain, ARCHIVE_HASH_BYTES);
	if (r == 0)
		r = write_all(writer->out, writer->block + AT_CONTENT, n);
	return r;
}

int archive_begin(struct archive_writer *writer, FILE *out,
		  const Helio__Log__V1__Log *log)
{
	uint8_t head[ARCHIVE_HEAD_BYTES];
	size_t n = helio__log__v1__log__get_packed_size(log);
	int r;

	*writer = (struct archive_writer){ .out = out };
	if (n > ARCHIVE_LOG_MAX)
		return -EMSGSIZE;
	make_head(head);
	r = write_all(out, head, sizeof(head));
	if (r == 0)
		r = canonical_hash(head, sizeof(head), writer->chain);
	/* There is always room for the end. */
	if (r == 0)
		r = make_room(&writer->block, &writer->n_block_max,
			      n + ARCHIVE_END_BYTES);
	if (r < 0)
		return r;
	helio__log__v1__log__pack(log, writer->block + AT_CONTENT);
	return write_block(writer, ARCHIVE_LOG, n);
}

int archive_add_schema(struct archive_writer *writer, const uint8_t *hash,
		       const void *set, size_t n)
{
	uint8_t *content;
	int r;

	if (n > ARCHIVE_SCHEMA_MAX - ARCHIVE_HASH_BYTES)
		return -EMSGSIZE;
	r = make_room(&writer->block, &writer->n_block_max,
		      n + ARCHIVE_HASH_BYTES);
	if (r < 0)
		return r;
	content = writer->block + AT_CONTENT;
	memcpy(content, hash, ARCHIVE_HASH_BYTES);
	if (n)
		memcpy(content + ARCHIVE_HASH_BYTES, set, n);
	return write_block(writer, ARCHIVE_SCHEMA, n + ARCHIVE_HASH_BYTES);
}

/* What a run adds; *ret_bad is its first record that is bad. */
static int count_run(struct run_reader *run, const void *bytes, size_t n,
		     struct archive_totals *totals, uint64_t *ret_bad)
{
	struct run_record record;
	int r;

	*ret_bad = totals->last + 1;
	r = run_reader_begin(run, bytes, n);
	if (r < 0)
		return r;
	if (run->head.n_bytes != n)
		return -EBADMSG;
	if (run->head.base_sequence > totals->last)
		*ret_bad = run->head.base_sequence;
	while ((r = run_reader_next(run, &record)) > 0) {
		if (record.sequence <= totals->last)
			return -EBADMSG;
		if (totals->first == 0)
			totals->first = record.sequence;
		totals->last = record.sequence;
		totals->n_records++;
		*ret_bad = record.sequence + 1;
	}
	if (r < 0)
		return r;
	totals->n_runs++;
	totals->n_bytes += n;
	return 0;
}

int archive_add_run(struct archive_writer *writer, const void *run, size_t n)
{
	struct archive_totals totals = writer->totals;
	uint64_t bad;
	int r = count_run(&writer->run, run, n, &totals, &bad);

	if (r == 0)
		r = make_room(&writer->block, &writer->n_block_max, n);
	if (r < 0)
		return r;
	memcpy(writer->block + AT_CONTENT, run, n);
	r = write_block(writer, ARCHIVE_RUN, n);
	if (r == 0)
		writer->totals = totals;
	return r;
}

static void encode_totals(const struct archive_totals *totals, uint8_t *bytes)
{
	le64_store(bytes, totals->n_records);
	le64_store(bytes + 8, totals->n_runs);
	le64_store(bytes + 16, totals->n_bytes);
	le64_store(bytes + 24, totals->first);
	le64_store(bytes + 32, totals->last);
}

int archive_finish(struct archive_writer *writer)
{
	encode_totals(&writer->totals, writer->block + AT_CONTENT);
	return write_block(writer, ARCHIVE_END, ARCHIVE_END_BYTES);
}

void archive_writer_deinit(struct archive_writer *writer)
{
	free(writer->block);
	run_reader_deinit(&writer->run);
	*writer = (struct archive_writer){ 0 };
}

/* ---- reading ---- */

static int fail(struct archive_reader *reader, uint64_t bad, const char *why)
{
	reader->bad_sequence = bad;
	snprintf(reader->error, sizeof(reader->error), "%s", why);
	return -EBADMSG;
}

static int fail_next(struct archive_reader *reader, const char *why)
{
	return fail(reader, reader->totals.last + 1, why);
}

static int read_all(struct archive_reader *reader, void *bytes, size_t n)
{
	if (n == 0 || fread(bytes, 1, n, reader->in) == n)
		return 0;
	if (ferror(reader->in))
		return -EIO;
	return fail_next(reader, "the archive ends too early");
}

int archive_open(struct archive_reader *reader, FILE *in)
{
	uint8_t head[ARCHIVE_HEAD_BYTES], expected[ARCHIVE_HEAD_BYTES];
	int r;

	*reader = (struct archive_reader){ .in = in };
	make_head(expected);
	r = read_all(reader, head, sizeof(head));
	if (r < 0)
		return r;
	if (memcmp(head, magic, sizeof(magic)) != 0)
		return fail_next(reader, "it is no archive of a log");
	if (memcmp(head, expected, sizeof(head)) != 0)
		return fail_next(reader, "an archive of an unknown version");
	/* More than the first block may be: the end has to find room. */
	r = make_room(&reader->block, &reader->n_block_max, ARCHIVE_LOG_MAX);
	return r < 0 ? r : canonical_hash(head, sizeof(head), reader->chain);
}

/* 0: no such kind. */
static size_t length_max(uint32_t kind)
{
	switch (kind) {
	case ARCHIVE_LOG:
		return ARCHIVE_LOG_MAX;
	case ARCHIVE_SCHEMA:
		return ARCHIVE_SCHEMA_MAX;
	case ARCHIVE_RUN:
		return RUN_BYTES_MAX;
	case ARCHIVE_END:
		return ARCHIVE_END_BYTES;
	default:
		return 0;
	}
}

static int check_end(struct archive_reader *reader, const uint8_t *content,
		     size_t n)
{
	uint8_t expected[ARCHIVE_END_BYTES];

	encode_totals(&reader->totals, expected);
	if (n != sizeof(expected) || memcmp(content, expected, n) != 0)
		return fail_next(reader,
				 "the totals are not those of the runs");
	if (fgetc(reader->in) != EOF)
		return fail_next(reader, "something stands behind the end");
	return ferror(reader->in) ? -EIO : 0;
}

/* Which record of a run is bad, of a block whose hash is not right. */
static int fail_run(struct archive_reader *reader, const uint8_t *run, size_t n)
{
	struct archive_totals totals = reader->totals;
	uint64_t bad, first = totals.last + 1;
	struct run_head head;
	int r = count_run(&reader->run, run, n, &totals, &bad);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return fail(reader, bad, "a record is damaged");
	if (run_head_decode(run, n, &head) == 0)
		first = head.base_sequence;
	return fail(reader, first, "a block's hash is not that of its bytes");
}

static int check_block(struct archive_reader *reader,
		       const struct archive_block *block, bool is_chained)
{
	uint64_t bad;
	int r;

	if (!is_chained && block->kind == ARCHIVE_RUN)
		return fail_run(reader, block->bytes, block->n);
	if (!is_chained)
		return fail_next(reader,
				 "a block's hash is not that of its bytes");
	if (reader->is_begun != (block->kind != ARCHIVE_LOG))
		return fail_next(reader, "the log's description is not first");
	reader->is_begun = true;
	if (block->kind == ARCHIVE_SCHEMA && block->n < ARCHIVE_HASH_BYTES)
		return fail_next(reader, "a schema without a hash");
	if (block->kind != ARCHIVE_RUN)
		return 0;
	r = count_run(&reader->run, block->bytes, block->n, &reader->totals,
		      &bad);
	return r == -EBADMSG ? fail(reader, bad, "a record is damaged") : r;
}

static int read_content(struct archive_reader *reader, const uint8_t *head,
			struct archive_block *block)
{
	uint32_t kind = le32_load(head);
	size_t n = le32_load(head + 4);
	int r;

	if (length_max(kind) == 0 || n > length_max(kind))
		return fail_next(reader, "a block is none");
	r = make_room(&reader->block, &reader->n_block_max, n);
	if (r < 0)
		return r;
	*block = (struct archive_block){
		.kind = (enum archive_kind)kind,
		.bytes = reader->block + AT_CONTENT,
		.n = n,
	};
	memcpy(reader->block + AT_KIND, head, 8);
	return read_all(reader, reader->block + AT_CONTENT, n);
}

int archive_next(struct archive_reader *reader, struct archive_block *ret_block)
{
	uint8_t head[ARCHIVE_BLOCK_BYTES];
	struct archive_block block;
	int r = read_all(reader, head, sizeof(head));

	if (r == 0)
		r = read_content(reader, head, &block);
	if (r == 0)
		r = hash_block(reader->chain, reader->block, block.n);
	if (r < 0)
		return r;
	r = check_block(reader, &block,
			memcmp(reader->chain, head + 8, ARCHIVE_HASH_BYTES) ==
				0);
	if (r < 0)
		return r;
	if (block.kind == ARCHIVE_END)
		return check_end(reader, block.bytes, block.n);
	*ret_block = block;
	return 1;
}

void archive_reader_deinit(struct archive_reader *reader)
{
	free(reader->block);
	run_reader_deinit(&reader->run);
	*reader = (struct archive_reader){ 0 };
}

int archive_verify(const char *path, struct archive_totals *ret_totals,
		   uint64_t *ret_bad, char error[ARCHIVE_ERROR_BYTES])
{
	_cleanup_(archive_reader_deinit) struct archive_reader reader = { 0 };
	struct archive_block block;
	FILE *in = fopen(path, "rbe");
	int r;

	if (!in)
		return -errno;
	r = archive_open(&reader, in);
	if (r == 0)
		do {
			r = archive_next(&reader, &block);
		} while (r > 0);
	fclose(in);
	*ret_totals = reader.totals;
	*ret_bad = reader.bad_sequence;
	memcpy(error, reader.error, ARCHIVE_ERROR_BYTES);
	return r;
}
