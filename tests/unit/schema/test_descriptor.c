/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/unpack.h"
#include "schema/descriptor.h"
#include "tests/fault.h"

#define TYPE(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name
#define LABEL(name) \
	GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_##name

/* One file that holds one of each; a test breaks one of them. */
struct sample {
	Google__Protobuf__FileDescriptorSet set;
	Google__Protobuf__FileDescriptorProto file;
	Google__Protobuf__DescriptorProto message;
	Google__Protobuf__DescriptorProto nested;
	Google__Protobuf__FieldDescriptorProto field;
	Google__Protobuf__FieldDescriptorProto extension;
	Google__Protobuf__OneofDescriptorProto oneof;
	Google__Protobuf__EnumDescriptorProto enumeration;
	Google__Protobuf__EnumValueDescriptorProto value;
	Google__Protobuf__ServiceDescriptorProto service;
	Google__Protobuf__MethodDescriptorProto method;

	Google__Protobuf__FileDescriptorProto *files[1];
	Google__Protobuf__DescriptorProto *messages[1];
	Google__Protobuf__DescriptorProto *nesteds[1];
	Google__Protobuf__FieldDescriptorProto *fields[1];
	Google__Protobuf__FieldDescriptorProto *extensions[1];
	Google__Protobuf__OneofDescriptorProto *oneofs[1];
	Google__Protobuf__EnumDescriptorProto *enums[1];
	Google__Protobuf__EnumValueDescriptorProto *values[1];
	Google__Protobuf__ServiceDescriptorProto *services[1];
	Google__Protobuf__MethodDescriptorProto *methods[1];
	char *dependencies[1];
};

static char file_name[] = "a/b.proto", package[] = "a.v1", name[] = "name";
static char type_name[] = ".a.v1.name", imported[] = "c.proto";

static void sample_init_messages(struct sample *sample)
{
	google__protobuf__descriptor_proto__init(&sample->message);
	google__protobuf__descriptor_proto__init(&sample->nested);
	google__protobuf__oneof_descriptor_proto__init(&sample->oneof);
	google__protobuf__field_descriptor_proto__init(&sample->field);
	sample->field.name = name;
	sample->field.has_number = sample->field.has_type = true;
	sample->field.has_label = sample->field.has_oneof_index = true;
	sample->field.number = 1;
	sample->field.type = TYPE(MESSAGE);
	sample->field.label = LABEL(REPEATED);
	sample->field.type_name = type_name;
	sample->extension = sample->field;
	sample->extension.extendee = type_name;
	sample->extension.has_oneof_index = false;
	sample->message.name = sample->nested.name = sample->oneof.name = name;

	sample->fields[0] = &sample->field;
	sample->extensions[0] = &sample->extension;
	sample->oneofs[0] = &sample->oneof;
	sample->nesteds[0] = &sample->nested;
	sample->message.field = sample->fields;
	sample->message.extension = sample->extensions;
	sample->message.oneof_decl = sample->oneofs;
	sample->message.nested_type = sample->nesteds;
	sample->message.n_field = sample->message.n_extension = 1;
	sample->message.n_oneof_decl = sample->message.n_nested_type = 1;
}

static void sample_init_services(struct sample *sample)
{
	google__protobuf__service_descriptor_proto__init(&sample->service);
	google__protobuf__method_descriptor_proto__init(&sample->method);
	google__protobuf__enum_descriptor_proto__init(&sample->enumeration);
	google__protobuf__enum_value_descriptor_proto__init(&sample->value);
	sample->service.name = sample->method.name = name;
	sample->enumeration.name = sample->value.name = name;
	sample->value.has_number = true;
	sample->method.input_type = sample->method.output_type = type_name;

	sample->methods[0] = &sample->method;
	sample->service.method = sample->methods;
	sample->service.n_method = 1;
	sample->values[0] = &sample->value;
	sample->enumeration.value = sample->values;
	sample->enumeration.n_value = 1;
}

static void sample_init(struct sample *sample)
{
	Google__Protobuf__FileDescriptorProto *file = &sample->file;

	google__protobuf__file_descriptor_set__init(&sample->set);
	google__protobuf__file_descriptor_proto__init(file);
	sample_init_messages(sample);
	sample_init_services(sample);
	sample->files[0] = file;
	sample->messages[0] = &sample->message;
	sample->services[0] = &sample->service;
	sample->enums[0] = &sample->enumeration;
	sample->dependencies[0] = imported;
	sample->set.file = sample->files;
	sample->set.n_file = 1;
	file->name = file_name;
	file->package = package;
	file->message_type = sample->messages;
	file->service = sample->services;
	file->enum_type = sample->enums;
	file->extension = sample->extensions;
	file->dependency = sample->dependencies;
	file->n_message_type = file->n_service = file->n_enum_type = 1;
	file->n_extension = file->n_dependency = 1;
}

