/* SPDX-License-Identifier: MIT */

#include "schema/json_scan.h"

#include <errno.h>
#include <string.h>

#include "base/utf8.h"

static int wrong(struct json_scan *scan, const char *why)
{
	scan->why = why;
	return -EINVAL;
}

int json_scan_init(struct json_scan *scan, struct arena *arena,
		   const void *text, size_t n)
{
	const uint8_t *bytes = text;

	*scan = (struct json_scan){
		.start = bytes, .at = bytes, .end = bytes + n, .arena = arena
	};
	return utf8_is_valid(text, n) ? 0 : wrong(scan, "no UTF-8");
}

static void skip_space(struct json_scan *scan)
{
	while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' ||
					*scan->at == '\n' || *scan->at == '\r'))
		scan->at++;
}

enum json_kind json_scan_peek(struct json_scan *scan)
{
	skip_space(scan);
	if (scan->at == scan->end)
		return JSON_END;
	switch (*scan->at) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
		return JSON_TRUE;
	case 'f':
		return JSON_FALSE;
	case 'n':
		return JSON_NULL;
	default:
		return *scan->at == '-' ||
				       (*scan->at >= '0' && *scan->at <= '9')
			       ? JSON_NUMBER
			       : JSON_WRONG;
	}
}

int json_scan_word(struct json_scan *scan, enum json_kind kind)
{
	static const char *const words[] = { [JSON_TRUE] = "true",
					     [JSON_FALSE] = "false",
					     [JSON_NULL] = "null" };
	size_t n = strlen(words[kind]);

	if ((size_t)(scan->end - scan->at) < n ||
	    memcmp(scan->at, words[kind], n) != 0)
		return wrong(scan, "no JSON");
	scan->at += n;
	return 0;
}

int json_scan_open(struct json_scan *scan, char bracket)
{
	skip_space(scan);
	if (scan->at == scan->end || *scan->at != (uint8_t)bracket)
		return wrong(scan, bracket == '{' ? "no object" : "no array");
	scan->at++;
	return 0;
}

static const uint8_t *skip_digits(const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* The end of the number that begins at `at`, or NULL. */
static const uint8_t *number_end(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *digits;

	if (at < end && *at == '-')
		at++;
	digits = at;
	at = skip_digits(at, end);
	if (at == digits || (*digits == '0' && at > digits + 1))
		return NULL;
	if (at < end && *at == '.') {
		digits = ++at;
		at = skip_digits(at, end);
		if (at == digits)
			return NULL;
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		digits = at;
		at = skip_digits(at, end);
		if (at == digits)
			return NULL;
	}
	return at;
}

int json_scan_number(struct json_scan *scan, struct json_text *ret_text)
{
	const uint8_t *end;

	skip_space(scan);
	end = number_end(scan->at, scan->end);
	if (!end)
		return wrong(scan, "no number");
	*ret_text = (struct json_text){ scan->at, (size_t)(end - scan->at) };
	scan->at = end;
	return 0;
}

bool json_scan_is_number(const struct json_text *text)
{
	const uint8_t *end = text->bytes + text->n;

	return number_end(text->bytes, end) == end;
}

/* The four digits of \uXXXX. */
static bool read_hex(const uint8_t *at, const uint8_t *end, uint32_t *ret)
{
	uint32_t value = 0;

	if (end - at < 4)
		return false;
	for (size_t i = 0; i < 4; i++) {
		uint8_t c = at[i];
		uint8_t low = (uint8_t)(c | 0x20);

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if (low >= 'a' && low <= 'f')
			value = value << 4 | (uint32_t)(low - 'a' + 10);
		else
			return false;
	}
	*ret = value;
	return true;
}

/* From behind the u; what is beyond 16 bits comes as two halves. */
static size_t read_unicode(const uint8_t *at, const uint8_t *end,
			   uint32_t *ret_character)
{
	uint32_t high, low;

	if (!read_hex(at, end, &high))
		return 0;
	if (high < 0xd800 || high > 0xdfff) {
		*ret_character = high;
		return 4;
	}
	if (high > 0xdbff || end - at < 10 || at[4] != '\\' || at[5] != 'u' ||
	    !read_hex(at + 6, end, &low) || low < 0xdc00 || low > 0xdfff)
		return 0;
	*ret_character = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return 10;
}

/* From behind the backslash. Returns how much was taken, or 0. */
static size_t read_escape(const uint8_t *at, const uint8_t *end,
			  uint32_t *ret_character)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *letter;
	size_t n;

	if (at == end || *at == '\0')
		return 0;
	if (*at == 'u') {
		n = read_unicode(at + 1, end, ret_character);
		return n ? n + 1 : 0;
	}
	letter = strchr(letters, *at);
	if (!letter)
		return 0;
	*ret_character = (uint8_t)meanings[letter - letters];
	return 1;
}

