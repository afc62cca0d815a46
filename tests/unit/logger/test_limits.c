/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/logger/world.h"

#define SECOND_NS UINT64_C(1000000000)

static struct world world;
static char body[1001];

static int begin_sqlite(void **state)
{
	world_begin(&world, true);
	return 0;
}

static int begin_memory(void **state)
{
	world_begin(&world, false);
	memset(body, 'x', sizeof(body) - 1);
	return 0;
}

static int end(void **state)
{
	world_end(&world);
	return 0;
}

/* One record, which must have this outcome. */
static uint64_t expect(const char *writer, const char *key, const char *text,
		       enum log_outcome outcome)
{
	world_add_by(&world, "a.b", text, writer, key);
	assert_int_equal(world_append(&world), 0);
	if (outcome == LOG_STORED) {
		assert_int_equal(world.n_verdicts, 0);
		return world.first;
	}
	assert_int_equal(world.n_verdicts, 1);
	assert_int_equal(world.verdicts[0].outcome, outcome);
	return world.verdicts[0].sequence;
}

static void fill(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		world.now_ns += SECOND_NS;
		world_store(&world, "a.b", body);
	}
}

/* ---- keys ---- */

static void a_key_counts_once(void **state)
{
	world_make(&world);
	assert_int_equal(expect("w", "k", "one", LOG_STORED), 1);
	assert_int_equal(expect("w", "k", "one", LOG_DUPLICATE), 1);
	assert_int_equal(expect("w", "k", "two", LOG_KEY_CONFLICT), 1);
	assert_int_equal(expect("other", "k", "two", LOG_STORED), 2);
	world_close(&world);
	world_open(&world);
	assert_int_equal(expect("w", "k", "one", LOG_DUPLICATE), 1);
	assert_int_equal(log_status(world.log)->last, 2);
}

static void a_key_may_come_again_after_its_window(void **state)
{
	world_make(&world);
	expect("w", "k", "one", LOG_STORED);
	world.now_ns += 119 * SECOND_NS;
	assert_int_equal(expect("w", "k", "one", LOG_DUPLICATE), 1);
	world.now_ns += 2 * SECOND_NS;
	assert_int_equal(expect("w", "k", "two", LOG_STORED), 2);
	assert_int_equal(expect("w", "k", "two", LOG_DUPLICATE), 2);
	world_close(&world);
	world_open(&world);
	assert_int_equal(expect("w", "k", "two", LOG_DUPLICATE), 2);
}

static void a_key_is_known_in_later_segments(void **state)
{
	world_make(&world);
	expect("w", "k", "one", LOG_STORED);
	expect("w", "producer:p:1", "one", LOG_STORED);
	world.limits.dedup_window_ns = 1000 * SECOND_NS;
	log_set_limits(world.log, &world.limits);
	fill(200);
	assert_true(log_status(world.log)->n_segments > 3);
	assert_int_equal(expect("w", "k", "one", LOG_DUPLICATE), 1);
	assert_int_equal(expect("w", "producer:p:1", "one", LOG_DUPLICATE), 2);
	world_close(&world);
	world_open(&world);
	assert_int_equal(expect("w", "k", "one", LOG_DUPLICATE), 1);
	assert_int_equal(expect("w", "producer:p:1", "two", LOG_KEY_CONFLICT),
			 2);
	assert_int_equal(expect("w", "producer:p:3", "x", LOG_KEY_GAP), 2);
	assert_int_equal(expect("w", "producer:p:2", "x", LOG_STORED), 203);
}

static void a_producer_counts_from_1(void **state)
{
	world_make(&world);
	assert_int_equal(expect("w", "producer:5", "x", LOG_KEY_GAP), 1);
	expect("w", "producer:1", "x", LOG_STORED);
	expect("w", "producer:2", "y", LOG_STORED);
	assert_int_equal(expect("w", "producer:1", "x", LOG_DUPLICATE), 1);
	assert_int_equal(expect("w", "producer:2", "y", LOG_DUPLICATE), 2);
	assert_int_equal(expect("w", "producer:2", "z", LOG_KEY_CONFLICT), 2);
	/* Others count for themselves, and what is no number is a free key. */
	expect("v", "producer:1", "x", LOG_STORED);
	expect("w", "producer:a:1", "x", LOG_STORED);
	expect("w", "producer:01", "x", LOG_STORED);
	expect("w", "producer:", "x", LOG_STORED);
	expect("w", "producers:9", "x", LOG_STORED);
}

