/* SPDX-License-Identifier: MIT */

/* The messages that JSON has forms of their own for. */

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "schema/json_in.h"
#include "schema/json_read.h"
#include "schema/json_time.h"
#include "schema/record_wire.h"

static int set(struct json_read *read, struct record *record, uint32_t number,
	       union value value)
{
	const struct pool_field *field =
		pool_field_by_number(record->type, number);
	union value *room = record_add(read->arena, record, field);

	if (!room)
		return json_read_no_room(read);
	*room = value;
	return 0;
}

static int read_text(struct json_read *read, struct json_text *ret_text,
		     const struct record_path *path)
{
	int r;

	if (json_scan_peek(&read->scan) != JSON_STRING)
		return record_complain(read->error, path, "not a string");
	r = json_scan_string(&read->scan, ret_text);
	return r < 0 ? json_read_failed(read, r, path) : 0;
}

static int read_time(struct json_read *read, struct record *record,
		     const struct record_path *path)
{
	bool is_duration = record->type->known == POOL_DURATION;
	int64_t seconds, nanos;
	struct json_text text;
	int r = read_text(read, &text, path);

	if (r < 0)
		return r;
	r = (is_duration ? json_time_parse_duration : json_time_parse)(
		(const char *)text.bytes, text.n, &seconds, &nanos);
	if (r < 0)
		return record_complain(
			read->error, path, "%s",
			r == -ERANGE  ? "out of range"
			: is_duration ? "no duration, as 1.5s is"
				      : "no time, as 2026-01-31T09:30:00Z is");
	r = set(read, record, 1, (union value){ .number = (uint64_t)seconds });
	return r < 0 ? r
		     : set(read, record, 2,
			   (union value){ .number = (uint64_t)nanos });
}

/* fooBar is foo_bar: at most twice as long. */
static int read_mask_path(struct json_read *read, struct record *record,
			  const struct json_text *text,
			  const struct record_path *path)
{
	union value value = { .text = { NULL, 0 } };
	uint8_t *out = arena_alloc(read->arena, 2 * text->n);

	if (!out)
		return json_read_no_room(read);
	for (size_t i = 0; i < text->n; i++) {
		uint8_t c = text->bytes[i];

		if (c == '_')
			return record_complain(read->error, path,
					       "a path with an underscore");
		if (c >= 'A' && c <= 'Z') {
			out[value.text.n++] = '_';
			c = (uint8_t)(c - 'A' + 'a');
		}
		out[value.text.n++] = c;
	}
	value.text.bytes = out;
	return set(read, record, 1, value);
}

static int read_mask(struct json_read *read, struct record *record,
		     const struct record_path *path)
{
	struct json_text text;
	int r = read_text(read, &text, path);

	while (r == 0 && text.n > 0) {
		const uint8_t *comma = memchr(text.bytes, ',', text.n);
		struct json_text part = text;

		if (comma)
			part.n = (size_t)(comma - text.bytes);
		r = read_mask_path(read, record, &part, path);
		if (!comma)
			break;
		text.n -= part.n + 1;
		text.bytes = comma + 1;
	}
	return r;
}

static int read_wrapped(struct json_read *read, struct record *record,
			const struct record_path *path)
{
	union value value = { .text = { NULL, 0 } };
	int r = json_read_scalar(read, record->type->fields, &value, path);

	return r < 0 ? r : set(read, record, 1, value);
}

/* A Struct or a ListValue: what its only field holds. */
static int read_only_field(struct json_read *read, struct record *record,
			   const struct record_path *path)
{
	if (json_scan_peek(&read->scan) == JSON_NULL)
		return record_complain(read->error, path,
				       "null, where a value must be");
	return json_read_field(read, record, record->type->fields, path);
}

/* By what stands there, the field of a Value that holds it. */
static uint32_t kind_of(enum json_kind kind)
{
	switch (kind) {
	case JSON_NULL:
		return 1;
	case JSON_NUMBER:
		return 2;
	case JSON_STRING:
		return 3;
	case JSON_TRUE:
	case JSON_FALSE:
		return 4;
	case JSON_OBJECT:
		return 5;
	case JSON_ARRAY:
		return 6;
	default:
		return 0;
	}
}

static int read_any_value(struct json_read *read, struct record *record,
			  const struct record_path *path)
{
	enum json_kind kind = json_scan_peek(&read->scan);
	uint32_t number = kind_of(kind);

	if (number == 0)
		return record_complain(read->error, path, "no JSON");
	if (kind != JSON_NULL)
		return json_read_field(
			read, record,
			pool_field_by_number(record->type, number), path);
	if (json_scan_word(&read->scan, kind) < 0)
		return json_read_failed(read, -EINVAL, path);
	return set(read, record, number, (union value){ .number = 0 });
}

