/* SPDX-License-Identifier: MIT */

/* Numbers and texts as JSON writes them. */

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "schema/json_write.h"

enum { REAL_BYTES = 40 };

static void write_character(struct json_write *write, const uint8_t *bytes,
			    size_t n, uint32_t character)
{
	static const char letters[] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r',
		['\t'] = 't', ['"'] = '"',  ['\\'] = '\\'
	};

	if (character < sizeof(letters) && letters[character])
		buffer_format(write->buffer, "\\%c", letters[character]);
	else if (!utf8_is_harmless(character) && character <= 0xffff)
		buffer_format(write->buffer, "\\u%04x", (unsigned)character);
	else
		buffer_add(write->buffer, bytes, n);
}

static bool is_plain(uint8_t byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

void json_write_string(struct json_write *write, const uint8_t *bytes, size_t n)
{
	uint32_t character = 0;

	buffer_text(write->buffer, "\"");
	while (n > 0) {
		size_t n_plain = 0;
		size_t length;

		while (n_plain < n && is_plain(bytes[n_plain]))
			n_plain++;
		buffer_add(write->buffer, bytes, n_plain);
		bytes += n_plain;
		n -= n_plain;
		if (n == 0)
			break;
		/* Checked when it was decoded; so one is always found. */
		length = utf8_decode(bytes, n, &character);
		length += length == 0;
		write_character(write, bytes, length, character);
		bytes += length;
		n -= length;
	}
	buffer_text(write->buffer, "\"");
}

static void write_base64(struct json_write *write, const uint8_t *bytes,
			 size_t n)
{
	char text[4];

	buffer_text(write->buffer, "\"");
	for (size_t i = 0; i < n; i += 3) {
		base64_encode_group(bytes + i, n - i, text);
		buffer_add(write->buffer, text, sizeof(text));
	}
	buffer_text(write->buffer, "\"");
}

/* As short as it can be and still be read as the same number. */
static void write_real(struct json_write *write, double real, bool is_single)
{
	char text[REAL_BYTES];

	if (isnan(real)) {
		buffer_text(write->buffer, "\"NaN\"");
		return;
	}
	if (isinf(real)) {
		buffer_text(write->buffer,
			    real > 0 ? "\"Infinity\"" : "\"-Infinity\"");
		return;
	}
	for (int n = is_single ? 6 : 15; n <= 17; n++) {
		snprintf(text, sizeof(text), "%.*g", n, real);
		if (is_single ? (double)strtof(text, NULL) == real
			      : strtod(text, NULL) == real)
			break;
	}
	buffer_text(write->buffer, text);
}

static void write_enum(struct json_write *write,
		       const struct pool_enum *enumeration, uint64_t number)
{
	const struct pool_value *value =
		pool_value_by_number(enumeration, (int32_t)(uint32_t)number);

	if (strcmp(enumeration->symbol.name, "google.protobuf.NullValue") == 0)
		buffer_text(write->buffer, "null");
	else if (value)
		buffer_format(write->buffer, "\"%s\"", value->name);
	else
		buffer_format(write->buffer, "%" PRId32,
			      (int32_t)(uint32_t)number);
}

static void write_number(struct json_write *write,
			 const struct pool_field *field, uint64_t number)
{
	switch (field->type) {
	case POOL_INT64:
	case POOL_SINT64:
	case POOL_SFIXED64:
		buffer_format(write->buffer, "\"%" PRId64 "\"",
			      (int64_t)number);
		break;
	case POOL_UINT64:
	case POOL_FIXED64:
		buffer_format(write->buffer, "\"%" PRIu64 "\"", number);
		break;
	case POOL_UINT32:
	case POOL_FIXED32:
		buffer_format(write->buffer, "%" PRIu32, (uint32_t)number);
		break;
	case POOL_BOOL:
		buffer_text(write->buffer, number ? "true" : "false");
		break;
	case POOL_ENUM:
		write_enum(write, field->enumeration, number);
		break;
	default:
		buffer_format(write->buffer, "%" PRId32,
			      (int32_t)(uint32_t)number);
		break;
	}
}

int json_write_value(struct json_write *write, const struct pool_field *field,
		     const union value *value, const struct record_path *path)
{
	switch (field->type) {
	case POOL_MESSAGE:
	case POOL_GROUP:
		return json_write_record(write, value->record, path);
	case POOL_STRING:
		json_write_string(write, value->text.bytes, value->text.n);
		break;
	case POOL_BYTES:
		write_base64(write, value->text.bytes, value->text.n);
		break;
	case POOL_DOUBLE:
	case POOL_FLOAT:
		write_real(write, value->real, field->type == POOL_FLOAT);
		break;
	default:
		write_number(write, field, value->number);
		break;
	}
	return buffer_error(write->buffer);
}
