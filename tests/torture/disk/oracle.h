/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_DISK_ORACLE_H
#define TESTS_TORTURE_DISK_ORACLE_H

/**
 * What a log was given, and what it said to that: the oracle of the tests here,
 * which knows nothing of how logs lie on disk.
 *
 * Each event has two places on the tape: where it began, and where it was done.
 * At a cut, events that were done before have happened, those that had not
 * begun have not, and of the one between it is known in whole or not at all.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logger/log.h"
#include "tests/torture/dice.h"

enum {
	ORACLE_SUBJECTS = 12,
	ORACLE_SOURCES = 4,
	ORACLE_KEY_BYTES = 32,
	ORACLE_BODY_MAX = 32768,
	ORACLE_STATES = 6, /* keys of small things */
	ORACLE_STATE_BYTES = 200,
};

/** A record that was given to the log. Its bytes follow from `id`. */
struct entry {
	uint64_t id;      /* of the body: a repeat has that of the first */
	uint64_t time_ns; /* whole microseconds */
	unsigned subject;
	unsigned source;
	char key[ORACLE_KEY_BYTES]; /* "": none */
	bool has_expected;
	uint64_t expected;
	/* What is right to say to it, and the sequence that goes with that. */
	enum log_outcome outcome;
	uint64_t sequence;
};

struct span {
	size_t begin, end; /* on the tape; end 0: not done */
};

/** One call of log_append(). */
struct oracle_append {
	struct span span;
	size_t entry; /* the first */
	size_t n_entries;
	uint64_t last; /* of the log, after it */
	bool is_void;  /* it failed, and is known not to have happened */
};

/** From it on, sequences below `kept_from` may be gone. */
struct oracle_expiry {
	struct span span;
	uint64_t kept_from;
};

/** All small things, as of one commit. */
struct oracle_state {
	struct span span;
	bool is_void;
	size_t n[ORACLE_STATES]; /* bytes; SIZE_MAX: none */
	uint8_t bytes[ORACLE_STATES][ORACLE_STATE_BYTES];
};

struct oracle {
	struct entry *entries;
	size_t n_entries, n_entries_max;
	struct oracle_append *appends;
	size_t n_appends, n_appends_max;
	struct oracle_expiry *expiries;
	size_t n_expiries, n_expiries_max;
	struct oracle_state *states;
	size_t n_states, n_states_max;
	struct span creation;
	uint64_t dedup_window_ns;
	uint64_t last; /* of the log, now */
};

void oracle_init(struct oracle *oracle);
void oracle_deinit(struct oracle *oracle);
/** What there was of it at a cut; an append on the way is in doubt in it. */
void oracle_copy(const struct oracle *oracle, size_t cut,
		 struct oracle *ret_copy);
/** All of it happened before the tape that runs now. */
void oracle_rebase(struct oracle *oracle);

/**
 * A record is given: works out the right outcome and its sequence, in the order
 * in which they are given. Call oracle_begin() before the first of an append.
 */
void oracle_begin(struct oracle *oracle, size_t position);
struct entry *oracle_add(struct oracle *oracle, const struct entry *given);
/** The append was done; or it failed and nothing of it happened. */
void oracle_done(struct oracle *oracle, size_t position);
void oracle_undo(struct oracle *oracle);

void oracle_expire(struct oracle *oracle, size_t begin, size_t end,
		   uint64_t kept_from);
struct oracle_state *oracle_state_begin(struct oracle *oracle);

/** The newest record with this key among the first `n_appends`, or NULL. */
const struct entry *oracle_lookup_key(const struct oracle *oracle,
				      size_t n_appends, unsigned source,
				      const char *key);
/** The record of this sequence among the first `n_appends`, or NULL. */
const struct entry *oracle_lookup(const struct oracle *oracle, size_t n_appends,
				  uint64_t sequence);
/** The highest number that this producer has stored, or 0. */
uint64_t oracle_producer_last(const struct oracle *oracle, size_t n_appends,
			      unsigned source, const char *producer);

/* What a record is made of. */

size_t entry_body(const struct entry *entry, uint8_t body[ORACLE_BODY_MAX]);
void entry_record(const struct entry *entry, uint8_t body[ORACLE_BODY_MAX],
		  struct run_record *ret_record);
/** Whether `record` is `entry`; else *ret_what says in what it differs. */
bool entry_is(const struct entry *entry, const struct run_record *record,
	      const char **ret_what);
const char *entry_subject(unsigned subject);
const char *entry_durable_id(unsigned source);

#endif
