/* SPDX-License-Identifier: MIT */

/*
 * The disk fails in the middle of a store's work, at every call. Who writes is
 * told soon, and what he is told is so; reads go on; and when the disk is well
 * the store takes writes again. That is held against an account of what was
 * told: while the store goes on, after it was opened again, and after power
 * cuts amid the faults and at the end.
 *
 * HELIO_STEPS is how long it works; of HELIO_ROUNDS and HELIO_CASE see
 * fault_cases.h, of HELIO_BREAK test_power_cut.c.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/diag.h"
#include "tests/torture/complaint.h"
#include "tests/torture/disk/fault_cases.h"
#include "tests/torture/disk/model.h"
#include "tests/torture/disk/place.h"
#include "tests/torture/store/customer.h"
#include "tests/torture/store/setting.h"

enum {
	STEPS_BEFORE = 8,
	STEPS = 30,
	STEPS_AFTER = 4,
	/* So small that the backend does not prepare a large log each time. */
	DISK_BYTES = 128 << 20,
};

struct test {
	uint64_t seed;
	unsigned n_steps;
	char root[256], image[256];
	struct world world;
	struct helio *bus;
	struct hosted store;
	struct account account;
	struct customer customer;
	uint64_t n_calls[N_FAULTS]; /* of a work without faults */
	unsigned n_cases, n_hit, n_told;
	uint64_t n_unknown;
};

/* What is known, and how far the tape was then. */
struct moment {
	struct account account;
	size_t cut;
};

static void work(struct test *test, unsigned n_steps)
{
	for (unsigned i = 0; i < n_steps; i++)
		customer_step(&test->customer);
}

static void begin_work(struct test *test, struct tape *tape)
{
	struct customer *customer = &test->customer;

	place_empty(test->root);
	tape_begin(tape, test->root);
	test->account = (struct account){ .n_jobs = 0 };
	customer->account = &test->account;
	customer->dice = dice_new(test->seed, 0);
	customer->n_failed = 0;
	hosted_open(&test->store, &test->world, test->root, test->bus);
	customer_found(customer);
	work(test, STEPS_BEFORE);
}

static void count_calls(struct test *test)
{
	uint64_t before[N_FAULTS];
	struct tape tape;

	begin_work(test, &tape);
	for (int i = 0; i < N_FAULTS; i++)
		before[i] = tape_fault_calls((enum tape_fault)i);
	work(test, test->n_steps);
	for (int i = 0; i < N_FAULTS; i++)
		test->n_calls[i] =
			tape_fault_calls((enum tape_fault)i) - before[i];
	hosted_close(&test->store);
	tape_stop();
	tape_deinit(&tape);
}

static struct moment now(const struct test *test)
{
	return (struct moment){ test->account, tape_position() };
}

/* The store in this folder is as that account has it. */
static void check(struct test *test, const char *folder,
		  const struct account *account)
{
	test->account = *account;
	hosted_open(&test->store, &test->world, folder, test->bus);
	customer_check(&test->customer);
	hosted_close(&test->store);
}

static void cut_power(struct test *test, const struct tape *tape,
		      const struct moment *moments, unsigned n)
{
	struct dice dice = dice_new(test->seed, 1);
	struct model *model = model_new(tape, NULL, dice_draw(&dice));

	for (unsigned i = 0; i < n; i++) {
		place_empty(test->image);
		model_play(model, moments[i].cut);
		model_draw(model, &dice, test->image);
		check(test, test->image, &moments[i].account);
	}
	model_free(model);
}

static void run_case(const struct fault_kind *kind, uint64_t k, void *userdata)
{
	static struct moment moments[2];
	struct test *test = userdata;
	struct dice dice = dice_new(test->seed, 2 + k);
	struct tape tape;
	bool is_hit;

	complaint_case("store faults, HELIO_SEED=%llu: %s number %llu",
		       (unsigned long long)test->seed, kind->name,
		       (unsigned long long)k);
	begin_work(test, &tape);
	if (dice_is(&dice, 50))
		hosted_drop_care(&test->store);
	test->customer.is_faulty = true;
	test->customer.is_full = fault_is_full(kind);
	tape_fault_arm(kind->fault, k, kind->error, kind->is_lasting);
	work(test, test->n_steps);
	is_hit = tape_fault_hits() > 0;
	moments[0] = now(test);
	tape_fault_disarm();
	customer_recover(&test->customer);
	customer_check(&test->customer);
	work(test, STEPS_AFTER);
	customer_check(&test->customer);
	moments[1] = now(test);
	hosted_close(&test->store);
	tape_stop();
	check(test, test->root, &moments[1].account);
	if (is_hit)
		cut_power(test, &tape, moments, 2);
	test->n_cases++;
	test->n_hit += is_hit;
	test->n_told += test->customer.n_failed > 0;
	test->n_unknown += moments[0].account.n_of_fate[FATE_UNKNOWN];
	tape_deinit(&tape);
}

static void make_folder(const struct world *world, const char *name,
			char ret_path[256])
{
	snprintf(ret_path, 256, "%s/%s", world->logs, name);
	if (mkdir(ret_path, 0700) < 0)
		complain("%s: %s", ret_path, strerror(errno));
}

static void open_test(struct test *test)
{
	diag_init("helio-store", DIAG_ERROR);
	world_open(&test->world, false, DISK_BYTES);
	make_folder(&test->world, "root", test->root);
	make_folder(&test->world, "image", test->image);
	test->bus = setting_connect(&test->world, "voice0");
	customer_init(&test->customer, test->bus, &test->world);
	test->customer.store = &test->store;
}

static void close_test(struct test *test)
{
	customer_deinit(&test->customer);
	helio_close(test->bus);
	world_close(&test->world);
}

int main(void)
{
	static struct test test;
	const char *broken = getenv("HELIO_BREAK");
	uint64_t n_all;

	test.seed = dice_seed("store faults");
	test.n_steps = dice_environment("HELIO_STEPS", STEPS);
	complaint_case("store faults, HELIO_SEED=%llu: none yet",
		       (unsigned long long)test.seed);
	if (broken && !strcmp(broken, "sync"))
		tape_forget_syncs();
	open_test(&test);
	count_calls(&test);
	n_all = fault_cases_run(test.seed, test.n_calls, run_case, &test);
	printf("%u of %llu cases, %u with a fault, %u of them told, %llu "
	       "writes unknown, an answer took %.0f ms at most\n",
	       test.n_cases, (unsigned long long)n_all, test.n_hit, test.n_told,
	       (unsigned long long)test.n_unknown,
	       (double)test.customer.longest_ns / 1e6);
	close_test(&test);
	return EXIT_SUCCESS;
}
