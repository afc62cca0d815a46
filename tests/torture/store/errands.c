/* SPDX-License-Identifier: MIT */

#include "tests/torture/store/errands.h"

#include <helio/store/v1/store.helio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/torture/complaint.h"
#include "tests/torture/stall.h"
#include "tests/torture/store/errand.h"

enum {
	CALL_MS = 20000,
	/* But for what a busy machine took. */
	SOON_MS = 1000,
	RECOVER_TRIES = 3,
	AT_A_TIME_MAX = 4,
};

void errands_init(struct errands *errands, struct helio *bus,
		  const struct world *world)
{
	const struct helio_client_options options = {
		.invoke = { .timeout_ms = CALL_MS, .is_waiting = true },
	};

	errands->switch_pid = world->heliod;
	if (helio_client_new(bus, &helio__store__v1__buckets__type, &options,
			     &errands->buckets) < 0 ||
	    helio_client_new(bus, &helio__store__v1__queues__type, &options,
			     &errands->queues) < 0)
		complain("no memory");
}

void errands_deinit(struct errands *errands)
{
	helio_client_free(errands->buckets);
	helio_client_free(errands->queues);
}

/* ---- waiting ---- */

static uint64_t stalled_ns(const struct errands *errands)
{
	return stall_ns(getpid()) + stall_ns(errands->switch_pid);
}

/* To ask how busy the machine was takes long: from the beginning, if at all. */
static void judge_time(struct errands *errands, uint64_t took_ns)
{
	uint64_t stalled;

	if (took_ns > errands->longest_ns)
		errands->longest_ns = took_ns;
	if (took_ns <= SOON_MS * NS_PER_MS)
		return;
	stalled = stalled_ns(errands) - errands->stalled_ns;
	if (took_ns > stalled + SOON_MS * NS_PER_MS)
		complain("an answer took %.0f ms, of which the machine took "
			 "%.0f ms at most",
			 (double)took_ns / 1e6, (double)stalled / 1e6);
}

static void await(struct errands *errands)
{
	uint64_t begun_ns = clock_now_ns();

	while (errands->n_under_way)
		hosted_turn(errands->store);
	judge_time(errands, clock_now_ns() - begun_ns);
}

void errands_found(struct errands *errands)
{
	errands->stalled_ns = stalled_ns(errands);
	errand_create(errands);
	await(errands);
}

/* ---- steps ---- */

static bool is_taken(const struct errands *errands, unsigned key)
{
	return errands->taken_keys & 1u << key;
}

static void write_some_key(struct errands *errands)
{
	unsigned key = (unsigned)dice_below(&errands->dice, ACCOUNT_KEYS);

	if (is_taken(errands, key))
		return;
	errands->taken_keys |= 1u << key;
	if (dice_is(&errands->dice, 15))
		errand_delete(errands, key);
	else
		errand_put(errands, key);
}

static void submit_some(struct errands *errands)
{
	struct account *account = errands->account;

	if (account->n_jobs < ACCOUNT_JOBS_MAX)
		errand_submit(errands, account->n_jobs++);
}

/* The first that we have a lease of. */
static void complete_some(struct errands *errands)
{
	struct account *account = errands->account;

	for (unsigned i = 0; i < account->n_jobs; i++) {
		const struct account_job *job = &account->jobs[i];

		if (!job->token || job->completed != FATE_NOT ||
		    errands->completing == i + 1)
			continue;
		errands->completing = i + 1;
		errand_complete(errands, i);
		return;
	}
}

static void do_one(struct errands *errands)
{
	unsigned draw = (unsigned)dice_below(&errands->dice, 100);

	if (draw < 45)
		write_some_key(errands);
	else if (draw < 65)
		submit_some(errands);
	else if (draw < 80)
		errand_lease(errands);
	else
		complete_some(errands);
}

void errands_step(struct errands *errands)
{
	unsigned n = (unsigned)dice_between(&errands->dice, 1, AT_A_TIME_MAX);

	errands->taken_keys = 0;
	errands->completing = 0;
	for (unsigned i = 0; i < n; i++)
		do_one(errands);
	await(errands);
	/* Reads go on, whatever became of that. */
	errand_get(errands, (unsigned)dice_below(&errands->dice, ACCOUNT_KEYS));
	await(errands);
}

/* ---- after a fault ---- */

static bool can_write(struct errands *errands)
{
	unsigned n_failed = errands->n_failed;

	errand_put(errands, 0);
	await(errands);
	return errands->n_failed == n_failed;
}

/* What is unknown may be said again, as often as one likes. */
static void say_again(struct errands *errands)
{
	struct account *account = errands->account;

	for (unsigned i = 0; i < account->n_jobs; i++) {
		const struct account_job *job = &account->jobs[i];

		if (job->submitted == FATE_UNKNOWN &&
		    dice_is(&errands->dice, 50))
			errand_submit(errands, i);
		if (job->completed == FATE_UNKNOWN &&
		    dice_is(&errands->dice, 50))
			errand_complete(errands, i);
	}
	await(errands);
}

void errands_recover(struct errands *errands)
{
	unsigned n_tries = 0;

	do {
		if (n_tries++ == RECOVER_TRIES)
			complain("the disk is well, and no write succeeds");
		hosted_hurry(errands->store);
	} while (!can_write(errands));
	errands->is_faulty = errands->is_full = false;
	say_again(errands);
}

void errands_check(struct errands *errands)
{
	struct account_found found = { 0 };

	errand_list(errands, &found);
	await(errands);
	errand_list_jobs(errands, &found);
	await(errands);
	account_settle(errands->account, &found);
}
