/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_KEYS_H
#define LOGGER_KEYS_H

/**
 * Idempotency keys: whether a record was stored before, and under which
 * sequence. Keys belong to a durable id. Those of a run stand in one row of the
 * segment that has it, in the same transaction; the newest are known in memory,
 * by parts of their hashes, and looked at on disk when they seem to come again.
 *
 * `producer:NUMBER` and `producer:NAME:NUMBER` are numbers of a producer, which
 * counts from 1 without a hole. The last number of each is carried from segment
 * to segment.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logger/keys_table.h"
#include "logger/ledger.h"
#include "logger/log.h"
#include "logger/sha256.h"
#include "storage/backend/backend.h"

enum {
	KEYS_OLD_MAX = 8,         /* segments before that are open at once */
	KEYS_PRODUCERS_MAX = 256, /* of a durable id, that are carried on */
	KEYS_NUMBERS_MAX = 4096,  /* of a producer, that are looked for */
	KEYS_LOADED_MIN = 65536,  /* of a log that is opened, however old */
	KEYS_HASH_BYTES = 16,     /* of durable id, 0, key */
};

/** A segment before, opened to be looked into. */
struct keys_old {
	uint64_t first;
	bool is_sealed;
	struct store *store; /* in a snapshot */
};

struct keys {
	struct backend *backend;
	const char *folder;
	const struct ledger *ledger;
	struct sha256 *sha256;
	struct keys_old old[KEYS_OLD_MAX];
	size_t n_old;
	struct keys_table table;
	bool is_loaded;
	/* The row of the run that is judged now. */
	uint64_t batch_first;
	uint64_t batch_ns;
	uint8_t *batch;
	size_t n_batch, n_batch_max;
};

struct keys_question {
	const char *durable_id;
	const char *key;
	const void *body;
	size_t n_body;
	uint64_t now_ns;
	uint64_t window_ns;
	uint8_t hash[SHA256_BYTES]; /* keys_judge() draws them */
	uint8_t body_hash[SHA256_BYTES];
};

void keys_deinit(struct keys *keys);
/** Close the segments before; only those that are not sealed, if so asked. */
void keys_close(struct keys *keys, bool only_ended);

/** A run is judged, that would begin with this sequence. */
void keys_begin(struct keys *keys, uint64_t first);
/** It was not stored. */
void keys_undo(struct keys *keys);

/**
 * LOG_STORED: it may be. `active` is in a transaction. *ret_sequence is as in
 * struct log_verdict; of a duplicate 0 if it is not known any more.
 */
int keys_judge(struct keys *keys, struct store *active,
	       struct keys_question *question, enum log_outcome *ret_outcome,
	       uint64_t *ret_sequence);
/** It is to be stored, with this sequence. */
int keys_add(struct keys *keys, struct store *active,
	     const struct keys_question *question, uint64_t sequence);
/** Put the row of the run, if there is one. */
int keys_put(struct keys *keys, struct store *active);

/** A segment before, in a snapshot; it stays open until keys_close(). */
int keys_segment(struct keys *keys, const struct segment_row *row,
		 struct store **ret_store);

/** Put the producers of a segment that ended into its successor. */
int keys_carry(struct store *from, struct store *to);

#endif
