/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_PRESET_H
#define SCHEMA_PRESET_H

/**
 * The value of a field that was not sent: its default.
 *
 * Descriptors hold it as text, written by the field's type, or not at all:
 * then it is zero, empty, or the first value of the enum.
 */

#include <stdbool.h>

#include "schema/inventory.h"

struct preset {
	const char *text; /* the field's own; never NULL */
	bool is_text;     /* of a string or bytes */
	bool is_escaped;  /* of bytes: as C writes them */
	bool is_float;    /* exact to 32 bits only */
	/* Of all others. Holds every integer of 64 bits and every double. */
	long double number;
};

/** Of a field that is neither repeated nor a message. */
struct preset preset_of(const struct inventory *inventory,
			const Google__Protobuf__FieldDescriptorProto *field);

bool preset_is_same(const struct preset *one, const struct preset *other);

#endif
