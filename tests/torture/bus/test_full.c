/* SPDX-License-Identifier: MIT */

/*
 * The logger's disk is full, again and again, with any little rest of room,
 * while publishers and readers go on: who publishes is told so at once, who
 * reads notices nothing, and with room all is well again by itself.
 *
 * HELIO_ROUNDS says how often, HELIO_SEED where to begin.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "tests/torture/bus/stage.h"
#include "tests/torture/complaint.h"

enum {
	ROUNDS = 30,
	KILL_EVERY = 10,
	DISK_BYTES = 64 << 20,
	LOG_BYTES_MAX = 24 << 20, /* so segments of 2.6 MiB */
	TOLD = 60,                /* so many refusals in each round */
	PATIENCE_MS = 15000,
	TAIL = 500, /* records that are read again while it is full */
};

struct test {
	struct stage stage;
	struct dice dice;
	unsigned round;
	bool was_killed;
	uint64_t n_unknown; /* that the logger's deaths left */
};

static uint64_t n_full(const struct stage *stage)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < WORLD_VOICES; i++)
		n += stage->voices[i].n_full;
	return n;
}

static uint64_t n_unknown(const struct stage *stage)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < WORLD_VOICES; i++)
		n += stage->voices[i].n_unknown;
	return n;
}

/* Nobody was told anything but that: the logger lives, and knows. */
static void check_life(const struct test *test)
{
	if (waitpid(test->stage.world.logger, NULL, WNOHANG))
		complain("the logger has ended");
	if (n_unknown(&test->stage) != test->n_unknown)
		complain("%llu times it was not known whether it is stored",
			 (unsigned long long)(n_unknown(&test->stage) -
					      test->n_unknown));
}

/* Mostly next to nothing: that a page more or less fits. */
static uint64_t draw_rest(struct dice *dice)
{
	switch (dice_below(dice, 4)) {
	case 0:
		return 0;
	case 1:
		return dice_below(dice, 32) * 4096;
	case 2:
		return dice_below(dice, 256) * 4096;
	default:
		return dice_below(dice, 2048) * 4096;
	}
}

static void fill(struct test *test)
{
	struct stage *stage = &test->stage;
	uint64_t n_end = n_full(stage) + TOLD;
	uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
	uint64_t n_left = draw_rest(&test->dice);

	while (n_full(stage) < n_end) {
		if (clock_now_ns() > end_ns)
			complain("nobody is told that the disk is full");
		/* What is old is removed, which makes some room. */
		small_disk_fill(&stage->world.disk, n_left);
		stage_turn(stage, dice_below(&test->dice, 2000));
	}
}

/* What is waited for blocks, so that nobody publishes meanwhile. */
static void read_again(struct test *test)
{
	struct stage *stage = &test->stage;
	struct ear *ear = &stage->ear;
	uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;

	stage->is_silent = true;
	while (stage_is_waiting(stage)) {
		if (clock_now_ns() > end_ns)
			complain("a publisher is told nothing");
		stage_turn(stage, 1000);
	}
	stage_check(stage);
	ear_read_again(ear, ear->next <= TAIL ? 1 : ear->next - TAIL);
	stage->is_silent = false;
}

/* It may need room to open its log: then it waits for that. */
static void kill_full(struct test *test)
{
	struct stage *stage = &test->stage;

	stage_kill(stage, SIGKILL);
	stage_await_ready(stage);
	stage_play(stage, 50000);
	test->was_killed = true;
}

static void await_stored(struct test *test, uint64_t n_more)
{
	struct stage *stage = &test->stage;
	uint64_t n_end = stage_n_stored(stage) + n_more;
	uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;

	while (stage_n_stored(stage) < n_end) {
		if (clock_now_ns() > end_ns)
			complain("with room nothing is stored");
		stage_turn(stage, dice_below(&test->dice, 1000));
	}
}

static void make_room(struct test *test)
{
	small_disk_make_room(&test->stage.world.disk);
	await_stored(test, 1);
	/* Its log may have been away until just now. */
	if (test->was_killed)
		test->n_unknown = n_unknown(&test->stage);
	test->was_killed = false;
	await_stored(test, dice_below(&test->dice, 3000));
}

static void report(const struct test *test, uint64_t begin_ns)
{
	const struct stage *stage = &test->stage;
	uint64_t slowest_ns = 0, n_late = 0;

	for (unsigned i = 0; i < WORLD_VOICES; i++) {
		const struct voice *voice = &stage->voices[i];

		n_late += voice->n_late;
		if (voice->slowest_ns > slowest_ns)
			slowest_ns = voice->slowest_ns;
	}
	printf("%u times full, %llu records, %llu acknowledged, %llu gaps, "
	       "%llu refused, %llu of them late, the slowest %.1f ms; %.1f s\n",
	       test->round, (unsigned long long)stage->ear.next - 1,
	       (unsigned long long)stage_n_stored(stage),
	       (unsigned long long)stage->ear.n_gaps,
	       (unsigned long long)n_full(stage), (unsigned long long)n_late,
	       (double)slowest_ns / 1e6,
	       (double)(clock_now_ns() - begin_ns) / 1e9);
}

static void play(struct test *test, unsigned n_rounds, uint64_t seed)
{
	for (unsigned i = 1; i <= n_rounds; i++) {
		complaint_case("full, HELIO_SEED=%llu: round %u",
			       (unsigned long long)seed, i);
		fill(test);
		read_again(test);
		check_life(test);
		if (i % KILL_EVERY == 0)
			kill_full(test);
		make_room(test);
		check_life(test);
		read_again(test);
		test->round = i;
	}
	test->stage.is_silent = true;
	stage_kill(&test->stage, SIGTERM);
	stage_await_ready(&test->stage);
	stage_check(&test->stage);
	ear_verify(&test->stage.world, test->stage.ear.log);
}

int main(void)
{
	static struct test test;
	uint64_t begin_ns = clock_now_ns();
	struct stage_options options = {
		.seed = dice_seed("full"),
		.n_disk_bytes = DISK_BYTES,
		.limits.bytes_max = LOG_BYTES_MAX,
	};

	complaint_case("full, HELIO_SEED=%llu: beginning",
		       (unsigned long long)options.seed);
	test.dice = dice_new(options.seed, 9);
	stage_open(&test.stage, &options);
	stage_time(&test.stage);
	play(&test, dice_environment("HELIO_ROUNDS", ROUNDS), options.seed);
	report(&test, begin_ns);
	stage_close(&test.stage);
	return EXIT_SUCCESS;
}
