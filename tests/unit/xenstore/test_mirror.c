/* SPDX-License-Identifier: MIT */

/* What is looked at, in which order, and what becomes of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/unit/xenstore/toy.h"
#include "xenstore/owner.h"

static const char *const trees[] = { "/local/domain/*/data", "/tool/lab",
				     NULL };

static struct toy toy;
static unsigned short dice[3];

/* Below `n`. */
static unsigned throw(unsigned n)
{
	return (unsigned)nrand48(dice) % n;
}

static int setup(void **state)
{
	(void)state;
	toy_open(&toy, trees);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	toy_close(&toy);
	return 0;
}

static void settle(void)
{
	toy_settle(&toy);
	toy_check(&toy);
}

/* ---- by hand ---- */

static void test_what_is_there(void **state)
{
	(void)state;
	toy_write(&toy, "/tool/lab/a/b", "1");
	toy_write(&toy, "/local/domain/7/data", "2");
	toy_write(&toy, "/local/domain/7/name", "web");
	toy.n_events = 0;
	settle();
	assert_int_equal(toy.n_keys, 4);
	assert_string_equal(toy_key(&toy, "/tool/lab/a/b"), "1");
}

/* What did not change is neither looked at nor written. */
static void test_no_noise(void **state)
{
	uint64_t n_seen;

	(void)state;
	toy_write(&toy, "/tool/lab/a", "1");
	toy_write(&toy, "/tool/lab/b", "1");
	settle();
	assert_int_equal(toy.n_written, 3);
	n_seen = toy.n_seen;
	toy_write(&toy, "/tool/lab/a", "1");
	toy_write(&toy, "/tool/other", "1");
	settle();
	assert_int_equal(toy.n_seen, n_seen + 1);
	toy_restart(&toy);
	settle();
	assert_int_equal(toy.n_written, 3);
}

static void test_a_leaf_costs_one_look(void **state)
{
	uint64_t n_seen;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/tool/lab/%u", i);
		toy_write(&toy, path, "1");
	}
	settle();
	n_seen = toy.n_seen;
	for (unsigned i = 0; i < 50; i++)
		toy_write(&toy, "/tool/lab/7", "2");
	settle();
	assert_int_equal(toy.n_seen, n_seen + 1);
}

static void test_long_paths_are_missed(void **state)
{
	char path[600] = "/tool/lab/";

	(void)state;
	memset(path + strlen(path), 'x', 511 - strlen(path));
	toy_write(&toy, path, "1");
	settle();
	assert_int_equal(toy.mirror.n_missed, 0);
	assert_string_equal(toy_key(&toy, path), "1");
	memcpy(path + 511, "yz", 3);
	toy_write(&toy, path, "2");
	toy_settle(&toy);
	assert_int_equal(toy.mirror.n_missed, 1);
	assert_null(toy_key(&toy, path));
	toy_remove(&toy, path);
	toy_tell(&toy);
	mirror_retry(&toy.mirror);
	settle();
	assert_int_equal(toy.mirror.n_missed, 0);
}

/* What is refused harms nothing else, and is tried again. */
static void test_refused(void **state)
{
	(void)state;
	toy_write(&toy, "/tool/lab/a", "1");
	settle();
	toy.n_keys_max = 3;
	toy_write(&toy, "/tool/lab/b", "1");
	toy_write(&toy, "/tool/lab/c", "1");
	toy_write(&toy, "/tool/lab/a", "2");
	toy_settle(&toy);
	assert_int_equal(toy.n_keys, 3);
	assert_string_equal(toy_key(&toy, "/tool/lab/a"), "2");
	assert_int_equal(toy.mirror.n_missed, 1);
	toy.n_keys_max = 4;
	mirror_retry(&toy.mirror);
	settle();
}

/* Few transactions find the one that is refused among many. */
static void test_one_of_many_is_refused(void **state)
{
	char path[32];

	(void)state;
	toy_write(&toy, "/tool/lab", "");
	settle();
	toy.refused = "/tool/lab/77";
	for (unsigned i = 0; i < BATCH_NODES_MAX; i++) {
		snprintf(path, sizeof(path), "/tool/lab/%u", i);
		toy_write(&toy, path, "1");
	}
	toy.n_tries = 0;
	toy_settle(&toy);
	assert_int_equal(toy.n_keys, BATCH_NODES_MAX);
	assert_int_equal(toy.mirror.n_missed, 1);
	assert_true(toy.n_tries <= 24);
	toy.refused = NULL;
	mirror_retry(&toy.mirror);
	settle();
}

