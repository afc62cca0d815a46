/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <string.h>

#include "base/le.h"
#include "base/utf8.h"
#include "base/varint.h"
#include "schema/record_wire.h"

enum { N_KEY_BITS = 32 };

struct decode {
	struct arena *arena;
	char *error;
	const uint8_t *at;
	bool has_unknown_value; /* a closed enum lacked a number */
};

/* One message, or one run of fields, and where it ends. */
struct span {
	struct record *record;
	const uint8_t *end;
	uint32_t group; /* number of the group that it is, or 0 */
	unsigned depth;
	const struct record_path *path;
};

static int no_room(const struct decode *decode)
{
	int r = arena_error(decode->arena);

	record_complain(decode->error, NULL, "%s",
			r == -EMSGSIZE ? "too large when it is decoded"
				       : strerror(-r));
	return r;
}

static int malformed(const struct decode *decode,
		     const struct record_path *path)
{
	return record_complain(decode->error, path, "malformed protobuf");
}

static bool read_varint(struct decode *decode, const uint8_t *end,
			uint64_t *ret_value)
{
	return varint_read(&decode->at, end, ret_value);
}

static int read_key(struct decode *decode, const struct span *span,
		    uint32_t *ret_number, unsigned *ret_type)
{
	uint64_t key;

	if (!read_varint(decode, span->end, &key))
		return malformed(decode, span->path);
	if (key >> N_KEY_BITS || !(key >> 3))
		return record_complain(decode->error, span->path,
				       "malformed protobuf: a field whose "
				       "number is none");
	*ret_number = (uint32_t)(key >> 3);
	*ret_type = (unsigned)(key & 7);
	return 0;
}

static bool read_length(struct decode *decode, const uint8_t *end, size_t *ret)
{
	uint64_t n;

	if (!read_varint(decode, end, &n) || n > (size_t)(end - decode->at))
		return false;
	*ret = (size_t)n;
	return true;
}

static bool skip_bytes(struct decode *decode, const uint8_t *end, size_t n)
{
	if (n > (size_t)(end - decode->at))
		return false;
	decode->at += n;
	return true;
}

/* Anything but a group. */
static bool skip_flat(struct decode *decode, const uint8_t *end, unsigned type)
{
	uint64_t ignored;
	size_t n;

	switch (type) {
	case RECORD_VARINT:
		return read_varint(decode, end, &ignored);
	case RECORD_FIXED64:
		return skip_bytes(decode, end, 8);
	case RECORD_FIXED32:
		return skip_bytes(decode, end, 4);
	case RECORD_BYTES:
		return read_length(decode, end, &n) &&
		       skip_bytes(decode, end, n);
	default:
		return false;
	}
}

/* Groups in each other close in the order in which they were opened. */
static int skip_group(struct decode *decode, const struct span *span,
		      uint32_t number)
{
	uint32_t open[RECORD_DEPTH_MAX] = { number };
	unsigned n_open = 1;
	unsigned type;

	while (n_open > 0) {
		int r = read_key(decode, span, &number, &type);

		if (r < 0)
			return r;
		if (type == RECORD_GROUP) {
			if (span->depth + n_open >= RECORD_DEPTH_MAX)
				return record_complain(decode->error,
						       span->path,
						       "nested too deeply");
			open[n_open++] = number;
		} else if (type == RECORD_GROUP_END) {
			if (open[--n_open] != number)
				return malformed(decode, span->path);
		} else if (!skip_flat(decode, span->end, type)) {
			return malformed(decode, span->path);
		}
	}
	return 0;
}

static int skip_field(struct decode *decode, const struct span *span,
		      uint32_t number, unsigned type)
{
	if (type == RECORD_GROUP)
		return skip_group(decode, span, number);
	return skip_flat(decode, span->end, type)
		       ? 0
		       : malformed(decode, span->path);
}

static bool read_raw(struct decode *decode, const uint8_t *end,
		     enum record_wire_type type, uint64_t *ret_raw)
{
	size_t n = type == RECORD_FIXED64 ? 8 : 4;

	if (type == RECORD_VARINT)
		return read_varint(decode, end, ret_raw);
	if (n > (size_t)(end - decode->at))
		return false;
	*ret_raw = n == 8 ? le64_load(decode->at) : le32_load(decode->at);
	decode->at += n;
	return true;
}

static int read_number(struct decode *decode, const struct span *span,
		       const struct pool_field *field)
{
	union value *value;
	uint64_t raw;

	if (!read_raw(decode, span->end, record_wire_type(field->type), &raw))
		return malformed(decode, span->path);
	if (field->is_closed &&
	    !pool_value_by_number(field->enumeration, (int32_t)(uint32_t)raw)) {
		decode->has_unknown_value = true;
		return 0;
	}
	value = record_add(decode->arena, span->record, field);
	if (!value)
		return no_room(decode);
	record_wire_decode(field->type, raw, value);
	return 0;
}

