/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/json.h"
#include "cli/text.h"

/* Each case stands with its length, for some hold a NUL. */
#define BYTES(text) text, sizeof(text) - 1

static void a_terminal_gets_no_control_bytes(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *shown;
	} cases[] = {
		{ BYTES("a b"), "a b" },
		{ BYTES("\xc3\xa4"), "\xc3\xa4" },
		{ BYTES("a\nb\r\t"), "a\\nb\\r\\t" },
		{ BYTES("\x1b[2J"), "\\x1b[2J" },
		{ BYTES("\0\x7f"), "\\x00\\x7f" },
		{ BYTES("\xc2\x9b"), "\\xc2\\x9b" }, /* CSI in eight bits */
		{ BYTES("\xff\xfe"), "\\xff\\xfe" },
		{ BYTES("\xe2\x80\xae"), "\\u{202e}" },
		{ BYTES("a\\b"), "a\\b" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *shown = NULL;
		size_t n = 0;
		FILE *out = open_memstream(&shown, &n);

		text_write_escaped(out, cases[i].bytes, cases[i].n);
		fclose(out);
		assert_string_equal(shown, cases[i].shown);
		free(shown);
	}
}

static void json_is_valid_whatever_the_bytes(void **state)
{
	char *text = NULL;
	size_t n = 0;
	struct json json = { .out = open_memstream(&text, &n) };

	json_open(&json, '{');
	json_bytes(&json, "a", BYTES("q\"\\\n\x01\x1b"));
	json_bytes(&json, "b", BYTES("\xff"));
	json_bytes(&json, "c", BYTES("\xff\xfe"));
	json_bytes(&json, "d", BYTES("\xff\xfe\xfd"));
	json_key(&json, "e");
	json_open(&json, '[');
	json_number(&json, UINT64_MAX);
	json_bool(&json, true);
	json_null(&json);
	json_text(&json, BYTES("x\xff"
			       "y"));
	json_close(&json, ']');
	json_key(&json, "f");
	json_open(&json, '[');
	json_close(&json, ']');
	json_close(&json, '}');
	fclose(json.out);
	assert_string_equal(
		text, "{\"a\":\"q\\\"\\\\\\n\\u0001\\u001b\","
		      "\"b_base64\":\"/w==\",\"c_base64\":\"//4=\","
		      "\"d_base64\":\"//79\","
		      "\"e\":[18446744073709551615,true,null,\"x\\ufffdy\"],"
		      "\"f\":[]}");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_terminal_gets_no_control_bytes),
		cmocka_unit_test(json_is_valid_whatever_the_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
