/* SPDX-License-Identifier: MIT */

/* How many cursors there may be: of a log, of an owner, and of all. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "logger/cursor.h"
#include "logger/cursor_room.h"
#include "logger/logger.h"

enum { LOGS = 8, CURSORS = 512 };

static struct logger logger;
static struct keeper logs[LOGS];
static struct cursor cursors[CURSORS];
static size_t n_cursors;
static Helio__Log__V1__CursorConfig config;
static char text[CURSOR_ROOM_TEXT_BYTES];

static int set_up(void **state)
{
	(void)state;
	list_init(&logger.keepers);
	for (size_t i = 0; i < LOGS; i++) {
		logs[i].logger = &logger;
		list_init(&logs[i].cursors);
		list_push_back(&logger.keepers, &logs[i].link);
	}
	n_cursors = 0;
	helio__log__v1__cursor_config__init(&config);
	return 0;
}

static size_t add_all(struct keeper *log, const char *owner, size_t n_max)
{
	size_t n = 0;

	while (n < n_max && cursor_has_room(log, owner, &config, text)) {
		struct cursor *cursor = &cursors[n_cursors++];

		cursor->config = &config;
		snprintf(cursor->owner, sizeof(cursor->owner), "%s", owner);
		list_push_back(&log->cursors, &cursor->link);
		n++;
	}
	return n;
}

static void test_of_a_log(void **state)
{
	(void)state;
	config.pending_max = 1;
	assert_int_equal(add_all(&logs[0], "u1", CURSORS), CURSORS_MAX);
	assert_string_equal(text, "the log has 256 cursors already");
	assert_int_equal(add_all(&logs[1], "u1", 1), 1);
}

/* 272 KiB each. */
static void test_of_an_owner(void **state)
{
	(void)state;
	assert_int_equal(add_all(&logs[0], "u1", CURSORS), 256);
	assert_int_equal(add_all(&logs[1], "u1", CURSORS), 481 - 256);
	assert_string_equal(text, "the cursors of u1 count 130832 KiB of "
				  "131072, and one with this pending_max 272 "
				  "more");
	assert_int_equal(add_all(&logs[1], "u2", 1), 1);
}

/* 2,064 KiB each: four owners have nearly all, and a fifth the rest. */
static void test_of_all(void **state)
{
	static const char *const owners[] = { "u1", "u2", "u3", "u4", "u5" };

	(void)state;
	config.pending_max = CURSOR_ITEMS_MAX;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(add_all(&logs[i], owners[i], CURSORS), 63);
	assert_int_equal(add_all(&logs[4], owners[4], CURSORS), 2);
	assert_string_equal(text,
			    "all cursors together count 524256 KiB of 524288");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_of_a_log, set_up),
		cmocka_unit_test_setup(test_of_an_owner, set_up),
		cmocka_unit_test_setup(test_of_all, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
