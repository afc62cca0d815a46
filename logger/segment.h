/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_SEGMENT_H
#define LOGGER_SEGMENT_H

/**
 * A segment: the table file in which a part of a log lies. docs/LOG.md has the
 * format of it, and of the chunks in it: a run each, with the hash that chains
 * it to the one before.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logger/sha256.h"
#include "proto/run.h"
#include "storage/backend/backend.h"
#include "storage/backend/fault.h"

enum segment_table {
	SEGMENT_CHUNKS,    /* first sequence: chunk */
	SEGMENT_SUBJECTS,  /* subject, 0, first of block: newest, count */
	SEGMENT_BLOCKS,    /* first of block: what it ends with */
	SEGMENT_SOURCES,   /* durable id: bytes */
	SEGMENT_KEYS,      /* first sequence of a run: its keys */
	SEGMENT_PRODUCERS, /* durable id, 0, name: struct producer_row */
	SEGMENT_FACTS,     /* "segment", "end" */
	SEGMENT_TABLES,
};

extern const struct store_layout segment_layout;

enum {
	LOG_UUID_BYTES = 16,
	/* Of a block: its last sequence; bytes and keys in all until then. */
	SEGMENT_BLOCK_BYTES = 24,
};

/** What a segment says of itself when it begins. */
struct segment_birth {
	uint8_t uuid[LOG_UUID_BYTES]; /* of the log */
	uint64_t number;
	uint64_t first;
	uint64_t first_ns;
	uint8_t previous_hash[SHA256_BYTES]; /* with which its chain begins */
};

/** FOLDER/FIRST-TIME.seg, for the caller to free, or NULL. */
char *segment_path(const char *folder, uint64_t first, uint64_t first_ns);

int segment_put_birth(struct store *store, const struct segment_birth *birth);
/** 1, or 0: it says nothing of itself yet. */
int segment_get_birth(struct store *store, struct segment_birth *ret_birth);

/** Nothing is added any more. */
int segment_put_end(struct store *store, uint64_t last);
/** 1, or 0: it goes on. */
int segment_get_end(struct store *store, uint64_t *ret_last);

/* ---- chunks ---- */

enum { CHUNK_HEAD_BYTES = 60 };

struct chunk {
	uint8_t hash[SHA256_BYTES];
	uint64_t previous; /* the last sequence of the chunk before; 0: none */
	uint64_t last;
	uint64_t last_ns;
	struct run_head head;
	const uint8_t *bytes; /* all of it; NULL if only the head was read */
	size_t n_bytes;
};

/** Write `hash` and what else stands before the run. */
void chunk_encode(uint8_t at[CHUNK_HEAD_BYTES], const struct chunk *chunk);

/** The hash that a chunk has to have; without `bytes`, of these pieces. */
int chunk_hash(struct sha256 *sha256, const uint8_t before[SHA256_BYTES],
	       const struct chunk *chunk, const struct sha256_piece *run,
	       size_t n_run, uint8_t ret_hash[SHA256_BYTES]);

/** A whole chunk, whose head and dictionary are good. Returns 0 or -EBADMSG. */
int chunk_check(uint64_t first, const void *value, size_t n,
		struct chunk *ret_chunk);
/** That its hash follows `before`. Returns 0, -EBADMSG or -ENOMEM. */
int chunk_check_hash(struct sha256 *sha256, const uint8_t before[SHA256_BYTES],
		     const struct chunk *chunk);

/** The run of a chunk that was read as a whole. */
const void *chunk_run(const struct chunk *chunk);

/** At the cursor: all of it, or only the head. 0, -EBADMSG, ... */
int chunk_at(struct store_cursor *cursor, struct chunk *ret_chunk);
int chunk_head_at(struct store_cursor *cursor, struct chunk *ret_chunk);

/**
 * The head of the chunk nearest to `sequence` by its first. 1, or 0: none.
 */
int chunk_head_near(struct store *store, enum store_seek seek,
		    uint64_t sequence, struct chunk *ret_chunk);

#endif