static int read_packed(struct decode *decode, const struct span *span,
		       const struct pool_field *field, size_t n)
{
	struct span run = *span;
	int r = 0;

	run.end = decode->at + n;
	while (r == 0 && decode->at < run.end)
		r = read_number(decode, &run, field);
	return r;
}

static int read_text(struct decode *decode, const struct span *span,
		     const struct pool_field *field, size_t n)
{
	union value *value;

	if (field->type == POOL_STRING && !utf8_is_valid(decode->at, n))
		return record_complain(decode->error, span->path,
				       "a string that is no UTF-8");
	value = record_add(decode->arena, span->record, field);
	if (!value)
		return no_room(decode);
	value->text.bytes = decode->at;
	value->text.n = n;
	decode->at += n;
	return 0;
}

static int read_fields(struct decode *decode, const struct span *span);

/* An entry whose value is an unknown number of a closed enum is unknown. */
static void drop_unknown_entry(struct decode *decode, struct record *record,
			       const struct pool_field *field)
{
	struct slot *slot = record_slot(record, field);
	const struct record *entry = slot->values[slot->n_values - 1].record;

	if (decode->has_unknown_value && !record_value(entry, 2))
		slot->n_values--;
	decode->has_unknown_value = false;
}

static int read_message(struct decode *decode, const struct span *outer,
			const struct pool_field *field, const uint8_t *end)
{
	struct span span = { .end = end, .depth = outer->depth + 1 };
	struct record_path step = { .up = outer->path };
	union value *value;
	int r;

	if (span.depth > RECORD_DEPTH_MAX)
		return record_complain(decode->error, outer->path,
				       "nested too deeply");
	value = record_add(decode->arena, outer->record, field);
	if (value && !value->record)
		value->record = record_new(decode->arena, field->message);
	if (!value || !value->record)
		return no_room(decode);
	span.record = value->record;
	span.group = field->type == POOL_GROUP ? field->number : 0;
	span.path = outer->path;
	if (field->is_repeated) {
		step.index = record_slot(outer->record, field)->n_values - 1;
		span.path = &step;
	}
	decode->has_unknown_value = false;
	r = read_fields(decode, &span);
	if (r == 0 && field->is_map)
		drop_unknown_entry(decode, outer->record, field);
	return r;
}

static int read_bytes(struct decode *decode, const struct span *span,
		      const struct pool_field *field)
{
	size_t n;

	if (!read_length(decode, span->end, &n))
		return malformed(decode, span->path);
	if (field->type == POOL_MESSAGE)
		return read_message(decode, span, field, decode->at + n);
	if (pool_type_is_bytes(field->type))
		return read_text(decode, span, field, n);
	return read_packed(decode, span, field, n);
}

static bool may_be_packed(const struct pool_field *field)
{
	return field->is_repeated && !pool_type_is_bytes(field->type) &&
	       !pool_type_is_message(field->type);
}

static int read_field(struct decode *decode, const struct span *outer,
		      uint32_t number, unsigned type)
{
	const struct pool_field *field =
		pool_field_by_number(outer->record->type, number);
	enum record_wire_type expected =
		field ? record_wire_type(field->type) : 0;
	struct record_path step = { .up = outer->path };
	struct span span = *outer;

	if (!field || (type != expected &&
		       !(type == RECORD_BYTES && may_be_packed(field))))
		return skip_field(decode, outer, number, type);
	step.name = field->json_name;
	step.n_name = strlen(field->json_name);
	span.path = &step;
	if (type == RECORD_BYTES)
		return read_bytes(decode, &span, field);
	if (type == RECORD_GROUP)
		return read_message(decode, &span, field, outer->end);
	return read_number(decode, &span, field);
}

static int read_fields(struct decode *decode, const struct span *span)
{
	uint32_t number;
	unsigned type;
	int r = 0;

	while (r == 0 && decode->at < span->end) {
		r = read_key(decode, span, &number, &type);
		if (r < 0)
			return r;
		if (type == RECORD_GROUP_END)
			return span->group == number
				       ? 0
				       : malformed(decode, span->path);
		r = read_field(decode, span, number, type);
	}
	/* A group has its end before that of what it is in. */
	if (r == 0 && span->group)
		return malformed(decode, span->path);
	return r;
}

int record_decode(struct arena *arena, const struct pool_message *type,
		  const uint8_t *bytes, size_t n, struct record **ret_record,
		  char error[RECORD_ERROR_BYTES])
{
	struct decode decode = { .arena = arena, .error = error, .at = bytes };
	struct span span = { .end = bytes + n, .depth = 1 };
	int r;

	span.record = record_new(arena, type);
	if (!span.record)
		return no_room(&decode);
	r = read_fields(&decode, &span);
	if (r < 0)
		return r;
	*ret_record = span.record;
	return 0;
}
