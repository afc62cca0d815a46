/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/folder.h"

/* One has it until he closes it; it is made when it is missing. */
static void test_lock(void **state)
{
	char place[] = "/tmp/folder.XXXXXX";
	char path[64], missing[80];
	int fd = -1, other = -1;

	assert_non_null(mkdtemp(place));
	snprintf(path, sizeof(path), "%s/state", place);
	snprintf(missing, sizeof(missing), "%s/no/state", place);
	assert_int_equal(folder_lock(missing, &fd), -ENOENT);
	assert_int_equal(folder_lock(path, &fd), 0);
	assert_int_equal(folder_lock(path, &other), -EWOULDBLOCK);
	assert_int_equal(other, -1);
	close(fd);
	assert_int_equal(folder_lock(path, &other), 0);
	close(other);
	rmdir(path);
	rmdir(place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lock),
	};

	return cmocka_run_group_tests_name("folder", tests, NULL, NULL);
}
