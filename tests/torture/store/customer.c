/* SPDX-License-Identifier: MIT */

#include "tests/torture/store/customer.h"

#include <helio/store/v1/store.helio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/torture/complaint.h"
#include "tests/torture/stall.h"
#include "tests/torture/store/customer_calls.h"

enum {
	CALL_MS = 20000,
	/* But for what a busy machine took. */
	SOON_MS = 1000,
	RECOVER_TRIES = 3,
	AT_A_TIME_MAX = 4,
};

void customer_init(struct customer *customer, struct helio *bus,
		   const struct world *world)
{
	const struct helio_client_options options = {
		.invoke = { .timeout_ms = CALL_MS, .is_waiting = true },
	};

	customer->switch_pid = world->heliod;
	if (helio_client_new(bus, &helio__store__v1__buckets__type, &options,
			     &customer->buckets) < 0 ||
	    helio_client_new(bus, &helio__store__v1__queues__type, &options,
			     &customer->queues) < 0)
		complain("no memory");
}

void customer_deinit(struct customer *customer)
{
	helio_client_free(customer->buckets);
	helio_client_free(customer->queues);
}

/* ---- waiting ---- */

static uint64_t stalled_ns(const struct customer *customer)
{
	return stall_ns(getpid()) + stall_ns(customer->switch_pid);
}

/* To ask how busy the machine was takes long: from the beginning, if at all. */
static void judge_time(struct customer *customer, uint64_t took_ns)
{
	uint64_t stalled;

	if (took_ns > customer->longest_ns)
		customer->longest_ns = took_ns;
	if (took_ns <= SOON_MS * NS_PER_MS)
		return;
	stalled = stalled_ns(customer) - customer->stalled_ns;
	if (took_ns > stalled + SOON_MS * NS_PER_MS)
		complain("an answer took %.0f ms, of which the machine took "
			 "%.0f ms at most",
			 (double)took_ns / 1e6, (double)stalled / 1e6);
}

static void await(struct customer *customer)
{
	uint64_t begun_ns = clock_now_ns();

	while (customer->n_under_way)
		hosted_turn(customer->store);
	judge_time(customer, clock_now_ns() - begun_ns);
}

void customer_found(struct customer *customer)
{
	customer->stalled_ns = stalled_ns(customer);
	customer_create(customer);
	await(customer);
}

/* ---- steps ---- */

static bool is_taken(const struct customer *customer, unsigned key)
{
	return customer->taken_keys & 1u << key;
}

static void write_some_key(struct customer *customer)
{
	unsigned key = (unsigned)dice_below(&customer->dice, ACCOUNT_KEYS);

	if (is_taken(customer, key))
		return;
	customer->taken_keys |= 1u << key;
	if (dice_is(&customer->dice, 15))
		customer_delete(customer, key);
	else
		customer_put(customer, key);
}

static void submit_some(struct customer *customer)
{
	struct account *account = customer->account;

	if (account->n_jobs < ACCOUNT_JOBS_MAX)
		customer_submit(customer, account->n_jobs++);
}

/* The first that we have a lease of. */
static void complete_some(struct customer *customer)
{
	struct account *account = customer->account;

	for (unsigned i = 0; i < account->n_jobs; i++) {
		const struct account_job *job = &account->jobs[i];

		if (!job->token || job->completed != FATE_NOT ||
		    customer->completing == i + 1)
			continue;
		customer->completing = i + 1;
		customer_complete(customer, i);
		return;
	}
}

static void do_one(struct customer *customer)
{
	unsigned draw = (unsigned)dice_below(&customer->dice, 100);

	if (draw < 45)
		write_some_key(customer);
	else if (draw < 65)
		submit_some(customer);
	else if (draw < 80)
		customer_lease(customer);
	else
		complete_some(customer);
}

void customer_step(struct customer *customer)
{
	unsigned n = (unsigned)dice_between(&customer->dice, 1, AT_A_TIME_MAX);

	customer->taken_keys = 0;
	customer->completing = 0;
	for (unsigned i = 0; i < n; i++)
		do_one(customer);
	await(customer);
	/* Reads go on, whatever became of that. */
	customer_get(customer,
		     (unsigned)dice_below(&customer->dice, ACCOUNT_KEYS));
	await(customer);
}

/* ---- after a fault ---- */

static bool can_write(struct customer *customer)
{
	unsigned n_failed = customer->n_failed;

	customer_put(customer, 0);
	await(customer);
	return customer->n_failed == n_failed;
}

/* What is unknown may be said again, as often as one likes. */
static void say_again(struct customer *customer)
{
	struct account *account = customer->account;

	for (unsigned i = 0; i < account->n_jobs; i++) {
		const struct account_job *job = &account->jobs[i];

		if (job->submitted == FATE_UNKNOWN &&
		    dice_is(&customer->dice, 50))
			customer_submit(customer, i);
		if (job->completed == FATE_UNKNOWN &&
		    dice_is(&customer->dice, 50))
			customer_complete(customer, i);
	}
	await(customer);
}

void customer_recover(struct customer *customer)
{
	unsigned n_tries = 0;

	do {
		if (n_tries++ == RECOVER_TRIES)
			complain("the disk is well, and no write succeeds");
		hosted_hurry(customer->store);
	} while (!can_write(customer));
	customer->is_faulty = customer->is_full = false;
	say_again(customer);
}

void customer_check(struct customer *customer)
{
	struct account_found found = { 0 };

	customer_list(customer, &found);
	await(customer);
	customer_list_jobs(customer, &found);
	await(customer);
	account_settle(customer->account, &found);
}
