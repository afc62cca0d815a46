/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "cli/entry_in_inside.h"

enum { DEPTH_MAX = 100 };

int entry_in_fail(struct line *line, const char *what)
{
	snprintf(line->error, ENTRY_IN_ERROR_BYTES, "%s", what);
	return -EINVAL;
}

int entry_in_scanned(struct line *line, int r)
{
	return r == -EINVAL
		       ? entry_in_fail(line, line->scan.why ? line->scan.why
							    : "no JSON")
		       : r;
}

int entry_in_string(struct line *line, struct json_text *ret_text)
{
	return entry_in_scanned(line, json_scan_string(&line->scan, ret_text));
}

int entry_in_number(struct line *line, uint64_t *ret_number)
{
	struct json_text text;
	uint64_t number = 0;
	int r = entry_in_scanned(line, json_scan_number(&line->scan, &text));

	if (r < 0)
		return r;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t digit = (uint8_t)(text.bytes[i] - '0');

		if (digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, digit, &number))
			return entry_in_fail(
				line, "a number is no whole one of 64 bits");
	}
	*ret_number = number;
	return 0;
}

int entry_in_text(struct line *line, char **ret_text)
{
	struct json_text text;
	int r = entry_in_string(line, &text);

	if (r < 0)
		return r;
	if (text.n > 0 && memchr(text.bytes, 0, text.n))
		return entry_in_fail(line, "a text has a NUL in it");
	*ret_text = arena_copy(line->arena, text.bytes, text.n);
	return *ret_text ? 0 : arena_error(line->arena);
}

int entry_in_base64(struct line *line, const uint8_t **ret_bytes, size_t *ret_n)
{
	struct json_text text;
	uint8_t *bytes;
	int r = entry_in_string(line, &text);

	if (r < 0)
		return r;
	bytes = arena_alloc(line->arena, text.n + 1);
	if (!bytes)
		return arena_error(line->arena);
	if (!base64_decode(text.bytes, text.n, bytes, ret_n))
		return entry_in_fail(line, "what should be base64 is none");
	*ret_bytes = bytes;
	return 0;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int entry_in_id(struct line *line, uint64_t *ret_id)
{
	struct json_text text;
	uint64_t id = 0;
	int r = entry_in_string(line, &text);

	if (r < 0)
		return r;
	if (text.n != 16)
		return entry_in_fail(line, "an id has 16 hexadecimal digits");
	for (size_t i = 0; i < text.n; i++) {
		int digit = hex_digit(text.bytes[i]);

		if (digit < 0)
			return entry_in_fail(line,
					     "an id has 16 hexadecimal digits");
		id = id << 4 | (uint64_t)digit;
	}
	*ret_id = id;
	return 0;
}

bool entry_in_is_key(const struct json_text *key, const char *name)
{
	return key->n == strlen(name) && memcmp(key->bytes, name, key->n) == 0;
}

int entry_in_skip(struct line *line)
{
	return entry_in_scanned(line, json_scan_skip(&line->scan, DEPTH_MAX));
}

int entry_in_bytes(struct line *line, const uint8_t **ret_bytes, size_t *ret_n)
{
	struct json_text text;
	int r = entry_in_string(line, &text);

	if (r < 0)
		return r;
	*ret_bytes = text.bytes;
	*ret_n = text.n;
	return 0;
}
