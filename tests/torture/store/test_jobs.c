/* SPDX-License-Identifier: MIT */

/*
 * Jobs are submitted, leased, and done together with a write and a message,
 * while the store, the switch, the logger and workers are killed: each is done
 * once, by who had its last token, and its message logged once: see ledger.h.
 *
 * HELIO_ROUNDS says how often, HELIO_SEED where to begin.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "rpc/heliograph-log.h"
#include "rpc/heliograph-store.h"
#include "tests/torture/bus/ear.h"
#include "tests/torture/bus/world.h"
#include "tests/torture/complaint.h"
#include "tests/torture/dice.h"
#include "tests/torture/store/setting.h"
#include "tests/torture/store/submitter.h"
#include "tests/torture/store/worker.h"

#define LOG            "torture"
#define SNAPSHOT_AFTER "32K"

enum {
	ROUNDS = 100,
	SUBMITTERS = 2,
	WORKERS = WORLD_VOICES - SUBMITTERS,
	OPEN_MAX = 60, /* jobs that are not done */
	PATIENCE_MS = 30000,
};

struct test {
	struct world world;
	struct ledger ledger;
	struct submitter submitters[SUBMITTERS];
	struct worker workers[WORKERS];
	struct helio *ear;
	struct helio_kv_watch *watch;
	struct dice dice;
	bool is_ending; /* nothing new is submitted */
	uint64_t n_kills[4];
};

/* ---- the watch ---- */

static void on_entry(struct helio_kv_watch *watch,
		     const struct helio_kv_entry *entry, void *userdata)
{
	struct ledger *ledger = userdata;
	char token[24];

	if (entry->is_deleted)
		complain("the key of job %s is gone", entry->key);
	snprintf(token, sizeof(token), "%.*s", (int)entry->n_value,
		 (const char *)entry->value);
	ledger_done(ledger,
		    ledger_number(ledger, entry->key, strlen(entry->key)),
		    strtoull(token, NULL, 10), entry->revision);
}

static void on_end(struct helio_kv_watch *watch, unsigned status,
		   const char *reason, void *userdata)
{
	complain("the watch ended: %s: %s", helio_status_name(status), reason);
}

static void watch(struct test *test, uint64_t after)
{
	const struct helio_kv_watch_options options = {
		.has_after = true,
		.after = after,
		.is_waiting = true,
		.on_entry = on_entry,
		.on_end = on_end,
	};

	if (helio_kv_watch(test->ear, JOBS_BUCKET, &options, &test->ledger,
			   &test->watch) < 0)
		complain("no watch");
}

/* ---- turns ---- */

static void rest(const struct test *test)
{
	struct helio *buses[WORLD_VOICES + 1];
	unsigned n = 0;

	for (unsigned i = 0; i < SUBMITTERS; i++)
		buses[n++] = test->submitters[i].bus;
	for (unsigned i = 0; i < WORKERS; i++)
		buses[n++] = test->workers[i].bus;
	buses[n++] = test->ear;
	setting_rest(buses, n, 1);
}

