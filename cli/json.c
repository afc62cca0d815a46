/* SPDX-License-Identifier: MIT */

#include "cli/json.h"

#include <inttypes.h>
#include <string.h>

#include "base/base64.h"
#include "base/utf8.h"

static void begin_value(struct json *json)
{
	if (json->needs_comma)
		fputc(',', json->out);
	json->needs_comma = true;
}

void json_open(struct json *json, char bracket)
{
	begin_value(json);
	fputc(bracket, json->out);
	json->needs_comma = false;
}

void json_close(struct json *json, char bracket)
{
	fputc(bracket, json->out);
	json->needs_comma = true;
}

/* What could drive a terminal is escaped, for JSON is looked at too. */
static void write_character(FILE *out, const uint8_t *at, size_t length,
			    uint32_t character)
{
	if (length == 0)
		fputs("\\ufffd", out);
	else if (*at == '"' || *at == '\\')
		fprintf(out, "\\%c", *at);
	else if (*at == '\n')
		fputs("\\n", out);
	else if (!utf8_is_harmless(character))
		fprintf(out, "\\u%04x", (unsigned)character);
	else
		fwrite(at, 1, length, out);
}

static void write_text(FILE *out, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;
	uint32_t character = 0;
	size_t length;

	fputc('"', out);
	while (n > 0) {
		length = utf8_decode(at, n, &character);
		write_character(out, at, length, character);
		length += length == 0;
		at += length;
		n -= length;
	}
	fputc('"', out);
}

void json_key(struct json *json, const char *key)
{
	begin_value(json);
	write_text(json->out, key, strlen(key));
	fputc(':', json->out);
	json->needs_comma = false;
}

void json_text(struct json *json, const void *bytes, size_t n)
{
	begin_value(json);
	write_text(json->out, bytes, n);
}

void json_string(struct json *json, const char *text)
{
	json_text(json, text, strlen(text));
}

void json_number(struct json *json, uint64_t number)
{
	begin_value(json);
	fprintf(json->out, "%" PRIu64, number);
}

void json_real(struct json *json, double number)
{
	begin_value(json);
	fprintf(json->out, "%.3f", number);
}

void json_bool(struct json *json, bool value)
{
	begin_value(json);
	fputs(value ? "true" : "false", json->out);
}

void json_null(struct json *json)
{
	begin_value(json);
	fputs("null", json->out);
}

void json_id(struct json *json, const char *key, uint64_t id)
{
	char text[17];

	snprintf(text, sizeof(text), "%016" PRIx64, id);
	json_key(json, key);
	json_string(json, text);
}

void json_optional(struct json *json, const char *key, const char *text)
{
	if (!text)
		return;
	json_key(json, key);
	json_string(json, text);
}

void json_raw(struct json *json, const char *text, size_t n)
{
	begin_value(json);
	fwrite(text, 1, n, json->out);
}

static void write_base64(FILE *out, const uint8_t *bytes, size_t n)
{
	char text[4];

	for (size_t i = 0; i < n; i += 3) {
		base64_encode_group(bytes + i, n - i, text);
		fwrite(text, 1, sizeof(text), out);
	}
}

void json_bytes(struct json *json, const char *key, const void *bytes, size_t n)
{
	char name[64];

	if (utf8_is_valid(bytes, n)) {
		json_key(json, key);
		json_text(json, bytes, n);
		return;
	}
	snprintf(name, sizeof(name), "%s_base64", key);
	json_key(json, name);
	begin_value(json);
	fputc('"', json->out);
	write_base64(json->out, bytes, n);
	fputc('"', json->out);
}
