/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/cage.h"

static char folder[] = "/tmp/cage.XXXXXX";

static int set_up(void **state)
{
	char path[64];
	FILE *file;

	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/ours", folder);
	file = fopen(path, "w");
	return file ? fclose(file) : -1;
}

static int tear_down(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/ours", folder);
	unlink(path);
	return rmdir(folder);
}

static struct cage of_folder(uint64_t access)
{
	const struct cage cage = {
		.folder_fd = open(folder, O_PATH | O_CLOEXEC),
		.folder_access = access,
	};

	assert_true(cage.folder_fd >= 0);
	return cage;
}

/* What a child finds in there: 0, or the number of what is not so. */
static int in_cage(const struct cage *cage, int (*look)(void))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		_exit(cage_enter(cage) < 0 ? 99 : look());
	if (cage->folder_fd >= 0)
		close(cage->folder_fd);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool can_open(const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return open(path, flags, 0600) >= 0;
}

static int look_at_files(void)
{
	if (!can_open("ours", O_RDONLY))
		return 1;
	if (can_open("ours", O_WRONLY))
		return 2;
	if (can_open("new", O_WRONLY | O_CREAT))
		return 3;
	if (open("/etc/passwd", O_RDONLY) >= 0)
		return 4;
	return errno == EACCES ? 0 : 5;
}

static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
}

static void test_files(void **state)
{
	struct cage cage = of_folder(LANDLOCK_ACCESS_FS_READ_FILE);
	int found = in_cage(&cage, look_at_files);

	/* Without it everything is as it was. */
	assert_int_equal(found, has_landlock() ? 0 : 2);
}

static int look_at_calls(void)
{
	if (!can_open("ours", O_RDONLY))
		return 1;
	if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || errno != EPERM)
		return 2;
	if (fork() >= 0 || errno != EPERM)
		return 3;
	return getppid() > 0 ? 0 : 4;
}

static void test_calls(void **state)
{
	static const char *const calls[] = { "getppid", "no_such_call", NULL };
	const struct cage cage = { .folder_fd = -1, .calls = calls };

	assert_int_equal(in_cage(&cage, look_at_calls),
			 CAGE_IS_SANITIZED ? 2 : 0);
}

static int look_at_resources(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur != 20 || limit.rlim_max != 20)
		return 1;
	getrlimit(RLIMIT_CORE, &limit);
	if (limit.rlim_max != 0)
		return 2;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 3;
}

static void test_resources(void **state)
{
	static const struct cage_limit limits[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_NOFILE, 20 },
		/* What is lower stays. */
		{ RLIMIT_CORE, 4096 },
		{ CAGE_NO_RESOURCE, 0 },
	};
	const struct cage cage = { .folder_fd = -1, .limits = limits };

	assert_int_equal(in_cage(&cage, look_at_resources), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_resources),
	};

	return cmocka_run_group_tests_name("cage", tests, set_up, tear_down);
}
