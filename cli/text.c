/* SPDX-License-Identifier: MIT */

#include "cli/text.h"

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

size_t text_decode(const uint8_t *bytes, size_t n, uint32_t *ret_character)
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

/* Marks that make a line read in another order than it is written. */
static bool is_reordering(uint32_t character)
{
	return character == 0x61c || character == 0x200e ||
	       character == 0x200f ||
	       (character >= 0x2028 && character <= 0x202e) ||
	       (character >= 0x2066 && character <= 0x2069);
}

static bool is_control(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0);
}

bool text_is_harmless(uint32_t character)
{
	return !is_control(character) && !is_reordering(character);
}

bool text_is_utf8(const void *bytes, size_t n)
{
	const uint8_t *at = bytes;
	uint32_t character;
	size_t length;

	for (; n > 0; at += length, n -= length) {
		length = text_decode(at, n, &character);
		if (length == 0)
			return false;
	}
	return true;
}

static void write_escape(FILE *out, const uint8_t *bytes, size_t n)
{
	static const char letters[] = {
		['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'
	};

	if (bytes[0] < sizeof(letters) && letters[bytes[0]]) {
		fprintf(out, "\\%c", letters[bytes[0]]);
		return;
	}
	for (size_t i = 0; i < n; i++)
		fprintf(out, "\\x%02x", bytes[i]);
}

void text_write_escaped(FILE *out, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;
	uint32_t character;
	size_t length;

	for (; n > 0; at += length, n -= length) {
		length = text_decode(at, n, &character);
		if (length > 0 && text_is_harmless(character)) {
			fwrite(at, 1, length, out);
		} else if (length > 0 && is_reordering(character)) {
			fprintf(out, "\\u{%x}", (unsigned)character);
		} else {
			length += length == 0;
			write_escape(out, at, length);
		}
	}
}