/* For a while, until it was looked at all again. */
static void test_whose_nodes_are_missed(void **state)
{
	char path[600];
	struct missed missed;

	(void)state;
	settle();
	for (unsigned i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "/local/domain/%u/data/%0510u",
			 i < 2 ? 7 : 8, i);
		toy_write(&toy, path, "1");
	}
	toy_settle(&toy);
	for (unsigned i = 0; i < 2; i++) {
		mirror_missed(&toy.mirror, &missed);
		assert_int_equal(missed.n_of_host, 0);
		assert_int_equal(missed.n_of_guests, 5);
		assert_int_equal(missed.worst, 8);
		assert_int_equal(missed.n_of_worst, 3);
		mirror_retry(&toy.mirror);
	}
	toy_settle(&toy);
	snprintf(path, sizeof(path), "/tool/lab/%0510u", 1U);
	toy_write(&toy, path, "1");
	toy_settle(&toy);
	mirror_missed(&toy.mirror, &missed);
	assert_int_equal(missed.n_of_host, 1);
	toy_remove(&toy, "/local/domain/8");
	toy_settle(&toy);
	for (unsigned i = 0; i < 2; i++) {
		mirror_retry(&toy.mirror);
		toy_settle(&toy);
	}
	mirror_missed(&toy.mirror, &missed);
	assert_int_equal(missed.n_of_guests, 2);
	assert_int_equal(missed.worst, 7);
}

/* ---- guests that write without end ---- */

static void flood_below(const char *top, unsigned n)
{
	char path[64];

	for (unsigned i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/f/%u", top, i);
		mirror_touch(&toy.mirror, path);
	}
}

static void flood(unsigned domid, unsigned n)
{
	char top[40];

	snprintf(top, sizeof(top), "/local/domain/%u/data", domid);
	flood_below(top, n);
}

/* Names that are gone again take room only for a while. */
static void test_a_flood_is_bounded(void **state)
{
	(void)state;
	toy_write(&toy, "/local/domain/7/data/real", "1");
	settle();
	for (unsigned i = 0; i < 20; i++)
		flood(7, 3 * OWNER_NEW_MAX / 2);
	assert_true(toy.mirror.nodes.n_nodes < OWNER_NEW_MAX + 10);
	toy_write(&toy, "/local/domain/7/data/real", "2");
	toy_write(&toy, "/local/domain/7/data/late", "3");
	settle();
	assert_true(toy.mirror.nodes.n_nodes < 12);
}

/* Who waits for his rate keeps nobody. */
static void test_others_have_their_turn(void **state)
{
	unsigned n = 0;

	(void)state;
	settle();
	flood(7, OWNER_NEW_MAX);
	while (toy_batch(&toy) || ++n < 2)
		flood(7, OWNER_NEW_MAX);
	assert_true(toy.mirror.n_stale > 0);
	toy_write(&toy, "/local/domain/8/data/x", "1");
	toy_tell(&toy);
	assert_true(toy_batch(&toy));
	assert_string_equal(toy_key(&toy, "/local/domain/8/data/x"), "1");
}

static void test_a_guest_has_a_rate(void **state)
{
	uint64_t begun_ns;

	(void)state;
	settle();
	begun_ns = toy.now_ns;
	toy.n_seen = 0;
	while (toy.n_seen < OWNER_BURST + 2 * OWNER_RATE) {
		flood(7, 100);
		(void)toy_batch(&toy);
	}
	assert_true(toy.now_ns - begun_ns > 19 * NS_PER_S / 10);
}

/* What is nobody's may be somebody's to write all the same. */
static void test_the_rest_has_a_rate(void **state)
{
	uint64_t begun_ns;

	(void)state;
	settle();
	begun_ns = toy.now_ns;
	toy.n_seen = 0;
	while (toy.n_seen < OWNER_HOST_BURST + 2 * OWNER_HOST_RATE) {
		flood_below("/tool/lab", 100);
		(void)toy_batch(&toy);
	}
	assert_true(toy.now_ns - begun_ns > 19 * NS_PER_S / 10);
}

