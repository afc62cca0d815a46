/* SPDX-License-Identifier: MIT */
#ifndef CLI_ARCHIVE_H
#define CLI_ARCHIVE_H

/**
 * A log in one file, which can be verified without anything else.
 * docs/LOG.md has the format.
 *
 * All numbers are little-endian. Head, 16 bytes: "HELIOLOG", u32 version 1,
 * u32 zero. Then blocks:
 *	 0  u32  kind, see enum archive_kind
 *	 4  u32  length of what follows the block's head
 *	 8  32 bytes  SHA-256 of: the same of the block before (of the first: of
 *		the file's head), kind, length, and what follows
 * The first is ARCHIVE_LOG, the last ARCHIVE_END, and nothing is behind it.
 */

#include <helio/log/v1/log.pb-c.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/run.h"

enum archive_kind {
	ARCHIVE_LOG = 1,    /* a helio.log.v1.Log: name and configuration */
	ARCHIVE_SCHEMA = 2, /* 32 bytes of hash, and the FileDescriptorSet */
	ARCHIVE_RUN = 3,    /* proto/run.h */
	ARCHIVE_END = 4,    /* u64 records, runs, bytes of them, first, last */
};

enum {
	ARCHIVE_HEAD_BYTES = 16,
	ARCHIVE_BLOCK_BYTES = 40,
	ARCHIVE_HASH_BYTES = 32,
	ARCHIVE_END_BYTES = 40,
	ARCHIVE_LOG_MAX = 256 << 10,
	ARCHIVE_SCHEMA_MAX = 512 << 10,
	ARCHIVE_ERROR_BYTES = 256,
};

struct archive_totals {
	uint64_t n_records;
	uint64_t n_runs;
	uint64_t n_bytes; /* of the runs */
	uint64_t first;   /* sequences; 0: there is no record */
	uint64_t last;
};

/* ---- writing ---- */

struct archive_writer {
	FILE *out; /* borrowed */
	uint8_t chain[ARCHIVE_HASH_BYTES];
	struct archive_totals totals;
	uint8_t *block; /* owned */
	size_t n_block_max;
	struct run_reader run;
};

/*
 * Each returns 0 or a negative errno; -EBADMSG for a run that is damaged, or
 * whose records do not follow those before.
 */

int archive_begin(struct archive_writer *writer, FILE *out,
		  const Helio__Log__V1__Log *log);
int archive_add_schema(struct archive_writer *writer, const uint8_t *hash,
		       const void *set, size_t n);
int archive_add_run(struct archive_writer *writer, const void *run, size_t n);
int archive_finish(struct archive_writer *writer);
/** Zeroed is fine. */
void archive_writer_deinit(struct archive_writer *writer);

/* ---- reading: of bytes that may be anybody's ---- */

struct archive_reader {
	FILE *in; /* borrowed */
	uint8_t chain[ARCHIVE_HASH_BYTES];
	struct archive_totals totals; /* of what was found good */
	uint64_t bad_sequence; /* after -EBADMSG: the first that is bad */
	uint8_t *block;        /* owned */
	size_t n_block_max;
	struct run_reader run;
	bool is_begun;
	char error[ARCHIVE_ERROR_BYTES]; /* after -EBADMSG: what is wrong */
};

struct archive_block {
	enum archive_kind kind;
	const uint8_t *bytes; /* until the next block is asked for */
	size_t n;
};

/** Returns 0, -EBADMSG or another negative errno. */
int archive_open(struct archive_reader *reader, FILE *in);
/**
 * The next block, in which every record was looked at. Returns 1; 0 after
 * ARCHIVE_END, when all of it was good; -EBADMSG; or another negative errno.
 * ARCHIVE_END itself is not handed out.
 */
int archive_next(struct archive_reader *reader,
		 struct archive_block *ret_block);
/** Zeroed is fine. */
void archive_reader_deinit(struct archive_reader *reader);

/**
 * Look at all of a file. Returns 0; -EBADMSG: `error` says what is wrong, and
 * *ret_totals is what was good before; or why it cannot be read.
 */
int archive_verify(const char *path, struct archive_totals *ret_totals,
		   uint64_t *ret_bad, char error[ARCHIVE_ERROR_BYTES]);

#endif
