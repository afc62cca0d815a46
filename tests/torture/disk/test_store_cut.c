/* SPDX-License-Identifier: MIT */

/*
 * The power is cut while a file of tables is written, with nothing of logs in
 * between: what was committed is there, and of a commit on the way all or
 * nothing. HELIO_ROUNDS, HELIO_SEED and HELIO_BREAK as in test_power_cut.c.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/backend/backend.h"
#include "tests/torture/complaint.h"
#include "tests/torture/disk/model.h"
#include "tests/torture/disk/place.h"
#include "tests/torture/disk/tape.h"

enum {
	IMAGES = 1000,
	IMAGES_PER_TAPE = 50,
	COMMITS = 60,
	VALUE_MAX = 20000,
	NUMBERS = 0,
	NAMES = 1,
};

static const struct store_layout LAYOUT = {
	.application = "HLtt",
	.version = 1,
	.n_tables = 2,
	.tables = { [NUMBERS] = { "numbers", STORE_NUMBERED },
		    [NAMES] = { "names", STORE_KEYED } },
};

static const struct store_key LAST = { .bytes = "last", .n_bytes = 4 };

struct test {
	uint64_t seed;
	struct dice dice;
	char root[256], image[256];
	size_t created;        /* on the tape */
	size_t begun[COMMITS]; /* the commits, which are numbered from 1 */
	size_t done[COMMITS];
	unsigned n_commits;
};

static void path_in(const char *folder, char ret_path[300])
{
	snprintf(ret_path, 300, "%s/file.seg", folder);
}

static size_t make_value(const struct test *test, uint64_t number,
			 uint8_t value[VALUE_MAX])
{
	struct dice dice = dice_new(test->seed, number);
	size_t n = (size_t)dice_below(&dice, VALUE_MAX);

	if (dice_is(&dice, 70))
		n %= 500;
	dice_fill(&dice, value, n);
	return n;
}

static void must(int r, const char *what)
{
	if (r < 0)
		complain("%s: %s", what, strerror(-r));
}

static struct store *open_file(const struct test *test, unsigned flags)
{
	struct store *store;
	char path[300];

	path_in(test->root, path);
	must(store_open(backend_sqlite(), path, &LAYOUT, flags, &store),
	     "opening");
	return store;
}

static void commit(struct test *test, struct store *store)
{
	static uint8_t value[VALUE_MAX];
	uint64_t number = test->n_commits + 1;
	size_t n = make_value(test, number, value);
	struct store_key key = { .number = number };
	const struct store_piece pieces[] = { { value, n / 3 },
					      { value + n / 3, n - n / 3 } };
	const struct store_piece last = { &number, sizeof(number) };

	test->begun[test->n_commits] = tape_position();
	must(store_begin(store), "begin");
	must(store_put(store, NUMBERS, &key, pieces, 2), "put");
	must(store_put(store, NAMES, &LAST, &last, 1), "put");
	must(store_commit(store), "commit");
	test->done[test->n_commits++] = tape_position();
}

static void write_file(struct test *test)
{
	unsigned flags = dice_is(&test->dice, 20) ? STORE_LARGE : 0;
	struct store *store = open_file(test, STORE_CREATE | flags);
	struct store *beside = open_file(test, 0);

	test->created = tape_position();
	while (test->n_commits < COMMITS) {
		commit(test, store);
		if (dice_is(&test->dice, 10))
			must(store_checkpoint(beside), "checkpoint");
		if (dice_is(&test->dice, 5)) {
			store_close(beside);
			store_close(store);
			store = open_file(test, flags);
			beside = open_file(test, 0);
		}
	}
	store_close(beside);
	if (dice_is(&test->dice, 50))
		must(store_seal(store), "seal");
	store_close(store);
}

/* ---- looking ---- */

static uint64_t read_last(struct store *store)
{
	const void *value;
	uint64_t last = 0;
	size_t n;
	int r = store_get(store, NAMES, &LAST, &value, &n);

	must(r, "reading");
	if (r == 1 && n == sizeof(last))
		memcpy(&last, value, n);
	return last;
}

static void check_file(const struct test *test, struct store *store,
		       uint64_t last)
{
	static uint8_t right[VALUE_MAX];
	const void *value;
	size_t n, n_right;

	for (uint64_t i = 1; i <= last + 1; i++) {
		struct store_key key = { .number = i };
		int r = store_get(store, NUMBERS, &key, &value, &n);

		must(r, "reading");
		if ((r == 1) != (i <= last))
			complain("value %llu is %sthere, and the last is %llu",
				 (unsigned long long)i, r ? "" : "not ",
				 (unsigned long long)last);
		n_right = make_value(test, i, right);
		if (r == 1 && (n != n_right || memcmp(value, right, n)))
			complain("value %llu is wrong", (unsigned long long)i);
	}
}

static void judge(struct test *test, size_t cut)
{
	uint64_t n_done = 0, n_begun = 0, last;
	struct store *store;
	char path[300];
	int r;

	for (unsigned i = 0; i < test->n_commits; i++) {
		n_done += test->done[i] <= cut;
		n_begun += test->begun[i] < cut;
	}
	path_in(test->image, path);
	r = store_open(backend_sqlite(), path, &LAYOUT, 0, &store);
	if (r < 0 && test->created > cut)
		return;
	must(r, "opening");
	must(store_snapshot(store), "snapshot");
	last = read_last(store);
	if (last < n_done || last > n_begun)
		complain("the last commit is %llu; %llu were done, %llu begun",
			 (unsigned long long)last, (unsigned long long)n_done,
			 (unsigned long long)n_begun);
	check_file(test, store, last);
	store_end(store);
	r = store_check(store);
	if (r < 0)
		complain("check: %s", store_error(store));
	store_close(store);
}

static void run_tape(struct test *test, unsigned number)
{
	size_t cuts[IMAGES_PER_TAPE];
	struct model *model;
	struct tape tape;

	test->dice = dice_new(test->seed, number);
	test->n_commits = 0;
	place_empty(test->root);
	tape_begin(&tape, test->root);
	write_file(test);
	tape_stop();
	model = model_new(&tape, NULL, dice_draw(&test->dice));
	for (unsigned i = 0; i < IMAGES_PER_TAPE; i++)
		cuts[i] = dice_below(&test->dice, tape.n + 1);
	place_sort(cuts, IMAGES_PER_TAPE);
	for (unsigned i = 0; i < IMAGES_PER_TAPE; i++) {
		complaint_case("store cut, HELIO_SEED=%llu: tape %u, step %zu",
			       (unsigned long long)test->seed, number, cuts[i]);
		place_empty(test->image);
		model_play(model, cuts[i]);
		model_draw(model, &test->dice, test->image);
		judge(test, cuts[i]);
	}
	model_free(model);
	tape_deinit(&tape);
}

int main(void)
{
	static struct test test;
	unsigned n_images = dice_environment("HELIO_ROUNDS", IMAGES);
	const char *broken = getenv("HELIO_BREAK");
	struct place place;

	test.seed = dice_seed("store cut");
	complaint_case("store cut, HELIO_SEED=%llu",
		       (unsigned long long)test.seed);
	place_init(&place);
	place_make(&place, "root", test.root, sizeof(test.root));
	place_make(&place, "image", test.image, sizeof(test.image));
	if (broken && !strcmp(broken, "sync"))
		tape_forget_syncs();
	for (unsigned i = 0; i * IMAGES_PER_TAPE < n_images; i++)
		run_tape(&test, i);
	printf("%u images\n", n_images);
	place_deinit(&place);
	return EXIT_SUCCESS;
}
