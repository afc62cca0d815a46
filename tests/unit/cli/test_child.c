/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/child.h"
#include "cli/environment.h"
#include "rpc/heliograph.h"
#include "tests/fault.h"

/* What on_done was told, with the output kept. */
struct outcome {
	unsigned n_done;
	struct child_result result;
	char output[256];
};

static void on_done(const struct child_result *result, void *userdata)
{
	struct outcome *outcome = userdata;
	size_t n = result->n_output;

	outcome->n_done++;
	outcome->result = *result;
	assert_true(n < sizeof(outcome->output) || result->is_too_long);
	if (!result->is_too_long && n > 0)
		memcpy(outcome->output, result->output, n);
}

static struct child_start start_of(const char *command, const char *body,
				   struct outcome *outcome)
{
	return (struct child_start){
		.command = command,
		.environment = environ,
		.body = strdup(body),
		.n_body = strlen(body),
		.timeout_ms = 20000,
		.on_done = on_done,
		.userdata = outcome,
	};
}

static struct outcome run(const struct child_start *start)
{
	struct outcome *outcome = start->userdata;
	struct child *child;
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(child_start(&loop, start, &child), 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(outcome->n_done, 1);
	return *outcome;
}

static struct outcome run_command(const char *command, const char *body)
{
	struct outcome outcome = { 0 };
	struct child_start start = start_of(command, body, &outcome);

	return run(&start);
}

static void a_body_goes_in_and_an_answer_comes_out(void **state)
{
	struct outcome outcome = run_command("tr a-z A-Z", "hello");

	assert_int_equal(outcome.result.exit_status, 0);
	assert_string_equal(outcome.output, "HELLO");
}

static void a_hostile_body_is_only_bytes(void **state)
{
	static const char body[] = "'; echo pwned; $(echo pwned) `id` \"";
	struct outcome outcome = run_command("cat", body);

	assert_string_equal(outcome.output, body);
}

static void a_shell_can_open_its_standard_input(void **state)
{
	struct outcome outcome = run_command("wc -c < /dev/stdin", "12345");

	assert_non_null(strchr(outcome.output, '5'));
}

static void an_exit_status_is_told(void **state)
{
	struct outcome outcome = run_command("exit 3", "");

	assert_int_equal(outcome.result.exit_status, 3);
	assert_int_equal(outcome.result.signal, 0);
}

static void a_body_that_nobody_reads_is_no_failure(void **state)
{
	struct outcome outcome = { 0 };
	struct child_start start = start_of("echo done", "", &outcome);

	start.n_body = 4 << 20;
	free(start.body);
	start.body = calloc(1, start.n_body);
	outcome = run(&start);
	assert_int_equal(outcome.result.exit_status, 0);
	assert_string_equal(outcome.output, "done\n");
}

static void what_takes_too_long_is_ended_with_all_it_started(void **state)
{
	struct outcome outcome = { 0 };
	struct child_start start =
		start_of("sleep 600 | sleep 600", "", &outcome);

	start.timeout_ms = 50;
	outcome = run(&start);
	assert_int_equal(outcome.result.signal, SIGTERM);
	assert_true(outcome.result.is_late);
}

static void what_ignores_the_polite_signal_is_killed(void **state)
{
	struct outcome outcome = { 0 };
	struct child_start start = start_of(
		"trap '' TERM; while :; do sleep 1; done", "", &outcome);

	start.timeout_ms = 200;
	outcome = run(&start);
	assert_int_equal(outcome.result.signal, SIGKILL);
}

static void an_endless_answer_is_cut_off(void **state)
{
	struct outcome outcome = run_command("yes", "");

	assert_true(outcome.result.is_too_long);
}

static void a_child_that_cannot_start_leaves_nothing(void **state)
{
	uv_loop_t loop;
	struct child *child;
	struct outcome outcome = { 0 };

	assert_int_equal(uv_loop_init(&loop), 0);
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct child_start start = start_of("true", "x", &outcome);
		int r;

		fault_arm(n);
		r = child_start(&loop, &start, &child);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		uv_run(&loop, UV_RUN_DEFAULT);
	}
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(outcome.n_done, 1);
}

static void one_that_is_given_up_does_not_call_back(void **state)
{
	struct outcome outcome = { 0 };
	struct child_start start = start_of("sleep 600", "", &outcome);
	struct child *child;
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(child_start(&loop, &start, &child), 0);
	child_free(child);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(outcome.n_done, 0);
}

static bool has_variable(const struct environment *environment,
			 const char *variable)
{
	for (size_t i = 0; i < environment->n; i++)
		if (strcmp(environment->at[i], variable) == 0)
			return true;
	return false;
}

static void a_message_is_told_by_variables(void **state)
{
	const struct helio_header headers[] = {
		{ "x-Trace.id", "1\n2", 3 },
		{ "nul", "a\0b", 3 },
	};
	const struct helio_message message = {
		.subject = "a.b",
		.source = "vm:web",
		.incarnation = 0xabc,
		.headers = headers,
		.n_headers = 2,
	};
	struct environment environment;

	setenv("HELIO_KEY", "forged", 1);
	setenv("ORDINARY", "kept", 1);
	assert_int_equal(environment_init(&environment, &message), 0);
	assert_true(has_variable(&environment, "HELIO_SUBJECT=a.b"));
	assert_true(has_variable(&environment, "HELIO_SOURCE=vm:web"));
	assert_true(has_variable(&environment,
				 "HELIO_INCARNATION=0000000000000abc"));
	assert_true(has_variable(&environment, "HELIO_HEADER_X_TRACE_ID=1\n2"));
	assert_true(has_variable(&environment, "ORDINARY=kept"));
	for (size_t i = 0; i < environment.n; i++) {
		assert_null(strstr(environment.at[i], "forged"));
		assert_null(strstr(environment.at[i], "HEADER_NUL"));
	}
	assert_null(environment.at[environment.n]);
	environment_deinit(&environment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_goes_in_and_an_answer_comes_out),
		cmocka_unit_test(a_hostile_body_is_only_bytes),
		cmocka_unit_test(a_shell_can_open_its_standard_input),
		cmocka_unit_test(an_exit_status_is_told),
		cmocka_unit_test(a_body_that_nobody_reads_is_no_failure),
		cmocka_unit_test(
			what_takes_too_long_is_ended_with_all_it_started),
		cmocka_unit_test(what_ignores_the_polite_signal_is_killed),
		cmocka_unit_test(an_endless_answer_is_cut_off),
		cmocka_unit_test(a_child_that_cannot_start_leaves_nothing),
		cmocka_unit_test(one_that_is_given_up_does_not_call_back),
		cmocka_unit_test(a_message_is_told_by_variables),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