static void a_key_and_its_repeat_may_be_in_one_batch(void **state)
{
	world_make(&world);
	world_add_by(&world, "a.b", "one", "w", "k");
	world_add(&world, "a.b", "two");
	world_add_by(&world, "a.b", "one", "w", "k");
	world_add_by(&world, "a.b", "x", "w", "producer:1");
	world_add_by(&world, "a.b", "x", "w", "producer:1");
	world_add_by(&world, "a.b", "y", "w", "producer:2");
	assert_int_equal(world_append(&world), 0);
	assert_int_equal(world.n_verdicts, 2);
	assert_int_equal(world.verdicts[0].place, 2);
	assert_int_equal(world.verdicts[0].sequence, 1);
	assert_int_equal(world.verdicts[1].place, 4);
	assert_int_equal(world.verdicts[1].sequence, 3);
	assert_int_equal(log_status(world.log)->last, 4);
}

static void long_keys_are_keys(void **state)
{
	char key[3000];

	world_make(&world);
	memset(key, 'k', sizeof(key));
	key[sizeof(key) - 1] = '\0';
	world.conditions[0] =
		(struct log_condition){ .durable_id = "w", .key = key };
	for (unsigned i = 0; i < 2; i++) {
		world_add(&world, "a.b", "one");
		world.n_conditions = 1;
		assert_int_equal(world_append(&world), 0);
		assert_int_equal(world.n_verdicts, i);
	}
}

static void what_is_expected_is_compared(void **state)
{
	world_make(&world);
	world_add(&world, "a.b", "one");
	world_expect(&world, 0);
	world_add(&world, "a.b", "two");
	world_expect(&world, 1);
	world_add(&world, "a.b", "three");
	world_expect(&world, 1);
	assert_int_equal(world_append(&world), 0);
	assert_int_equal(world.n_verdicts, 1);
	assert_int_equal(world.verdicts[0].outcome, LOG_NOT_EXPECTED);
	assert_int_equal(world.verdicts[0].sequence, 2);
}

/* ---- writers ---- */

static unsigned store_until_refused(const char *writer, unsigned max)
{
	for (unsigned i = 0; i < max; i++) {
		world.now_ns += SECOND_NS;
		world_add_by(&world, "a.b", body, writer, NULL);
		assert_int_equal(world_append(&world), 0);
		if (world.n_verdicts) {
			assert_int_equal(world.verdicts[0].outcome,
					 LOG_OVER_PRINCIPAL);
			return i;
		}
	}
	return max;
}

static void a_writer_that_is_full_fills_its_own_share(void **state)
{
	uint64_t n_each = 150 * (1000 + RUN_RECORD_BYTES);

	world.limits.principal_bytes_max = n_each;
	world_make(&world);
	/* Over several segments, and over an opening. */
	assert_int_equal(store_until_refused("hog", 100), 100);
	world_close(&world);
	world_open(&world);
	assert_int_equal(store_until_refused("hog", 100), 50);
	assert_int_equal(store_until_refused("mouse", 10), 10);
	assert_int_equal(store_until_refused("hog", 1), 0);
	/* What was removed is not charged any more. */
	world.limits.records_max = 80;
	log_set_limits(world.log, &world.limits);
	assert_int_equal(log_expire(world.log, world.now_ns), 0);
	assert_true(store_until_refused("hog", 1000) >= 50);
}

static void a_batch_is_cut_where_the_limit_is(void **state)
{
	world.limits.principal_bytes_max = 3 * (1000 + RUN_RECORD_BYTES);
	world_make(&world);
	for (unsigned i = 0; i < 5; i++) {
		world_add_by(&world, "a.b", body, "hog", NULL);
		world_add_by(&world, "a.b", "x", "mouse", NULL);
	}
	assert_int_equal(world_append(&world), 0);
	assert_int_equal(world.n_verdicts, 2);
	assert_int_equal(world.verdicts[0].place, 6);
	assert_int_equal(world.verdicts[1].place, 8);
	assert_int_equal(log_status(world.log)->last, 8);
}

/* ---- expiry ---- */

/* Of three runs, each with four records of a.b and one of a.c. */
static size_t thin(struct view *view, uint64_t records_max, uint64_t *ret_found)
{
	static uint8_t bytes[64 * 1024], before[sizeof(bytes)];
	struct run_reader reader = { .bytes = NULL };
	struct run_record record;
	size_t n, n_before, at = 0, n_found = 0;
	uint64_t next;

	assert_int_equal(view_read(view, 1, bytes, sizeof(bytes), &n, &next),
			 0);
	assert_int_equal(next, 16);
	n_before = n;
	memcpy(before, bytes, n);
	assert_int_equal(view_thin(view, records_max, bytes, &n), 0);
	if (records_max > 12) {
		assert_int_equal(n, n_before);
		assert_memory_equal(bytes, before, n);
	}
	for (; at < n; at += reader.head.n_bytes) {
		assert_int_equal(run_reader_begin(&reader, bytes + at, n - at),
				 0);
		while (run_reader_next(&reader, &record) == 1) {
			ret_found[n_found++] = record.sequence;
			assert_memory_equal(record.subject,
					    record.sequence % 5 ? "a.b" : "a.c",
					    3);
			assert_memory_equal(record.body, "text", 4);
		}
	}
	run_reader_deinit(&reader);
	return n_found;
}

