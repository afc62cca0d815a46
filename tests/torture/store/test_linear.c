/* SPDX-License-Identifier: MIT */

/*
 * Clients read and write a few keys of a bucket, while the store and now and
 * then the switch are killed; what they were told is judged: see linear.h.
 *
 * HELIO_ROUNDS says how often, HELIO_SEED where to begin.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/torture/bus/world.h"
#include "tests/torture/complaint.h"
#include "tests/torture/dice.h"
#include "tests/torture/store/client.h"
#include "tests/torture/store/linear.h"
#include "tests/torture/store/setting.h"

#define BUCKET         "torture"
#define SNAPSHOT_AFTER "32K"

enum {
	ROUNDS = 100,
	CLIENTS = WORLD_VOICES,
	PATIENCE_MS = 20000,
	CHECK_EVERY = 5,
};

struct test {
	struct world world;
	struct client clients[CLIENTS];
	struct helio *ear;
	struct history history;
	struct witness witness;
	struct linear linear;
	struct dice dice;
	uint64_t n_store_kills, n_switch_kills;
};

/* ---- turns ---- */

static void rest(const struct test *test)
{
	struct helio *buses[CLIENTS + 1] = { test->ear };

	for (unsigned i = 0; i < CLIENTS; i++)
		buses[i + 1] = test->clients[i].bus;
	setting_rest(buses, CLIENTS + 1, 1);
}

static void turn(struct test *test, bool is_acting)
{
	int r;

	rest(test);
	for (unsigned i = 0; i < CLIENTS; i++) {
		client_listen(&test->clients[i]);
		if (is_acting)
			client_act(&test->clients[i]);
	}
	r = helio_dispatch(test->ear);
	if (r < 0)
		complain("ear: %s", strerror(-r));
}

static void play(struct test *test, uint64_t us)
{
	uint64_t end_ns = clock_now_ns() + us * NS_PER_US;

	while (clock_now_ns() < end_ns)
		turn(test, true);
}

static bool is_anything_under_way(const struct test *test)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		if (test->clients[i].n_under_way)
			return true;
	return false;
}

static bool is_behind(const struct test *test)
{
	return is_anything_under_way(test) ||
	       test->witness.told < test->history.revision;
}

static void await(struct test *test, bool (*is_so)(const struct test *test),
		  const char *what)
{
	uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;

	while (is_so(test)) {
		if (clock_now_ns() > end_ns)
			complain("%s does not end", what);
		turn(test, false);
	}
}

/* ---- kills ---- */

static void await_store(struct test *test, bool is_acting)
{
	uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;

	while (!world_is_store_ready(&test->world)) {
		if (clock_now_ns() > end_ns)
			complain("the store does not get ready");
		turn(test, is_acting);
	}
}

static void kill_store(struct test *test)
{
	test->n_store_kills++;
	world_end_store(&test->world, SIGKILL);
	world_start_store(&test->world, SNAPSHOT_AFTER);
}

static void kill_something(struct test *test)
{
	if (dice_is(&test->dice, 15)) {
		test->n_switch_kills++;
		world_kill_switch(&test->world);
	}
	kill_store(test);
	/* And while it starts. */
	while (dice_is(&test->dice, 20)) {
		play(test, dice_below(&test->dice, 8000));
		kill_store(test);
	}
	await_store(test, true);
}

/* ---- the verdict ---- */

/*
 * A list that is answered tells how far the store is: of a refusal nobody knows
 * by what it was judged, and the watch has to have told that.
 */
static void look(struct test *test)
{
	uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
	uint64_t n_done = test->history.n_of_fate[OP_DONE];

	while (test->history.n_of_fate[OP_DONE] == n_done) {
		if (clock_now_ns() > end_ns)
			complain("no list is answered");
		turn(test, false);
		client_begin(&test->clients[dice_below(&test->dice, CLIENTS)],
			     OP_LIST);
		await(test, is_anything_under_way, "a call");
	}
}

static void check(struct test *test)
{
	await(test, is_anything_under_way, "a call");
	look(test);
	await(test, is_behind, "the watch");
	linear_check(&test->linear, &test->history, &test->witness);
}

/* ---- the beginning and the end ---- */

static void open_test(struct test *test, uint64_t seed)
{
	*test = (struct test){ .dice = dice_new(seed, 0) };
	world_open(&test->world, false, 0);
	world_start_store(&test->world, SNAPSHOT_AFTER);
	history_init(&test->history);
	test->ear = setting_connect(&test->world, "ear");
	for (unsigned i = 0; i < CLIENTS; i++) {
		client_init(&test->clients[i], &test->world, i, seed);
		test->clients[i].bucket = BUCKET;
		test->clients[i].history = &test->history;
	}
	await_store(test, false);
	test->linear.floor = setting_make_bucket(test->ear, BUCKET);
	witness_init(&test->witness, test->ear, BUCKET, test->linear.floor);
}

static void close_test(struct test *test)
{
	witness_deinit(&test->witness);
	helio_close(test->ear);
	for (unsigned i = 0; i < CLIENTS; i++)
		client_deinit(&test->clients[i]);
	history_deinit(&test->history);
	world_close(&test->world);
}

static void report(const struct test *test, uint64_t begin_ns)
{
	const uint64_t *n = test->history.n_of_fate;

	printf("%llu store kills, %llu switch kills, %llu calls: %llu done, "
	       "%llu refused, %llu lost, %llu unknown of which %llu happened; "
	       "%llu versions, %llu interruptions, %.1f s\n",
	       (unsigned long long)test->n_store_kills,
	       (unsigned long long)test->n_switch_kills,
	       (unsigned long long)test->linear.n_ops,
	       (unsigned long long)n[OP_DONE],
	       (unsigned long long)n[OP_REFUSED],
	       (unsigned long long)n[OP_LOST],
	       (unsigned long long)n[OP_UNKNOWN],
	       (unsigned long long)test->linear.n_found,
	       (unsigned long long)test->witness.n_versions,
	       (unsigned long long)test->witness.n_interrupted,
	       (double)(clock_now_ns() - begin_ns) / 1e9);
}

int main(void)
{
	static struct test test;
	unsigned n_rounds = dice_environment("HELIO_ROUNDS", ROUNDS);
	uint64_t seed = dice_seed("linear"), begin_ns = clock_now_ns();

	complaint_case("linear, HELIO_SEED=%llu: beginning",
		       (unsigned long long)seed);
	open_test(&test, seed);
	for (unsigned round = 1; round <= n_rounds; round++) {
		complaint_case("linear, HELIO_SEED=%llu: round %u",
			       (unsigned long long)seed, round);
		play(&test, dice_below(&test.dice, 60000));
		kill_something(&test);
		if (round % CHECK_EVERY == 0 || round == n_rounds)
			check(&test);
	}
	report(&test, begin_ns);
	close_test(&test);
	return EXIT_SUCCESS;
}
