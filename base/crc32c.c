/* SPDX-License-Identifier: MIT */

#include "base/crc32c.h"

#include "base/le.h"

#ifdef __x86_64__
#include <nmmintrin.h>
#endif

/* The remainders of the 16 halves of a byte: small, and in cache at once. */
static const uint32_t halves[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
	0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t crc32c_plain(uint32_t crc, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	crc = ~crc;
	for (size_t i = 0; i < n; i++) {
		crc ^= at[i];
		crc = crc >> 4 ^ halves[crc & 15];
		crc = crc >> 4 ^ halves[crc & 15];
	}
	return ~crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(
	uint32_t crc, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;
	uint64_t wide = (uint32_t)~crc;

	for (; n >= 32; n -= 32, at += 32) {
		wide = _mm_crc32_u64(wide, le64_load(at));
		wide = _mm_crc32_u64(wide, le64_load(at + 8));
		wide = _mm_crc32_u64(wide, le64_load(at + 16));
		wide = _mm_crc32_u64(wide, le64_load(at + 24));
	}
	for (; n >= 8; n -= 8, at += 8)
		wide = _mm_crc32_u64(wide, le64_load(at));
	crc = (uint32_t)wide;
	if (n & 4) {
		crc = _mm_crc32_u32(crc, le32_load(at));
		at += 4;
	}
	for (n &= 3; n; n--, at++)
		crc = _mm_crc32_u8(crc, *at);
	return ~crc;
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t n)
{
	/* A load and a test: the compiler's runtime looked at start. */
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_sse42(crc, bytes, n);
	return crc32c_plain(crc, bytes, n);
}
#else
uint32_t crc32c(uint32_t crc, const void *bytes, size_t n)
{
	return crc32c_plain(crc, bytes, n);
}
#endif
