/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_STORE_HISTORY_H
#define TESTS_TORTURE_STORE_HISTORY_H

/**
 * What clients of a bucket did and were told, in the order in which it
 * happened: all of them are in one process, so that there is one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"

enum {
	HISTORY_KEYS = 6, /* "a" to "f" */
	OP_CONDITIONS_MAX = 2,
	OP_WRITES_MAX = 3,
};

enum op_kind {
	OP_GET,  /* of one key */
	OP_LIST, /* of all */
	OP_PUT,
	OP_DELETE,
	OP_COMMIT,
};

enum op_fate {
	OP_UNDER_WAY,
	OP_DONE,
	OP_REFUSED, /* it was judged, and changed nothing */
	OP_LOST,    /* nobody had it: it changes nothing */
	OP_UNKNOWN, /* it may have happened, or happen later, or not */
};

enum op_condition_kind {
	CONDITION_REVISION, /* 0: it is not there */
	CONDITION_IS_THERE, /* number 0: it is not */
	CONDITION_VALUE,
};

struct op_condition {
	unsigned key;
	enum op_condition_kind kind;
	uint64_t number;
};

struct op_write {
	unsigned key;
	bool is_delete;
};

/* A key as somebody has read it; value 0: it was not there. */
struct op_seen {
	uint64_t value;
	uint64_t revision;
};

struct op {
	struct map_node node; /* by id */
	struct history *history;
	uint64_t id; /* counts from 1, and is the value that it puts */
	unsigned client;
	enum op_kind kind;
	unsigned key; /* of a get */
	struct op_condition conditions[OP_CONDITIONS_MAX];
	unsigned n_conditions;
	struct op_write writes[OP_WRITES_MAX];
	unsigned n_writes;

	enum op_fate fate;
	/* Of what it wrote, or as of which it read; 0: it was not told. */
	uint64_t revision;
	struct op_seen seen[HISTORY_KEYS];

	/* The judge's: no revision up to this one can be later than it. */
	uint64_t floor;
	bool is_found; /* what it wrote was seen */
};

struct event {
	struct op *op;
	bool is_end;
};

struct history {
	struct map ops;
	uint64_t last_id;
	struct event *events;
	size_t n_events, n_events_max;
	uint64_t revision; /* the greatest that anybody was told */
	uint64_t n_of_fate[OP_UNKNOWN + 1];
};

void history_init(struct history *history);
void history_deinit(struct history *history);

/** A call that begins as soon as it is filled in and sent. */
struct op *history_begin(struct history *history, unsigned client,
			 enum op_kind kind);
/** What it was told stands in it. */
void history_end(struct op *op, enum op_fate fate);

/** NULL: there is none. */
struct op *history_lookup(const struct history *history, uint64_t id);

/** Forget all that is over; what may still happen is kept. */
void history_cut(struct history *history);

/** To stderr. */
void history_print(const struct op *op);

#endif
