/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_KEYS_H
#define LOGGER_KEYS_H

/**
 * Idempotency keys: whether a record was stored before, and under which
 * sequence. Keys belong to a durable id, and stand in the segment that has
 * their records, in the same transaction. Those of segments before are looked
 * for there, as long as their window lasts.
 *
 * `producer:NUMBER` and `producer:NAME:NUMBER` are numbers of a producer, which
 * counts from 1 without a hole. The last number of each is carried from segment
 * to segment.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logger/ledger.h"
#include "logger/log.h"
#include "logger/sha256.h"
#include "storage/backend/backend.h"

enum {
	KEYS_OLD_MAX = 8,         /* segments before that are looked into */
	KEYS_PRODUCERS_MAX = 256, /* of a durable id, that are carried on */
	KEYS_NUMBERS_MAX = 4096,  /* of a producer, that are looked for */
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
};

struct keys_question {
	const char *durable_id;
	const char *key;
	const void *body;
	size_t n_body;
	uint64_t now_ns;
	uint64_t window_ns;
};

/** Close the segments before; only those that are not sealed, if so asked. */
void keys_close(struct keys *keys, bool only_ended);

/**
 * LOG_STORED: it may be. `active` is in a transaction. *ret_sequence is as in
 * struct log_verdict; of a duplicate 0 if it is not known any more.
 */
int keys_judge(struct keys *keys, struct store *active,
	       const struct keys_question *question,
	       enum log_outcome *ret_outcome, uint64_t *ret_sequence);
/** It is stored, with this sequence. */
int keys_put(struct keys *keys, struct store *active,
	     const struct keys_question *question, uint64_t sequence);

/** A segment before, in a snapshot; it stays open until keys_close(). */
int keys_segment(struct keys *keys, const struct segment_row *row,
		 struct store **ret_store);

/** Put the producers of a segment that ended into its successor. */
int keys_carry(struct store *from, struct store *to);

#endif
