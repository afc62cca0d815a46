/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vm/run_folder.h"

struct fixture {
	char folder[64];
	char path[80];
};

static int setup(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){ .folder = "/tmp/helio-run-XXXXXX" };
	assert_non_null(mkdtemp(fixture.folder));
	snprintf(fixture.path, sizeof(fixture.path), "%s/vm", fixture.folder);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	if (unlink(fixture->path) < 0)
		rmdir(fixture->path);
	return rmdir(fixture->folder);
}

static void it_is_made_for_nobody_else(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;
	int fd = run_folder_open(fixture->path);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	close(fd);
}

static void one_that_others_may_enter_is_refused(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(mkdir(fixture->path, 0700), 0);
	assert_int_equal(chmod(fixture->path, 0710), 0);
	assert_int_equal(run_folder_open(fixture->path), -EPERM);
}

static void a_link_is_no_folder(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(symlink("/tmp", fixture->path), 0);
	assert_int_equal(run_folder_open(fixture->path), -ENOTDIR);
}

static void it_is_one_programs_at_a_time(void **state)
{
	struct fixture *fixture = *state;
	int fd = run_folder_open(fixture->path);

	assert_true(fd >= 0);
	assert_int_equal(run_folder_open(fixture->path), -EBUSY);
	close(fd);
	fd = run_folder_open(fixture->path);
	assert_true(fd >= 0);
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_made_for_nobody_else,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_that_others_may_enter_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_link_is_no_folder, setup,
						teardown),
		cmocka_unit_test_setup_teardown(it_is_one_programs_at_a_time,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