static void turn(struct test *test)
{
	struct ledger *ledger = &test->ledger;
	int r;

	rest(test);
	for (unsigned i = 0; i < SUBMITTERS; i++) {
		submitter_turn(&test->submitters[i]);
		if (!test->is_ending &&
		    ledger->n_jobs - ledger->n_done < OPEN_MAX)
			submitter_act(&test->submitters[i]);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		worker_turn(&test->workers[i]);
	r = helio_dispatch(test->ear);
	if (r < 0)
		complain("ear: %s", strerror(-r));
}

static void play(struct test *test, uint64_t us)
{
	uint64_t end_ns = clock_now_ns() + us * NS_PER_US;

	while (clock_now_ns() < end_ns)
		turn(test);
}

static void await(struct test *test, bool (*is_so)(struct test *test),
		  const char *what)
{
	uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;

	while (!is_so(test)) {
		if (clock_now_ns() > end_ns)
			complain("%s: %zu of %zu jobs are done", what,
				 test->ledger.n_done, test->ledger.n_jobs);
		turn(test);
	}
}

/* ---- kills ---- */

static bool are_ready(struct test *test)
{
	return world_is_store_ready(&test->world) &&
	       world_is_logger_ready(&test->world);
}

static void kill_store(struct test *test)
{
	world_end_store(&test->world, SIGKILL);
	world_start_store(&test->world, SNAPSHOT_AFTER);
}

static void kill_logger(struct test *test)
{
	world_end_logger(&test->world, SIGKILL);
	world_start_logger(&test->world);
}

static void kill_switch(struct test *test)
{
	world_kill_switch(&test->world);
}

static void kill_worker(struct test *test)
{
	worker_die(&test->workers[dice_below(&test->dice, WORKERS)]);
}

static void kill_something(struct test *test)
{
	static void (*const KILL[])(struct test *) = {
		kill_store,
		kill_worker,
		kill_switch,
		kill_logger,
	};
	unsigned draw = (unsigned)dice_below(&test->dice, 20);
	unsigned what = draw < 11 ? 0 : draw < 15 ? 1 : draw < 17 ? 2 : 3;

	KILL[what](test);
	test->n_kills[what]++;
	/* And the store once more while it starts. */
	while (!what && dice_is(&test->dice, 20)) {
		play(test, dice_below(&test->dice, 8000));
		kill_store(test);
		test->n_kills[0]++;
	}
	await(test, are_ready, "a program does not get ready");
}

/* ---- the end ---- */

static bool is_all_done(struct test *test)
{
	for (unsigned i = 0; i < SUBMITTERS; i++)
		for (unsigned j = 0; j < SUBMITTER_UNDER_WAY_MAX; j++)
			if (test->submitters[i].submissions[j].submitter)
				return false;
	return test->ledger.n_done == test->ledger.n_jobs;
}

static void on_record(struct test *test, const struct helio_log_record *record)
{
	const struct helio_message *message = &record->message;

	if (record->kind == HELIO_LOG_MESSAGE)
		ledger_logged(&test->ledger,
			      ledger_number(&test->ledger, message->body,
					    message->n_body));
}

/* Until all of them are there; the rest of the log is read, too. */
static void read_log(struct test *test)
{
	const struct helio_log_read_options options = {
		.is_waiting = true,
		.is_following = true,
	};
	struct helio *bus = setting_connect(&test->world, "admin");
	const struct helio_log_record *record;
	struct helio_log_reader *reader;
	size_t n = 0;

	if (helio_log_read(bus, LOG, &options, NULL, &reader) < 0)
		complain("the log cannot be read");
	while (n < test->ledger.n_jobs) {
		if (helio_log_next_wait(reader, PATIENCE_MS, &record) != 1)
			complain("%zu of %zu messages are in the log", n,
				 test->ledger.n_jobs);
		n += record->kind == HELIO_LOG_MESSAGE;
		on_record(test, record);
	}
	helio_log_reader_free(reader);
	helio_close(bus);
}

static void finish(struct test *test)
{
	test->is_ending = true;
	for (unsigned i = 0; i < WORKERS; i++)
		test->workers[i].is_honest = true;
	await(test, is_all_done, "work does not end");
	/* What would come twice has time to. */
	play(test, 500000);
	read_log(test);
	ledger_check(&test->ledger);
}

/* ---- the whole ---- */

static void open_test(struct test *test, uint64_t seed)
{
	/* Keys that are free-form would be forgotten at once. */
	const struct ear_limits limits = { .dedup_window_ms = 1 };

	*test = (struct test){ .dice = dice_new(seed, 0) };
	world_open(&test->world, false, 0);
	world_start_store(&test->world, SNAPSHOT_AFTER);
	world_start_logger(&test->world);
	while (!are_ready(test))
		poll(NULL, 0, 1);
	ear_make_log(&test->world, LOG, JOBS_SUBJECT, &limits);
	test->ear = setting_connect(&test->world, "ear");
	setting_make_queue(test->ear, JOBS_QUEUE);
	watch(test, setting_make_bucket(test->ear, JOBS_BUCKET));
	for (unsigned i = 0; i < SUBMITTERS; i++)
		submitter_init(&test->submitters[i], &test->world, i,
			       &test->ledger, seed);
	for (unsigned i = 0; i < WORKERS; i++)
		worker_init(&test->workers[i], &test->world, SUBMITTERS + i,
			    &test->ledger, seed);
}

static void close_test(struct test *test)
{
	helio_kv_watch_free(test->watch);
	helio_close(test->ear);
	for (unsigned i = 0; i < SUBMITTERS; i++)
		submitter_deinit(&test->submitters[i]);
	for (unsigned i = 0; i < WORKERS; i++)
		worker_deinit(&test->workers[i]);
	ledger_deinit(&test->ledger);
	world_close(&test->world);
}

static void report(const struct test *test, uint64_t begin_ns)
{
	printf("kills: %llu store, %llu workers, %llu switch, %llu logger; "
	       "%zu jobs, %llu leases, %llu of them again, %llu refused late, "
	       "%.1f s\n",
	       (unsigned long long)test->n_kills[0],
	       (unsigned long long)test->n_kills[1],
	       (unsigned long long)test->n_kills[2],
	       (unsigned long long)test->n_kills[3], test->ledger.n_jobs,
	       (unsigned long long)test->ledger.n_leases,
	       (unsigned long long)test->ledger.n_again,
	       (unsigned long long)test->ledger.n_late,
	       (double)(clock_now_ns() - begin_ns) / 1e9);
}

int main(void)
{
	static struct test test;
	unsigned n_rounds = dice_environment("HELIO_ROUNDS", ROUNDS);
	uint64_t seed = dice_seed("jobs"), begin_ns = clock_now_ns();

	complaint_case("jobs, HELIO_SEED=%llu: beginning",
		       (unsigned long long)seed);
	open_test(&test, seed);
	for (unsigned round = 1; round <= n_rounds; round++) {
		complaint_case("jobs, HELIO_SEED=%llu: round %u",
			       (unsigned long long)seed, round);
		play(&test, dice_below(&test.dice, 80000));
		kill_something(&test);
	}
	finish(&test);
	report(&test, begin_ns);
	close_test(&test);
	return EXIT_SUCCESS;
}
