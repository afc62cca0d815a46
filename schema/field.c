/* SPDX-License-Identifier: MIT */

#include "schema/field.h"

#include <string.h>

#include "schema/preset.h"

typedef Google__Protobuf__DescriptorProto MessageProto;
typedef Google__Protobuf__EnumValueDescriptorProto ValueProto;
typedef Google__Protobuf__FieldDescriptorProto FieldProto;

#define TYPE(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name
#define LABEL(name) \
	GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_##name

/*
 * Types of one group are written alike, and each reads what the others wrote,
 * cut to its size. Bytes and strings are apart, for not all bytes are text.
 */
static const struct {
	const char *name;
	int group;
} types[] = {
	[TYPE(INT32)] = { "int32", 1 },
	[TYPE(INT64)] = { "int64", 1 },
	[TYPE(UINT32)] = { "uint32", 1 },
	[TYPE(UINT64)] = { "uint64", 1 },
	[TYPE(BOOL)] = { "bool", 1 },
	[TYPE(SINT32)] = { "sint32", 2 },
	[TYPE(SINT64)] = { "sint64", 2 },
	[TYPE(STRING)] = { "string", 3 },
	[TYPE(BYTES)] = { "bytes", 4 },
	[TYPE(FIXED32)] = { "fixed32", 5 },
	[TYPE(SFIXED32)] = { "sfixed32", 5 },
	[TYPE(FIXED64)] = { "fixed64", 6 },
	[TYPE(SFIXED64)] = { "sfixed64", 6 },
	[TYPE(DOUBLE)] = { "double", 7 },
	[TYPE(FLOAT)] = { "float", 8 },
	[TYPE(GROUP)] = { "group", 9 },
	[TYPE(MESSAGE)] = { "message", 10 },
	[TYPE(ENUM)] = { "enum", 11 },
};

bool field_is_repeated(const FieldProto *field)
{
	return field->label == LABEL(REPEATED);
}

bool field_is_required(const FieldProto *field)
{
	return field->label == LABEL(REQUIRED);
}

const char *field_label(const FieldProto *field)
{
	if (field_is_repeated(field))
		return "repeated";
	return field_is_required(field) ? "required" : "optional";
}

const char *field_oneof(const struct item *message, const FieldProto *field)
{
	const MessageProto *proto = message->proto;

	if (!field->has_oneof_index || field->proto3_optional)
		return NULL;
	return proto->oneof_decl[field->oneof_index]->name;
}

const char *field_type_name(const FieldProto *field)
{
	return field->type == TYPE(MESSAGE) || field->type == TYPE(GROUP) ||
			       field->type == TYPE(ENUM)
		       ? field->type_name + 1
		       : types[field->type].name;
}

/* Whether `to` has each value of `from`; both are in the same order. */
static bool is_part_of(const struct item *from, const struct item *to)
{
	size_t k = 0;

	for (size_t i = 0; i < from->n_members; i++) {
		const ValueProto *wanted = from->members[i];
		const ValueProto *has;

		do {
			if (k == to->n_members)
				return false;
			has = to->members[k++];
			if (has->number > wanted->number)
				return false;
		} while (has->number < wanted->number ||
			 strcmp(has->name, wanted->name) != 0);
	}
	return true;
}

/* An enum may move if it keeps its last name and its values. */
static bool is_same_enum(const struct field_pair *pair)
{
	const struct item *from = inventory_type(pair->from, pair->from_field);
	const struct item *to = inventory_type(pair->to, pair->to_field);

	struct field_memo *memo = pair->memo;

	if (strcmp(from->last, to->last) != 0)
		return false;
	if (memo->from != from || memo->to != to)
		*memo = (struct field_memo){ from, to, is_part_of(from, to) };
	return memo->is_part;
}

static bool is_compatible(const struct field_pair *pair)
{
	int from = pair->from_field->type;
	int to = pair->to_field->type;

	if (types[from].group != types[to].group)
		return from == TYPE(STRING) && to == TYPE(BYTES);
	if (!inventory_type(pair->from, pair->from_field))
		return true;
	if (!strcmp(pair->from_field->type_name, pair->to_field->type_name))
		return true;
	return from == TYPE(ENUM) && is_same_enum(pair);
}

void field_check_type(const struct field_pair *pair, struct findings *findings)
{
	if (!is_compatible(pair))
		findings_add(findings, "FIELD_WIRE_COMPATIBLE_TYPE",
			     pair->place, "changed type from %s to %s",
			     field_type_name(pair->from_field),
			     field_type_name(pair->to_field));
}

static bool has_default(const FieldProto *field)
{
	return !field_is_repeated(field) && field->type != TYPE(MESSAGE) &&
	       field->type != TYPE(GROUP);
}

void field_check_default(const struct field_pair *pair,
			 struct findings *findings)
{
	struct preset from, to;

	if (!has_default(pair->from_field) || !has_default(pair->to_field))
		return;
	from = preset_of(pair->from, pair->from_field);
	to = preset_of(pair->to, pair->to_field);
	if (!preset_is_same(&from, &to))
		findings_add(findings, "FIELD_SAME_DEFAULT", pair->place,
			     "changed its default from '%.200s' to '%.200s'",
			     from.text, to.text);
}
