/* SPDX-License-Identifier: MIT */

/* The messages that JSON has forms of their own for. */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "schema/json_time.h"
#include "schema/json_write.h"
#include "schema/record_wire.h"

static int64_t number_at(const struct record *record, uint32_t number)
{
	const union value *value = record_value(record, number);

	return value ? (int64_t)value->number : 0;
}

static int write_time(struct json_write *write, const struct record *record,
		      const struct record_path *path)
{
	bool is_duration = record->type->known == POOL_DURATION;
	int64_t seconds = number_at(record, 1);
	int64_t nanos = number_at(record, 2);
	char text[JSON_TIME_BYTES];
	int r;

	r = is_duration ? json_time_format_duration(seconds, nanos, text)
			: json_time_format(seconds, nanos, text);
	if (r < 0)
		return record_complain(write->error, path, "no %s: %s",
				       is_duration ? "duration" : "timestamp",
				       "out of range");
	buffer_format(write->buffer, "\"%s\"", text);
	return 0;
}

/* foo_bar is fooBar, and nothing else may be. */
static int write_mask_path(struct json_write *write, const union value *value,
			   const struct record_path *path)
{
	const uint8_t *bytes = value->text.bytes;
	size_t n = value->text.n;

	for (size_t i = 0; i < n; i++) {
		char c = (char)bytes[i];

		if (c == '_') {
			if (++i == n || bytes[i] < 'a' || bytes[i] > 'z')
				break;
			c = (char)(bytes[i] - 'a' + 'A');
		} else if (!((c >= 'a' && c <= 'z') || c == '.' ||
			     (c >= '0' && c <= '9'))) {
			break;
		}
		buffer_add(write->buffer, &c, 1);
		if (i + 1 == n)
			return 0;
	}
	return record_complain(write->error, path,
			       "a path that JSON cannot tell");
}

static int write_mask(struct json_write *write, const struct record *record,
		      const struct record_path *path)
{
	const struct slot *slot = record_slot(record, record->type->fields);
	struct record_path step = { .up = path };
	int r = 0;

	buffer_text(write->buffer, "\"");
	for (size_t i = 0; slot && r == 0 && i < slot->n_values; i++) {
		step.index = i;
		buffer_text(write->buffer, i ? "," : "");
		r = write_mask_path(write, &slot->values[i], &step);
	}
	buffer_text(write->buffer, "\"");
	return r;
}

static int write_wrapped(struct json_write *write, const struct record *record,
			 const struct record_path *path)
{
	const union value *value = record_value(record, 1);
	union value unset = { .text = { NULL, 0 } };

	return json_write_value(write, record->type->fields,
				value ? value : &unset, path);
}

/* A Struct or a ListValue: what its only field holds. */
static int write_only_field(struct json_write *write, struct record *record,
			    const struct record_path *path)
{
	struct slot *slot = record_slot(record, record->type->fields);

	if (slot)
		return json_write_slot(write, slot, path);
	buffer_text(write->buffer,
		    record->type->known == POOL_STRUCT ? "{}" : "[]");
	return 0;
}

static int write_any_value(struct json_write *write, struct record *record,
			   const struct record_path *path)
{
	const struct pool_field *kind = record_oneof(record, 0);
	const union value *value;

	if (!kind || kind->type == POOL_ENUM) {
		buffer_text(write->buffer, "null");
		return 0;
	}
	value = record_slot(record, kind)->values;
	if (kind->type == POOL_DOUBLE && !isfinite(value->real))
		return record_complain(write->error, path,
				       "a Value that JSON has no number for");
	return json_write_value(write, kind, value, path);
}

static int decode_any(struct json_write *write, const struct record *record,
		      const struct record_path *path, struct record **ret)
{
	const union value *url = record_value(record, 1);
	const union value *value = record_value(record, 2);
	const struct pool_message *type;
	const uint8_t *name;
	size_t n;
	int r;

	n = url ? url->text.n : 0;
	name = n ? memrchr(url->text.bytes, '/', n) : NULL;
	if (!name)
		return record_complain(write->error, path,
				       "an Any without the URL of a type");
	name++;
	n -= (size_t)(name - url->text.bytes);
	type = pool_message_lookup(write->pool, (const char *)name, n);
	if (!type)
		return record_complain(write->error, path,
				       "an Any of the unknown type %.*s",
				       (int)(n < 256 ? n : 256), name);
	r = record_decode(write->arena, type,
			  value ? value->text.bytes : (const uint8_t *)"",
			  value ? value->text.n : 0, ret, write->error);
	if (r == -EINVAL)
		record_complain(write->error, path,
				"what the Any holds is no %s",
				type->symbol.name);
	return r;
}

static int write_any(struct json_write *write, const struct record *record,
		     const struct record_path *path)
{
	const union value *url = record_value(record, 1);
	const union value *value = record_value(record, 2);
	struct record *held;
	int r;

	if ((!url || !url->text.n) && (!value || !value->text.n)) {
		buffer_text(write->buffer, "{}");
		return 0;
	}
	r = decode_any(write, record, path, &held);
	if (r < 0)
		return r;
	buffer_text(write->buffer, "{\"@type\":");
	json_write_string(write, url->text.bytes, url->text.n);
	if (held->type->known == POOL_ORDINARY) {
		r = json_write_fields(write, held, false, path);
	} else {
		buffer_text(write->buffer, ",\"value\":");
		r = json_write_record(write, held, path);
	}
	buffer_text(write->buffer, "}");
	return r;
}

int json_write_known(struct json_write *write, struct record *record,
		     const struct record_path *path)
{
	switch (record->type->known) {
	case POOL_ANY:
		return write_any(write, record, path);
	case POOL_TIMESTAMP:
	case POOL_DURATION:
		return write_time(write, record, path);
	case POOL_FIELD_MASK:
		return write_mask(write, record, path);
	case POOL_STRUCT:
	case POOL_LIST_VALUE:
		return write_only_field(write, record, path);
	case POOL_VALUE:
		return write_any_value(write, record, path);
	default:
		return write_wrapped(write, record, path);
	}
}
