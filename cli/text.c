/* SPDX-License-Identifier: MIT */

#include "cli/text.h"

#include "base/utf8.h"

static bool is_control(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0);
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
		length = utf8_decode(at, n, &character);
		if (length > 0 && utf8_is_harmless(character)) {
			fwrite(at, 1, length, out);
		} else if (length > 0 && !is_control(character)) {
			fprintf(out, "\\u{%x}", (unsigned)character);
		} else {
			length += length == 0;
			write_escape(out, at, length);
		}
	}
}
