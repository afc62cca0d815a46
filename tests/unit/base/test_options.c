/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/diag.h"
#include "base/options.h"
#include "base/supervised.h"

struct settings {
	const char *state;
	const char *address;
	struct options_texts listens;
	int limit;
	uint64_t bytes;
	int fd;
	char *const *words;
	struct supervised supervised;
};

static const struct options_row rows[] = {
	{ .name = "state",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct settings, state),
	  .value = "DIR",
	  .help = "a folder",
	  .is_required = true },
	{ .name = "address",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct settings, address),
	  .value = "ADDRESS",
	  .help = "of one line\nand another",
	  .environment = "TEST_OPTIONS_ADDRESS" },
	{ .name = "listen",
	  .kind = OPTIONS_TEXTS,
	  .offset = offsetof(struct settings, listens),
	  .value = "ADDRESS",
	  .help = "again and again" },
	{ .name = "limit",
	  .kind = OPTIONS_NUMBER,
	  .min = 2,
	  .offset = offsetof(struct settings, limit),
	  .value = "N",
	  .help = "two or more" },
	{ .name = "bytes",
	  .kind = OPTIONS_BYTES,
	  .offset = offsetof(struct settings, bytes),
	  .value = "N",
	  .help = "how many" },
	{ .name = "fd",
	  .kind = OPTIONS_DESCRIPTOR,
	  .offset = offsetof(struct settings, fd),
	  .value = "N",
	  .help = "what is open" },
	{ .name = "judge",
	  .kind = OPTIONS_WORDS,
	  .offset = offsetof(struct settings, words),
	  .value = "A B",
	  .help = "two words" },
	{ .name = NULL },
};

static const struct options_part parts[] = {
	{ rows, 0 },
	{ supervised_rows, offsetof(struct settings, supervised) },
	{ NULL, 0 },
};

static const struct settings defaults = {
	.address = "shm:/default",
	.limit = 16,
	.supervised = SUPERVISED_DEFAULTS,
};

static const struct options_table table = {
	.usage = "usage: test\n",
	.parts = parts,
	.closing = "the end\n",
	.defaults = &defaults,
	.n_settings = sizeof(defaults),
};

/* Of words up to a NULL. */
static int parse(struct settings *ret_settings, ...)
{
	static char *argv[64];
	int argc = 1;
	va_list words;

	argv[0] = (char[]){ "test" };
	va_start(words, ret_settings);
	while ((argv[argc] = va_arg(words, char *)))
		argc++;
	va_end(words);
	return options_parse(&table, argc, argv, ret_settings);
}

static void test_each_value_has_its_place(void **state)
{
	struct settings settings;

	assert_int_equal(parse(&settings, "--state", "/s", "--limit=7", "--fd",
			       "2", "--listen", "a", "--listen=b", "--log",
			       "debug", "--parent", "12", NULL),
			 0);
	assert_string_equal(settings.state, "/s");
	assert_string_equal(settings.address, "shm:/default");
	assert_int_equal(settings.limit, 7);
	assert_int_equal(settings.fd, 2);
	assert_int_equal(settings.listens.n, 2);
	assert_string_equal(settings.listens.at[1], "b");
	assert_int_equal(settings.supervised.log_level, DIAG_DEBUG);
	assert_int_equal(settings.supervised.parent, 12);
	assert_int_equal(settings.supervised.ready_fd, -1);
	assert_null(settings.words);
}

static void test_what_is_wrong(void **state)
{
	struct settings settings;

	assert_int_equal(parse(&settings, NULL), -EINVAL);
	assert_int_equal(parse(&settings, "--state", "s", "word", NULL),
			 -EINVAL);
	assert_int_equal(parse(&settings, "--state", "s", "--limit", "1", NULL),
			 -EINVAL);
	assert_int_equal(
		parse(&settings, "--state", "s", "--limit", "3x", NULL),
		-EINVAL);
	assert_int_equal(
		parse(&settings, "--state", "s", "--fd", "1000000", NULL),
		-EINVAL);
	assert_int_equal(
		parse(&settings, "--state", "s", "--log", "loud", NULL),
		-EINVAL);
	assert_int_equal(parse(&settings, "--state", NULL), -EINVAL);
	assert_int_equal(parse(&settings, "--stale", "s", NULL), -EINVAL);
}

/* What the parsing that is called next says is read from there. */
static FILE *hear(int *ret_stderr)
{
	FILE *said = tmpfile();

	assert_non_null(said);
	*ret_stderr = dup(STDERR_FILENO);
	assert_true(dup2(fileno(said), STDERR_FILENO) >= 0);
	return said;
}

static void expect_said(FILE *said, int stderr_fd, const char *expected)
{
	char line[128] = "";

	assert_true(dup2(stderr_fd, STDERR_FILENO) >= 0);
	close(stderr_fd);
	rewind(said);
	assert_non_null(fgets(line, sizeof(line), said));
	fclose(said);
	assert_string_equal(line, expected);
}

