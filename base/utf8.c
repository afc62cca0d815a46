/* SPDX-License-Identifier: MIT */

#include "base/utf8.h"

#include <string.h>

/* Lengths by the first byte, and the least character that needs them. */
static size_t sequence_length(uint8_t first, uint32_t *ret_least)
{
	if (first < 0x80) {
		*ret_least = 0;
		return 1;
	}
	if ((first & 0xe0) == 0xc0) {
		*ret_least = 0x80;
		return 2;
	}
	if ((first & 0xf0) == 0xe0) {
		*ret_least = 0x800;
		return 3;
	}
	if ((first & 0xf8) == 0xf0) {
		*ret_least = 0x10000;
		return 4;
	}
	return 0;
}

size_t utf8_decode(const uint8_t *bytes, size_t n, uint32_t *ret_character)
{
	uint32_t character, least;
	size_t length;

	length = n ? sequence_length(bytes[0], &least) : 0;
	if (length == 0 || length > n)
		return 0;

	character = length == 1 ? bytes[0] : bytes[0] & (0x7fU >> length);
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (bytes[i] & 0x3f);
	}
	if (character < least || character > 0x10ffff ||
	    (character >= 0xd800 && character <= 0xdfff))
		return 0;
	*ret_character = character;
	return length;
}

/* How many bytes at the front are ASCII, as nearly all are: eight at a time,
 * and what is left. */
static size_t ascii_length(const uint8_t *bytes, size_t n)
{
	size_t length = 0;
	uint64_t word;

	while (n - length >= sizeof(word)) {
		memcpy(&word, bytes + length, sizeof(word));
		if (word & UINT64_C(0x8080808080808080))
			break;
		length += sizeof(word);
	}
	while (length < n && bytes[length] < 0x80)
		length++;
	return length;
}

bool utf8_is_valid(const void *bytes, size_t n)
{
	const uint8_t *at = bytes;
	uint32_t character;

	while (n > 0) {
		size_t length = ascii_length(at, n);

		if (!length)
			length = utf8_decode(at, n, &character);
		if (length == 0)
			return false;
		at += length;
		n -= length;
	}
	return true;
}

/* Marks that make a line read in another order than it is written. */
static bool is_reordering(uint32_t character)
{
	return character == 0x61c || character == 0x200e ||
	       character == 0x200f ||
	       (character >= 0x2028 && character <= 0x202e) ||
	       (character >= 0x2066 && character <= 0x2069);
}

bool utf8_is_harmless(uint32_t character)
{
	return character >= 0x20 && (character < 0x7f || character >= 0xa0) &&
	       !is_reordering(character);
}

bool utf8_is_harmless_text(const void *bytes, size_t n)
{
	const uint8_t *at = bytes;
	uint32_t character;

	while (n > 0) {
		size_t length = utf8_decode(at, n, &character);

		if (length == 0 || !utf8_is_harmless(character))
			return false;
		at += length;
		n -= length;
	}
	return true;
}

size_t utf8_encode(uint32_t character, uint8_t bytes[UTF8_BYTES_MAX])
{
	static const uint8_t firsts[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t n = 1;

	if (character >= 0x80)
		n = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--) {
		bytes[i] = (uint8_t)(0x80 | (character & 0x3f));
		character >>= 6;
	}
	bytes[0] = (uint8_t)(firsts[n] | character);
	return n;
}
