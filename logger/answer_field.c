/* SPDX-License-Identifier: MIT */

#include "logger/answer_field.h"

#include <string.h>

#include "schema/path.h"

static void say_number(struct question_value *value, int64_t number)
{
	value->type = QUESTION_NUMBER;
	value->number = number;
}

static void say_real(struct question_value *value, double real)
{
	value->type = QUESTION_REAL;
	value->real = real;
}

static void say_bytes(struct question_value *value, enum question_type type,
		      const void *bytes, size_t n)
{
	value->type = type;
	value->bytes = bytes;
	value->n_bytes = n;
}

/* SQL has no whole number above 2^63 - 1. */
static void say_unsigned(struct question_value *value, uint64_t number)
{
	if (number <= INT64_MAX)
		say_number(value, (int64_t)number);
	else
		say_real(value, (double)number);
}

static void say_enum(struct question_value *value,
		     const struct pool_enum *enumeration, int32_t number)
{
	const struct pool_value *known =
		pool_value_by_number(enumeration, number);

	if (known)
		say_bytes(value, QUESTION_TEXT, known->name,
			  strlen(known->name));
	else
		say_number(value, number);
}

static void say_scalar(const struct pool_field *field, const union value *from,
		       struct question_value *value)
{
	switch (field->type) {
	case POOL_DOUBLE:
	case POOL_FLOAT:
		say_real(value, from->real);
		break;
	case POOL_UINT64:
	case POOL_FIXED64:
		say_unsigned(value, from->number);
		break;
	case POOL_STRING:
		say_bytes(value, QUESTION_TEXT, from->text.bytes, from->text.n);
		break;
	case POOL_BYTES:
		say_bytes(value, QUESTION_BYTES, from->text.bytes,
			  from->text.n);
		break;
	case POOL_ENUM:
		say_enum(value, field->enumeration,
			 (int32_t)(uint32_t)from->number);
		break;
	default:
		say_number(value, (int64_t)from->number);
		break;
	}
}

/* Times and the like are strings in JSON, and texts in SQL. */
static int say_json(struct answer_bodies *bodies, struct record *record,
		    struct slot *slot, struct question_value *value)
{
	const char *json;
	size_t n;
	int r = answer_body_json(bodies, record, slot, &json, &n);

	if (r <= 0)
		return r;
	if (n >= 2 && *json == '"')
		say_bytes(value, QUESTION_TEXT, json + 1, n - 2);
	else
		say_bytes(value, QUESTION_TEXT, json, n);
	return 0;
}

/*
 * Messages that stand for one value of another type: a wrapper, a Value. False:
 * it is none, or one of nothing, and then *field is NULL.
 */
static bool unwrap(const struct pool_field **field, const union value **value)
{
	static const union value unset;
	const struct record *record = (*value)->record;

	switch (record->type->known) {
	case POOL_WRAPPER:
		*field = record->type->fields;
		*value = record_value(record, 1);
		if (!*value)
			*value = &unset;
		return true;
	case POOL_VALUE:
		*field = record_oneof(record, 0);
		if (!*field || (*field)->type == POOL_ENUM) {
			*field = NULL;
			return false;
		}
		*value = record_slot(record, *field)->values;
		return true;
	default:
		return false;
	}
}

static int say_value(struct answer_bodies *bodies,
		     const struct pool_field *field, const union value *from,
		     struct question_value *value)
{
	while (field && pool_type_is_message(field->type) &&
	       unwrap(&field, &from))
		;
	if (!field)
		return 0;
	if (pool_type_is_message(field->type))
		return say_json(bodies, from->record, NULL, value);
	say_scalar(field, from, value);
	return 0;
}

static int say_found(struct answer_bodies *bodies,
		     const struct path_found *found,
		     struct question_value *value)
{
	const char *empty = found->field->is_map ? "{}" : "[]";

	if (!found->is_whole)
		return say_value(bodies, found->field, found->value, value);
	if (found->slot)
		return say_json(bodies, NULL, found->slot, value);
	say_bytes(value, QUESTION_TEXT, empty, 2);
	return 0;
}

int answer_field(struct answer_bodies *bodies,
		 const struct question_value *arguments,
		 struct question_value *ret_value, const char **why)
{
	const struct question_value *record = &arguments[0];
	const struct question_value *path = &arguments[1];
	struct answer_body body;
	struct path_found found;
	int r;

	*ret_value = (struct question_value){ .type = QUESTION_NULL };
	if (path->type != QUESTION_TEXT ||
	    !path_is_valid(path->bytes, path->n_bytes)) {
		*why = "field(): the second argument is a path, as in "
		       "'spec.disks[0].size'";
		return 0;
	}
	if (record->type == QUESTION_NULL)
		return 0;
	if (record->type != QUESTION_BYTES ||
	    !answer_body_unpack(record->bytes, record->n_bytes, &body)) {
		*why = "field(): the first argument is the column `record`";
		return 0;
	}
	r = answer_body_decode(bodies, &body);
	if (r > 0)
		r = path_find(bodies->decoded.record, path->bytes,
			      path->n_bytes, &found);
	return r > 0 ? say_found(bodies, &found, ret_value) : r;
}
