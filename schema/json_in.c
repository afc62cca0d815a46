/* SPDX-License-Identifier: MIT */

#include "schema/json_in.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "schema/json_read.h"
#include "schema/record_wire.h"

int json_read_no_room(struct json_read *read)
{
	int r = arena_error(read->arena);

	record_complain(read->error, NULL, "%s",
			r == -EMSGSIZE ? "too large" : strerror(-r));
	return r;
}

int json_read_failed(struct json_read *read, int r,
		     const struct record_path *path)
{
	size_t line, column;

	if (r != -EINVAL)
		return json_read_no_room(read);
	json_scan_place(&read->scan, &line, &column);
	if (read->scan.at == read->scan.end)
		return record_complain(read->error, path,
				       "%s: the text ends too early",
				       read->scan.why);
	return record_complain(read->error, path, "%s (line %zu, column %zu)",
			       read->scan.why, line, column);
}

static int read_one(struct json_read *read, struct record *record,
		    const struct pool_field *field,
		    const struct record_path *path)
{
	union value value = { .text = { NULL, 0 } };
	union value *room;
	int r = 0;

	if (pool_type_is_message(field->type)) {
		value.record = record_new(read->arena, field->message);
		if (!value.record)
			return json_read_no_room(read);
		r = json_read_record(read, value.record, path);
	} else {
		r = json_read_scalar(read, field, &value, path);
	}
	if (r < 0)
		return r;
	room = record_add(read->arena, record, field);
	if (!room)
		return json_read_no_room(read);
	*room = value;
	return 0;
}

/* Nothing, but for the two types that have it as a value. */
static bool is_null_value(const struct pool_field *field)
{
	if (field->type == POOL_ENUM)
		return strcmp(field->enumeration->symbol.name,
			      "google.protobuf.NullValue") == 0;
	return field->message && field->message->known == POOL_VALUE;
}

static int refuse_null(struct json_read *read, const struct pool_field *field,
		       const struct record_path *path)
{
	if (json_scan_peek(&read->scan) == JSON_NULL && !is_null_value(field))
		return record_complain(read->error, path,
				       "null, where a value must be");
	return 0;
}

static int read_array(struct json_read *read, struct record *record,
		      const struct pool_field *field,
		      const struct record_path *path)
{
	struct record_path step = { .up = path };
	bool is_first = true;
	int r;

	if (json_scan_peek(&read->scan) != JSON_ARRAY)
		return record_complain(read->error, path, "no array");
	r = json_scan_open(&read->scan, '[');
	if (r < 0)
		return json_read_failed(read, r, path);
	for (;; step.index++) {
		r = json_scan_element(&read->scan, &is_first);
		if (r < 0)
			return json_read_failed(read, r, path);
		if (r == 0)
			return 0;
		r = refuse_null(read, field, &step);
		if (r == 0)
			r = read_one(read, record, field, &step);
		if (r < 0)
			return r;
	}
}

/* An entry is a record, so it counts as one, as it does on the wire. */
static int read_entry(struct json_read *read, struct record *record,
		      const struct pool_field *field,
		      const struct json_text *key,
		      const struct record_path *path)
{
	const struct pool_field *fields = field->message->fields;
	struct record *entry = record_new(read->arena, field->message);
	union value *room = record_add(read->arena, record, field);
	int r;

	if (!entry || !room)
		return json_read_no_room(read);
	room->record = entry;
	room = record_add(read->arena, entry, &fields[0]);
	if (!room)
		return json_read_no_room(read);
	r = json_read_key(read, &fields[0], key, room, path);
	if (r == 0)
		r = refuse_null(read, &fields[1], path);
	return r == 0 ? read_one(read, entry, &fields[1], path) : r;
}

static int read_entries(struct json_read *read, struct record *record,
			const struct pool_field *field,
			const struct record_path *path)
{
	bool is_first = true;

	for (;;) {
		struct record_path step = { .up = path };
		struct json_text key;
		int r = json_scan_member(&read->scan, &is_first, &key);

		if (r < 0)
			return json_read_failed(read, r, path);
		if (r == 0)
			return 0;
		step.name = key.n ? (const char *)key.bytes : "\"\"";
		step.n_name = key.n ? key.n : 2;
		r = read_entry(read, record, field, &key, &step);
		if (r < 0)
			return r;
	}
}

static int read_map(struct json_read *read, struct record *record,
		    const struct pool_field *field,
		    const struct record_path *path)
{
	struct slot *slot;
	size_t n_lost = 0;
	int r;

	if (json_scan_peek(&read->scan) != JSON_OBJECT)
		return record_complain(read->error, path, "no object");
	if (read->depth == RECORD_DEPTH_MAX)
		return record_complain(read->error, path, "nested too deeply");
	r = json_scan_open(&read->scan, '{');
	if (r < 0)
		return json_read_failed(read, r, path);
	read->depth++;
	r = read_entries(read, record, field, path);
	read->depth--;
	slot = record_slot(record, field);
	if (r < 0 || !slot)
		return r;
	if (record_sort_map(read->arena, slot, &n_lost) < 0)
		return json_read_no_room(read);
	if (n_lost > 0)
		return record_complain(read->error, path,
				       "a key that comes twice");
	return 0;
}

