/* SPDX-License-Identifier: MIT */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/diag.h"

/* Standard error while it is a pipe that only the test reads. */
struct capture {
	int pipe_fds[2];
	int stderr_fd;
	char text[4096];
};

static void capture_start(struct capture *capture)
{
	assert_int_equal(pipe2(capture->pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
	capture->stderr_fd = dup(STDERR_FILENO);
	assert_true(capture->stderr_fd >= 0);
	dup2(capture->pipe_fds[1], STDERR_FILENO);
}

/* Take what was written so far, as much as `text` holds. */
static const char *capture_read(struct capture *capture)
{
	ssize_t n = read(capture->pipe_fds[0], capture->text,
			 sizeof(capture->text) - 1);

	capture->text[n > 0 ? n : 0] = '\0';
	return capture->text;
}

static void capture_stop(struct capture *capture)
{
	dup2(capture->stderr_fd, STDERR_FILENO);
	close(capture->stderr_fd);
	close(capture->pipe_fds[0]);
	close(capture->pipe_fds[1]);
}

static void a_line_names_program_and_level(void **state)
{
	struct capture capture;

	diag_init("prog", DIAG_INFO);
	capture_start(&capture);
	log_error("one %d", 1);
	log_warning("two");
	log_info("three");
	log_debug("four");
	capture_read(&capture);
	capture_stop(&capture);
	assert_string_equal(capture.text, "prog: error: one 1\n"
					  "prog: warning: two\n"
					  "prog: info: three\n");
}

static void control_bytes_do_not_reach_the_terminal(void **state)
{
	struct capture capture;

	diag_init("prog", DIAG_DEBUG);
	capture_start(&capture);
	log_debug("a%sb", "\x1b[2J\n\x7f\t");
	capture_read(&capture);
	capture_stop(&capture);
	assert_string_equal(capture.text, "prog: debug: a?[2J???b\n");
}

static void a_long_line_is_cut(void **state)
{
	struct capture capture;
	char text[3000];
	size_t n;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture_start(&capture);
	log_error("%s", text);
	capture_read(&capture);
	capture_stop(&capture);
	n = strlen(capture.text);
	assert_true(n > 900 && n <= 1024);
	assert_int_equal(capture.text[n - 1], '\n');
	assert_int_equal(capture.text[n - 2], 'x');
}

/* Nobody reads: nothing blocks, and what is lost is told when there is room. */
static void lost_lines_are_counted(void **state)
{
	enum { N = 2000 };
	struct capture capture;
	unsigned long long n_lost = 0;
	size_t n_lines = 0;
	char *found;

	diag_init("prog", DIAG_INFO);
	capture_start(&capture);
	for (int i = 0; i < N; i++)
		log_info("%0100d", i);
	while (*capture_read(&capture))
		for (char *at = capture.text; (at = strchr(at, '\n')); at++)
			n_lines++;
	log_info("again");
	log_info("and again");
	capture_read(&capture);
	capture_stop(&capture);
	found = strstr(capture.text, "prog: warning: ");
	assert_non_null(found);
	assert_int_equal(
		sscanf(found, "prog: warning: %llu lines lost here", &n_lost),
		1);
	assert_true(n_lost > 0);
	assert_int_equal(n_lines + n_lost, N);
	assert_string_equal(strchr(found, '\n'), "\nprog: info: again\n"
						 "prog: info: and again\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_names_program_and_level),
		cmocka_unit_test(control_bytes_do_not_reach_the_terminal),
		cmocka_unit_test(a_long_line_is_cut),
		cmocka_unit_test(lost_lines_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
