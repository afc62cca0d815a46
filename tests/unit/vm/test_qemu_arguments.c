/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fault.h"
#include "vm/qemu_arguments.h"

/* The number of the word, from 1; 0: it is not there. */
static size_t find(char **words, const char *word)
{
	for (size_t i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0)
			return i + 1;
	return 0;
}

static void assert_pair(char **words, const char *option, const char *value)
{
	size_t at = find(words, option);

	assert_true(at > 0);
	assert_string_equal(words[at], value);
}

static struct definition *define(const char *text)
{
	struct definition *definition = NULL;
	char error[256];

	if (definition_parse("web", "web.vm", text, strlen(text), error,
			     sizeof(error), &definition) < 0)
		fail_msg("%s", error);
	return definition;
}

static void a_definition_becomes_words(void **state)
{
	_cleanup_(definition_freep) struct definition *web =
		define("memory 8M\ncpus 2\naccel tcg\nkernel /k\ninitrd /i\n"
		       "append a b\ndisk /x,file=/etc/shadow readonly\n"
		       "extra -serial file:/out\n");
	_cleanup_(qemu_arguments_freep) char **words = NULL;
	size_t at;

	assert_int_equal(qemu_arguments_new("/bin/qemu", web, &words), 0);
	assert_string_equal(words[0], "/bin/qemu");
	assert_pair(words, "-name", "guest=web");
	assert_pair(words, "-m", "8M");
	assert_pair(words, "-smp", "2");
	assert_pair(words, "-accel", "tcg");
	assert_pair(words, "-kernel", "/k");
	assert_pair(words, "-initrd", "/i");
	assert_pair(words, "-append", "a b");
	assert_pair(words, "-drive",
		    "file=/x,,file=/etc/shadow,format=raw,if=virtio,"
		    "readonly=on,snapshot=off");
	assert_pair(words, "-chardev", "socket,id=qmp,fd=3,server=on,wait=off");
	assert_true(find(words, "-S") > 0);
	at = find(words, "-serial");
	assert_string_equal(words[at], "file:/out");
	assert_null(words[at + 1]);
}

static void what_is_not_told_is_not_said(void **state)
{
	_cleanup_(definition_freep) struct definition *web = define("");
	_cleanup_(qemu_arguments_freep) char **words = NULL;

	assert_int_equal(qemu_arguments_new("qemu", web, &words), 0);
	assert_int_equal(find(words, "-kernel"), 0);
	assert_int_equal(find(words, "-drive"), 0);
	assert_pair(words, "-accel", "kvm");
	assert_true(find(words, "tcg") > 0);
}

static void no_memory_is_no_command_line(void **state)
{
	_cleanup_(definition_freep) struct definition *web =
		define("disk /a\nextra x\n");

	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		char **words = NULL;
		int r;

		fault_arm(n);
		r = qemu_arguments_new("qemu", web, &words);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_int_equal(words == NULL, fault_hit());
		qemu_arguments_free(words);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_definition_becomes_words),
		cmocka_unit_test(what_is_not_told_is_not_said),
		cmocka_unit_test(no_memory_is_no_command_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
