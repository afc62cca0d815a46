/* SPDX-License-Identifier: MIT */

/*
 * Buckets against a plain model of them: a list of all that was ever written.
 * Requests are judged, applied, committed and taken back; time passes; images
 * are made piece by piece while that goes on, and read back. HELIO_SEED gives
 * it another course, HELIO_ROUNDS more steps.
 */

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/storage/state/bucket_game.h"

enum { N_ROUNDS = 12000, N_THOROUGH = 1500 };

static uint64_t seed_of(void)
{
	const char *text = getenv("HELIO_SEED");

	return text ? strtoull(text, NULL, 0) : 20;
}

static unsigned rounds_of(void)
{
	const char *text = getenv("HELIO_ROUNDS");

	return text ? (unsigned)strtoul(text, NULL, 0) : N_ROUNDS;
}

static void do_something(void)
{
	static const struct {
		unsigned weight;
		void (*act)(void);
	} acts[] = {
		{ 36, game_put },         { 14, game_delete },
		{ 16, game_transaction }, { 3, game_send },
		{ 5, game_create },       { 3, game_change },
		{ 2, game_drop },         { 8, game_time },
		{ 12, game_commit },      { 2, game_revert },
		{ 5, game_image },        { 6, game_load },
	};
	unsigned at = draw(112);
	size_t i = 0;

	while (at >= acts[i].weight)
		at -= acts[i++].weight;
	acts[i].act();
}

static void is_what_the_model_says_whatever_comes(void **state)
{
	unsigned n_rounds = rounds_of();

	print_message("HELIO_SEED=%" PRIu64 "\n", seed_of());
	game_set_up(seed_of());
	for (unsigned i = 0; i < n_rounds; i++)
		do_something();
	print_message("%" PRIu64 " steps, %u refused, %u loads, %u watches "
		      "that lost their place\n",
		      game.state->revision, game.n_refused, game.n_loads,
		      game.n_lost);
	assert_true(game.n_loads > 10 && game.n_refused > 100 &&
		    game.n_lost > 0);
	game_tear_down();
}

static void does_nothing_without_memory(void **state)
{
	game_set_up(seed_of() + 1);
	game.is_thorough = true;
	for (unsigned i = 0; i < N_THOROUGH; i++)
		do_something();
	game_tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_what_the_model_says_whatever_comes),
		cmocka_unit_test(does_nothing_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
