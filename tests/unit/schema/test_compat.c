/* SPDX-License-Identifier: MIT */

/*
 * Each case of cases.txt: which rules are broken when the new schema follows
 * the old, and when clients and servers of them meet.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "schema/compat.h"
#include "schema/dialogue.h"
#include "tests/fault.h"

enum { SET_BYTES_MAX = 256 * 1024, WORDS_MAX = 8 };

struct side {
	struct descriptor_set *all; /* the files of all cases */
	struct descriptor_set *set; /* that of this one */
	struct inventory *inventory;
};

static struct side old_side, new_side;

static struct descriptor_set *set_of(const uint8_t *bytes, size_t n)
{
	struct descriptor_set *set;

	assert_int_equal(descriptor_set_new(bytes, n, &set), 0);
	return set;
}

static void side_load(struct side *side, const char *name)
{
	uint8_t *bytes = malloc(SET_BYTES_MAX);
	char path[1024];
	size_t n;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.set", CASES_FOLDER, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	n = fread(bytes, 1, SET_BYTES_MAX, file);
	fclose(file);
	side->all = set_of(bytes, n);
	free(bytes);
}

static void side_choose(struct side *side, const char *name)
{
	Google__Protobuf__FileDescriptorSet one =
		GOOGLE__PROTOBUF__FILE_DESCRIPTOR_SET__INIT;
	const Google__Protobuf__FileDescriptorSet *all = side->all->files;
	uint8_t bytes[16 * 1024];
	char error[ITEM_ERROR_BYTES];
	char file[256];

	snprintf(file, sizeof(file), "%s.proto", name);
	for (size_t i = 0; i < all->n_file; i++)
		if (!strcmp(all->file[i]->name, file)) {
			one.n_file = 1;
			one.file = &all->file[i];
		}
	assert_int_equal(one.n_file, 1);
	assert_true(protobuf_c_message_get_packed_size(&one.base) <
		    sizeof(bytes));
	side->set = set_of(bytes, protobuf_c_message_pack(&one.base, bytes));
	assert_int_equal(inventory_new(side->set, error, &side->inventory), 0);
}

static void side_drop(struct side *side)
{
	side->inventory = inventory_free(side->inventory);
	side->set = descriptor_set_free(side->set);
}

static void judge(const char *name, const char *verdict,
		  struct findings *findings)
{
	char package[256];
	char service[256];

	snprintf(package, sizeof(package), "%s.v1", name);
	snprintf(service, sizeof(service), "%s.v1.S", name);
	if (!strcmp(verdict, "wire"))
		compat_check(old_side.inventory, new_side.inventory, package,
			     findings);
	else if (!strcmp(verdict, "call"))
		assert_int_equal(dialogue_check(old_side.inventory,
						new_side.inventory, service,
						findings),
				 0);
	else
		assert_int_equal(dialogue_check(new_side.inventory,
						old_side.inventory, service,
						findings),
				 0);
}

static bool is_expected(const struct findings *findings, char *const *rules)
{
	for (size_t i = 0; rules[i]; i++)
		if (!findings_has(findings, rules[i]))
			return false;
	for (size_t i = 0; i < findings_count(findings); i++) {
		size_t k = 0;

		while (rules[k] && strcmp(rules[k], findings->at[i].rule) != 0)
			k++;
		if (!rules[k])
			return false;
	}
	return true;
}

static void complain(const char *name, const char *verdict,
		     const struct findings *findings)
{
	char text[2048];

	print_error("%s: %s: found %u\n", name, verdict, findings->total);
	for (size_t i = 0; i < findings_count(findings); i++) {
		finding_print(&findings->at[i], text, sizeof(text));
		print_error("	%s\n", text);
	}
}

