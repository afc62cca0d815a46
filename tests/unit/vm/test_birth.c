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
#include <unistd.h>

#include <cmocka.h>

#include "vm/birth.h"

struct fixture {
	char path[64];
	int fd;
};

static int open_folder(void **state)
{
	static struct fixture fixture;

	snprintf(fixture.path, sizeof(fixture.path), "/tmp/helio-birth-XXXXXX");
	assert_non_null(mkdtemp(fixture.path));
	fixture.fd = open(fixture.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fixture.fd >= 0);
	*state = &fixture;
	return 0;
}

static int close_folder(void **state)
{
	struct fixture *fixture = *state;

	unlinkat(fixture->fd, "web.birth", 0);
	close(fixture->fd);
	return rmdir(fixture->path);
}

static void write_text(struct fixture *fixture, const char *text)
{
	int fd = openat(fixture->fd, "web.birth", O_WRONLY | O_CREAT | O_TRUNC,
			0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void what_was_written_is_read(void **state)
{
	struct fixture *fixture = *state;
	struct birth birth = {
		.incarnation = UINT64_C(0x8000000000000001),
		.started_by = "vm:web/uid:1000",
	};
	struct birth again;

	assert_int_equal(birth_read(fixture->fd, "web.birth", &again), -ENOENT);
	assert_int_equal(birth_write(fixture->fd, "web.birth", &birth), 0);
	assert_int_equal(birth_read(fixture->fd, "web.birth", &again), 0);
	assert_int_equal(again.incarnation, birth.incarnation);
	assert_string_equal(again.started_by, birth.started_by);
	birth.incarnation = 2;
	assert_int_equal(birth_write(fixture->fd, "web.birth", &birth), 0);
	assert_int_equal(birth_read(fixture->fd, "web.birth", &again), 0);
	assert_int_equal(again.incarnation, 2);
	assert_int_equal(faccessat(fixture->fd, "web.birth.new", F_OK, 0), -1);
}

static void what_is_no_birth_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"incarnation 0000000000000001\n",
		"started-by uid:0\n",
		"incarnation 0000000000000000\nstarted-by uid:0\n",
		"incarnation 1\nstarted-by uid:0\n",
		"incarnation 000000000000000G\nstarted-by uid:0\n",
		"incarnation 0000000000000001 x\nstarted-by uid:0\n",
		"incarnation 0000000000000001\nstarted-by a\x01\n",
		"incarnation 0000000000000001\nstarted-by a b\n",
		"incarnation 0000000000000001\nstarted-by a\nx y\n",
	};
	struct fixture *fixture = *state;
	struct birth birth;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		write_text(fixture, texts[i]);
		assert_int_equal(birth_read(fixture->fd, "web.birth", &birth),
				 -EINVAL);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_written_is_read,
						open_folder, close_folder),
		cmocka_unit_test_setup_teardown(what_is_no_birth_is_refused,
						open_folder, close_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
