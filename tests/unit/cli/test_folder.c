/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
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
#include "cli/folder.h"
#include "cli/input.h"
#include "cli/table.h"
#include "rpc/heliograph.h"

static void names_are_file_names_and_tokens(void **state)
{
	static const char *const good[] = { "a", "web-1", "A_b", "9lives" };
	static const char *const bad[] = { "",   "..",  "a/b",      "a.b", "-a",
					   "_a", "a b", "\xc3\xa4", "a\n" };
	char longest[FOLDER_NAME_MAX + 2];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(folder_is_name(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(folder_is_name(bad[i]));
	memset(longest, 'x', sizeof(longest));
	longest[FOLDER_NAME_MAX] = '\0';
	assert_true(folder_is_name(longest));
	longest[FOLDER_NAME_MAX] = 'x';
	longest[FOLDER_NAME_MAX + 1] = '\0';
	assert_false(folder_is_name(longest));
}

static void an_address_is_told_set_or_found(void **state)
{
	char address[FOLDER_PATH_BYTES];

	setenv("HELIOGRAPH_ADDRESS", "unix:/x", 1);
	assert_int_equal(folder_address("tcp://h:1", address), 0);
	assert_string_equal(address, "tcp://h:1");
	assert_int_equal(folder_address(NULL, address), 0);
	assert_string_equal(address, "unix:/x");
	unsetenv("HELIOGRAPH_ADDRESS");
	setenv("XDG_RUNTIME_DIR", "/nowhere", 1);
	assert_int_equal(folder_address(NULL, address), 0);
	if (access("/run/heliograph/bus.sock", F_OK) < 0)
		assert_string_equal(address,
				    "shm:/nowhere/heliograph/bus.sock");
	setenv("XDG_RUNTIME_DIR", "", 1);
	assert_int_equal(folder_address(NULL, address), 0);
	assert_string_equal(address, "shm:/run/heliograph/bus.sock");
}

static void assert_folders(const char *connect, const char *run,
			   const char *state)
{
	char path[FOLDER_PATH_BYTES];

	assert_int_equal(folder_run_of(NULL, connect, path), 0);
	assert_string_equal(path, run);
	assert_int_equal(folder_state_of(NULL, run, path), 0);
	assert_string_equal(path, state);
}

static void the_folders_of_a_bus_are_found(void **state)
{
	char folder[] = "/tmp/helio-folder.XXXXXX";
	char address[FOLDER_PATH_BYTES], path[FOLDER_PATH_BYTES];
	char default_state[FOLDER_PATH_BYTES];

	assert_non_null(mkdtemp(folder));
	assert_int_equal(folder_state(NULL, default_state), 0);
	snprintf(address, sizeof(address), "shm:%s/bus.sock", folder);
	setenv("XDG_RUNTIME_DIR", "/nowhere", 1);
	assert_folders(address, folder, default_state);
	assert_int_equal(folder_link_state(folder, "/usr"), 0);
	assert_int_equal(folder_link_state(folder, "/usr/.."), 0);
	assert_folders(address, folder, "/");
	assert_folders("tcp://host:1", "/nowhere/heliograph", default_state);
	assert_int_equal(folder_state_of("/told", folder, path), 0);
	assert_string_equal(path, "/told");
	/* A link of somebody else's leads nowhere. */
	assert_int_equal(folder_join(folder, "state", path), 0);
	if (lchown(path, geteuid() + 1, (gid_t)-1) == 0)
		assert_folders(address, folder, default_state);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(folder_link_state(folder, "/usr"), -ENOENT);
	unsetenv("XDG_RUNTIME_DIR");
}

static void a_new_file_is_whole_or_not_there(void **state)
{
	char folder[] = "/tmp/helio-folder.XXXXXX";
	char deep[FOLDER_PATH_BYTES], path[FOLDER_PATH_BYTES];
	struct stat status;
	char text[8] = "";
	FILE *in;

	assert_non_null(mkdtemp(folder));
	assert_int_equal(folder_join(folder, "a/b", deep), 0);
	assert_int_equal(folder_make(deep, 0700), 0);
	assert_int_equal(folder_make(deep, 0700), 0);
	assert_int_equal(folder_join(deep, "file", path), 0);
	assert_int_equal(folder_write_new(path, "one", 0640), 0);
	assert_int_equal(folder_write_new(path, "two", 0640), -EEXIST);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0640);
	in = fopen(path, "r");
	assert_non_null(fgets(text, sizeof(text), in));
	fclose(in);
	assert_string_equal(text, "one");
	assert_int_equal(folder_make(path, 0700), -ENOTDIR);
	/* No draft is left behind, or the folders could not be removed. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(deep), 0);
	assert_int_equal(folder_join(folder, "a", deep), 0);
	assert_int_equal(rmdir(deep), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void lines_come_out_as_they_went_in(void **state)
{
	static const char text[] = "one\n\ntwo\0x\nlast";
	struct input input;
	const char *line;
	int ends[2];
	size_t n;

	assert_int_equal(pipe(ends), 0);
	input_init(&input, ends[0]);
	assert_int_equal(input_line(&input, &line, &n), 0);
	assert_int_equal(write(ends[1], text, 2), 2);
	assert_int_equal(input_read(&input), 0);
	assert_int_equal(input_line(&input, &line, &n), 0);
	assert_int_equal(write(ends[1], text + 2, sizeof(text) - 3),
			 sizeof(text) - 3);
	assert_int_equal(input_read(&input), 0);
	assert_int_equal(input_line(&input, &line, &n), 1);
	assert_memory_equal(line, "one", n);
	assert_int_equal(input_line(&input, &line, &n), 1);
	assert_int_equal(n, 0);
	assert_int_equal(input_line(&input, &line, &n), 1);
	assert_int_equal(n, 5);
	assert_memory_equal(line, "two\0x", n);
	assert_int_equal(input_line(&input, &line, &n), 0);
	close(ends[1]);
	assert_int_equal(input_read(&input), 0);
	assert_true(input.is_over);
	assert_int_equal(input_line(&input, &line, &n), 1);
	assert_memory_equal(line, "last", n);
	assert_int_equal(input_line(&input, &line, &n), 0);
	input_deinit(&input);
	close(ends[0]);
}

static void numbers_are_shown_for_people(void **state)
{
	static const struct {
		uint64_t n;
		const char *bytes;
		const char *ms;
	} cases[] = {
		{ 0, "0 B", "0.0s" },
		{ 1023, "1023 B", "1.0s" },
		{ 1536, "1.5 KiB", "1.5s" },
		{ 59999, "58.6 KiB", "59s" },
		{ 192000, "187.5 KiB", "3m12s" },
		{ 7500000, "7.2 MiB", "2h05m" },
		{ 90000000, "85.8 MiB", "1d01h" },
	};
	char text[32];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		table_format_bytes(cases[i].n, text, sizeof(text));
		assert_string_equal(text, cases[i].bytes);
		table_format_ms(cases[i].n, text, sizeof(text));
		assert_string_equal(text, cases[i].ms);
	}
}

static void exit_codes_are_what_the_manual_says(void **state)
{
	static const struct {
		int result;
		int code;
	} cases[] = {
		{ HELIO_OK, 0 },
		{ HELIO_UNKNOWN, 1 },
		{ HELIO_FAILED_PRECONDITION, 1 },
		{ -EINVAL, 2 },
		{ HELIO_NOT_FOUND, 3 },
		{ HELIO_UNIMPLEMENTED, 3 },
		{ HELIO_PERMISSION_DENIED, 4 },
		{ -EACCES, 4 },
		{ HELIO_UNAVAILABLE, 5 },
		{ HELIO_DEADLINE_EXCEEDED, 5 },
		{ -ETIMEDOUT, 5 },
		{ -ENOTCONN, 5 },
		{ HELIO_RESOURCE_EXHAUSTED, 6 },
		{ HELIO_INTERNAL, 70 },
		{ -ENOMEM, 70 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(exit_code(cases[i].result), cases[i].code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_file_names_and_tokens),
		cmocka_unit_test(an_address_is_told_set_or_found),
		cmocka_unit_test(the_folders_of_a_bus_are_found),
		cmocka_unit_test(a_new_file_is_whole_or_not_there),
		cmocka_unit_test(lines_come_out_as_they_went_in),
		cmocka_unit_test(numbers_are_shown_for_people),
		cmocka_unit_test(exit_codes_are_what_the_manual_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
