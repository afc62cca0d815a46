/* SPDX-License-Identifier: MIT */

/*
 * The second half of building a pool: fields and methods, whose types are
 * looked up among all that has a name by now.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "schema/pool_build.h"

typedef Google__Protobuf__FieldDescriptorProto FieldProto;

#define LABEL(name) \
	GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_##name

const struct pool_symbol *pool_build_lookup(const struct pool_build *build,
					    const char *type_name,
					    enum pool_kind kind)
{
	const struct pool_symbol *symbol;

	symbol = pool_lookup(build->pool, type_name + 1, strlen(type_name + 1));
	return symbol && symbol->kind == kind ? symbol : NULL;
}

static int complain(const struct pool_build *build,
		    const struct pool_message *message,
		    const struct pool_field *field, const char *what)
{
	return pool_build_complain(build, message->symbol.file,
				   message->symbol.name, "%s: %s", field->name,
				   what);
}

static int resolve(const struct pool_build *build,
		   const struct pool_message *message, struct pool_field *field)
{
	const char *type_name = field->proto->type_name;

	if (pool_type_is_message(field->type))
		field->message = (const void *)pool_build_lookup(
			build, type_name, POOL_A_MESSAGE);
	else if (field->type == POOL_ENUM)
		field->enumeration = (const void *)pool_build_lookup(
			build, type_name, POOL_AN_ENUM);
	else
		return 0;
	if (field->message || field->enumeration)
		return 0;
	return pool_build_complain(build, message->symbol.file,
				   message->symbol.name,
				   "%s: its type %s is not in the set",
				   field->name, type_name + 1);
}

/* As protoc does it: foo_bar is fooBar. */
static char *camel_case(struct arena *arena, const char *name)
{
	char *camel = arena_alloc(arena, strlen(name) + 1);
	char *at = camel;
	bool is_upper = false;

	for (; camel && *name; name++) {
		if (*name != '_')
			*at++ = *name;
		if (is_upper && *name >= 'a' && *name <= 'z')
			at[-1] = (char)(*name - 'a' + 'A');
		is_upper = *name == '_';
	}
	return camel;
}

static int name_field(const struct pool_build *build,
		      const struct pool_message *message,
		      struct pool_field *field)
{
	const char *json_name = field->proto->json_name;

	field->name = field->proto->name;
	if (!json_name || !*json_name)
		json_name = camel_case(&build->pool->arena, field->name);
	if (!json_name)
		return pool_build_no_room(build);
	if (!utf8_is_valid(json_name, strlen(json_name)))
		return complain(build, message, field,
				"its name in JSON is no UTF-8");
	field->json_name = json_name;
	return 0;
}

static bool can_be_packed(const struct pool_field *field)
{
	return field->is_repeated && !pool_type_is_message(field->type) &&
	       !pool_type_is_bytes(field->type);
}

static void set_traits(const struct pool_message *message,
		       struct pool_field *field)
{
	const Google__Protobuf__FieldOptions *options = field->proto->options;
	bool is_proto3 = message->symbol.file->is_proto3;
	bool is_alone = field->proto->has_proto3_optional &&
			field->proto->proto3_optional;

	field->is_repeated = field->proto->label == LABEL(REPEATED);
	field->is_required = field->proto->label == LABEL(REQUIRED);
	field->oneof = field->proto->has_oneof_index && !is_alone
			       ? field->proto->oneof_index
			       : -1;
	field->is_packed =
		can_be_packed(field) &&
		(options && options->has_packed ? options->packed : is_proto3);
	field->has_presence = !field->is_repeated &&
			      (!is_proto3 || field->proto->has_oneof_index ||
			       pool_type_is_message(field->type));
	field->is_closed = field->type == POOL_ENUM && !is_proto3;
}

static bool is_map_entry(const struct pool_message *message)
{
	const Google__Protobuf__MessageOptions *options =
		message->proto->options;

	return options && options->has_map_entry && options->map_entry;
}

static bool is_key_type(int type)
{
	return type != POOL_DOUBLE && type != POOL_FLOAT &&
	       type != POOL_BYTES && type != POOL_ENUM &&
	       !pool_type_is_message((enum pool_type)type);
}

/* Of a message that may not have its own fields yet. */
static bool has_shape_of_entry(const struct pool_message *message)
{
	FieldProto *const *fields = message->proto->field;

	return message->proto->n_field == 2 && fields[0]->number == 1 &&
	       fields[1]->number == 2 && is_key_type((int)fields[0]->type) &&
	       fields[0]->label == LABEL(OPTIONAL) &&
	       fields[1]->label == LABEL(OPTIONAL) &&
	       !fields[0]->has_oneof_index && !fields[1]->has_oneof_index;
}

static int build_field(const struct pool_build *build,
		       const struct pool_message *message,
		       struct pool_field *field)
{
	int r;

