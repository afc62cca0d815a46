/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"

/* The examples of RFC 3720, appendix B.4, and the check value of catalogues. */
static void has_the_known_sums(void **state)
{
	uint8_t bytes[32];

	assert_int_equal(crc32c(0, "", 0), 0);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(crc32c(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(crc32c(0, bytes, 32), 0x62a8ab43);
	for (unsigned i = 0; i < 32; i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, bytes, 32), 0x46dd794e);
}

static void both_ways_agree_at_any_cut(void **state)
{
	uint8_t bytes[128];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 151 + 7);
	for (size_t from = 0; from < 9; from++) {
		for (size_t n = 0; n + from <= sizeof(bytes); n++) {
			const uint8_t *at = bytes + from;
			uint32_t whole = crc32c_plain(0, at, n);
			uint32_t half = crc32c(0, at, n / 3);

			assert_int_equal(crc32c(0, at, n), whole);
			assert_int_equal(crc32c(half, at + n / 3, n - n / 3),
					 whole);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_the_known_sums),
		cmocka_unit_test(both_ways_agree_at_any_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
