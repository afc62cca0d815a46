/* SPDX-License-Identifier: MIT */

/* Sets that do not hang together are refused by name. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schema/inventory.h"

#define TYPE(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name
#define LABEL(name) \
	GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_##name

static char file_name[] = "a.proto", package[] = "a.v1", one_name[] = "One";
static char two_name[] = "Two", field_name[] = "field", dot_two[] = ".a.v1.Two";
static char dot_no[] = ".a.v1.No", do_name[] = "Do", editions[] = "editions";

/* One{ Two field = 1; }, Two{ }, Service{ Do(Two) }. */
struct sample {
	Google__Protobuf__FileDescriptorSet set;
	Google__Protobuf__FileDescriptorProto file;
	Google__Protobuf__FileDescriptorProto *files[2];
	Google__Protobuf__DescriptorProto one;
	Google__Protobuf__DescriptorProto two;
	Google__Protobuf__DescriptorProto *messages[2];
	Google__Protobuf__FieldDescriptorProto field;
	Google__Protobuf__FieldDescriptorProto *fields[2];
	Google__Protobuf__ServiceDescriptorProto service;
	Google__Protobuf__ServiceDescriptorProto *services[1];
	Google__Protobuf__MethodDescriptorProto method;
	Google__Protobuf__MethodDescriptorProto *methods[2];
};

static void fill_members(struct sample *sample)
{
	google__protobuf__field_descriptor_proto__init(&sample->field);
	sample->field.name = field_name;
	sample->field.number = 1;
	sample->field.type = TYPE(MESSAGE);
	sample->field.label = LABEL(OPTIONAL);
	sample->field.type_name = dot_two;
	sample->fields[0] = sample->fields[1] = &sample->field;
	google__protobuf__method_descriptor_proto__init(&sample->method);
	sample->method.name = do_name;
	sample->method.input_type = dot_two;
	sample->method.output_type = dot_two;
	sample->methods[0] = sample->methods[1] = &sample->method;
}

static void fill(struct sample *sample)
{
	fill_members(sample);
	google__protobuf__descriptor_proto__init(&sample->one);
	google__protobuf__descriptor_proto__init(&sample->two);
	sample->one.name = one_name;
	sample->one.n_field = 1;
	sample->one.field = sample->fields;
	sample->two.name = two_name;
	sample->messages[0] = &sample->one;
	sample->messages[1] = &sample->two;
	google__protobuf__service_descriptor_proto__init(&sample->service);
	sample->service.name = do_name;
	sample->service.n_method = 1;
	sample->service.method = sample->methods;
	sample->services[0] = &sample->service;
	google__protobuf__file_descriptor_proto__init(&sample->file);
	sample->file.name = file_name;
	sample->file.package = package;
	sample->file.n_message_type = 2;
	sample->file.message_type = sample->messages;
	sample->file.n_service = 1;
	sample->file.service = sample->services;
	sample->files[0] = sample->files[1] = &sample->file;
	google__protobuf__file_descriptor_set__init(&sample->set);
	sample->set.n_file = 1;
	sample->set.file = sample->files;
}

static void assert_refused(const struct sample *sample, const char *why)
{
	const struct descriptor_set set = { .files = &sample->set };
	char error[ITEM_ERROR_BYTES];
	struct inventory *inventory;

	assert_int_equal(inventory_new(&set, error, &inventory), -EINVAL);
	assert_string_equal(error, why);
}

static void test_finds_what_is_there(void **state)
{
	struct descriptor_set set;
	char error[ITEM_ERROR_BYTES];
	struct inventory *inventory;
	struct sample sample;
	const struct item *one;

	fill(&sample);
	set.files = &sample.set;
	assert_int_equal(inventory_new(&set, error, &inventory), 0);
	one = inventory_lookup(inventory, ITEM_MESSAGE, "a.v1.One");
	assert_non_null(one);
	assert_string_equal(one->last, "One");
	assert_ptr_equal(item_field(one, 1), &sample.field);
	assert_null(item_field(one, 2));
	assert_ptr_equal(inventory_type(inventory, &sample.field)->proto,
			 &sample.two);
	assert_null(inventory_lookup(inventory, ITEM_ENUM, "a.v1.One"));
	assert_null(inventory_lookup(inventory, ITEM_MESSAGE, "One"));
	inventory_free(inventory);
}

static void test_refuses_what_is_twice(void **state)
{
	struct sample sample;

	fill(&sample);
	sample.two.name = one_name;
	assert_refused(&sample, "a.v1.One is declared twice");
	fill(&sample);
	sample.one.n_field = 2;
	assert_refused(&sample, "a.v1.One has a member twice");
	fill(&sample);
	sample.service.n_method = 2;
	assert_refused(&sample, "a.v1.Do has a member twice");
	fill(&sample);
	sample.set.n_file = 2;
	assert_refused(&sample, "a.proto is in the set twice");
}

static void test_refuses_what_leads_nowhere(void **state)
{
	struct sample sample;

	fill(&sample);
	sample.field.type_name = dot_no;
	assert_refused(&sample, "a.v1.No is nowhere in the set");
	fill(&sample);
	sample.field.type = TYPE(ENUM);
	assert_refused(&sample, "a.v1.Two is nowhere in the set");
	fill(&sample);
	sample.method.output_type = dot_no;
	assert_refused(&sample, "a.v1.No is nowhere in the set");
	fill(&sample);
	sample.file.n_extension = 1;
	sample.file.extension = sample.fields;
	assert_refused(&sample, "field is an extension of nothing");
}

static void test_refuses_what_it_does_not_know(void **state)
{
	char long_name[ITEM_NAME_MAX + 1];
	char why[512];
	struct sample sample;

	fill(&sample);
	sample.file.syntax = editions;
	assert_refused(&sample, "a.proto is neither proto2 nor proto3");
	fill(&sample);
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	sample.one.name = long_name;
	snprintf(why, sizeof(why), "%s has too long a name in full", long_name);
	assert_refused(&sample, why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_what_is_there),
		cmocka_unit_test(test_refuses_what_is_twice),
		cmocka_unit_test(test_refuses_what_leads_nowhere),
		cmocka_unit_test(test_refuses_what_it_does_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
