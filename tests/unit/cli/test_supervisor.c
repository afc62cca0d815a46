/* SPDX-License-Identifier: MIT */

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/exit.h"
#include "cli/supervisor.h"

#define SHELL(script)                              \
	(char *const *)(uintptr_t)(const char *[]) \
	{                                          \
		"/bin/sh", "-c", script, NULL      \
	}

/* Once all are ready, ^C comes: at once, or as soon as a file is there. */
static void interrupt(void *userdata)
{
	unsigned *n_ready = userdata;

	(*n_ready)++;
	raise(SIGINT);
}

static void count_only(void *userdata)
{
	unsigned *n_ready = userdata;

	(*n_ready)++;
}

static void pauses_double_up_to_a_limit(void **state)
{
	static const uint32_t pauses[] = { 100,  200,  400,  800,
					   1600, 3200, 6400, 10000 };

	for (unsigned n = 1; n <= 40; n++) {
		uint32_t pause = pauses[n < 8 ? n - 1 : 7];

		assert_int_equal(supervisor_pause_ms(n, 0), pause - pause / 4);
		assert_int_equal(supervisor_pause_ms(n, pause / 2),
				 pause - pause / 4 + pause / 2);
		assert_in_range(supervisor_pause_ms(n, UINT32_MAX),
				pause - pause / 4, pause + pause / 4);
	}
}

static void a_ready_set_ends_in_order(void **state)
{
	const struct program programs[] = {
		{ "one",
		  SHELL("echo READY >&3; "
			"trap 'exit 0' TERM; while :; do sleep .01; done") },
		{ "two",
		  SHELL("echo READY >&3; "
			"trap 'exit 0' TERM; while :; do sleep .01; done") },
	};
	unsigned n_ready = 0;

	assert_int_equal(supervisor_run(programs, 2, interrupt, &n_ready),
			 EXIT_OK);
	assert_int_equal(n_ready, 1);
}

static void one_that_never_was_ready_ends_the_set(void **state)
{
	const struct program programs[] = {
		{ "one", SHELL("echo READY >&3; exec sleep 600") },
		{ "two", SHELL("echo READ >&3; exit 2") },
	};
	unsigned n_ready = 0;

	assert_int_equal(supervisor_run(programs, 2, count_only, &n_ready),
			 EXIT_UNAVAILABLE);
	assert_int_equal(n_ready, 0);
}

static void a_program_that_is_not_there_ends_the_set(void **state)
{
	char *const words[] = { (char *)(uintptr_t) "/no/such/program", NULL };
	const struct program programs[] = { { "none", words } };
	unsigned n_ready = 0;

	assert_int_equal(supervisor_run(programs, 1, count_only, &n_ready),
			 EXIT_UNAVAILABLE);
	assert_int_equal(n_ready, 0);
}

/*
 * In its first life it is ready and dies; in its second it ends the test by
 * sending us ^C.
 */
static void one_that_was_ready_is_started_again(void **state)
{
	char folder[] = "/tmp/helio-supervisor.XXXXXX";
	char script[512], mark[64];
	const char *words[] = { "/bin/sh", "-c", script, NULL };
	const struct program programs[] = {
		{ "one", (char *const *)(uintptr_t)words },
	};
	unsigned n_ready = 0;

	assert_non_null(mkdtemp(folder));
	snprintf(mark, sizeof(mark), "%s/mark", folder);
	snprintf(script, sizeof(script),
		 "echo READY >&3; if [ -e %s ]; then kill -INT %d; "
		 "exec sleep 600; fi; : > %s; exit 1",
		 mark, (int)getpid(), mark);
	assert_int_equal(supervisor_run(programs, 1, count_only, &n_ready),
			 EXIT_OK);
	assert_int_equal(n_ready, 1);
	unlink(mark);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses_double_up_to_a_limit),
		cmocka_unit_test(a_ready_set_ends_in_order),
		cmocka_unit_test(one_that_never_was_ready_ends_the_set),
		cmocka_unit_test(a_program_that_is_not_there_ends_the_set),
		cmocka_unit_test(one_that_was_ready_is_started_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
