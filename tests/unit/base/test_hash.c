/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"

/*
 * From a SipHash written anew in Python, which gives the vector of the paper
 * with two and four rounds; the first is also that of Rust's SipHasher13.
 */
static const struct {
	size_t n;
	uint64_t hash;
} vectors[] = {
	{ 0, UINT64_C(0xabac0158050fc4dc) },
	{ 1, UINT64_C(0xc9f49bf37d57ca93) },
	{ 7, UINT64_C(0xd3927d989bb11140) },
	{ 8, UINT64_C(0x369095118d299a8e) },
	{ 9, UINT64_C(0x25a48eb36c063de4) },
	{ 15, UINT64_C(0xd320d86d2a519956) },
	{ 16, UINT64_C(0xcc4fdd1a7d908b66) },
	{ 63, UINT64_C(0x9d199062b7bbb3a8) },
};

static void is_siphash_1_3(void **state)
{
	const struct hash_key key = {
		.k0 = UINT64_C(0x0706050403020100),
		.k1 = UINT64_C(0x0f0e0d0c0b0a0908),
	};
	const struct hash_key ones = { .k0 = UINT64_MAX, .k1 = UINT64_MAX };
	uint8_t bytes[65];

	for (size_t offset = 0; offset < 2; offset++) {
		for (size_t i = 0; i < 63; i++)
			bytes[offset + i] = (uint8_t)i;
		for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++)
			assert_true(hash_bytes(&key, bytes + offset,
					       vectors[i].n) ==
				    vectors[i].hash);
	}
	assert_true(hash_bytes(&ones, "vm.web.console", 14) ==
		    UINT64_C(0x7be8d8a579804cae));
}

static void drawn_keys_differ(void **state)
{
	struct hash_key a = { 0 };
	struct hash_key b = { 0 };

	assert_int_equal(hash_key_draw(&a), 0);
	assert_int_equal(hash_key_draw(&b), 0);
	assert_true(a.k0 != b.k0 && a.k1 != b.k1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_siphash_1_3),
		cmocka_unit_test(drawn_keys_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