int json_read_field(struct json_read *read, struct record *record,
		    const struct pool_field *field,
		    const struct record_path *path)
{
	const struct pool_field *other;

	if (json_scan_peek(&read->scan) == JSON_NULL &&
	    (field->is_repeated || !is_null_value(field)))
		return json_scan_word(&read->scan, JSON_NULL) < 0
			       ? json_read_failed(read, -EINVAL, path)
			       : 0;
	if (field->is_map)
		return read_map(read, record, field, path);
	if (field->is_repeated)
		return read_array(read, record, field, path);
	other = field->oneof >= 0 ? record_oneof(record, field->oneof) : NULL;
	if (other && other != field)
		return record_complain(read->error, path,
				       "of a oneof in which %s is set already",
				       other->json_name);
	return read_one(read, record, field, path);
}

/* One bit for each field that had its member, were it only a null. */
static int see(struct json_read *read, uint8_t **seen,
	       const struct pool_message *type, const struct pool_field *field)
{
	uint8_t bit = (uint8_t)(1U << field->place % 8);

	if (!*seen)
		*seen = arena_alloc(read->arena, type->n_fields / 8 + 1);
	if (!*seen)
		return json_read_no_room(read);
	if ((*seen)[field->place / 8] & bit)
		return -EEXIST;
	(*seen)[field->place / 8] |= bit;
	return 0;
}

static int read_member(struct json_read *read, struct record *record,
		       const struct json_text *key, uint8_t **seen,
		       const struct record_path *path)
{
	const struct pool_field *field = pool_field_lookup(
		record->type, (const char *)key->bytes, key->n);
	struct record_path step = { .up = path,
				    .name = (const char *)key->bytes,
				    .n_name = key->n };
	int r;

	if (!field)
		return record_complain(read->error, &step,
				       "%s has no such field",
				       record->type->symbol.name);
	step.name = field->json_name;
	step.n_name = strlen(field->json_name);
	r = see(read, seen, record->type, field);
	if (r == -EEXIST)
		return record_complain(read->error, &step,
				       "a field that comes twice");
	return r == 0 ? json_read_field(read, record, field, &step) : r;
}

int json_read_members(struct json_read *read, struct record *record,
		      const char *skipped, const struct record_path *path)
{
	uint8_t *seen = NULL;
	bool is_first = true;

	for (;;) {
		struct json_text key;
		int r = json_scan_member(&read->scan, &is_first, &key);

		if (r < 0)
			return json_read_failed(read, r, path);
		if (r == 0)
			return 0;
		if (skipped && key.n == strlen(skipped) &&
		    memcmp(key.bytes, skipped, key.n) == 0) {
			r = json_scan_skip(&read->scan, RECORD_DEPTH_MAX);
			if (r < 0)
				return json_read_failed(read, r, path);
			continue;
		}
		r = read_member(read, record, &key, &seen, path);
		if (r < 0)
			return r;
	}
}

int json_read_record(struct json_read *read, struct record *record,
		     const struct record_path *path)
{
	int r;

	if (read->depth == RECORD_DEPTH_MAX)
		return record_complain(read->error, path, "nested too deeply");
	read->depth++;
	if (record->type->known != POOL_ORDINARY) {
		r = json_read_known(read, record, path);
	} else if (json_scan_peek(&read->scan) != JSON_OBJECT) {
		r = record_complain(read->error, path,
				    "no object, which %s must be",
				    record->type->symbol.name);
	} else {
		r = json_scan_open(&read->scan, '{');
		r = r < 0 ? json_read_failed(read, r, path)
			  : json_read_members(read, record, NULL, path);
	}
	read->depth--;
	return r;
}

int json_in(const struct pool *pool, const struct pool_message *type,
	    const void *text, size_t n, uint8_t **ret_bytes, size_t *ret_n,
	    char error[RECORD_ERROR_BYTES])
{
	_cleanup_(arena_deinit) struct arena arena;
	struct json_read read = { .pool = pool,
				  .arena = &arena,
				  .error = error };
	struct record *record;
	int r;

	arena_init(&arena, JSON_IN_ARENA_BYTES);
	r = json_scan_init(&read.scan, &arena, text, n);
	if (r < 0)
		return record_complain(error, NULL, "%s", read.scan.why);
	if (json_scan_peek(&read.scan) == JSON_END)
		return record_complain(error, NULL, "nothing, and no JSON");
	record = record_new(&arena, type);
	if (!record)
		return json_read_no_room(&read);
	r = json_read_record(&read, record, NULL);
	if (r < 0)
		return r;
	r = json_scan_end(&read.scan);
	if (r < 0)
		return json_read_failed(&read, r, NULL);
	return record_encode(record, JSON_IN_BYTES_MAX, ret_bytes, ret_n,
			     error);
}
