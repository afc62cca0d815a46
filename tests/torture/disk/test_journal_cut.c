/* SPDX-License-Identifier: MIT */

/*
 * The power is cut while a store works: it comes back as it was after some
 * batch, and after no earlier one than the last that was acknowledged.
 * HELIO_ROUNDS, HELIO_SEED and HELIO_BREAK as in test_power_cut.c.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/complaint.h"
#include "tests/torture/disk/model.h"
#include "tests/torture/disk/place.h"
#include "tests/torture/disk/store_life.h"
#include "tests/torture/disk/tape.h"

enum {
	IMAGES = 500,
	IMAGES_PER_TAPE = 50,
	STEPS = 120,
};

struct test {
	uint64_t seed;
	struct dice dice;
	char root[256], image[256], path[300];
	struct store_life life;
	unsigned n_snapshots;
};

/* Of the commits at the cut: so many are there, and one more may be. */
static size_t count_done(const struct store_life *life, size_t cut)
{
	size_t n = 0;

	while (n < life->n_commits && life->commits[n].done <= cut)
		n++;
	return n;
}

static void judge(struct test *test, size_t cut)
{
	const struct store_life *life = &test->life;
	size_t n = count_done(life, cut);
	char *dump, *why;
	int r;

	dump = store_life_read(test->path, &r, &why);
	if (!dump)
		complain("opening: %s: %s", strerror(-r), why ? why : "?");
	if (n && strcmp(dump, life->commits[n - 1].dump) != 0 &&
	    (n == life->n_commits || strcmp(dump, life->commits[n].dump) != 0))
		store_life_differ("it is not as it was", dump,
				  life->commits[n - 1].dump);
	free(dump);
}

static void run_tape(struct test *test, unsigned number)
{
	size_t cuts[IMAGES_PER_TAPE];
	struct model *model;
	struct tape tape;

	test->dice = dice_new(test->seed, 2 * number);
	place_empty(test->root);
	tape_begin(&tape, test->root);
	store_life_init(&test->life, test->root, test->seed, 2 * number + 1,
			tape_position);
	test->life.large_percent = 10;
	for (unsigned i = 0; i < STEPS; i++)
		store_life_step(&test->life);
	store_life_close(&test->life);
	tape_stop();
	test->n_snapshots += test->life.n_snapshots;
	model = model_new(&tape, NULL, dice_draw(&test->dice));
	for (unsigned i = 0; i < IMAGES_PER_TAPE; i++)
		cuts[i] = dice_below(&test->dice, tape.n + 1);
	place_sort(cuts, IMAGES_PER_TAPE);
	for (unsigned i = 0; i < IMAGES_PER_TAPE; i++) {
		complaint_case(
			"journal cut, HELIO_SEED=%llu: tape %u, step %zu",
			(unsigned long long)test->seed, number, cuts[i]);
		place_empty(test->image);
		model_play(model, cuts[i]);
		model_draw(model, &test->dice, test->image);
		judge(test, cuts[i]);
	}
	model_free(model);
	tape_deinit(&tape);
	store_life_deinit(&test->life);
}

int main(void)
{
	static struct test test;
	unsigned n_images = dice_environment("HELIO_ROUNDS", IMAGES);
	const char *broken = getenv("HELIO_BREAK");
	struct place place;

	test.seed = dice_seed("journal cut");
	complaint_case("journal cut, HELIO_SEED=%llu",
		       (unsigned long long)test.seed);
	place_init(&place);
	place_make(&place, "root", test.root, sizeof(test.root));
	place_make(&place, "image", test.image, sizeof(test.image));
	snprintf(test.path, sizeof(test.path), "%s/store.db", test.image);
	if (broken && !strcmp(broken, "sync"))
		tape_forget_syncs();
	for (unsigned i = 0; i * IMAGES_PER_TAPE < n_images; i++)
		run_tape(&test, i);
	printf("%u images, %u snapshots\n", n_images, test.n_snapshots);
	place_deinit(&place);
	return EXIT_SUCCESS;
}
