/* SPDX-License-Identifier: MIT */

/*
 * The messages that JSON has forms of their own for. A stranger's set may
 * have one of these names and look otherwise: then it is a message like any.
 */

#include <string.h>

#include "schema/pool_build.h"

enum { N_FIELDS_MAX = 6 };

struct shape {
	const char *name; /* after "google.protobuf." */
	enum pool_known known;
	/* By number, from one on. */
	enum pool_type types[N_FIELDS_MAX];
	bool is_repeated; /* the only field */
};

static const struct shape shapes[] = {
	{ "Any", POOL_ANY, { POOL_STRING, POOL_BYTES }, false },
	{ "Duration", POOL_DURATION, { POOL_INT64, POOL_INT32 }, false },
	{ "Timestamp", POOL_TIMESTAMP, { POOL_INT64, POOL_INT32 }, false },
	{ "FieldMask", POOL_FIELD_MASK, { POOL_STRING }, true },
	{ "Struct", POOL_STRUCT, { POOL_MESSAGE }, true },
	{ "ListValue", POOL_LIST_VALUE, { POOL_MESSAGE }, true },
	{ "Value",
	  POOL_VALUE,
	  { POOL_ENUM, POOL_DOUBLE, POOL_STRING, POOL_BOOL, POOL_MESSAGE,
	    POOL_MESSAGE },
	  false },
	{ "DoubleValue", POOL_WRAPPER, { POOL_DOUBLE }, false },
	{ "FloatValue", POOL_WRAPPER, { POOL_FLOAT }, false },
	{ "Int64Value", POOL_WRAPPER, { POOL_INT64 }, false },
	{ "UInt64Value", POOL_WRAPPER, { POOL_UINT64 }, false },
	{ "Int32Value", POOL_WRAPPER, { POOL_INT32 }, false },
	{ "UInt32Value", POOL_WRAPPER, { POOL_UINT32 }, false },
	{ "BoolValue", POOL_WRAPPER, { POOL_BOOL }, false },
	{ "StringValue", POOL_WRAPPER, { POOL_STRING }, false },
	{ "BytesValue", POOL_WRAPPER, { POOL_BYTES }, false },
};

static bool is_called(const struct pool_message *message, const char *name)
{
	static const char package[] = "google.protobuf.";
	size_t n = sizeof(package) - 1;

	return strncmp(message->symbol.name, package, n) == 0 &&
	       strcmp(message->symbol.name + n, name) == 0;
}

static bool has_fields(const struct pool_message *message,
		       const struct shape *shape)
{
	size_t n = 0;

	while (n < N_FIELDS_MAX && shape->types[n])
		n++;
	if (message->n_fields != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct pool_field *field = &message->fields[i];

		if (field->number != i + 1 || field->type != shape->types[i] ||
		    field->is_repeated != shape->is_repeated ||
		    field->is_required)
			return false;
	}
	return true;
}

/* What the fields of these three hold is fixed as well. */
static bool has_contents(const struct pool_message *message,
			 enum pool_known known)
{
	const struct pool_field *fields = message->fields;
	const struct pool_field *value;

	switch (known) {
	case POOL_VALUE:
		for (size_t i = 0; i < message->n_fields; i++)
			if (fields[i].oneof != 0)
				return false;
		return is_called(fields[4].message, "Struct") &&
		       is_called(fields[5].message, "ListValue");
	case POOL_LIST_VALUE:
		return is_called(fields[0].message, "Value");
	case POOL_STRUCT:
		if (!fields[0].is_map ||
		    fields[0].message->fields[0].type != POOL_STRING)
			return false;
		value = &fields[0].message->fields[1];
		return value->type == POOL_MESSAGE &&
		       is_called(value->message, "Value");
	default:
		return true;
	}
}

enum pool_known pool_known_of(const struct pool_message *message)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
		if (is_called(message, shapes[i].name) &&
		    has_fields(message, &shapes[i]) &&
		    has_contents(message, shapes[i].known))
			return shapes[i].known;
	return POOL_ORDINARY;
}
