/* SPDX-License-Identifier: MIT */

#include "schema/json_out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "schema/json_write.h"
#include "schema/record_wire.h"

enum { KEY_BYTES = 24 };

int json_write_no_room(const struct json_write *write)
{
	int r = arena_error(write->arena);

	record_complain(write->error, NULL, "%s",
			r == -EMSGSIZE ? "too large when it is decoded"
				       : strerror(-r));
	return r;
}

static int write_array(struct json_write *write, const struct slot *slot,
		       const struct record_path *path)
{
	struct record_path step = { .up = path };
	int r = 0;

	buffer_text(write->buffer, "[");
	for (size_t i = 0; r == 0 && i < slot->n_values; i++) {
		step.index = i;
		buffer_text(write->buffer, i ? "," : "");
		r = json_write_value(write, slot->field, &slot->values[i],
				     &step);
	}
	buffer_text(write->buffer, "]");
	return r;
}

/* Keys are strings, whatever they are; `step` is where the value is then. */
static void write_key(struct json_write *write, const struct pool_field *field,
		      const union value *key, char text[KEY_BYTES],
		      struct record_path *step)
{
	step->name = text;
	switch (field->type) {
	case POOL_STRING:
		step->name = key->text.n ? (const char *)key->text.bytes : "";
		step->n_name = key->text.n;
		break;
	case POOL_BOOL:
		step->name = key->number ? "true" : "false";
		step->n_name = strlen(step->name);
		break;
	case POOL_UINT64:
	case POOL_FIXED64:
		step->n_name = (size_t)snprintf(text, KEY_BYTES, "%" PRIu64,
						key->number);
		break;
	default:
		step->n_name = (size_t)snprintf(text, KEY_BYTES, "%" PRId64,
						(int64_t)key->number);
		break;
	}
	json_write_string(write, (const uint8_t *)step->name, step->n_name);
}

/* What an entry lacks is the default, which for a message is an empty one. */
static int entry_part(struct json_write *write, const struct record *entry,
		      uint32_t number, union value *ret_value)
{
	const struct pool_field *field =
		pool_field_by_number(entry->type, number);
	const union value *value = record_value(entry, number);

	*ret_value = value ? *value : (union value){ .text = { NULL, 0 } };
	if (value)
		return 0;
	if (field->type == POOL_ENUM)
		ret_value->number =
			(uint64_t)(int64_t)field->enumeration->first;
	if (!pool_type_is_message(field->type))
		return 0;
	ret_value->record = record_new(write->arena, field->message);
	return ret_value->record ? 0 : json_write_no_room(write);
}

static int write_entry(struct json_write *write, const struct record *entry,
		       const struct record_path *path)
{
	const struct pool_field *fields = entry->type->fields;
	struct record_path step = { .up = path };
	union value key, value;
	char text[KEY_BYTES];
	int r;

	r = entry_part(write, entry, 1, &key);
	if (r == 0)
		r = entry_part(write, entry, 2, &value);
	if (r < 0)
		return r;
	write_key(write, &fields[0], &key, text, &step);
	buffer_text(write->buffer, ":");
	return json_write_value(write, &fields[1], &value, &step);
}

static int write_map(struct json_write *write, struct slot *slot,
		     const struct record_path *path)
{
	size_t n_lost;
	int r;

	r = record_sort_map(write->arena, slot, &n_lost);
	if (r < 0)
		return json_write_no_room(write);
	buffer_text(write->buffer, "{");
	for (size_t i = 0; r == 0 && i < slot->n_values; i++) {
		buffer_text(write->buffer, i ? "," : "");
		r = write_entry(write, slot->values[i].record, path);
	}
	buffer_text(write->buffer, "}");
	return r;
}

int json_write_slot(struct json_write *write, struct slot *slot,
		    const struct record_path *path)
{
	if (slot->field->is_map)
		return write_map(write, slot, path);
	if (slot->field->is_repeated)
		return write_array(write, slot, path);
	return json_write_value(write, slot->field, slot->values, path);
}

static bool is_shown(const struct slot *slot)
{
	const struct pool_field *field = slot->field;

	if (slot->n_values == 0)
		return false;
	return field->is_repeated || field->has_presence ||
	       !record_is_default(field, slot->values);
}

int json_write_fields(struct json_write *write, struct record *record,
		      bool is_first, const struct record_path *path)
{
	int r = 0;

	record_sort(record);
	for (size_t i = 0; r == 0 && i < record->n_slots; i++) {
		struct slot *slot = &record->slots[i];
		const char *name = slot->field->json_name;
		struct record_path step = { .up = path,
					    .name = name,
					    .n_name = strlen(name) };

		if (!is_shown(slot))
			continue;
		buffer_text(write->buffer, is_first ? "" : ",");
		is_first = false;
		json_write_string(write, (const uint8_t *)name, step.n_name);
		buffer_text(write->buffer, ":");
		r = json_write_slot(write, slot, &step);
	}
	return r;
}

int json_write_record(struct json_write *write, struct record *record,
		      const struct record_path *path)
{
	int r;

	if (write->depth == RECORD_DEPTH_MAX)
		return record_complain(write->error, path, "nested too deeply");
	if (buffer_error(write->buffer) < 0)
		return buffer_error(write->buffer);
	write->depth++;
	if (record->type->known != POOL_ORDINARY) {
		r = json_write_known(write, record, path);
	} else {
		buffer_text(write->buffer, "{");
		r = json_write_fields(write, record, true, path);
		buffer_text(write->buffer, "}");
	}
	write->depth--;
	return r;
}

/* What the buffer did not take is told once, at the end. */
static int end(const struct json_write *write, int r)
{
	int r_buffer = buffer_error(write->buffer);

	if (r == 0)
		r = r_buffer;
	if (r < 0 && r == r_buffer)
		record_complain(write->error, NULL, "%s",
				r == -EMSGSIZE ? "too long as JSON"
					       : strerror(-r));
	return r;
}

int json_out_record(const struct pool *pool, struct arena *arena,
		    struct record *record, struct buffer *buffer,
		    char error[RECORD_ERROR_BYTES])
{
	struct json_write write = {
		.pool = pool, .arena = arena, .buffer = buffer, .error = error
	};

	return end(&write, json_write_record(&write, record, NULL));
}

int json_out_slot(const struct pool *pool, struct arena *arena,
		  struct slot *slot, struct buffer *buffer,
		  char error[RECORD_ERROR_BYTES])
{
	struct json_write write = {
		.pool = pool, .arena = arena, .buffer = buffer, .error = error
	};

	return end(&write, json_write_slot(&write, slot, NULL));
}

int json_out(const struct pool *pool, const struct pool_message *type,
	     const uint8_t *bytes, size_t n, struct buffer *buffer,
	     char error[RECORD_ERROR_BYTES])
{
	_cleanup_(arena_deinit) struct arena arena;
	struct record *record;
	int r;

	arena_init(&arena, JSON_OUT_ARENA_BYTES);
	r = record_decode(&arena, type, bytes, n, &record, error);
	return r < 0 ? r : json_out_record(pool, &arena, record, buffer, error);
}
