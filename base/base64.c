/* SPDX-License-Identifier: MIT */

#include "base/base64.h"

enum { NO_DIGIT = 64 };

void base64_encode_group(const uint8_t *bytes, size_t n, char text[4])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t group = (uint32_t)bytes[0] << 16;

	group |= n > 1 ? (uint32_t)bytes[1] << 8 : 0;
	group |= n > 2 ? bytes[2] : 0;
	text[0] = digits[group >> 18];
	text[1] = digits[group >> 12 & 63];
	text[2] = '=';
	text[3] = '=';
	if (n > 1)
		text[2] = digits[group >> 6 & 63];
	if (n > 2)
		text[3] = digits[group & 63];
}

static unsigned digit_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26U;
	if (c >= '0' && c <= '9')
		return c - '0' + 52U;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : NO_DIGIT;
}

bool base64_decode(const uint8_t *text, size_t n, uint8_t *bytes, size_t *ret_n)
{
	size_t n_digits = n;
	size_t n_bytes = 0;
	uint32_t bits = 0;

	while (n_digits > 0 && n - n_digits < 2 && text[n_digits - 1] == '=')
		n_digits--;
	if (n_digits % 4 == 1 || (n_digits != n && n % 4 != 0))
		return false;
	for (size_t i = 0; i < n_digits; i++) {
		unsigned digit = digit_of(text[i]);

		if (digit == NO_DIGIT)
			return false;
		bits = bits << 6 | digit;
		if (i % 4 != 0)
			bytes[n_bytes++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	*ret_n = n_bytes;
	return true;
}
