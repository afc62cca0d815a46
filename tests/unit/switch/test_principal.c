/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "switch/principal.h"

static void evidence_makes_principals(void **state)
{
	static const struct {
		struct channel_evidence evidence;
		const char *path;
	} cases[] = {
		{ { .kind = EVIDENCE_SOCKET, .name = "vm:web", .uid = 7 },
		  "vm:web" },
		{ { .kind = EVIDENCE_SOCKET, .uid = 0 }, "uid:0" },
		{ { .kind = EVIDENCE_SOCKET, .uid = 4294967294 },
		  "uid:4294967294" },
		{ { .kind = EVIDENCE_KEY, .name = "laptop" }, "key:laptop" },
		{ { .kind = EVIDENCE_KEY }, "tcp:plain" },
		{ { .kind = EVIDENCE_INSIDE }, "helio:switch" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct principal a;
		struct principal b;

		assert_int_equal(
			principal_from_evidence(&cases[i].evidence, NULL, &a),
			0);
		assert_string_equal(a.path, cases[i].path);
		assert_string_equal(a.durable_id, cases[i].path);
		assert_int_equal(
			principal_from_evidence(&cases[i].evidence, NULL, &b),
			0);
		assert_true(a.incarnation && b.incarnation);
		assert_true(a.incarnation != b.incarnation);
	}
}

static void evidence_that_proves_nobody_is_refused(void **state)
{
	static const struct channel_evidence cases[] = {
		{ .kind = EVIDENCE_NONE, .name = "vm:web" },
		{ .kind = EVIDENCE_DOMAIN, .domid = 3, .name = "web" },
		{ .kind = EVIDENCE_SOCKET, .name = "web" },
		{ .kind = EVIDENCE_SOCKET, .name = "vm:" },
		{ .kind = EVIDENCE_SOCKET, .name = "vm:a/b" },
		{ .kind = EVIDENCE_SOCKET, .name = "vm:a.b" },
		{ .kind = EVIDENCE_SOCKET, .name = "vm:*" },
		{ .kind = EVIDENCE_SOCKET, .name = "vm:$sys" },
		{ .kind = EVIDENCE_KEY, .name = "a b" },
		{ .kind = EVIDENCE_KEY, .name = "a/b" },
	};
	struct channel_evidence endless = { .kind = EVIDENCE_KEY };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct principal principal = { .incarnation = 1 };

		assert_int_equal(
			principal_from_evidence(&cases[i], NULL, &principal),
			-EACCES);
		assert_int_equal(principal.incarnation, 1);
	}
	memset(endless.name, 'a', sizeof(endless.name));
	assert_int_equal(principal_from_evidence(&endless, NULL,
						 &(struct principal){ 0 }),
			 -EACCES);
}

static void names_are_plain_tokens(void **state)
{
	char longest[PRINCIPAL_NAME_MAX_BYTES + 1];

	memset(longest, 'a', sizeof(longest));
	assert_true(principal_name_is_valid("web-1:x", 7));
	assert_true(principal_name_is_valid(longest, sizeof(longest) - 1));
	assert_false(principal_name_is_valid(longest, sizeof(longest)));
	assert_false(principal_name_is_valid("", 0));
	assert_false(principal_name_is_valid(".a", 2));
	assert_false(principal_name_is_valid("a\0b", 3));
	assert_false(principal_name_is_valid(">", 1));
}

static void a_uuid_is_written_and_known(void **state)
{
	static const uint8_t uuid[16] = { 0x3f, 0x6c, 0x0c, 0x1e, 0x8a, 0x53,
					  0x4c, 0x1b, 0x9a, 0x43, 0x0d, 0x6f,
					  0x6f, 0x4b, 0x2a, 0x10 };
	char text[PRINCIPAL_UUID_CHARS + 1];

	principal_format_uuid(uuid, text);
	assert_string_equal(text, "3f6c0c1e-8a53-4c1b-9a43-0d6f6f4b2a10");
	assert_true(principal_name_is_uuid(text, 36));
	assert_true(principal_name_is_uuid(
		"3F6C0C1E-8A53-4C1B-9A43-0D6F6F4B2A10", 36));
	assert_false(principal_name_is_uuid(text, 35));
	assert_false(principal_name_is_uuid(
		"3f6c0c1e-8a53-4c1b-9a43-0d6f6f4b2a1g", 36));
	assert_false(principal_name_is_uuid(
		"3f6c0c1e08a53-4c1b-9a43-0d6f6f4b2a10", 36));
	assert_false(principal_name_is_uuid(
		"3f6c0c1-e8a53-4c1b-9a43-0d6f6f4b2a10", 36));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(evidence_makes_principals),
		cmocka_unit_test(evidence_that_proves_nobody_is_refused),
		cmocka_unit_test(names_are_plain_tokens),
		cmocka_unit_test(a_uuid_is_written_and_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
