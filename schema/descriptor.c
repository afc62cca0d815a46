/* SPDX-License-Identifier: MIT */

#include "schema/descriptor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "proto/unpack.h"

typedef Google__Protobuf__DescriptorProto MessageProto;
typedef Google__Protobuf__EnumDescriptorProto EnumProto;
typedef Google__Protobuf__FieldDescriptorProto FieldProto;
typedef Google__Protobuf__FileDescriptorProto FileProto;
typedef Google__Protobuf__MethodDescriptorProto MethodProto;
typedef Google__Protobuf__ServiceDescriptorProto ServiceProto;

enum { FIELD_NUMBER_MAX = (1 << 29) - 1 };

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* One or more identifiers joined by dots. */
static bool is_dotted(const char *name)
{
	bool is_first = true;
	size_t n;

	n = name ? strnlen(name, DESCRIPTOR_NAME_MAX + 1) : 0;
	if (!n || n > DESCRIPTOR_NAME_MAX)
		return false;
	for (; *name; name++) {
		if (*name == '.'
			    ? is_first
			    : !is_letter(*name) &&
				      (is_first || *name < '0' || *name > '9'))
			return false;
		is_first = *name == '.';
	}
	return !is_first;
}

static bool is_name(const char *name)
{
	return is_dotted(name) && !strchr(name, '.');
}

/* Compilers write types in full, with a dot before them. */
static bool is_type_name(const char *name)
{
	return name && name[0] == '.' && is_dotted(name + 1);
}

/* Files may be called as files are, but by nothing that a terminal obeys. */
static bool is_file_name(const char *name)
{
	size_t n = name ? strnlen(name, DESCRIPTOR_NAME_MAX + 1) : 0;

	return n && n <= DESCRIPTOR_NAME_MAX && utf8_is_harmless_text(name, n);
}

static int check_type(const FieldProto *field)
{
	if (!field->has_type || !field->has_label)
		return DESCRIPTOR_E_TYPE;
	if (field->type <
		    GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_DOUBLE ||
	    field->type >
		    GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SINT64)
		return DESCRIPTOR_E_TYPE;
	if (field->label <
		    GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_OPTIONAL ||
	    field->label >
		    GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED)
		return DESCRIPTOR_E_TYPE;

	switch (field->type) {
	case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP:
	case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE:
	case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_ENUM:
		return is_type_name(field->type_name) ? 0 : DESCRIPTOR_E_TYPE;
	default:
		return 0;
	}
}

static int check_fields(FieldProto *const *fields, size_t n, size_t n_oneofs)
{
	for (size_t i = 0; i < n; i++) {
		const FieldProto *field = fields[i];
		int r;

		if (!is_name(field->name))
			return DESCRIPTOR_E_NAME;
		if (field->extendee && !is_type_name(field->extendee))
			return DESCRIPTOR_E_NAME;
		if (!field->has_number || field->number < 1 ||
		    field->number > FIELD_NUMBER_MAX)
			return DESCRIPTOR_E_NUMBER;
		if (field->has_oneof_index &&
		    (field->oneof_index < 0 ||
		     (size_t)field->oneof_index >= n_oneofs))
			return DESCRIPTOR_E_ONEOF;
		r = check_type(field);
		if (r)
			return r;
	}
	return 0;
}

static int check_enums(EnumProto *const *enums, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_name(enums[i]->name))
			return DESCRIPTOR_E_NAME;
		for (size_t k = 0; k < enums[i]->n_value; k++) {
			if (!is_name(enums[i]->value[k]->name))
				return DESCRIPTOR_E_NAME;
			if (!enums[i]->value[k]->has_number)
				return DESCRIPTOR_E_NUMBER;
		}
	}
	return 0;
}

