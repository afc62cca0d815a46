/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_DICE_H
#define TESTS_TORTURE_DICE_H

/**
 * Chance that can be had again: everything that is random in these tests is
 * drawn from one seed, which a failing test prints and HELIO_SEED sets.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

/** HELIO_SEED, or one that differs from run to run. Prints it. */
uint64_t dice_seed(const char *test);

/** A number from the environment, or `otherwise`: HELIO_ROUNDS and its like. */
unsigned dice_environment(const char *name, unsigned otherwise);

/** `stream` tells apart what is drawn independently from the same seed. */
struct dice dice_new(uint64_t seed, uint64_t stream);

uint64_t dice_draw(struct dice *dice);

/** Below `n`, which is not 0. */
static inline uint64_t dice_below(struct dice *dice, uint64_t n)
{
	return dice_draw(dice) % n;
}

static inline uint64_t dice_between(struct dice *dice, uint64_t low,
				    uint64_t high)
{
	return low + dice_below(dice, high - low + 1);
}

static inline bool dice_is(struct dice *dice, unsigned percent)
{
	return dice_below(dice, 100) < percent;
}

void dice_fill(struct dice *dice, void *bytes, size_t n);

#endif
