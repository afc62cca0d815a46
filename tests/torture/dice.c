/* SPDX-License-Identifier: MIT */

#include "tests/torture/dice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t dice_draw(struct dice *dice)
{
	/* SplitMix64: any state is a good one. */
	uint64_t z = dice->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

struct dice dice_new(uint64_t seed, uint64_t stream)
{
	struct dice dice = { seed };

	dice.state = dice_draw(&dice) ^ stream * 0xd1342543de82ef95u;
	return dice;
}

void dice_fill(struct dice *dice, void *bytes, size_t n)
{
	uint8_t *at = bytes;

	for (; n >= 8; n -= 8, at += 8) {
		uint64_t word = dice_draw(dice);

		memcpy(at, &word, 8);
	}
	for (; n; n--)
		*at++ = (uint8_t)dice_draw(dice);
}

uint64_t dice_seed(const char *test)
{
	const char *text = getenv("HELIO_SEED");
	struct timespec now;
	uint64_t seed;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = text ? strtoull(text, NULL, 0)
		    : ((uint64_t)now.tv_nsec << 20 ^ (uint64_t)getpid() << 40 ^
		       (uint64_t)now.tv_sec) &
			       0xffffffffffu;
	printf("%s: HELIO_SEED=%llu\n", test, (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

unsigned dice_environment(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);

	return text && *text ? (unsigned)strtoul(text, NULL, 0) : otherwise;
}
