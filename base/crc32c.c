/* SPDX-License-Identifier: MIT */

#include "base/crc32c.h"

#include "base/le.h"

#ifdef __x86_64__
#include <nmmintrin.h>
#include <wmmintrin.h>
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
#define SSE42        __attribute__((target("sse4.2")))
#define SSE42_PCLMUL __attribute__((target("sse4.2,pclmul")))

SSE42 static uint32_t take(uint32_t crc, const uint8_t *at, size_t n)
{
	uint64_t wide = crc;

	for (; n >= 8; n -= 8, at += 8)
		wide = _mm_crc32_u64(wide, le64_load(at));
	crc = (uint32_t)wide;
	if (n & 4) {
		crc = _mm_crc32_u32(crc, le32_load(at));
		at += 4;
	}
	for (n &= 3; n; n--, at++)
		crc = _mm_crc32_u8(crc, *at);
	return crc;
}

SSE42 static uint32_t crc32c_sse42(uint32_t crc, const void *bytes, size_t n)
{
	return ~take(~crc, bytes, n);
}

/*
 * An instruction waits for the one before it, but three at a time run beside
 * each other: three lanes of LANE bytes, put together afterwards. What a CRC is
 * after n more bytes of zeros is it times x^8n modulo the polynomial; to
 * multiply without carry and to take the remainder add x^33 to that.
 */
enum { LANE = 512 };

#define X_PAST_ONE                                                            \
	UINT64_C(0xdd7e3b0c)            /* x^(8 LANE - 33), its bits reversed \
					 */
#define X_PAST_TWO UINT64_C(0x170076fa) /* x^(16 LANE - 33) */

SSE42_PCLMUL static uint32_t past(uint64_t crc, uint64_t x)
{
	__m128i product =
		_mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)crc),
				     _mm_cvtsi64_si128((long long)x), 0);

	return (uint32_t)_mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

SSE42_PCLMUL static uint32_t take_lanes(uint32_t crc, const uint8_t *at)
{
	uint64_t first = crc, second = 0, third = 0;

	for (size_t i = 0; i < LANE; i += 8) {
		first = _mm_crc32_u64(first, le64_load(at + i));
		second = _mm_crc32_u64(second, le64_load(at + LANE + i));
		third = _mm_crc32_u64(third, le64_load(at + 2 * LANE + i));
	}
	return past(first, X_PAST_TWO) ^ past(second, X_PAST_ONE) ^
	       (uint32_t)third;
}

SSE42_PCLMUL static uint32_t crc32c_pclmul(uint32_t crc, const void *bytes,
					   size_t n)
{
	const uint8_t *at = bytes;

	crc = ~crc;
	for (; n >= 3 * LANE; n -= 3 * LANE, at += 3 * LANE)
		crc = take_lanes(crc, at);
	return ~take(crc, at, n);
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t n)
{
	/* A load and a test: the compiler's runtime looked at start. */
	if (n >= 3 * LANE && __builtin_cpu_supports("pclmul") &&
	    __builtin_cpu_supports("sse4.2"))
		return crc32c_pclmul(crc, bytes, n);
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