static void test_what_is_wrong_is_said(void **state)
{
	struct settings settings;
	FILE *said;
	int fd;

	said = hear(&fd);
	(void)parse(&settings, NULL);
	expect_said(said, fd, "test: --state is missing\n");
	said = hear(&fd);
	(void)parse(&settings, "--state", "s", "word", NULL);
	expect_said(said, fd, "test: word is too much\n");
	said = hear(&fd);
	(void)parse(&settings, "--state", "s", "--limit", "3x", NULL);
	expect_said(said, fd, "test: --limit N: not '3x'\n");
	said = hear(&fd);
	(void)parse(&settings, "--listen=1", "--listen=2", "--listen=3",
		    "--listen=4", "--listen=5", "--listen=6", "--listen=7",
		    "--listen=8", "--listen=9", "--listen=10", "--listen=11",
		    "--listen=12", "--listen=13", "--listen=14", "--listen=15",
		    "--listen=16", "--listen=17", NULL);
	expect_said(said, fd, "test: --listen: at most 16 times\n");
}

static void expect_bytes(const char *text, uint64_t bytes)
{
	struct settings settings;

	assert_int_equal(
		parse(&settings, "--state", "s", "--bytes", text, NULL), 0);
	assert_true(settings.bytes == bytes);
}

static void test_bytes_have_units(void **state)
{
	static const char *const wrong[] = {
		"", "K", "-1", "1T", "1KB", "1 K", "17179869184G", "0x10", "1k"
	};
	struct settings settings;

	expect_bytes("0", 0);
	expect_bytes("4096", 4096);
	expect_bytes("4K", 4096);
	expect_bytes("3M", 3 << 20);
	expect_bytes("17179869183G", UINT64_C(17179869183) << 30);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(parse(&settings, "--state", "s", "--bytes",
				       wrong[i], NULL),
				 -EINVAL);
}

static void test_help_counts_alone(void **state)
{
	struct settings settings;

	assert_int_equal(parse(&settings, "--help", NULL), 1);
	assert_int_equal(parse(&settings, "-h", "--limit", "1", NULL), 1);
}

static void test_words_are_counted(void **state)
{
	struct settings settings;

	assert_int_equal(
		parse(&settings, "--judge", "a", "--state", "s", "b", NULL), 0);
	assert_string_equal(settings.words[0], "a");
	assert_string_equal(settings.words[1], "b");
	assert_int_equal(parse(&settings, "--judge", "--state", "s", "a", NULL),
			 -EINVAL);
}

static void test_too_many_texts(void **state)
{
	struct settings settings;

	assert_int_equal(parse(&settings, "--state", "s", "--listen=1",
			       "--listen=2", "--listen=3", "--listen=4",
			       "--listen=5", "--listen=6", "--listen=7",
			       "--listen=8", "--listen=9", "--listen=10",
			       "--listen=11", "--listen=12", "--listen=13",
			       "--listen=14", "--listen=15", "--listen=16",
			       "--listen=17", NULL),
			 -EINVAL);
	assert_int_equal(settings.listens.n, OPTIONS_TEXTS_MAX);
}

static void test_the_environment(void **state)
{
	struct settings settings;

	setenv("TEST_OPTIONS_ADDRESS", "shm:/variable", 1);
	assert_int_equal(parse(&settings, "--state", "s", NULL), 0);
	assert_string_equal(settings.address, "shm:/variable");
	assert_int_equal(
		parse(&settings, "--state", "s", "--address", "given", NULL),
		0);
	assert_string_equal(settings.address, "given");
	setenv("TEST_OPTIONS_ADDRESS", "", 1);
	assert_int_equal(parse(&settings, "--state", "s", NULL), 0);
	assert_string_equal(settings.address, "shm:/default");
}

static void test_print(void **state)
{
	static const char text[] =
		"usage: test\n"
		"  --state DIR          a folder\n"
		"  --address ADDRESS    of one line\n"
		"                       and another\n"
		"  --listen ADDRESS     again and again\n"
		"  --limit N            two or more\n"
		"  --bytes N            how many\n"
		"  --fd N               what is open\n"
		"  --judge A B          two words\n"
		"  --parent PID         end when the process that started this "
		"ends,\n"
		"                       whose number this is\n"
		"  --log LEVEL          error, warning, info or debug\n"
		"  --help               this text\n"
		"the end\n";
	char *printed;
	size_t n;
	FILE *out = open_memstream(&printed, &n);

	options_print(&table, out);
	fclose(out);
	assert_string_equal(printed, text);
	free(printed);
}

static void test_ready_is_said_once(void **state)
{
	struct supervised supervised = SUPERVISED_DEFAULTS;
	char text[16] = "";
	int fds[2];

	supervised_say_ready(&supervised);
	assert_int_equal(pipe(fds), 0);
	supervised.ready_fd = fds[1];
	supervised_say_ready(&supervised);
	assert_int_equal(supervised.ready_fd, -1);
	supervised_say_ready(&supervised);
	assert_int_equal(read(fds[0], text, sizeof(text) - 1), 6);
	assert_string_equal(text, "READY\n");
	assert_int_equal(read(fds[0], text, sizeof(text)), 0);
	close(fds[0]);
}

static void test_another_parent_is_gone(void **state)
{
	struct supervised supervised = { .parent = getpid() };

	assert_int_equal(supervised_end_with_parent(&supervised), -ESRCH);
	supervised.parent = getppid();
	assert_int_equal(supervised_end_with_parent(&supervised), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_value_has_its_place),
		cmocka_unit_test(test_what_is_wrong),
		cmocka_unit_test(test_what_is_wrong_is_said),
		cmocka_unit_test(test_bytes_have_units),
		cmocka_unit_test(test_help_counts_alone),
		cmocka_unit_test(test_words_are_counted),
		cmocka_unit_test(test_too_many_texts),
		cmocka_unit_test(test_the_environment),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_ready_is_said_once),
		cmocka_unit_test(test_another_parent_is_gone),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
