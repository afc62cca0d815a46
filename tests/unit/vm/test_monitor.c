/* SPDX-License-Identifier: MIT */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "vm/monitor.h"

/* Who has a process by its number asks whether that is still its own. */
static void its_end_is_seen(void **state)
{
	char path[] = "/tmp/helio-monitor-XXXXXX";
	int folder, listening, fd;
	pid_t pid = 0;

	(void)state;
	assert_non_null(mkdtemp(path));
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder >= 0);
	listening = monitor_listen(folder, "web");
	assert_true(listening >= 0);
	fd = monitor_connect(folder, "web");
	assert_true(fd >= 0);
	assert_int_equal(monitor_peer(fd, &pid), 0);
	assert_int_equal(pid, getpid());
	assert_false(monitor_is_over(fd));
	/* It was never accepted. */
	close(listening);
	assert_true(monitor_is_over(fd));
	close(fd);
	assert_int_equal(unlinkat(folder, "web.qmp", 0), 0);
	close(folder);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_end_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