/* An escape is never shorter than what it stands for. */
static int unescape(struct json_scan *scan, const uint8_t *end,
		    struct json_text *ret_text)
{
	uint8_t *out = arena_alloc(scan->arena, (size_t)(end - scan->at));
	uint32_t character;
	size_t n = 0;

	if (!out)
		return arena_error(scan->arena);
	while (scan->at < end) {
		size_t n_taken;

		if (*scan->at != '\\') {
			out[n++] = *scan->at++;
			continue;
		}
		n_taken = read_escape(scan->at + 1, end, &character);
		if (n_taken == 0)
			return wrong(scan, "an escape that is none");
		scan->at += 1 + n_taken;
		n += utf8_encode(character, out + n);
	}
	*ret_text = (struct json_text){ out, n };
	return 0;
}

int json_scan_string(struct json_scan *scan, struct json_text *ret_text)
{
	const uint8_t *at;
	bool has_escapes = false;
	int r = 0;

	skip_space(scan);
	if (scan->at == scan->end || *scan->at != '"')
		return wrong(scan, "no string");
	at = ++scan->at;
	for (; at < scan->end && *at != '"'; at++) {
		if (*at < 0x20) {
			scan->at = at;
			return wrong(scan, "a control character in a string");
		}
		if (*at == '\\') {
			has_escapes = true;
			at++;
		}
	}
	if (at >= scan->end)
		return wrong(scan, "a string without an end");
	if (has_escapes)
		r = unescape(scan, at, ret_text);
	else
		*ret_text =
			(struct json_text){ scan->at, (size_t)(at - scan->at) };
	if (r == 0)
		scan->at = at + 1;
	return r;
}

/* 1: another one follows; 0: the bracket closes. */
static int next(struct json_scan *scan, char closing, bool *is_first)
{
	bool was_first = *is_first;

	*is_first = false;
	skip_space(scan);
	if (scan->at < scan->end && *scan->at == (uint8_t)closing) {
		scan->at++;
		return 0;
	}
	if (was_first)
		return 1;
	if (scan->at == scan->end || *scan->at != ',')
		return wrong(scan, "no comma and no end");
	scan->at++;
	return 1;
}

int json_scan_element(struct json_scan *scan, bool *is_first)
{
	return next(scan, ']', is_first);
}

int json_scan_member(struct json_scan *scan, bool *is_first,
		     struct json_text *ret_key)
{
	int r = next(scan, '}', is_first);

	if (r <= 0)
		return r;
	r = json_scan_string(scan, ret_key);
	if (r < 0)
		return r;
	skip_space(scan);
	if (scan->at == scan->end || *scan->at != ':')
		return wrong(scan, "no colon after a key");
	scan->at++;
	return 1;
}

int json_scan_skip(struct json_scan *scan, unsigned depth_max)
{
	enum json_kind kind = json_scan_peek(scan);
	struct json_text text;
	bool is_first = true;
	int r;

	switch (kind) {
	case JSON_STRING:
		return json_scan_string(scan, &text);
	case JSON_NUMBER:
		return json_scan_number(scan, &text);
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		return json_scan_word(scan, kind);
	case JSON_OBJECT:
	case JSON_ARRAY:
		break;
	default:
		return wrong(scan, "no JSON");
	}
	if (depth_max == 0)
		return wrong(scan, "nested too deeply");
	scan->at++;
	do {
		r = kind == JSON_OBJECT
			    ? json_scan_member(scan, &is_first, &text)
			    : json_scan_element(scan, &is_first);
		if (r <= 0)
			return r;
		r = json_scan_skip(scan, depth_max - 1);
	} while (r == 0);
	return r;
}

int json_scan_end(struct json_scan *scan)
{
	return json_scan_peek(scan) == JSON_END
		       ? 0
		       : wrong(scan, "something after the end");
}

void json_scan_place(const struct json_scan *scan, size_t *ret_line,
		     size_t *ret_column)
{
	*ret_line = 1;
	*ret_column = 1;
	for (const uint8_t *at = scan->start; at < scan->at; at++) {
		++*ret_column;
		if (*at == '\n') {
			++*ret_line;
			*ret_column = 1;
		}
	}
}
