/* SPDX-License-Identifier: MIT */

/*
 * The file of a store is damaged, as it lies or with the log that a process
 * left that was killed: it does not open and says why, or it is as it was; in
 * the second case also as it was earlier, for a log that is cut cannot be told
 * from one that was not written further. What opens can be worked with, and is
 * right or damaged afterwards. HELIO_ROUNDS and HELIO_SEED as in test_damage.c.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/torture/complaint.h"
#include "tests/torture/disk/harm.h"
#include "tests/torture/disk/place.h"
#include "tests/torture/disk/store_life.h"

enum {
	ROUNDS = 2000,
	ROUNDS_PER_STORE = 100,
	STEPS = 80,
	FILES = 2,
};

static const char *const names[FILES] = { "store.db", "store.db-wal" };

struct test {
	uint64_t seed;
	struct dice dice;
	char root[256], image[256], path[300];
	struct store_life life;
	struct content files[FILES]; /* empty: not there */
	bool is_closed;              /* before they were taken */
	struct harm harm;
	unsigned n_told, n_harmless, n_earlier, n_later;
};

static size_t nowhere(void)
{
	return 0;
}

/* ---- a store ---- */

static void take_files(struct test *test)
{
	struct stat status;
	char path[300];

	for (unsigned i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/%s", test->root, names[i]);
		content_deinit(&test->files[i]);
		if (!stat(path, &status) && status.st_size)
			content_load(&test->files[i], path);
	}
}

static void make_store(struct test *test, unsigned number)
{
	place_empty(test->root);
	store_life_init(&test->life, test->root, test->seed, 2 * number + 1,
			nowhere);
	for (unsigned i = 0; i < STEPS; i++)
		store_life_step(&test->life);
	test->is_closed = number % 2;
	if (!test->is_closed)
		take_files(test);
	store_life_close(&test->life);
	if (test->is_closed)
		take_files(test);
}

static void damage(struct test *test)
{
	unsigned which =
		test->files[1].n ? (unsigned)dice_below(&test->dice, 2) : 0;
	struct content content;
	char path[300];
	size_t n;

	place_empty(test->image);
	for (unsigned i = 0; i < FILES; i++) {
		if (!test->files[i].n)
			continue;
		content_copy(&test->files[i], &content);
		if (i == which)
			harm_do(&test->harm, &content, &test->dice);
		snprintf(path, sizeof(path), "%s/%s", test->image, names[i]);
		content_save(&content, path);
		content_deinit(&content);
	}
	n = strlen(test->harm.what);
	snprintf(test->harm.what + n, sizeof(test->harm.what) - n, " of %s",
		 names[which]);
}

/* ---- looking ---- */

static bool is_earlier(const struct test *test, const char *dump)
{
	for (size_t i = test->life.n_commits; i-- > 0;)
		if (!strcmp(dump, test->life.commits[i].dump))
			return true;
	return false;
}

static void check_error(const struct test *test, int r, const char *why)
{
	if (!why || !*why)
		complain("%s: it does not open (%s) and says not why",
			 test->harm.what, strerror(-r));
	if (r != -EBADMSG && r != -EPROTO)
		complain("%s: it is not called damaged: %s: %s",
			 test->harm.what, strerror(-r), why);
}

/* What was acknowledged now is there, or it is seen that it is not. */
static void go_on(struct test *test, unsigned round)
{
	char *ought, *dump, *why;
	int r;

	ought = store_life_work(test->path, test->seed, round);
	dump = store_life_read(test->path, &r, &why);
	if (r < 0)
		check_error(test, r, why);
	else if (ought && strcmp(dump, ought) != 0)
		store_life_differ(test->harm.what, dump, ought);
	test->n_later += r < 0;
	free(ought);
	free(dump);
	free(why);
}

static void judge(struct test *test, unsigned round)
{
	const struct store_life *life = &test->life;
	const char *ought = life->commits[life->n_commits - 1].dump;
	char *dump, *why;
	int r;

	dump = store_life_read(test->path, &r, &why);
	if (r < 0)
		check_error(test, r, why);
	else if (!strcmp(dump, ought))
		test->n_harmless++;
	else if (!test->is_closed && is_earlier(test, dump))
		test->n_earlier++;
	else
		store_life_differ(test->harm.what, dump, ought);
	test->n_told += r < 0;
	if (r >= 0)
		go_on(test, round);
	free(dump);
	free(why);
}

static void run_store(struct test *test, unsigned number)
{
	test->dice = dice_new(test->seed, 2 * number);
	make_store(test, number);
	for (unsigned i = 0; i < ROUNDS_PER_STORE; i++) {
		complaint_case("journal damage, HELIO_SEED=%llu: store %u, %u",
			       (unsigned long long)test->seed, number, i);
		damage(test);
		judge(test, i);
	}
	store_life_deinit(&test->life);
	for (unsigned i = 0; i < FILES; i++)
		content_deinit(&test->files[i]);
}

int main(void)
{
	static struct test test;
	unsigned n_rounds = dice_environment("HELIO_ROUNDS", ROUNDS);
	struct place place;

	test.seed = dice_seed("journal damage");
	complaint_case("journal damage, HELIO_SEED=%llu",
		       (unsigned long long)test.seed);
	place_init(&place);
	place_make(&place, "root", test.root, sizeof(test.root));
	place_make(&place, "image", test.image, sizeof(test.image));
	snprintf(test.path, sizeof(test.path), "%s/%s", test.image, names[0]);
	for (unsigned i = 0; i * ROUNDS_PER_STORE < n_rounds; i++)
		run_store(&test, i);
	printf("%u damaged: %u seen, %u harmless, %u as they were earlier; "
	       "%u of those seen later\n",
	       n_rounds, test.n_told, test.n_harmless, test.n_earlier,
	       test.n_later);
	place_deinit(&place);
	return EXIT_SUCCESS;
}