static int try_sample(const struct sample *sample)
{
	_cleanup_(descriptor_set_freep) struct descriptor_set *set = NULL;
	uint8_t packed[1024];
	size_t n;

	n = google__protobuf__file_descriptor_set__get_packed_size(
		&sample->set);
	assert_true(n <= sizeof(packed));
	google__protobuf__file_descriptor_set__pack(&sample->set, packed);
	return descriptor_set_new(packed, n, &set);
}

static void what_is_whole_is_unpacked(void **state)
{
	_cleanup_(descriptor_set_freep) struct descriptor_set *set = NULL;
	struct sample sample;
	uint8_t packed[1024];
	size_t n;

	sample_init(&sample);
	n = google__protobuf__file_descriptor_set__pack(&sample.set, packed);
	assert_int_equal(descriptor_set_new(packed, n, &set), 0);
	assert_int_equal(set->files->n_file, 1);
	assert_string_equal(
		set->files->file[0]->message_type[0]->field[0]->type_name,
		".a.v1.name");
	assert_null(descriptor_set_free(NULL));
}

/* Each name in turn is missing, empty, no identifier, or too long. */
static void names_are_names(void **state)
{
	static char empty[] = "", dotted[] = "a.b", digit[] = "1a",
		    space[] = "a b", escape[] = "a\033";
	char *bad[] = { NULL, empty, dotted, digit, space, escape, NULL };
	static char too_long[DESCRIPTOR_NAME_MAX + 2];
	struct sample sample;
	char **const names[] = {
		&sample.message.name, &sample.nested.name,
		&sample.field.name,   &sample.extension.name,
		&sample.oneof.name,   &sample.enumeration.name,
		&sample.value.name,   &sample.service.name,
		&sample.method.name,
	};

	memset(too_long, 'a', sizeof(too_long) - 1);
	bad[6] = too_long;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		for (size_t k = 0; k < sizeof(bad) / sizeof(*bad); k++) {
			sample_init(&sample);
			*names[i] = bad[k];
			if (try_sample(&sample) != DESCRIPTOR_E_NAME)
				fail_msg("name %zu, case %zu", i, k);
		}
	}
}

static void files_have_names_for_terminals(void **state)
{
	static char escape[] = "a\033[2J.proto", dots[] = "a..v1";
	/* CSI as C1 has it, one that turns the line around, and no UTF-8. */
	static char c1[] = "a\302\2332J.proto", turned[] = "a\342\200\256b";
	static char raw[] = "a\2332J.proto";
	char *const harmful[] = { c1, turned, raw };
	struct sample sample;

	sample_init(&sample);
	sample.file.name = NULL;
	assert_int_equal(try_sample(&sample), DESCRIPTOR_E_NAME);
	sample.file.name = escape;
	assert_int_equal(try_sample(&sample), DESCRIPTOR_E_NAME);
	for (size_t i = 0; i < sizeof(harmful) / sizeof(*harmful); i++) {
		sample.file.name = harmful[i];
		assert_int_equal(try_sample(&sample), DESCRIPTOR_E_NAME);
	}
	sample_init(&sample);
	sample.dependencies[0] = escape;
	assert_int_equal(try_sample(&sample), DESCRIPTOR_E_NAME);
	sample_init(&sample);
	sample.file.package = dots;
	assert_int_equal(try_sample(&sample), DESCRIPTOR_E_NAME);
	sample.file.package = NULL;
	assert_int_equal(try_sample(&sample), 0);
}

static void numbers_are_in_range(void **state)
{
	static const int32_t bad[] = { 0, -1, 1 << 29, INT32_MIN };
	struct sample sample;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		sample_init(&sample);
		sample.field.number = bad[i];
		assert_int_equal(try_sample(&sample), DESCRIPTOR_E_NUMBER);
	}
	sample.field.number = (1 << 29) - 1;
	assert_int_equal(try_sample(&sample), 0);
	sample.field.has_number = false;
	assert_int_equal(try_sample(&sample), DESCRIPTOR_E_NUMBER);
	sample_init(&sample);
	sample.value.has_number = false;
	assert_int_equal(try_sample(&sample), DESCRIPTOR_E_NUMBER);
}

