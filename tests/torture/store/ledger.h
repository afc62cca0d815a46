/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_STORE_LEDGER_H
#define TESTS_TORTURE_STORE_LEDGER_H

/**
 * What was told of each job, by whomever: to who submitted it and who worked on
 * it, by the watch of what the jobs wrote, and by the log of what they said.
 * Jobs have numbers of the test's own, from 0; their body is that.
 *
 * A token is the revision of its lease, so that what is told late can be put
 * into its place.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledger_job {
	uint64_t id; /* 0: nobody was told */
	bool is_acknowledged;
	uint64_t token;    /* the greatest that anybody was given */
	uint64_t given_at; /* the clock of the ledger then */
	/* As the watch told; token 0: it is not done. */
	uint64_t done_token, done_revision;
	/* As a worker was told. */
	uint64_t told_token, told_revision;
	unsigned n_logged;
};

struct ledger {
	struct ledger_job *jobs;
	size_t n_jobs, n_jobs_max;
	uint64_t clock; /* counts what is told */
	size_t n_done;
	uint64_t n_leases, n_again; /* of those that had been given before */
	uint64_t n_late;            /* refused by their token */
};

void ledger_deinit(struct ledger *ledger);

/** The number of a new job. */
size_t ledger_add(struct ledger *ledger);
/** The job of that body, which somebody has told. */
size_t ledger_number(const struct ledger *ledger, const void *body, size_t n);

void ledger_submitted(struct ledger *ledger, size_t number, uint64_t id);
/** By a call that began when the ledger's clock was `since`. */
void ledger_leased(struct ledger *ledger, size_t number, uint64_t id,
		   uint64_t token, uint64_t since);
/** A worker was told so; revision 0: that it had been done before. */
void ledger_completed(struct ledger *ledger, size_t number, uint64_t token,
		      uint64_t revision);
/** The effect of a job was seen. */
void ledger_done(struct ledger *ledger, size_t number, uint64_t token,
		 uint64_t revision);
/** Its message was found in the log. */
void ledger_logged(struct ledger *ledger, size_t number);

/** All is done and read: all of it was done once. */
void ledger_check(const struct ledger *ledger);

#endif
