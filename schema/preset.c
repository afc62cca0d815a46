/* SPDX-License-Identifier: MIT */

#include "schema/preset.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef Google__Protobuf__EnumDescriptorProto EnumProto;
typedef Google__Protobuf__FieldDescriptorProto FieldProto;

#define TYPE(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name

_Static_assert(LDBL_MANT_DIG >= 64, "a long double holds 64 bits");

static long double enum_number(const struct inventory *inventory,
			       const FieldProto *field)
{
	const struct item *item = inventory_type(inventory, field);
	const EnumProto *proto = item->proto;

	for (size_t i = 0; field->default_value && i < proto->n_value; i++)
		if (!strcmp(proto->value[i]->name, field->default_value))
			return proto->value[i]->number;
	return proto->n_value ? proto->value[0]->number : 0;
}

struct preset preset_of(const struct inventory *inventory,
			const FieldProto *field)
{
	struct preset preset = { .text = field->default_value
						 ? field->default_value
						 : "" };

	switch (field->type) {
	case TYPE(BYTES):
		preset.is_escaped = true;
		preset.is_text = true;
		break;
	case TYPE(STRING):
		preset.is_text = true;
		break;
	case TYPE(ENUM):
		preset.number = enum_number(inventory, field);
		break;
	case TYPE(BOOL):
		preset.number = !strcmp(preset.text, "true");
		break;
	case TYPE(FLOAT):
		preset.is_float = true;
		preset.number = (long double)strtof(preset.text, NULL);
		break;
	case TYPE(DOUBLE):
		preset.number = (long double)strtod(preset.text, NULL);
		break;
	default:
		preset.number =
			*preset.text == '-'
				? (long double)strtoll(preset.text, NULL, 10)
				: (long double)strtoull(preset.text, NULL, 10);
	}
	return preset;
}

/* Up to three digits of base 8 after the backslash. */
static int next_octal(const char **text)
{
	int value = 0;

	for (int i = 0; i < 3 && **text >= '0' && **text <= '7'; i++)
		value = value * 8 + *(*text)++ - '0';
	return value & 0xff;
}

/* The next byte, or -1 at the end. */
static int next_byte(const struct preset *preset, const char **text)
{
	static const char letters[] = "nrtabfv";
	static const char meanings[] = "\n\r\t\a\b\f\v";
	const char *letter;
	char c = **text;

	if (!c)
		return -1;
	++*text;
	if (!preset->is_escaped || c != '\\' || !**text)
		return (unsigned char)c;
	c = **text;
	if (c >= '0' && c <= '7')
		return next_octal(text);
	++*text;
	letter = strchr(letters, c);
	return letter ? meanings[letter - letters] : (unsigned char)c;
}

static bool is_same_text(const struct preset *one, const struct preset *other)
{
	const char *a = one->text;
	const char *b = other->text;
	int from, to;

	do {
		from = next_byte(one, &a);
		to = next_byte(other, &b);
	} while (from == to && from >= 0);
	return from == to;
}

static bool is_empty(const struct preset *preset)
{
	return preset->is_text ? !*preset->text : preset->number == 0;
}

bool preset_is_same(const struct preset *one, const struct preset *other)
{
	if (is_empty(one) && is_empty(other))
		return true;
	if (one->is_text != other->is_text)
		return false;
	if (one->is_text)
		return is_same_text(one, other);
	if (isnan(one->number) || isnan(other->number))
		return isnan(one->number) && isnan(other->number);
	/* What became wider has not changed for that. */
	if (one->is_float != other->is_float)
		return (float)one->number == (float)other->number;
	return one->number == other->number;
}