static void of_a_subject_so_many_are_served(void **state)
{
	static const uint64_t two[] = { 10, 13, 14, 15 };
	static const uint64_t one[] = { 14, 15 };
	uint64_t found[15];
	struct view *view;

	world_make(&world);
	for (int i = 0; i < 15; i++) {
		world_add_by(&world, i % 5 < 4 ? "a.b" : "a.c", "text", "w",
			     NULL);
		if (i % 5 == 4)
			assert_int_equal(world_append(&world), 0);
	}
	view = world_view(&world);
	assert_int_equal(thin(view, 2, found), 4);
	assert_memory_equal(found, two, sizeof(two));
	assert_int_equal(thin(view, 1, found), 2);
	assert_memory_equal(found, one, sizeof(one));
	assert_int_equal(thin(view, 13, found), 15);
	view_close(view);
}

static void old_records_are_not_served(void **state)
{
	struct log_finding finding;
	struct view *view;

	world.limits.age_max_ns = 100 * SECOND_NS;
	world_make(&world);
	fill(300);
	view = world_view(&world);
	assert_int_equal(world_count(view, 1), 300);
	assert_int_equal(log_expire(world.log, world.now_ns), 0);
	assert_int_equal(view_refresh(view), 0);
	assert_int_equal(view_status(view)->first, 200);
	assert_int_equal(world_count(view, 200), 101);
	assert_true(log_status(world.log)->n_segments < 4);
	view_close(view);
	assert_int_equal(log_verify(world.backend, world.path, &finding), 0);
	assert_true(finding.is_good);
	assert_true(finding.n_records < 200);
}

static void bytes_are_bounded(void **state)
{
	struct view *view;

	world.limits.segment_bytes_max = 0;
	world.limits.bytes_max = 400 * 1024;
	world_make(&world);
	for (unsigned i = 0; i < 10; i++) {
		fill(100);
		assert_int_equal(log_expire(world.log, world.now_ns), 0);
		assert_true(log_status(world.log)->bytes < 450 * 1024);
	}
	view = world_view(&world);
	assert_true(view_status(view)->first > 500);
	assert_true(view_status(view)->first < 800);
	assert_int_equal(world_count(view, view_status(view)->first),
			 1000 - view_status(view)->first + 1);
	view_close(view);
	world_close(&world);
	world_open(&world);
	assert_int_equal(log_status(world.log)->last, 1000);
}

static void what_was_removed_is_told(void **state)
{
	uint8_t buffer[4096];
	struct view *view;
	uint64_t next;
	size_t n;

	world.limits.records_max = 10;
	world_make(&world);
	fill(200);
	assert_int_equal(log_expire(world.log, world.now_ns), 0);
	view = world_view(&world);
	assert_int_equal(view_read(view, 5, buffer, sizeof(buffer), &n, &next),
			 -ERANGE);
	assert_int_equal(next, 191);
	assert_int_equal(view_read(view, 191, buffer, 16, &n, &next),
			 -EMSGSIZE);
	assert_true(n > 1000);
	assert_int_equal(view_read(view, 201, buffer, 16, &n, &next), -ENOENT);
	view_close(view);
}

static void a_log_that_is_deleted_is_gone(void **state)
{
	struct view *view;

	world_make(&world);
	fill(100);
	world_close(&world);
	assert_int_equal(log_delete(world.backend, world.path), 0);
	assert_int_equal(view_open(world.backend, world.path, &view, NULL),
			 -ENOENT);
	world_make(&world);
	assert_int_equal(log_status(world.log)->last, 0);
}

#define MEMORY(test) cmocka_unit_test_setup_teardown(test, begin_memory, end)
#define BOTH(test) \
	cmocka_unit_test_setup_teardown(test, begin_sqlite, end), MEMORY(test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(a_key_counts_once),
		BOTH(a_key_may_come_again_after_its_window),
		MEMORY(a_key_is_known_in_later_segments),
		BOTH(a_producer_counts_from_1),
		BOTH(a_key_and_its_repeat_may_be_in_one_batch),
		BOTH(long_keys_are_keys),
		BOTH(what_is_expected_is_compared),
		MEMORY(a_writer_that_is_full_fills_its_own_share),
		MEMORY(a_batch_is_cut_where_the_limit_is),
		MEMORY(of_a_subject_so_many_are_served),
		MEMORY(old_records_are_not_served),
		MEMORY(bytes_are_bounded),
		MEMORY(what_was_removed_is_told),
		BOTH(a_log_that_is_deleted_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
