/* SPDX-License-Identifier: MIT */

#include "cli/field.h"

#include <stdbool.h>
#include <stddef.h>

static const ProtobufCFieldDescriptor *lookup(const ProtobufCMessage *message,
					      const char *name)
{
	return protobuf_c_message_descriptor_get_field_by_name(
		message->descriptor, name);
}

static const void *value_of(const ProtobufCMessage *message,
			    const ProtobufCFieldDescriptor *field)
{
	return (const char *)message + field->offset;
}

static bool is_absent(const ProtobufCMessage *message,
		      const ProtobufCFieldDescriptor *field)
{
	const void *has = (const char *)message + field->quantifier_offset;

	return field->label == PROTOBUF_C_LABEL_OPTIONAL &&
	       field->type != PROTOBUF_C_TYPE_STRING &&
	       !*(const protobuf_c_boolean *)has;
}

uint64_t field_number(const ProtobufCMessage *message, const char *name)
{
	const ProtobufCFieldDescriptor *field = lookup(message, name);
	const void *value;

	if (!field || is_absent(message, field))
		return 0;
	value = value_of(message, field);
	switch (field->type) {
	case PROTOBUF_C_TYPE_UINT32:
		return *(const uint32_t *)value;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return *(const uint64_t *)value;
	case PROTOBUF_C_TYPE_BOOL:
		return *(const protobuf_c_boolean *)value != 0;
	default:
		return 0;
	}
}

const char *field_text(const ProtobufCMessage *message, const char *name)
{
	const ProtobufCFieldDescriptor *field = lookup(message, name);
	const char *text;

	if (!field || field->type != PROTOBUF_C_TYPE_STRING ||
	    field->label != PROTOBUF_C_LABEL_OPTIONAL)
		return "";
	text = *(const char *const *)value_of(message, field);
	return text ? text : "";
}

const uint8_t *field_bytes(const ProtobufCMessage *message, const char *name,
			   size_t *ret_n)
{
	const ProtobufCFieldDescriptor *field = lookup(message, name);
	const ProtobufCBinaryData *bytes;

	*ret_n = 0;
	if (!field || field->type != PROTOBUF_C_TYPE_BYTES ||
	    is_absent(message, field))
		return NULL;
	bytes = value_of(message, field);
	*ret_n = bytes->len;
	return bytes->data;
}

ProtobufCMessage *const *field_messages(const ProtobufCMessage *message,
					const char *name, size_t *ret_n)
{
	const ProtobufCFieldDescriptor *field = lookup(message, name);
	const void *n;

	*ret_n = 0;
	if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE ||
	    field->label != PROTOBUF_C_LABEL_REPEATED)
		return NULL;
	n = (const char *)message + field->quantifier_offset;
	*ret_n = *(const size_t *)n;
	return *(ProtobufCMessage *const *const *)value_of(message, field);
}

void field_set_number(ProtobufCMessage *message, const char *name,
		      uint64_t number)
{
	const ProtobufCFieldDescriptor *field = lookup(message, name);
	void *has, *value;

	if (!field)
		return;
	has = (char *)message + field->quantifier_offset;
	value = (char *)message + field->offset;
	*(protobuf_c_boolean *)has = 1;
	if (field->type == PROTOBUF_C_TYPE_UINT32)
		*(uint32_t *)value = (uint32_t)number;
	else if (field->type == PROTOBUF_C_TYPE_UINT64)
		*(uint64_t *)value = number;
}

void field_set_text(ProtobufCMessage *message, const char *name,
		    const char *text)
{
	const ProtobufCFieldDescriptor *field = lookup(message, name);

	if (field && field->type == PROTOBUF_C_TYPE_STRING)
		*(const char **)(void *)((char *)message + field->offset) =
			text;
}
