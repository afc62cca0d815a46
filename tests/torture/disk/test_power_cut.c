/* SPDX-License-Identifier: MIT */

/*
 * The power is cut while a log works, at any moment: what was acknowledged is
 * there afterwards, and nothing else is. HELIO_ROUNDS is the number of images,
 * HELIO_SEED where to begin; HELIO_BREAK=sync forgets all syncs, to see it
 * fail.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/backend/backend.h"
#include "tests/torture/disk/judge.h"
#include "tests/torture/disk/model.h"
#include "tests/torture/disk/place.h"
#include "tests/torture/disk/tape.h"
#include "tests/torture/disk/workload.h"

enum {
	IMAGES = 2000,
	IMAGES_PER_TAPE = 100,
	STEPS = 100,
	AGAIN_STEPS = 4, /* after an image was opened, or a kill */
	AGAIN_IMAGES = 3,
};

struct test {
	uint64_t seed;
	unsigned n_images;
	unsigned n_done;
	unsigned tape_number;
	char root[256];  /* where the log works */
	char image[256]; /* where images are looked at */
};

static void log_in(const char *folder, char ret_path[300])
{
	snprintf(ret_path, 300, "%s/log", folder);
}

static void judge_cut(struct test *test, const struct oracle *oracle,
		      struct model *model, size_t cut, struct dice *dice)
{
	struct judge_bounds bounds;
	char path[300];

	log_in(test->image, path);
	place_empty(test->image);
	model_play(model, cut);
	model_draw(model, dice, test->image);
	judge_bounds_at(oracle, cut, &bounds);
	judge_image(backend_sqlite(), path, oracle, &bounds, dice);
	test->n_done++;
}

/* Images of what has been done since step `from` of a tape. */
static void judge_some(struct test *test, const struct oracle *oracle,
		       struct model *model, const struct tape *tape,
		       size_t from, struct dice *dice)
{
	size_t cuts[AGAIN_IMAGES];

	for (unsigned i = 0; i < AGAIN_IMAGES; i++)
		cuts[i] = dice_between(dice, from, tape->n);
	place_sort(cuts, AGAIN_IMAGES);
	for (unsigned i = 0; i < AGAIN_IMAGES; i++)
		judge_cut(test, oracle, model, cuts[i], dice);
}

/*
 * The process is killed, which loses nothing that the kernel has; the log is
 * opened, and says what is stored; and only then the power is cut.
 */
static void kill_then_cut(struct test *test, const struct workload *work,
			  const struct tape *tape, size_t cut,
			  struct dice *dice)
{
	struct workload after;
	struct tape longer;
	struct model *model;
	char path[300];

	log_in(test->root, path);
	place_empty(test->root);
	model = model_new(tape, NULL, test->seed);
	model_draw_kernel(model, cut, test->root);
	model_free(model);
	tape_begin_after(&longer, tape, cut, test->root);
	workload_init_after(&after, work, cut, path, dice_draw(dice));
	for (unsigned i = 0; i < AGAIN_STEPS; i++)
		workload_step(&after);
	workload_close(&after);
	tape_stop();
	model = model_new(&longer, NULL, dice_draw(dice));
	judge_some(test, &after.oracle, model, &longer, cut, dice);
	model_free(model);
	workload_deinit(&after);
	tape_deinit(&longer);
}

/* The power is cut, and again while or after the log has recovered. */
static void cut_again(struct test *test, const struct workload *work,
		      const struct tape *tape, size_t cut, struct dice *dice)
{
	struct model *model = model_new(tape, NULL, test->seed);
	struct workload after;
	struct tape next;
	char path[300];

	log_in(test->root, path);
	place_empty(test->root);
	model_play(model, cut);
	model_draw(model, dice, test->root);
	model_free(model);
	tape_begin(&next, test->root);
	model = model_new(&next, test->root, dice_draw(dice));
	workload_init_after(&after, work, cut, path, dice_draw(dice));
	/* Its events were on the other tape: they happened before this one. */
	oracle_rebase(&after.oracle);
	for (unsigned i = 0; i < AGAIN_STEPS; i++)
		workload_step(&after);
	workload_close(&after);
	tape_stop();
	judge_some(test, &after.oracle, model, &next, 1, dice);
	model_free(model);
	workload_deinit(&after);
	tape_deinit(&next);
}

static void name_case(const struct test *test, size_t cut, const char *what)
{
	complaint_case("power cut, HELIO_SEED=%llu: tape %u, step %zu%s",
		       (unsigned long long)test->seed, test->tape_number, cut,
		       what);
}

static void judge_tape(struct test *test, const struct workload *work,
		       const struct tape *tape, struct dice *dice)
{
	struct model *model = model_new(tape, NULL, dice_draw(dice));
	size_t cuts[IMAGES_PER_TAPE];
	size_t created = work->oracle.creation.end;

	for (unsigned i = 0; i < IMAGES_PER_TAPE; i++)
		cuts[i] = dice_below(dice, tape->n + 1);
	place_sort(cuts, IMAGES_PER_TAPE);
	for (unsigned i = 0;
	     i < IMAGES_PER_TAPE && test->n_done < test->n_images; i++) {
		if (i % 16 == 5 && cuts[i] >= created) {
			name_case(test, cuts[i], ", killed before");
			kill_then_cut(test, work, tape, cuts[i], dice);
		} else if (i % 16 == 13 && cuts[i] >= created) {
			name_case(test, cuts[i], ", and again");
			cut_again(test, work, tape, cuts[i], dice);
		} else {
			name_case(test, cuts[i], "");
			judge_cut(test, &work->oracle, model, cuts[i], dice);
		}
	}
	model_free(model);
}

static void run_tape(struct test *test)
{
	struct dice dice = dice_new(test->seed, 100 + test->tape_number);
	struct workload work;
	struct tape tape;
	char path[300];

	complaint_case("power cut, HELIO_SEED=%llu: tape %u",
		       (unsigned long long)test->seed, test->tape_number);
	log_in(test->root, path);
	place_empty(test->root);
	tape_begin(&tape, test->root);
	workload_init(&work, path, dice_draw(&dice));
	for (unsigned i = 0; i < STEPS; i++)
		workload_step(&work);
	workload_close(&work);
	tape_stop();
	judge_tape(test, &work, &tape, &dice);
	workload_deinit(&work);
	tape_deinit(&tape);
}

int main(void)
{
	struct test test = { .seed = dice_seed("power cut") };
	struct place place;
	const char *broken = getenv("HELIO_BREAK");

	test.n_images = dice_environment("HELIO_ROUNDS", IMAGES);
	place_init(&place);
	place_make(&place, "root", test.root, sizeof(test.root));
	place_make(&place, "image", test.image, sizeof(test.image));
	if (broken && !strcmp(broken, "sync"))
		tape_forget_syncs();
	for (; test.n_done < test.n_images; test.tape_number++)
		run_tape(&test);
	printf("%u images of %u tapes\n", test.n_done, test.tape_number);
	place_deinit(&place);
	return EXIT_SUCCESS;
}
