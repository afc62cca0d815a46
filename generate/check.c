/* SPDX-License-Identifier: MIT */

#include "generate/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "generate/name.h"
#include "schema/wire.h"

enum {
	OPTION_PB_C_FILE = 1019, /* protobuf-c.proto */
	PB_C_FILE_C_PACKAGE = 6,
};

__attribute__((format(printf, 2, 3))) static int refuse(
	struct check_fault *fault, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(fault->text, sizeof(fault->text), format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* As deep as protoc let messages be in each other. */
static int check_message(const Google__Protobuf__FileDescriptorProto *file,
			 const Google__Protobuf__DescriptorProto *message,
			 struct check_fault *fault)
{
	int r = 0;

	for (size_t i = 0; i < message->n_field; i++)
		if (message->field[i]->proto3_optional)
			return refuse(fault,
				      "%s: %s.%s: protoc-c makes no code for "
				      "\"optional\" in proto3: leave the word "
				      "out, or write the file in proto2",
				      file->name, message->name,
				      message->field[i]->name);
	for (size_t i = 0; !r && i < message->n_nested_type; i++)
		r = check_message(file, message->nested_type[i], fault);
	return r;
}

/* The name of a service's type would be that of the method. */
static int check_service(
	const Google__Protobuf__FileDescriptorProto *file,
	const Google__Protobuf__ServiceDescriptorProto *service,
	struct check_fault *fault)
{
	for (size_t i = 0; i < service->n_method; i++) {
		struct name name = name_lower(service->method[i]->name);

		if (!strcmp(name.text, "type") || !strcmp(name.text, "init") ||
		    !strcmp(name.text, "descriptor"))
			return refuse(fault,
				      "%s: %s.%s: no method can have this name "
				      "in C",
				      file->name, service->name,
				      service->method[i]->name);
	}
	return 0;
}

/* With it protoc-c would give other names than we do. */
static int check_options(const Google__Protobuf__FileDescriptorProto *file,
			 struct check_fault *fault)
{
	const ProtobufCMessage *options;

	if (!file->options)
		return 0;
	options = &file->options->base;
	for (unsigned i = 0; i < options->n_unknown_fields; i++) {
		const ProtobufCMessageUnknownField *unknown =
			&options->unknown_fields[i];
		struct wire wire = { unknown->data,
				     unknown->data + unknown->len };
		struct wire_field field;
		uint64_t n;

		if (unknown->tag != OPTION_PB_C_FILE ||
		    wire_varint(&wire, &n) < 0)
			continue;
		while (wire_next(&wire, &field) > 0)
			if (field.number == PB_C_FILE_C_PACKAGE)
				return refuse(fault,
					      "%s: the option c_package of "
					      "protobuf-c cannot be used here",
					      file->name);
	}
	return 0;
}

int check_file(const Google__Protobuf__FileDescriptorProto *file,
	       struct check_fault *ret_fault)
{
	int r;

	if (!file->package || !*file->package)
		return refuse(ret_fault,
			      "%s: a file needs a package, such as foo.bar.v1",
			      file->name);
	r = check_options(file, ret_fault);
	for (size_t i = 0; !r && i < file->n_message_type; i++)
		r = check_message(file, file->message_type[i], ret_fault);
	for (size_t i = 0; !r && i < file->n_service; i++)
		r = check_service(file, file->service[i], ret_fault);
	return r;
}