/* A line `NAME VERDICT RULE...`; returns whether it is true. */
static bool check_line(char *line)
{
	struct findings findings = { .total = 0 };
	char *words[WORDS_MAX + 1] = { NULL };
	char *rest = line;
	size_t n = 0;
	bool is_true;

	while (n < WORDS_MAX && (words[n] = strsep(&rest, " \n")))
		if (*words[n])
			n++;
	words[n] = NULL;
	side_choose(&old_side, words[0]);
	side_choose(&new_side, words[0]);
	judge(words[0], words[1], &findings);
	is_true = is_expected(&findings, words + 2);
	if (!is_true)
		complain(words[0], words[1], &findings);
	side_drop(&old_side);
	side_drop(&new_side);
	return is_true;
}

static void test_every_case(void **state)
{
	FILE *file = fopen(CASES_FOLDER "/expected", "r");
	unsigned n_lines = 0, n_wrong = 0;
	char line[1024];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		n_lines++;
		n_wrong += !check_line(line);
	}
	fclose(file);
	assert_true(n_lines > 200);
	assert_int_equal(n_wrong, 0);
}

/* A finding says what, in which file, where and why. */
static void test_finding_names_the_place(void **state)
{
	struct findings findings = { .total = 0 };
	char text[1024];

	side_choose(&old_side, "type_number_to_string");
	side_choose(&new_side, "type_number_to_string");
	judge("type_number_to_string", "wire", &findings);
	assert_int_equal(findings.total, 1);
	finding_print(&findings.at[0], text, sizeof(text));
	assert_string_equal(text, "FIELD_WIRE_COMPATIBLE_TYPE in "
				  "type_number_to_string.proto: "
				  "type_number_to_string.v1.A.a "
				  "changed type from int32 to string");
	side_drop(&old_side);
	side_drop(&new_side);
}

/* More than fit are counted all the same. */
static void test_findings_are_bounded(void **state)
{
	struct findings findings = { .total = 0 };

	for (unsigned i = 0; i < 3 * FINDINGS_MAX; i++)
		findings_add(&findings, "RULE",
			     (struct finding_place){ .file = "a.proto" }, "%u",
			     i);
	assert_int_equal(findings.total, 3 * FINDINGS_MAX);
	assert_int_equal(findings_count(&findings), FINDINGS_MAX);
	assert_string_equal(findings.at[FINDINGS_MAX - 1].text, "15");
}

/* Defaults and reserved names are any bytes, and a long one is cut. */
static void test_findings_are_harmless_text(void **state)
{
	struct findings findings = { .total = 0 };
	char text[2 * FINDING_TEXT_BYTES] = "";
	const struct finding *finding = findings.at;

	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\303\244", 3);
	findings_add(&findings, "RULE",
		     (struct finding_place){ .file = "a.proto" },
		     "\033[2J \302\233 \377 \303\244 %s", text);
	assert_memory_equal(finding->text, "?[2J ?? ? \303\244 ", 13);
	assert_true(
		utf8_is_harmless_text(finding->text, strlen(finding->text)));
}

/* With any allocation failing. */
static void test_without_memory(void **state)
{
	char error[ITEM_ERROR_BYTES];
	struct inventory *inventory;
	int r;

	side_choose(&old_side, "type_deep_below");
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		fault_arm(n);
		r = inventory_new(old_side.set, error, &inventory);
		fault_disarm();
		if (fault_hit())
			assert_int_equal(r, -ENOMEM);
		else
			assert_int_equal(r, 0);
	}
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct findings findings = { .total = 0 };

		fault_arm(n);
		r = dialogue_check(inventory, inventory, "type_deep_below.v1.S",
				   &findings);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_int_equal(findings.total, 0);
	}
	inventory_free(inventory);
	side_drop(&old_side);
}

static int load(void **state)
{
	side_load(&old_side, "old");
	side_load(&new_side, "new");
	return 0;
}

static int unload(void **state)
{
	descriptor_set_free(old_side.all);
	descriptor_set_free(new_side.all);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_case),
		cmocka_unit_test(test_finding_names_the_place),
		cmocka_unit_test(test_findings_are_bounded),
		cmocka_unit_test(test_findings_are_harmless_text),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