static int check_message(const MessageProto *message)
{
	int r;

	if (!is_name(message->name))
		return DESCRIPTOR_E_NAME;
	for (size_t i = 0; i < message->n_oneof_decl; i++)
		if (!is_name(message->oneof_decl[i]->name))
			return DESCRIPTOR_E_NAME;
	r = check_fields(message->field, message->n_field,
			 message->n_oneof_decl);
	if (!r)
		r = check_fields(message->extension, message->n_extension, 0);
	if (!r)
		r = check_enums(message->enum_type, message->n_enum_type);
	/* The scan of the bytes has bounded the depth of this. */
	for (size_t i = 0; !r && i < message->n_nested_type; i++)
		r = check_message(message->nested_type[i]);
	return r;
}

static int check_service(const ServiceProto *service)
{
	if (!is_name(service->name))
		return DESCRIPTOR_E_NAME;
	for (size_t i = 0; i < service->n_method; i++) {
		const MethodProto *method = service->method[i];

		if (!is_name(method->name))
			return DESCRIPTOR_E_NAME;
		if (!is_type_name(method->input_type) ||
		    !is_type_name(method->output_type))
			return DESCRIPTOR_E_METHOD;
	}
	return 0;
}

static int check_file(const FileProto *file)
{
	int r;

	if (!is_file_name(file->name) ||
	    (file->package && *file->package && !is_dotted(file->package)))
		return DESCRIPTOR_E_NAME;
	for (size_t i = 0; i < file->n_dependency; i++)
		if (!is_file_name(file->dependency[i]))
			return DESCRIPTOR_E_NAME;
	r = check_enums(file->enum_type, file->n_enum_type);
	if (!r)
		r = check_fields(file->extension, file->n_extension, 0);
	for (size_t i = 0; !r && i < file->n_message_type; i++)
		r = check_message(file->message_type[i]);
	for (size_t i = 0; !r && i < file->n_service; i++)
		r = check_service(file->service[i]);
	return r;
}

/* What compilers write takes 5 to 8 times its size, empty messages take 50. */
static size_t memory_for(size_t n)
{
	size_t n_memory = 4096 + 64 * n;

	return n_memory < DESCRIPTOR_MEMORY_MAX ? n_memory
						: DESCRIPTOR_MEMORY_MAX;
}

int descriptor_set_new(const uint8_t *bytes, size_t n,
		       struct descriptor_set **ret_set)
{
	_cleanup_(descriptor_set_freep) struct descriptor_set *set = NULL;
	struct unpack_arena arena = {
		.n_bytes = memory_for(n),
		.depth_max = DESCRIPTOR_DEPTH_MAX,
		.n_fields_max = DESCRIPTOR_FIELDS_MAX,
	};
	ProtobufCMessage *message;
	int r;

	if (n > DESCRIPTOR_BYTES_MAX)
		return DESCRIPTOR_E_BYTES;
	set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	set->memory = malloc(arena.n_bytes);
	if (!set->memory)
		return -ENOMEM;

	arena.bytes = set->memory;
	r = unpack(&google__protobuf__file_descriptor_set__descriptor, bytes, n,
		   &arena, &message);
	if (r)
		return r;
	set->files = (const Google__Protobuf__FileDescriptorSet *)message;
	for (size_t i = 0; i < set->files->n_file; i++) {
		r = check_file(set->files->file[i]);
		if (r)
			return r;
	}
	*ret_set = take_ptr(set);
	return 0;
}

struct descriptor_set *descriptor_set_free(struct descriptor_set *set)
{
	if (!set)
		return NULL;
	free(set->memory);
	free(set);
	return NULL;
}

const char *descriptor_error_text(int error)
{
	switch (error) {
	case DESCRIPTOR_E_BYTES:
		return "above 256 KiB";
	case DESCRIPTOR_E_NAME:
		return "a name is missing or is no identifier";
	case DESCRIPTOR_E_NUMBER:
		return "a field or a value has no number, or one that is none";
	case DESCRIPTOR_E_TYPE:
		return "a field lacks its type or its label";
	case DESCRIPTOR_E_METHOD:
		return "a method lacks what it takes or what it returns";
	case DESCRIPTOR_E_ONEOF:
		return "a field is in a oneof that there is not";
	default:
		return unpack_error_text(error);
	}
}
