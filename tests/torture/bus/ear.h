/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_BUS_EAR_H
#define TESTS_TORTURE_BUS_EAR_H

/**
 * A reader that follows a log through all lives of its logger, and remembers
 * what it was told: each record comes once, in order, and is the same whenever
 * it is read again.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/torture/dice.h"

struct helio;
struct helio_call;
struct voice;
struct world;

/** What is kept of a record. */
struct heard {
	uint64_t hash;
	uint64_t time_ns;
};

struct ear {
	struct helio *bus;
	struct helio_call *call; /* NULL: to be made */
	const char *log;
	struct voice *voices;
	unsigned n_voices;
	uint64_t next;       /* the sequence that comes next */
	struct heard *heard; /* by sequence - 1 */
	size_t n_heard_max;
	uint64_t n_gaps;
	uint64_t n_joined; /* calls that were made */
	uint64_t expired_to;
	bool may_expire;
};

void ear_init(struct ear *ear, const struct world *world, const char *log,
	      struct voice *voices, unsigned n_voices);
void ear_deinit(struct ear *ear);

/** Take in what has come, and join again when the logger had gone. */
void ear_turn(struct ear *ear);

/**
 * Blocks: read again what was heard, from a sequence on to the end of that, and
 * complain unless it is the same. The logger runs.
 */
void ear_read_again(struct ear *ear, uint64_t from);
/** Blocks: ask for the records at some times that were heard, and around. */
void ear_seek(struct ear *ear, struct dice *dice);

/** What the log keeps; 0: no limit, or what is usual. */
struct ear_limits {
	uint64_t records_max;
	uint64_t bytes_max;
	uint64_t dedup_window_ms;
};

/** Blocks: an admin makes the log. */
void ear_make_log(const struct world *world, const char *log,
		  const char *pattern, const struct ear_limits *limits);
/** Blocks: the logger looks at all of it. */
void ear_verify(const struct world *world, const char *log);

#endif
