/* SPDX-License-Identifier: MIT */

#include "tests/unit/registry/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { FIELDS_MAX = 70 };

struct sample {
	Google__Protobuf__FileDescriptorSet set;
	Google__Protobuf__FileDescriptorProto file, *files[1];
	Google__Protobuf__DescriptorProto message, *messages[1];
	Google__Protobuf__FieldDescriptorProto fields[FIELDS_MAX];
	Google__Protobuf__FieldDescriptorProto *pointers[FIELDS_MAX];
	Google__Protobuf__ServiceDescriptorProto service, *services[1];
	Google__Protobuf__MethodDescriptorProto method, *methods[1];
	char names[FIELDS_MAX][16];
	char package[256];
	char type[300];
};

static char file_name[] = "a.proto", message_name[] = "A";
static char service_name[] = "S", method_name[] = "Do";

static void fill_field(struct sample *sample, unsigned i)
{
	Google__Protobuf__FieldDescriptorProto *field = &sample->fields[i];

	google__protobuf__field_descriptor_proto__init(field);
	snprintf(sample->names[i], sizeof(sample->names[i]), "f%u", i);
	field->name = sample->names[i];
	field->has_number = field->has_type = field->has_label = true;
	field->number = (int)i + 1;
	field->type =
		GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT32;
	field->label =
		GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_OPTIONAL;
	sample->pointers[i] = field;
}

static void fill_service(struct sample *sample)
{
	google__protobuf__method_descriptor_proto__init(&sample->method);
	sample->method.name = method_name;
	sample->method.input_type = sample->method.output_type = sample->type;
	sample->methods[0] = &sample->method;
	google__protobuf__service_descriptor_proto__init(&sample->service);
	sample->service.name = service_name;
	sample->service.n_method = 1;
	sample->service.method = sample->methods;
	sample->services[0] = &sample->service;
}

static void fill(struct sample *sample, const char *package, unsigned n_fields)
{
	snprintf(sample->package, sizeof(sample->package), "%s", package);
	snprintf(sample->type, sizeof(sample->type), ".%s.A", package);
	for (unsigned i = 0; i < n_fields; i++)
		fill_field(sample, i);
	fill_service(sample);
	google__protobuf__descriptor_proto__init(&sample->message);
	sample->message.name = message_name;
	sample->message.n_field = n_fields;
	sample->message.field = sample->pointers;
	sample->messages[0] = &sample->message;
	google__protobuf__file_descriptor_proto__init(&sample->file);
	sample->file.name = file_name;
	sample->file.package = sample->package;
	sample->file.n_message_type = 1;
	sample->file.message_type = sample->messages;
	sample->file.n_service = 1;
	sample->file.service = sample->services;
	sample->files[0] = &sample->file;
	google__protobuf__file_descriptor_set__init(&sample->set);
	sample->set.n_file = 1;
	sample->set.file = sample->files;
}

uint8_t *sample_set(const char *package, unsigned n_fields, size_t *ret_n)
{
	static struct sample sample;
	uint8_t *bytes;

	assert_true(n_fields <= FIELDS_MAX);
	fill(&sample, package, n_fields);
	bytes = malloc(protobuf_c_message_get_packed_size(&sample.set.base));
	assert_non_null(bytes);
	*ret_n = protobuf_c_message_pack(&sample.set.base, bytes);
	return bytes;
}

struct draft *sample_draft(const char *package, unsigned n_fields,
			   const char *principal)
{
	struct canonical_reason reason;
	struct draft *draft;
	size_t n;
	uint8_t *bytes = sample_set(package, n_fields, &n);

	assert_int_equal(draft_new(bytes, n, package, &reason, &draft), 0);
	snprintf(draft->entry->principal, ENTRY_TEXT_BYTES, "%s", principal);
	free(bytes);
	return draft;
}