/*
 * The type may stand behind what it is the type of: look for it first, and
 * then begin again. 0 with an URL of no bytes: the object is empty.
 */
static int find_type(struct json_read *read, struct json_text *ret_url,
		     const struct record_path *path)
{
	const uint8_t *start = read->scan.at;
	bool is_first = true;
	bool has_members = false;
	struct json_text key;
	int r;

	*ret_url = (struct json_text){ NULL, 0 };
	while ((r = json_scan_member(&read->scan, &is_first, &key)) > 0) {
		has_members = true;
		if (key.n == 5 && memcmp(key.bytes, "@type", 5) == 0) {
			if (ret_url->bytes)
				return record_complain(read->error, path,
						       "two times @type");
			r = read_text(read, ret_url, path);
			if (r < 0)
				return r;
		} else {
			r = json_scan_skip(&read->scan, RECORD_DEPTH_MAX);
			if (r < 0)
				return json_read_failed(read, r, path);
		}
	}
	if (r < 0)
		return json_read_failed(read, r, path);
	if (has_members && !ret_url->n)
		return record_complain(read->error, path,
				       "an Any without @type");
	if (has_members)
		read->scan.at = start;
	return 0;
}

/* {"@type": .., "value": ..} */
static int read_held_known(struct json_read *read, struct record *held,
			   const struct record_path *path)
{
	bool is_first = true;
	bool has_value = false;
	struct json_text key;
	int r;

	while ((r = json_scan_member(&read->scan, &is_first, &key)) > 0) {
		if (key.n == 5 && memcmp(key.bytes, "@type", 5) == 0) {
			r = json_scan_skip(&read->scan, 1);
			if (r < 0)
				return json_read_failed(read, r, path);
		} else if (key.n == 5 && memcmp(key.bytes, "value", 5) == 0 &&
			   !has_value) {
			has_value = true;
			r = json_read_record(read, held, path);
			if (r < 0)
				return r;
		} else {
			return record_complain(read->error, path,
					       "more than @type and value");
		}
	}
	if (r < 0)
		return json_read_failed(read, r, path);
	return has_value ? 0
			 : record_complain(read->error, path,
					   "an Any without a value");
}

static int pack(struct json_read *read, struct record *record,
		struct record *held, const struct json_text *url)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	union value value;
	size_t n;
	int r;

	r = record_encode(held, JSON_IN_BYTES_MAX, &bytes, &n, read->error);
	if (r < 0)
		return r;
	value.text.bytes = (uint8_t *)arena_copy(read->arena, bytes, n);
	value.text.n = n;
	if (!value.text.bytes)
		return json_read_no_room(read);
	r = set(read, record, 2, value);
	value.text.bytes = url->bytes;
	value.text.n = url->n;
	return r < 0 ? r : set(read, record, 1, value);
}

static int read_any(struct json_read *read, struct record *record,
		    const struct record_path *path)
{
	const struct pool_message *type;
	struct json_text url;
	struct record *held;
	const uint8_t *name;
	int r;

	r = json_scan_open(&read->scan, '{');
	if (r < 0)
		return record_complain(read->error, path, "no object");
	r = find_type(read, &url, path);
	if (r < 0 || !url.n)
		return r;
	name = memrchr(url.bytes, '/', url.n);
	type = name ? pool_message_lookup(read->pool, (const char *)name + 1,
					  (size_t)(url.bytes + url.n - name) -
						  1)
		    : NULL;
	if (!type)
		return record_complain(
			read->error, path, "the type %.*s is not known",
			(int)(url.n < 256 ? url.n : 256), url.bytes);
	held = record_new(read->arena, type);
	if (!held)
		return json_read_no_room(read);
	r = type->known == POOL_ORDINARY
		    ? json_read_members(read, held, "@type", path)
		    : read_held_known(read, held, path);
	return r < 0 ? r : pack(read, record, held, &url);
}

int json_read_known(struct json_read *read, struct record *record,
		    const struct record_path *path)
{
	switch (record->type->known) {
	case POOL_ANY:
		return read_any(read, record, path);
	case POOL_TIMESTAMP:
	case POOL_DURATION:
		return read_time(read, record, path);
	case POOL_FIELD_MASK:
		return read_mask(read, record, path);
	case POOL_STRUCT:
	case POOL_LIST_VALUE:
		return read_only_field(read, record, path);
	case POOL_VALUE:
		return read_any_value(read, record, path);
	default:
		return read_wrapped(read, record, path);
	}
}