	field->number = (uint32_t)field->proto->number;
	field->type = (enum pool_type)field->proto->type;
	r = name_field(build, message, field);
	if (r == 0)
		r = resolve(build, message, field);
	if (r < 0)
		return r;
	set_traits(message, field);
	field->is_map = field->is_repeated && field->type == POOL_MESSAGE &&
			is_map_entry(field->message);
	if (field->is_map && !has_shape_of_entry(field->message))
		return complain(build, message, field,
				"its type is no entry of a map");
	if (field->oneof >= 0 && (field->is_repeated || field->is_required))
		return complain(build, message, field,
				"in a oneof, and not optional");
	return 0;
}

static int compare_numbers(const void *a, const void *b)
{
	const struct pool_field *left = a;
	const struct pool_field *right = b;

	return left->number < right->number ? -1 : left->number > right->number;
}

static int compare_names(const void *a, const void *b)
{
	const struct pool_name *left = a;
	const struct pool_name *right = b;
	int order = strcmp(left->name, right->name);

	return order != 0 ? order : compare_numbers(left->field, right->field);
}

/* Two fields may have one name in JSON; the first number has it then. */
static int build_field_names(const struct pool_build *build,
			     struct pool_message *message)
{
	struct pool_name *names;

	names = arena_array(&build->pool->arena, 2 * message->n_fields,
			    sizeof(*names));
	if (!names)
		return pool_build_no_room(build);
	message->names = names;
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct pool_field *field = &message->fields[i];

		names[message->n_names++] =
			(struct pool_name){ field->name, field };
		if (strcmp(field->name, field->json_name) != 0)
			names[message->n_names++] =
				(struct pool_name){ field->json_name, field };
	}
	qsort(names, message->n_names, sizeof(*names), compare_names);
	for (size_t i = 1; i < message->n_names; i++)
		if (strcmp(names[i - 1].name, names[i].name) == 0 &&
		    strcmp(names[i - 1].field->name, names[i].field->name) == 0)
			return complain(build, message, names[i].field,
					"two fields are called so");
	return 0;
}

int pool_build_message(const struct pool_build *build,
		       struct pool_message *message)
{
	size_t n = message->proto->n_field;
	int r = 0;

	if (n > POOL_MEMBERS_MAX)
		return pool_build_complain(
			build, message->symbol.file, message->symbol.name,
			"more than %d fields", POOL_MEMBERS_MAX);
	message->fields =
		arena_array(&build->pool->arena, n, sizeof(*message->fields));
	if (!message->fields)
		return pool_build_no_room(build);
	message->n_fields = n;
	for (size_t i = 0; r == 0 && i < n; i++) {
		message->fields[i].proto = message->proto->field[i];
		r = build_field(build, message, &message->fields[i]);
		message->has_required |= message->fields[i].is_required;
	}
	if (r < 0)
		return r;
	qsort(message->fields, n, sizeof(*message->fields), compare_numbers);
	for (size_t i = 0; i < n; i++)
		message->fields[i].place = (uint32_t)i;
	for (size_t i = 1; i < n; i++)
		if (message->fields[i - 1].number == message->fields[i].number)
			return complain(build, message, &message->fields[i],
					"another field has its number");
	return build_field_names(build, message);
}

static int build_method(const struct pool_build *build,
			const struct pool_service *service,
			struct pool_method *method)
{
	const Google__Protobuf__MethodDescriptorProto *proto = method->proto;

	method->name = proto->name;
	method->service = service;
	method->is_client_streaming = proto->client_streaming;
	method->is_server_streaming = proto->server_streaming;
	method->input = (const void *)pool_build_lookup(
		build, proto->input_type, POOL_A_MESSAGE);
	method->output = (const void *)pool_build_lookup(
		build, proto->output_type, POOL_A_MESSAGE);
	if (method->input && method->output)
		return 0;
	return pool_build_complain(
		build, service->symbol.file, service->symbol.name,
		"%s: its type %s is not in the set", method->name,
		(method->input ? proto->output_type : proto->input_type) + 1);
}

int pool_build_service(const struct pool_build *build,
		       struct pool_service *service)
{
	size_t n = service->proto->n_method;
	int r = 0;

	if (n > POOL_MEMBERS_MAX)
		return pool_build_complain(
			build, service->symbol.file, service->symbol.name,
			"more than %d methods", POOL_MEMBERS_MAX);
	service->methods =
		arena_array(&build->pool->arena, n, sizeof(*service->methods));
	if (!service->methods)
		return pool_build_no_room(build);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct pool_method *method = &service->methods[i];

		method->proto = service->proto->method[i];
		r = build_method(build, service, method);
		if (r == 0 && pool_method_lookup(service, method->name))
			r = pool_build_complain(build, service->symbol.file,
						service->symbol.name,
						"two methods are called %s",
						method->name);
		service->n_methods = i + 1;
	}
	return r;
}
