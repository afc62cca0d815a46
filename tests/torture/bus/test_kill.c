/* SPDX-License-Identifier: MIT */

/*
 * test_kill MODE: the logger is ended again and again while publishers and a
 * reader go on.
 *
 *	kill	by SIGKILL, at any moment, also while it starts
 *	clock	now and then by SIGTERM, while its clock goes back and forth
 *
 * HELIO_ROUNDS says how often, HELIO_SEED where to begin.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/torture/bus/stage.h"
#include "tests/torture/complaint.h"

enum {
	ROUNDS = 300,
	LONG_ROUNDS = 1000, /* from there on old records are removed */
	LONG_RECORDS_MAX = 400000,
	TAIL = 300, /* records that are read again after each start */
	WHOLE_EVERY = 40,
	STEP_MAX_S = 3 * 3600,
};

struct test {
	struct stage stage;
	bool has_clock;
	unsigned round;
};

/* Until the moment to end the logger. */
static void play_round(struct test *test)
{
	struct stage *stage = &test->stage;
	uint64_t end_ns =
		clock_now_ns() + dice_below(&stage->dice, 50) * NS_PER_MS;
	uint64_t n_end = UINT64_MAX;

	/* Half of the time it is an ack that gives the sign. */
	if (dice_is(&stage->dice, 50))
		n_end = stage_n_stored(stage) + dice_below(&stage->dice, 300);
	while (stage_n_stored(stage) < n_end && clock_now_ns() < end_ns)
		stage_turn(stage, dice_below(&stage->dice, 1000));
}

static void step_clock(struct test *test)
{
	int64_t step_ns;

	if (!test->has_clock)
		return;
	for (unsigned i = 0; i < 4; i++) {
		step_ns = (int64_t)dice_below(&test->stage.dice,
					      STEP_MAX_S * NS_PER_S);
		*test->stage.world.clock_offset_ns =
			dice_is(&test->stage.dice, 50) ? step_ns : -step_ns;
		stage_play(&test->stage, 3000);
	}
}

static void end_logger(struct test *test)
{
	struct stage *stage = &test->stage;
	int how = SIGKILL;

	if (test->has_clock && !dice_is(&stage->dice, 20))
		return;
	if (test->has_clock || dice_is(&stage->dice, 10))
		how = SIGTERM;
	stage_kill(stage, how);
	/* And once more while it starts, even before it knows what happened. */
	while (!test->has_clock && dice_is(&stage->dice, 25)) {
		stage_play(stage, dice_below(&stage->dice, 8000));
		stage_kill(stage, SIGKILL);
	}
	stage_await_ready(stage);
}

static void check_round(struct test *test)
{
	struct ear *ear = &test->stage.ear;
	bool is_whole = test->round % WHOLE_EVERY == 0 && !ear->may_expire;

	stage_check(&test->stage);
	ear_read_again(ear,
		       is_whole || ear->next <= TAIL ? 1 : ear->next - TAIL);
	ear_seek(ear, &test->stage.dice);
}

static void report(const struct test *test, unsigned n_rounds,
		   uint64_t begin_ns)
{
	const struct stage *stage = &test->stage;
	uint64_t n_unknown = 0, n_refused = 0, n_duplicates = 0;

	for (unsigned i = 0; i < WORLD_VOICES; i++) {
		n_unknown += stage->voices[i].n_unknown;
		n_refused += stage->voices[i].n_refused;
		n_duplicates += stage->voices[i].n_duplicates;
	}
	printf("%u rounds, %u lives, %llu records, %llu acknowledged, "
	       "%llu again, %llu unknown, %llu refused, %llu gaps, "
	       "%llu times joined, %.1f s\n",
	       n_rounds, stage->life + 1,
	       (unsigned long long)stage->ear.next - 1,
	       (unsigned long long)stage_n_stored(stage),
	       (unsigned long long)n_duplicates, (unsigned long long)n_unknown,
	       (unsigned long long)n_refused,
	       (unsigned long long)stage->ear.n_gaps,
	       (unsigned long long)stage->ear.n_joined,
	       (double)(clock_now_ns() - begin_ns) / 1e9);
}

static void finish(struct test *test)
{
	struct stage *stage = &test->stage;

	stage->is_silent = true;
	stage_kill(stage, SIGTERM);
	stage_await_ready(stage);
	stage_check(stage);
	if (!stage->ear.may_expire)
		ear_read_again(&stage->ear, 1);
	ear_verify(&stage->world, stage->ear.log);
}

int main(int argc, char **argv)
{
	static struct test test;
	struct stage_options options = { 0 };
	unsigned n_rounds = dice_environment("HELIO_ROUNDS", ROUNDS);
	uint64_t seed, begin_ns = clock_now_ns();

	if (argc != 2 ||
	    (strcmp(argv[1], "kill") && strcmp(argv[1], "clock"))) {
		fprintf(stderr, "usage: %s kill|clock\n", argv[0]);
		return 2;
	}
	test.has_clock = !strcmp(argv[1], "clock");
	seed = dice_seed(argv[1]);
	complaint_case("%s, HELIO_SEED=%llu: beginning", argv[1],
		       (unsigned long long)seed);
	options.seed = seed;
	options.has_clock = test.has_clock;
	if (n_rounds >= LONG_ROUNDS)
		options.limits.records_max = LONG_RECORDS_MAX;
	stage_open(&test.stage, &options);
	for (test.round = 1; test.round <= n_rounds; test.round++) {
		complaint_case("%s, HELIO_SEED=%llu: round %u", argv[1],
			       (unsigned long long)seed, test.round);
		step_clock(&test);
		play_round(&test);
		end_logger(&test);
		check_round(&test);
	}
	finish(&test);
	report(&test, n_rounds, begin_ns);
	stage_close(&test.stage);
	return EXIT_SUCCESS;
}
