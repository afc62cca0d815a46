/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"

/* The test vectors of RFC 4648. */
static const struct {
	const char *plain;
	const char *encoded;
} vectors[] = {
	{ "f", "Zg==" },         { "fo", "Zm8=" },
	{ "foo", "Zm9v" },       { "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
};

static void vectors_go_both_ways(void **state)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		const uint8_t *plain = (const uint8_t *)vectors[i].plain;
		size_t n = strlen(vectors[i].plain);
		char text[16] = "";
		uint8_t bytes[16];
		size_t n_bytes;

		for (size_t k = 0; k < n; k += 3)
			base64_encode_group(plain + k, n - k, text + k / 3 * 4);
		assert_string_equal(text, vectors[i].encoded);
		assert_true(base64_decode((const uint8_t *)text, strlen(text),
					  bytes, &n_bytes));
		assert_int_equal(n_bytes, n);
		assert_memory_equal(bytes, plain, n);
	}
}

static bool decodes(const char *text, size_t *ret_n)
{
	uint8_t bytes[16];

	return base64_decode((const uint8_t *)text, strlen(text), bytes, ret_n);
}

static void padding_may_be_missing_but_not_wrong(void **state)
{
	static const char *const wrong[] = { "Z",    "Zg=",   "Zg===",
					     "=",    "====",  "Zm9v=",
					     "Z=g=", "Zg= =", "Zm9vY" };
	size_t n;

	assert_true(decodes("Zg", &n) && n == 1);
	assert_true(decodes("Zm8", &n) && n == 2);
	assert_true(decodes("", &n) && n == 0);
	assert_true(decodes("-_+/", &n) && n == 3);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(decodes(wrong[i], &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_go_both_ways),
		cmocka_unit_test(padding_may_be_missing_but_not_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