static void fields_have_types(void **state)
{
	struct sample sample;

	sample_init(&sample);
	sample.field.type_name = NULL;
	assert_int_equal(try_sample(&sample), DESCRIPTOR_E_TYPE);
	sample.field.type_name = name;
	assert_int_equal(try_sample(&sample), DESCRIPTOR_E_TYPE);
	sample.field.type = TYPE(STRING);
	assert_int_equal(try_sample(&sample), 0);
	sample.field.type = TYPE(SINT64) + 1;
	assert_int_equal(try_sample(&sample), DESCRIPTOR_E_TYPE);
	sample.field.has_type = false;
	assert_int_equal(try_sample(&sample), DESCRIPTOR_E_TYPE);
	sample_init(&sample);
	sample.field.has_label = false;
	assert_int_equal(try_sample(&sample), DESCRIPTOR_E_TYPE);
	sample_init(&sample);
	sample.field.oneof_index = 1;
	assert_int_equal(try_sample(&sample), DESCRIPTOR_E_ONEOF);
	sample.field.oneof_index = -1;
	assert_int_equal(try_sample(&sample), DESCRIPTOR_E_ONEOF);
	sample_init(&sample);
	sample.extension.extendee = name;
	assert_int_equal(try_sample(&sample), DESCRIPTOR_E_NAME);
}

static void methods_take_and_return(void **state)
{
	struct sample sample;

	sample_init(&sample);
	sample.method.input_type = NULL;
	assert_int_equal(try_sample(&sample), DESCRIPTOR_E_METHOD);
	sample_init(&sample);
	sample.method.output_type = name;
	assert_int_equal(try_sample(&sample), DESCRIPTOR_E_METHOD);
}

static int try_bytes(const uint8_t *bytes, size_t n)
{
	_cleanup_(descriptor_set_freep) struct descriptor_set *set = NULL;

	return descriptor_set_new(bytes, n, &set);
}

/* Entries of `n` empty files, fields, or what else an entry may be. */
static void what_is_too_much_is_refused(void **state)
{
	enum { N = DESCRIPTOR_BYTES_MAX + 1 };
	uint8_t *bytes = calloc(1, N);

	assert_non_null(bytes);
	assert_int_equal(try_bytes(bytes, N), DESCRIPTOR_E_BYTES);
	for (size_t i = 0; i + 1 < N; i += 2)
		bytes[i] = 0x0a;
	assert_int_equal(try_bytes(bytes, N - 1), UNPACK_E_FIELDS);
	assert_int_equal(try_bytes(bytes, 2 * DESCRIPTOR_FIELDS_MAX),
			 UNPACK_E_ARENA);
	assert_int_equal(try_bytes(bytes, 2), DESCRIPTOR_E_NAME);
	assert_int_equal(try_bytes(bytes, 1), UNPACK_E_MALFORMED);
	free(bytes);
}

/* A file, a message in it, and messages in that. */
static int try_depth(unsigned depth)
{
	uint8_t bytes[512];
	size_t at = sizeof(bytes);

	for (unsigned i = depth; i > 1; i--) {
		size_t n = sizeof(bytes) - at;

		if (n > 127) {
			bytes[--at] = (uint8_t)(n >> 7);
			bytes[--at] = (uint8_t)(n | 0x80);
		} else {
			bytes[--at] = (uint8_t)n;
		}
		bytes[--at] = i == 2 ? 0x0a : i == 3 ? 0x22 : 0x1a;
	}
	return try_bytes(bytes + at, sizeof(bytes) - at);
}

static void depth_is_bounded(void **state)
{
	assert_int_equal(try_depth(DESCRIPTOR_DEPTH_MAX), DESCRIPTOR_E_NAME);
	assert_int_equal(try_depth(DESCRIPTOR_DEPTH_MAX + 1), UNPACK_E_DEPTH);
}

static void no_memory_leaves_nothing_behind(void **state)
{
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct descriptor_set *set = NULL;
		int r;

		fault_arm(n);
		r = descriptor_set_new(NULL, 0, &set);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_true(!set == fault_hit());
		descriptor_set_free(set);
	}
}

static void errors_have_texts(void **state)
{
	for (int i = DESCRIPTOR_E_BYTES; i <= DESCRIPTOR_E_ONEOF; i++)
		assert_string_not_equal(descriptor_error_text(i),
					"unknown error");
	assert_string_equal(descriptor_error_text(UNPACK_E_DEPTH),
			    "protobuf nested too deeply");
	assert_string_equal(descriptor_error_text(DESCRIPTOR_E_ONEOF + 1),
			    "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_whole_is_unpacked),
		cmocka_unit_test(names_are_names),
		cmocka_unit_test(files_have_names_for_terminals),
		cmocka_unit_test(numbers_are_in_range),
		cmocka_unit_test(fields_have_types),
		cmocka_unit_test(methods_take_and_return),
		cmocka_unit_test(what_is_too_much_is_refused),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(no_memory_leaves_nothing_behind),
		cmocka_unit_test(errors_have_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
