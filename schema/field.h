/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_FIELD_H
#define SCHEMA_FIELD_H

/**
 * Two fields of one number: may bytes that were written by one be read as the
 * other?
 */

#include <stdbool.h>

#include "schema/finding.h"
#include "schema/inventory.h"

/** Two enums, and whether the second has all values of the first. */
struct field_memo {
	const struct item *from;
	const struct item *to;
	bool is_part;
};

/** `from` came first, or writes; `to` came later, or reads. */
struct field_pair {
	const struct inventory *from;
	const struct inventory *to;
	/* The messages that they are in, or NULL: extensions. */
	const struct item *from_message;
	const struct item *to_message;
	const Google__Protobuf__FieldDescriptorProto *from_field;
	const Google__Protobuf__FieldDescriptorProto *to_field;
	struct finding_place place;
	/*
	 * What was found last: whoever has many fields of one enum has them
	 * judged once. One for all pairs, all zero at first.
	 */
	struct field_memo *memo;
};

/** FIELD_WIRE_COMPATIBLE_TYPE */
void field_check_type(const struct field_pair *pair, struct findings *findings);

/** FIELD_SAME_DEFAULT: what is not sent means the same to both. */
void field_check_default(const struct field_pair *pair,
			 struct findings *findings);

bool field_is_repeated(const Google__Protobuf__FieldDescriptorProto *field);
bool field_is_required(const Google__Protobuf__FieldDescriptorProto *field);

/** "optional", "required" or "repeated". */
const char *field_label(const Google__Protobuf__FieldDescriptorProto *field);

/**
 * The oneof of a field of this message. NULL: it is in none, or only in one
 * that stands for `optional` of proto3.
 */
const char *field_oneof(const struct item *message,
			const Google__Protobuf__FieldDescriptorProto *field);

/** What it is of, for people: "int32", "foo.v1.Thing". */
const char *field_type_name(
	const Google__Protobuf__FieldDescriptorProto *field);

#endif
