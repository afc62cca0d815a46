/* SPDX-License-Identifier: MIT */

/*
 * The disk fails in the middle of a log's work: the k-th write, sync, open,
 * change of a name or read, for every k, once and from then on, with EIO and
 * with ENOSPC. What was acknowledged before, and between, is there afterwards;
 * also when the power is cut then.
 *
 * Where there is no room, that is all that is ever said, and the log goes on as
 * it is.
 *
 * HELIO_STEPS is how long it works; HELIO_ROUNDS the number of cases at most:
 * fewer than there are skip some k. HELIO_CASE is one case, in the words of the
 * complaint: "EIO of a sync number 17".
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/backend/backend.h"
#include "tests/torture/complaint.h"
#include "tests/torture/disk/judge.h"
#include "tests/torture/disk/model.h"
#include "tests/torture/disk/place.h"
#include "tests/torture/disk/tape.h"
#include "tests/torture/disk/workload.h"

enum {
	CASES = 4000,
	STEPS_BEFORE = 12,
	STEPS = 40,
	STEPS_AFTER = 10,
	IMAGES = 2, /* after each case in which a sync failed */
};

struct fault_kind {
	const char *name;
	enum tape_fault fault;
	int error;
	bool is_lasting;
};

static const struct fault_kind KINDS[] = {
	{ "EIO of a write", FAULT_WRITE, EIO, false },
	{ "EIO of all writes", FAULT_WRITE, EIO, true },
	{ "ENOSPC of a write", FAULT_WRITE, ENOSPC, false },
	{ "ENOSPC of all writes", FAULT_WRITE, ENOSPC, true },
	{ "EIO of a sync", FAULT_SYNC, EIO, false },
	{ "EIO of all syncs", FAULT_SYNC, EIO, true },
	{ "ENOSPC of a sync", FAULT_SYNC, ENOSPC, false },
	{ "EIO of an open", FAULT_OPEN, EIO, false },
	{ "EIO of all opens", FAULT_OPEN, EIO, true },
	{ "ENOSPC of all opens", FAULT_OPEN, ENOSPC, true },
	{ "EMFILE of an open", FAULT_OPEN, EMFILE, false },
	{ "EIO of a name", FAULT_NAME, EIO, false },
	{ "EIO of all names", FAULT_NAME, EIO, true },
	{ "ENOSPC of a name", FAULT_NAME, ENOSPC, false },
	{ "EIO of a read", FAULT_READ, EIO, false },
	{ "EIO of all reads", FAULT_READ, EIO, true },
};

enum { N_KINDS = sizeof(KINDS) / sizeof(KINDS[0]) };

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

/* Whether another one was asked for. */
static bool is_passed_over(const struct fault_kind *kind, uint64_t k)
{
	const char *only = getenv("HELIO_CASE");
	char name[64];

	snprintf(name, sizeof(name), "%s number %llu", kind->name,
		 (unsigned long long)k);
	return only && strcmp(only, name) != 0;
}

static void run_case(struct test *test, const struct fault_kind *kind,
		     uint64_t k)
{
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
	work.is_full = kind->error == ENOSPC && kind->fault != FAULT_SYNC;
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
	uint64_t n_max = dice_environment("HELIO_ROUNDS", CASES);
	uint64_t n_all = 0, stride;
	struct place place;

	place_init(&place);
	place_make(&place, "root", test.root, sizeof(test.root));
	place_make(&place, "image", test.image, sizeof(test.image));
	complaint_case("faults, HELIO_SEED=%llu: none yet",
		       (unsigned long long)test.seed);
	count_calls(&test);
	for (unsigned i = 0; i < N_KINDS; i++)
		n_all += test.n_calls[KINDS[i].fault];
	stride = n_all / n_max + 1;
	for (unsigned i = 0; i < N_KINDS; i++)
		for (uint64_t k = (test.seed + i) % stride;
		     k < test.n_calls[KINDS[i].fault]; k += stride)
			if (!is_passed_over(&KINDS[i], k))
				run_case(&test, &KINDS[i], k);
	printf("%u of %llu cases, %u with a fault, %u of them told\n",
	       test.n_cases, (unsigned long long)n_all, test.n_hit,
	       test.n_told);
	place_deinit(&place);
	return EXIT_SUCCESS;
}
