/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_STORE_ACCOUNT_H
#define TESTS_TORTURE_STORE_ACCOUNT_H

/**
 * What one client of a store was told of keys and jobs: of each thing it is
 * certain how it is, or it may be one of several. It is copied as it stands.
 *
 * Jobs have numbers of the test's own, from 0, which are their bodies and their
 * keys; with its end the job N writes the key "done/N", whose value is its
 * token.
 */

#include <stdbool.h>
#include <stdint.h>

enum {
	ACCOUNT_KEYS = 6, /* "k0" to "k5" */
	ACCOUNT_MAYBE_MAX = 64,
	ACCOUNT_JOBS_MAX = 200,
};

enum fate {
	FATE_NOT,     /* it did not happen, and will not */
	FATE_UNKNOWN, /* it may have happened, or does later */
	FATE_DONE,
};

/* Values count from 1; 0: it is not there. */
struct account_key {
	uint64_t value;
	/* What may have come after it, in this order. */
	uint64_t maybe[ACCOUNT_MAYBE_MAX];
	unsigned n_maybe;
};

struct account_job {
	enum fate submitted, completed;
	uint64_t id;    /* 0: it is not known */
	uint64_t token; /* 0: nobody was given one */
};

struct account {
	struct account_key keys[ACCOUNT_KEYS];
	struct account_job jobs[ACCOUNT_JOBS_MAX];
	unsigned n_jobs;
	uint64_t last_value;
	uint64_t n_of_fate[FATE_DONE + 1]; /* writes, all in all */
};

/** A write of this value ended so. */
void account_wrote(struct account *account, unsigned key, uint64_t value,
		   enum fate fate);
/** Somebody has read this. */
void account_read(struct account *account, unsigned key, uint64_t value);

/** A submit begins: what was known of the job before. */
enum fate account_submit(struct account *account, unsigned job);
/** It has ended so. */
void account_submitted(struct account *account, unsigned job, uint64_t id,
		       enum fate before, enum fate fate);
void account_leased(struct account *account, unsigned job, uint64_t id,
		    uint64_t token);
void account_completed(struct account *account, unsigned job, enum fate fate);

/** All that a store has, as it was listed. */
struct account_found {
	uint64_t keys[ACCOUNT_KEYS];
	struct {
		bool is_there, is_done;
		uint64_t id, token;
		uint64_t written; /* in "done/N"; 0: it is not there */
	} jobs[ACCOUNT_JOBS_MAX];
};

/** It is what it has to be; and what was unknown is known from here on. */
void account_settle(struct account *account, const struct account_found *found);

#endif