/* Guests that fill the mirror together leave room for the host. */
static void test_guests_leave_room(void **state)
{
	struct missed missed;
	char key[64];

	(void)state;
	for (unsigned i = 0; i < NODES_OF_GUESTS_MAX + 100; i++) {
		snprintf(key, sizeof(key), "/local/domain/%u/data/%u",
			 1 + i / 15000, i);
		mirror_load(&toy.mirror, key, "", 0);
	}
	mirror_missed(&toy.mirror, &missed);
	assert_true(missed.n_of_guests >= 100);
	mirror_load(&toy.mirror, "/tool/lab/mine", "", 0);
	mirror_missed(&toy.mirror, &missed);
	assert_int_equal(missed.n_of_host, 0);
	assert_non_null(node_lookup(&toy.mirror, "/tool/lab/mine"));
}

/* ---- order ---- */

static unsigned next_pair;

/* Who writes `first` and then `second` is never seen to have not. */
static void write_pairs(struct toy *this)
{
	char value[16];

	if (this->batch.n_rounds > 2)
		return;
	for (unsigned n = throw(4); n > 0; n--) {
		snprintf(value, sizeof(value), "%u", next_pair / 2);
		toy_write(this,
			  next_pair % 2 ? "/tool/lab/second"
					: "/tool/lab/first",
			  value);
		next_pair++;
	}
}

static unsigned number(const char *path)
{
	const char *value = toy_key(&toy, path);

	return value ? (unsigned)strtoul(value, NULL, 10) : 0;
}

static void check_pairs(struct toy *this)
{
	(void)this;
	assert_true(number("/tool/lab/first") >= number("/tool/lab/second"));
}

static void test_order(void **state)
{
	(void)state;
	next_pair = 2;
	toy.between = write_pairs;
	toy.written = check_pairs;
	for (unsigned i = 0; i < 5000; i++) {
		if (throw(4) == 0)
			write_pairs(&toy);
		toy_tell(&toy);
		(void)toy_batch(&toy);
	}
	toy.between = NULL;
	settle();
	assert_true(next_pair > 2000);
}

/* ---- at random ---- */

static const char *any_path(void)
{
	static const char *const tops[] = { "/local/domain/1", "/tool",
					    "/local/domain/2/data",
					    "/local/domain/1/data",
					    "/tool/lab" };
	static char path[80];
	int n = snprintf(path, sizeof(path), "%s", tops[throw(5)]);

	for (unsigned depth = throw(4); depth > 0; depth--)
		n += snprintf(path + n, sizeof(path) - (size_t)n, "/%c",
			      "abdata"[throw(3)]);
	return path;
}

static void change_something(struct toy *this)
{
	char value[16];

	if (throw(3))
		return;
	if (throw(4) == 0) {
		toy_remove(this, any_path());
		return;
	}
	snprintf(value, sizeof(value), "%u", throw(3));
	toy_write(this, any_path(), throw(2) ? value : "");
}

static void play(unsigned seed)
{
	dice[0] = (unsigned short)seed;
	dice[1] = (unsigned short)(seed >> 16);
	for (unsigned i = 0; i < 60; i++) {
		toy.between = throw(4) ? change_something : NULL;
		toy.is_slow = throw(4) == 0;
		change_something(&toy);
		if (throw(2))
			toy_tell(&toy);
		(void)toy_batch(&toy);
		if (throw(50) == 0)
			toy_restart(&toy);
	}
	toy.between = NULL;
	settle();
}

static void test_at_random(void **state)
{
	const char *text = getenv("HELIO_SEED");
	unsigned seed = text ? (unsigned)strtoul(text, NULL, 10) : 1;

	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		play(seed + i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_there, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_no_noise, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_leaf_costs_one_look,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_paths_are_missed,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_of_many_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_whose_nodes_are_missed,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_flood_is_bounded, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_others_have_their_turn,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_guest_has_a_rate, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_the_rest_has_a_rate, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_guests_leave_room, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_at_random, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
