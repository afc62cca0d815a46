/* SPDX-License-Identifier: MIT */

/*
 * Bytes are written from the last to the first, so that the length of
 * everything is known when it has to be written, without measuring first.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "schema/record_wire.h"

enum { BYTES_FIRST = 256, VARINT_BYTES_MAX = 10 };

struct encode {
	uint8_t *bytes;
	size_t n; /* at the end of the room */
	size_t n_max;
	size_t n_bytes_max;
	char *error;
};

static int make_room(struct encode *encode, size_t n)
{
	size_t n_max = encode->n_max ? encode->n_max : BYTES_FIRST;
	uint8_t *bytes;

	if (n <= encode->n_max - encode->n)
		return 0;
	if (n > encode->n_bytes_max - encode->n) {
		record_complain(encode->error, NULL,
				"more than %zu bytes when it is encoded",
				encode->n_bytes_max);
		return -EMSGSIZE;
	}
	while (n_max - encode->n < n)
		n_max *= 2;
	bytes = malloc(n_max);
	if (!bytes)
		return -ENOMEM;
	if (encode->n > 0)
		memcpy(bytes + n_max - encode->n,
		       encode->bytes + encode->n_max - encode->n, encode->n);
	free(encode->bytes);
	encode->bytes = bytes;
	encode->n_max = n_max;
	return 0;
}

static int put(struct encode *encode, const void *bytes, size_t n)
{
	int r = make_room(encode, n);

	if (r < 0)
		return r;
	encode->n += n;
	if (n > 0)
		memcpy(encode->bytes + encode->n_max - encode->n, bytes, n);
	return 0;
}

static int put_varint(struct encode *encode, uint64_t value)
{
	uint8_t bytes[VARINT_BYTES_MAX];
	size_t n = 0;

	do {
		bytes[n++] = (uint8_t)((value & 0x7f) | (value > 0x7f) << 7);
		value >>= 7;
	} while (value);
	return put(encode, bytes, n);
}

static int put_key(struct encode *encode, const struct pool_field *field,
		   enum record_wire_type type)
{
	return put_varint(encode, (uint64_t)field->number << 3 | type);
}

static int put_number(struct encode *encode, enum pool_type type,
		      const union value *value)
{
	uint64_t raw = record_wire_encode(type, value);
	uint8_t bytes[8];

	switch (record_wire_type(type)) {
	case RECORD_FIXED64:
		le64_store(bytes, raw);
		return put(encode, bytes, 8);
	case RECORD_FIXED32:
		le32_store(bytes, (uint32_t)raw);
		return put(encode, bytes, 4);
	default:
		return put_varint(encode, raw);
	}
}

static int put_record(struct encode *encode, struct record *record,
		      const struct record_path *path);

static int put_message(struct encode *encode, const struct pool_field *field,
		       struct record *record, const struct record_path *path)
{
	size_t n_before = encode->n;
	int r = 0;

	if (field->type == POOL_GROUP)
		r = put_key(encode, field, RECORD_GROUP_END);
	if (r == 0)
		r = put_record(encode, record, path);
	if (r == 0 && field->type != POOL_GROUP)
		r = put_varint(encode, encode->n - n_before);
	return r;
}

static int put_value(struct encode *encode, const struct pool_field *field,
		     const union value *value, const struct record_path *path)
{
	int r;

	if (pool_type_is_message(field->type)) {
		r = put_message(encode, field, value->record, path);
	} else if (pool_type_is_bytes(field->type)) {
		r = put(encode, value->text.bytes, value->text.n);
		if (r == 0)
			r = put_varint(encode, value->text.n);
	} else {
		r = put_number(encode, field->type, value);
	}
	return r == 0 ? put_key(encode, field, record_wire_type(field->type))
		      : r;
}

static int put_packed(struct encode *encode, const struct slot *slot)
{
	size_t n_before = encode->n;
	int r = 0;

	for (size_t i = slot->n_values; r == 0 && i > 0; i--)
		r = put_number(encode, slot->field->type, &slot->values[i - 1]);
	if (r == 0)
		r = put_varint(encode, encode->n - n_before);
	return r == 0 ? put_key(encode, slot->field, RECORD_BYTES) : r;
}

static int put_slot(struct encode *encode, const struct slot *slot,
		    const struct record_path *path)
{
	const struct pool_field *field = slot->field;
	struct record_path step = { .up = path,
				    .name = field->json_name,
				    .n_name = strlen(field->json_name) };
	struct record_path place = { .up = &step };
	int r = 0;

	if (!field->is_repeated && !field->has_presence &&
	    record_is_default(field, slot->values))
		return 0;
	if (field->is_packed && slot->n_values > 0)
		return put_packed(encode, slot);
	for (size_t i = slot->n_values; r == 0 && i > 0; i--) {
		place.index = i - 1;
		r = put_value(encode, field, &slot->values[i - 1],
			      field->is_repeated ? &place : &step);
	}
	return r;
}

static int check_required(const struct encode *encode,
			  const struct record *record,
			  const struct record_path *path)
{
	const struct pool_message *type = record->type;

	for (size_t i = 0; type->has_required && i < type->n_fields; i++) {
		const struct pool_field *field = &type->fields[i];
		struct record_path step = { .up = path,
					    .name = field->json_name,
					    .n_name =
						    strlen(field->json_name) };

		if (field->is_required && !record_slot(record, field))
			return record_complain(encode->error, &step,
					       "required, and missing");
	}
	return 0;
}

/* As deep as whoever built the record went, which is bounded. */
static int put_record(struct encode *encode, struct record *record,
		      const struct record_path *path)
{
	int r = check_required(encode, record, path);

	record_sort(record);
	for (size_t i = record->n_slots; r == 0 && i > 0; i--)
		r = put_slot(encode, &record->slots[i - 1], path);
	return r;
}

int record_encode(struct record *record, size_t n_bytes_max,
		  uint8_t **ret_bytes, size_t *ret_n,
		  char error[RECORD_ERROR_BYTES])
{
	struct encode encode = { .n_bytes_max = n_bytes_max, .error = error };
	int r;

	record_complain(error, NULL, "%s", strerror(ENOMEM));
	r = make_room(&encode, n_bytes_max ? 1 : 0);
	if (r == 0)
		r = put_record(&encode, record, NULL);
	if (r < 0) {
		free(encode.bytes);
		return r;
	}
	memmove(encode.bytes, encode.bytes + encode.n_max - encode.n, encode.n);
	*ret_bytes = encode.bytes;
	*ret_n = encode.n;
	return 0;
}
