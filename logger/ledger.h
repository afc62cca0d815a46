/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_LEDGER_H
#define LOGGER_LEDGER_H

/**
 * LOG/state: which segments a log has, and what is known beside them. The log
 * writes it, views read it.
 *
 * A row in memory is what is on disk, or in the transaction that is open: when
 * that is undone, ledger_load() reads them again.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logger/segment.h"
#include "logger/sha256.h"
#include "storage/backend/backend.h"
#include "storage/backend/fault.h"

enum ledger_table {
	LEDGER_FACTS,      /* "log", "now" */
	LEDGER_THINGS,     /* what log_state_put() is given */
	LEDGER_SEGMENTS,   /* first sequence: struct segment_row */
	LEDGER_REMOVED,    /* the same, of those that are gone */
	LEDGER_SUBJECTS,   /* subject, 0, segment's first: newest, count */
	LEDGER_PRINCIPALS, /* durable id, 0, segment's first: bytes */
	LEDGER_TABLES,
};

extern const struct store_layout ledger_layout;

/** What becomes of a segment, in this order. */
enum segment_state {
	SEGMENT_COMING = 1, /* it may be there, or be empty */
	SEGMENT_ACTIVE,     /* it has records, and gets more */
	SEGMENT_ENDED,      /* it gets no more, and is not sealed yet */
	SEGMENT_SEALED,
};

struct segment_row {
	uint64_t first;
	uint64_t first_ns;
	enum segment_state state;
	uint64_t number; /* from 1 */
	uint8_t previous_hash[SHA256_BYTES];
	/* Of those that have ended. */
	uint64_t last;
	uint64_t last_ns;
	uint64_t n_keys;  /* idempotency keys in it */
	uint64_t n_bytes; /* of the file; 0 until it is sealed */
	uint8_t head_hash[SHA256_BYTES];
};

struct ledger {
	struct store *store;
	uint8_t uuid[LOG_UUID_BYTES];
	uint64_t generation; /* another for each change of what follows */
	uint64_t floor;      /* nothing below it is served */
	struct segment_row *rows;
	size_t n_rows, n_rows_max;
	/* The writer's. */
	bool is_open;    /* a transaction */
	bool has_things; /* in it */
	bool is_lost;    /* things that were put are not there */
};

char *ledger_path(const char *folder);

/**
 * Open the one of the log in `folder`, with flags of store_open(), and load it.
 * -ENOENT: there is none, or it was never finished.
 */
int ledger_open(struct ledger *ledger, struct backend *backend,
		const char *folder, unsigned flags, struct fault *fault);
/** Safe on a zeroed one. */
void ledger_close(struct ledger *ledger);
/** Read all of it again, in a snapshot or transaction of its own. */
int ledger_load(struct ledger *ledger, struct fault *fault);
/** The same unless nothing has changed. 1 if something had. */
int ledger_refresh(struct ledger *ledger);

/** The segment that has this sequence, or would have it; NULL: before all. */
struct segment_row *ledger_find(const struct ledger *ledger, uint64_t sequence);
/** The newest, or NULL. */
struct segment_row *ledger_last(const struct ledger *ledger);

/* Writing. A transaction begins with the first of these. */

int ledger_begin(struct ledger *ledger);
/** Also the generation, if `is_change` says that views must look again. */
int ledger_commit(struct ledger *ledger, bool is_change);
/** Undo what was put since the last commit. Returns 0 or a negative errno. */
int ledger_undo(struct ledger *ledger);

/** It is a new log: give it an id. Committed. */
int ledger_found(struct ledger *ledger);
/** Add a row, or write the one of its number anew. */
int ledger_put(struct ledger *ledger, const struct segment_row *row);
/** The first row: it is gone, or it was never there. */
int ledger_remove_first(struct ledger *ledger);
int ledger_remove_coming(struct ledger *ledger);
/** How the newest segment that was removed ended. 1, or 0: none was. */
int ledger_last_removed(struct ledger *ledger, struct segment_row *ret_row);

#endif
