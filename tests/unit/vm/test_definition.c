/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fault.h"
#include "vm/definition.h"

static int parse_bytes(const char *text, size_t n, char error[256],
		       struct definition **ret_definition)
{
	error[0] = '\0';
	return definition_parse("web", "web.vm", text, n, error, 256,
				ret_definition);
}

static struct definition *parse(const char *text)
{
	struct definition *definition = NULL;
	char error[256];
	int r = parse_bytes(text, strlen(text), error, &definition);

	if (r < 0)
		fail_msg("%s", error);
	return definition;
}

static void nothing_said_is_a_small_machine(void **state)
{
	_cleanup_(definition_freep) struct definition *web = parse("# empty\n");

	assert_string_equal(web->name, "web");
	assert_string_equal(web->driver, "qemu");
	assert_int_equal(web->memory_bytes, 64 << 20);
	assert_int_equal(web->cpus, 1);
	assert_int_equal(web->grace_ms, 10000);
	assert_int_equal(web->accel, ACCEL_ANY);
	assert_null(web->kernel);
	assert_null(web->append);
	assert_int_equal(web->n_disks, 0);
}

static const char full[] = "driver qemu\n"
			   "memory 1G # much\n"
			   "cpus 2\n"
			   "accel tcg\n"
			   "kernel /boot/vmlinuz\n"
			   "initrd /boot/initrd\n"
			   "append console=ttyS0\tquiet\n"
			   "append panic=1\n"
			   "disk /a.img\n"
			   "disk /b.qcow2 qcow2 readonly ide snapshot\n"
			   "extra -serial file:/x\n"
			   "extra -no-reboot\n"
			   "grace-ms 0\n";

static void every_key_is_read(void **state)
{
	_cleanup_(definition_freep) struct definition *web = parse(full);

	assert_int_equal(web->memory_bytes, 1 << 30);
	assert_int_equal(web->cpus, 2);
	assert_int_equal(web->accel, ACCEL_TCG);
	assert_int_equal(web->grace_ms, 0);
	assert_string_equal(web->kernel, "/boot/vmlinuz");
	assert_string_equal(web->initrd, "/boot/initrd");
	assert_string_equal(web->append, "console=ttyS0 quiet panic=1");
	assert_int_equal(web->n_disks, 2);
	assert_string_equal(web->disks[0].path, "/a.img");
	assert_false(web->disks[0].is_qcow2 || web->disks[0].is_read_only);
	assert_true(web->disks[1].is_qcow2 && web->disks[1].is_read_only &&
		    web->disks[1].is_ide && web->disks[1].is_snapshot);
	assert_int_equal(web->n_extra, 3);
	assert_string_equal(web->extra[1], "file:/x");
	assert_string_equal(web->extra[2], "-no-reboot");
}

static void a_fault_names_its_line(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} faults[] = {
		{ "memory 64M\nmemroy 1M", "web.vm:2: 'memroy' is no key of a "
					   "machine" },
		{ "memory", "web.vm:1: a line is 'memory VALUE'" },
		{ "memory 1M 2M", "web.vm:1: a line is 'memory VALUE'" },
		{ "cpus 1\ncpus 2", "web.vm:2: 'cpus' was set in line 1" },
		{ "memory 1500K", "web.vm:1: '1500K' is no multiple of 1M" },
		{ "memory 0", "web.vm:1: '0' is no number from 1048576 to "
			      "1099511627776" },
		{ "cpus 257", "web.vm:1: '257' is no number from 1 to 256" },
		{ "cpus -1", "web.vm:1: '-1' is no number from 1 to 256" },
		{ "accel hvf", "web.vm:1: 'hvf' is none of tcg, kvm" },
		{ "driver ../x", "web.vm:1: '../x' is no name of a driver" },
		{ "kernel vmlinuz", "web.vm:1: 'vmlinuz' does not begin with "
				    "'/'" },
		{ "disk /a new", "web.vm:1: 'new' is no option of a disk" },
		{ "initrd /a", "web.vm: an initrd without a kernel" },
		{ "append x", "web.vm: a command line without a kernel" },
		{ "grace-ms 1G", "web.vm:1: '1G' is no number from 0 to "
				 "600000" },
	};
	char error[256];

	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		struct definition *definition = NULL;

		assert_int_equal(parse_bytes(faults[i].text,
					     strlen(faults[i].text), error,
					     &definition),
				 -EINVAL);
		assert_string_equal(error, faults[i].error);
		assert_null(definition);
	}
}

/* It would end the word for QEMU, and not for us. */
static void a_nul_is_no_part_of_a_word(void **state)
{
	static const char disk[] = "disk /a\0b";
	static const char append[] = "kernel /a\nappend a\0b";
	static const char extra[] = "extra \0";
	struct definition *definition = NULL;
	char error[256];

	assert_int_equal(
		parse_bytes(disk, sizeof(disk) - 1, error, &definition),
		-EINVAL);
	assert_int_equal(
		parse_bytes(append, sizeof(append) - 1, error, &definition),
		-EINVAL);
	assert_int_equal(
		parse_bytes(extra, sizeof(extra) - 1, error, &definition),
		-EINVAL);
}

static void what_repeats_has_a_bound(void **state)
{
	struct definition *definition = NULL;
	char text[16384];
	char error[256];
	size_t n;

	n = (size_t)snprintf(text, sizeof(text), "kernel /k\n");
	for (int i = 0; i <= DEFINITION_DISKS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "disk /a\n");
	assert_int_equal(parse_bytes(text, n, error, &definition), -EINVAL);
	assert_string_equal(error, "web.vm:10: more than 8 disks");

	n = (size_t)snprintf(text, sizeof(text), "kernel /k\n");
	for (int i = 0; i <= DEFINITION_EXTRA_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "extra x\n");
	assert_int_equal(parse_bytes(text, n, error, &definition), -EINVAL);

	n = (size_t)snprintf(text, sizeof(text), "kernel /k\n");
	for (int i = 0; i < 3; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "append %0800d\n", 0);
	assert_int_equal(parse_bytes(text, n, error, &definition), -EINVAL);
}

static void names_are_one_token_and_no_path(void **state)
{
	char name[DEFINITION_NAME_MAX_BYTES + 2];

	memset(name, 'a', sizeof(name));
	assert_true(definition_name_is_valid("web-1_X", 7));
	assert_true(definition_name_is_valid(name, DEFINITION_NAME_MAX_BYTES));
	assert_false(
		definition_name_is_valid(name, DEFINITION_NAME_MAX_BYTES + 1));
	assert_false(definition_name_is_valid("", 0));
	assert_false(definition_name_is_valid("-x", 2));
	assert_false(definition_name_is_valid("a.b", 3));
	assert_false(definition_name_is_valid("a/b", 3));
	assert_false(definition_name_is_valid("a b", 3));
	assert_false(definition_name_is_valid("a\0b", 3));
	assert_false(definition_name_is_valid("\xc3\xa4", 2));
}

static void no_memory_is_no_definition(void **state)
{
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct definition *definition = NULL;
		char error[256];
		int r;

		fault_arm(n);
		r = parse_bytes(full, strlen(full), error, &definition);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_int_equal(definition == NULL, fault_hit());
		definition_free(definition);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said_is_a_small_machine),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(a_fault_names_its_line),
		cmocka_unit_test(a_nul_is_no_part_of_a_word),
		cmocka_unit_test(what_repeats_has_a_bound),
		cmocka_unit_test(names_are_one_token_and_no_path),
		cmocka_unit_test(no_memory_is_no_definition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
