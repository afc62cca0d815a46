/* SPDX-License-Identifier: MIT */

/*
 * What a cursor costs, which is not more for how much is given out.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/logger/desk.h"

static struct desk desk;

static struct consumer *reader(unsigned nth)
{
	return &desk.readers[nth].consumer;
}

enum { OPERATIONS = 8 };

/* Tokens that are looked for before anything is counted. */
static uint64_t tokens[OPERATIONS];

static void ack_some(void)
{
	for (int i = 0; i < OPERATIONS; i++) {
		assert_int_equal(cursor_ack(desk.cursor, reader(0), tokens[i]),
				 0);
		desk_settle_on_disk(&desk);
	}
}

static void nak_some(void)
{
	for (int i = 0; i < OPERATIONS; i++) {
		assert_int_equal(cursor_nak(desk.cursor, reader(0), tokens[i],
					    i % 2 ? 1000 : 0),
				 0);
		desk_settle_on_disk(&desk);
	}
}

/* What has its time is one of many. */
static void let_time_pass(void)
{
	for (int i = 0; i < OPERATIONS; i++) {
		assert_int_equal(
			cursor_in_progress(desk.cursor, reader(0), tokens[i]),
			0);
		desk.wake_ns = 0;
		desk_wait(&desk, 1);
	}
}

/* The second reader, who has one record. */
static void come_and_go(void)
{
	for (int i = 0; i < OPERATIONS; i++) {
		cursor_leave(desk.cursor, reader(1), false);
		assert_int_equal(cursor_join(desk.cursor, reader(1)), 0);
		desk_settle_on_disk(&desk);
	}
}

static void list_it(void)
{
	for (int i = 0; i < OPERATIONS; i++)
		assert_true(cursor_n_pending(desk.cursor) > 0);
}

struct setting {
	const char *name;
	void (*work)(void);
	bool is_shared;
	bool is_stuck; /* the first one is out for good, most others are done */
};

/* What it costs when so many are given out. */
static uint64_t count(const struct setting *setting, uint32_t n_out)
{
	uint64_t first = setting->is_shared ? n_out - 2 * OPERATIONS : 1;
	uint64_t n_steps;

	desk_init(&desk, 20000, setting->is_shared, 0);
	desk_join(&desk, 0, n_out);
	if (setting->is_shared)
		desk_join(&desk, 1, 1);
	assert_int_equal(desk.readers[0].n_given, n_out);
	reader(0)->batch -= 2 * OPERATIONS;
	for (uint32_t i = 2; setting->is_stuck && i < first; i++)
		desk_ack(&desk, 0, i);
	for (uint32_t i = 0; i < OPERATIONS; i++)
		tokens[i] = desk_token(&desk, 0, first + i);
	if (!setting->is_stuck)
		reader(0)->batch += 2 * OPERATIONS;
	desk_settle_on_disk(&desk);
	n_steps = desk_steps();
	setting->work();
	n_steps = desk_steps() - n_steps;
	desk_deinit(&desk);
	return n_steps / OPERATIONS;
}

/* As many more as there are in seven fetches. */
static void test_a_change_costs_the_same(void **state)
{
	static const struct setting settings[] = {
		{ "ack", ack_some, true, false },
		{ "ack", ack_some, true, true },
		{ "ack", ack_some, false, false },
		{ "nak", nak_some, true, false },
		{ "nak", nak_some, true, true },
		{ "in progress, time", let_time_pass, true, false },
		{ "in progress, time", let_time_pass, false, false },
		{ "come and go", come_and_go, true, true },
		{ "list", list_it, true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		const struct setting *setting = &settings[i];
		uint64_t few = count(setting, 64);
		uint64_t many = count(setting, 7 * 1024 + 64);

		print_message("%s, %s%s: %llu steps of 64, %llu of 7,232\n",
			      setting->name,
			      setting->is_shared ? "shared" : "in order",
			      setting->is_stuck ? ", the first stays" : "",
			      (unsigned long long)few,
			      (unsigned long long)many);
		assert_true(many < 2 * few + 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_change_costs_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
