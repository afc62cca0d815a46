/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

#define BYTES(text) (text), sizeof(text) - 1

static void utf8_is_told_from_other_bytes(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		bool is_utf8;
	} cases[] = {
		{ BYTES(""), true },
		{ BYTES("plain"), true },
		{ BYTES("\0"), true },
		{ BYTES("\xc3\xa4"), true },
		{ BYTES("\xe2\x82\xac"), true },
		{ BYTES("\xf0\x9f\x98\x80"), true },
		{ BYTES("\xf4\x8f\xbf\xbf"), true },
		{ BYTES("\xf4\x90\x80\x80"), false }, /* beyond the last */
		{ BYTES("\x80"), false },
		{ BYTES("\xc3"), false },         /* cut off */
		{ BYTES("\xc0\xaf"), false },     /* overlong */
		{ BYTES("\xe0\x80\xaf"), false }, /* overlong */
		{ BYTES("\xed\xa0\x80"), false }, /* a surrogate */
		{ BYTES("\xff"), false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(utf8_is_valid(cases[i].bytes, cases[i].n),
				 cases[i].is_utf8);
}

/* What is written is read as the same, at all edges of lengths. */
static void what_is_encoded_is_decoded(void **state)
{
	static const uint32_t characters[] = { 0,       0x7f,    0x80,   0x7ff,
					       0x800,   0xd7ff,  0xe000, 0xffff,
					       0x10000, 0x10ffff };

	for (size_t i = 0; i < sizeof(characters) / sizeof(*characters); i++) {
		uint8_t bytes[UTF8_BYTES_MAX];
		uint32_t character;
		size_t n = utf8_encode(characters[i], bytes);

		assert_int_equal(utf8_decode(bytes, n, &character), n);
		assert_int_equal(character, characters[i]);
		assert_int_equal(utf8_decode(bytes, n - 1, &character), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_is_told_from_other_bytes),
		cmocka_unit_test(what_is_encoded_is_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
