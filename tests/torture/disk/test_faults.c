/* SPDX-License-Identifier: MIT */

/*
 * The disk fails in the middle of a log's work, at every call. What was
 * acknowledged before, and between, is there afterwards; also when the power is
 * cut then.
 *
 * Where there is no room, that is all that is ever said, and the log goes on as
 * it is.
 *
 * HELIO_STEPS is how long it works; of HELIO_ROUNDS and HELIO_CASE see
 * fault_cases.h.
 */

#include <stdio.h>
#include <stdlib.h>

#include "storage/backend/backend.h"
#include "tests/torture/complaint.h"
#include "tests/torture/disk/fault_cases.h"
#include "tests/torture/disk/judge.h"
#include "tests/torture/disk/model.h"
#include "tests/torture/disk/place.h"
#include "tests/torture/disk/tape.h"
#include "tests/torture/disk/workload.h"

enum {
	STEPS_BEFORE = 12,
	STEPS = 40,
	STEPS_AFTER = 10,
	IMAGES = 2, /* after each case in which a sync failed */
};

struct test {
	uint64_t seed;
	unsigned n_steps;
	char root[256];
	char image[256];
	uint64_t n_calls[N_FAULTS]; /* of a workload without faults */
	unsigned n_cases, n_hit, n_told;
};

static void begin_work(struct test *test, struct workload *work,
		       struct tape *tape)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/log", test->root);
	place_empty(test->root);
	tape_begin(tape, test->root);
	workload_init(work, path, test->seed);
	work->limits.segment_bytes_max = 24 << 10;
	log_set_limits(work->log, &work->limits);
	work->record_max = 6;
	for (unsigned i = 0; i < STEPS_BEFORE; i++)
		workload_step(work);
}

/* How many calls there are that could fail. */
static void count_calls(struct test *test)
{
	uint64_t before[N_FAULTS];
	struct workload work;
	struct tape tape;

	begin_work(test, &work, &tape);
	for (int i = 0; i < N_FAULTS; i++)
		before[i] = tape_fault_calls((enum tape_fault)i);
	for (unsigned i = 0; i < test->n_steps; i++)
		workload_step(&work);
	for (int i = 0; i < N_FAULTS; i++)
		test->n_calls[i] =
			tape_fault_calls((enum tape_fault)i) - before[i];
	workload_close(&work);
	tape_stop();
	workload_deinit(&work);
	tape_deinit(&tape);
}

static void cut_power(struct test *test, const struct workload *work,
		      const struct tape *tape, size_t end, struct dice *dice)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/log", test->image);
	for (unsigned i = 0; i < IMAGES; i++) {
		struct model *model = model_new(tape, NULL, dice_draw(dice));
		struct judge_bounds bounds;

		place_empty(test->image);
		model_play(model, end);
		model_draw(model, dice, test->image);
		judge_bounds_at(&work->oracle, end, &bounds);
		judge_image(backend_sqlite(), path, &work->oracle, &bounds,
			    dice);
		model_free(model);
	}
}

/* The log has to work again, with all that it acknowledged. */
static void end_work(struct workload *work)
{
	tape_fault_disarm();
	work->is_faulty = work->is_full = false;
	workload_recover(work);
	for (unsigned i = 0; i < STEPS_AFTER; i++)
		workload_step(work);
	workload_recover(work);
	workload_check(work);
}

static void run_case(const struct fault_kind *kind, uint64_t k, void *userdata)
{
	struct test *test = userdata;
	struct dice dice = dice_new(test->seed, k);
	struct workload work;
	struct tape tape;
	bool is_hit;
	size_t end;

	complaint_case("faults, HELIO_SEED=%llu: %s number %llu",
		       (unsigned long long)test->seed, kind->name,
		       (unsigned long long)k);
	begin_work(test, &work, &tape);
	work.is_faulty = true;
	work.is_full = fault_is_full(kind);
	tape_fault_arm(kind->fault, k, kind->error, kind->is_lasting);
	for (unsigned i = 0; i < test->n_steps; i++)
		workload_step(&work);
	is_hit = tape_fault_hits() > 0;
	end_work(&work);
	end = tape_position();
	workload_close(&work);
	tape_stop();
	/* Before it was closed, which syncs what a bad log forgot. */
	if (is_hit)
		cut_power(test, &work, &tape, end, &dice);
	test->n_cases++;
	test->n_hit += is_hit;
	test->n_told += work.n_errors > 0;
	workload_deinit(&work);
	tape_deinit(&tape);
}

int main(void)
{
	struct test test = {
		.seed = dice_seed("faults"),
		.n_steps = dice_environment("HELIO_STEPS", STEPS),
	};
	struct place place;
	uint64_t n_all;

	place_init(&place);
	place_make(&place, "root", test.root, sizeof(test.root));
	place_make(&place, "image", test.image, sizeof(test.image));
	complaint_case("faults, HELIO_SEED=%llu: none yet",
		       (unsigned long long)test.seed);
	count_calls(&test);
	n_all = fault_cases_run(test.seed, test.n_calls, run_case, &test);
	printf("%u of %llu cases, %u with a fault, %u of them told\n",
	       test.n_cases, (unsigned long long)n_all, test.n_hit,
	       test.n_told);
	place_deinit(&place);
	return EXIT_SUCCESS;
}
