/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "schema/pool.h"
#include "tests/fault.h"
#include "tests/schema/sample.h"

#define TYPE(name)               GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name
#define LOOKUP(kind, pool, name) pool_##kind##_lookup(pool, name, strlen(name))

static void what_is_declared_is_found(void **state)
{
	_cleanup_(pool_freep) struct pool *pool = sample_pool();
	const struct pool_message *machine = sample_type(pool, "Machine");
	const struct pool_service *service =
		LOOKUP(service, pool, "sample.v1.Machines");
	const struct pool_method *list;

	assert_non_null(LOOKUP(message, pool, "sample.v1.Machine.Spec"));
	assert_ptr_equal(sample_type(pool, "Machine.Spec")->parent, machine);
	assert_null(LOOKUP(message, pool, "sample.v1.Machines"));
	assert_null(LOOKUP(message, pool, "sample.v1.Nobody"));
	assert_null(pool_lookup(pool, "", 0));
	assert_non_null(service);
	assert_int_equal(service->n_methods, 4);
	list = pool_method_lookup(service, "List");
	assert_true(list->is_server_streaming && !list->is_client_streaming);
	assert_string_equal(list->input->symbol.name, "google.protobuf.Empty");
	assert_ptr_equal(list->output, machine);
	assert_null(pool_method_lookup(service, "Lost"));
}

static void fields_have_two_names_and_a_number(void **state)
{
	_cleanup_(pool_freep) struct pool *pool = sample_pool();
	const struct pool_message *machine = sample_type(pool, "Machine");
	const struct pool_field *unpacked = pool_field_by_number(machine, 7);

	assert_string_equal(unpacked->name, "unpacked_loads");
	assert_string_equal(unpacked->json_name, "unpackedLoads");
	assert_ptr_equal(LOOKUP(field, machine, "unpackedLoads"), unpacked);
	assert_ptr_equal(LOOKUP(field, machine, "unpacked_loads"), unpacked);
	assert_ptr_equal(LOOKUP(field, machine, "by"),
			 pool_field_by_number(machine, 22));
	assert_null(LOOKUP(field, machine, "unpacked_load"));
	assert_null(pool_field_lookup(machine, "by\0", 3));
	assert_null(pool_field_by_number(machine, 0));
	assert_null(pool_field_by_number(machine, 2));
	assert_null(pool_field_by_number(machine, UINT32_MAX));
	for (size_t i = 0; i < machine->n_fields; i++)
		assert_ptr_equal(pool_field_by_number(
					 machine, machine->fields[i].number),
				 &machine->fields[i]);
}

static void fields_have_their_traits(void **state)
{
	_cleanup_(pool_freep) struct pool *pool = sample_pool();
	const struct pool_message *machine = sample_type(pool, "Machine");
	const struct pool_message *legacy = sample_type(pool, "Legacy");

	assert_true(pool_field_by_number(machine, 6)->is_packed);
	assert_false(pool_field_by_number(machine, 7)->is_packed);
	assert_true(pool_field_by_number(machine, 8)->is_map);
	assert_false(pool_field_by_number(machine, 1)->has_presence);
	assert_true(pool_field_by_number(machine, 3)->has_presence);
	assert_true(pool_field_by_number(machine, 13)->has_presence);
	assert_int_equal(pool_field_by_number(machine, 13)->oneof, 0);
	/* Optional: in a oneof of its own, which is none. */
	assert_true(pool_field_by_number(machine, 17)->has_presence);
	assert_int_equal(pool_field_by_number(machine, 17)->oneof, -1);
	assert_false(pool_field_by_number(machine, 4)->is_closed);
	assert_true(pool_field_by_number(legacy, 3)->is_closed);
	assert_true(pool_field_by_number(legacy, 1)->is_required);
	assert_true(legacy->has_required && !machine->has_required);
	assert_int_equal(pool_field_by_number(legacy, 8)->type, POOL_GROUP);
	assert_int_equal(pool_field_by_number(machine, 30)->message->known,
			 POOL_TIMESTAMP);
	assert_int_equal(machine->known, POOL_ORDINARY);
}

static void of_two_values_with_one_number_the_first_counts(void **state)
{
	_cleanup_(pool_freep) struct pool *pool = sample_pool();
	const struct pool_enum *states =
		pool_field_by_number(sample_type(pool, "Machine"), 4)
			->enumeration;

	assert_string_equal(pool_value_by_number(states, 1)->name,
			    "STATE_RUNNING");
	assert_int_equal(LOOKUP(value, states, "STATE_UP")->number, 1);
	assert_int_equal(LOOKUP(value, states, "STATE_BROKEN")->number, -3);
	assert_null(pool_value_by_number(states, 2));
	assert_null(LOOKUP(value, states, "STATE_"));
}

/* What a stranger's set may have wrong, put into the sample. */
struct target {
	Google__Protobuf__FileDescriptorSet *set;
	Google__Protobuf__FileDescriptorProto *file; /* sample.proto */
	Google__Protobuf__DescriptorProto *machine;
};

static char nowhere[] = ".sample.v1.Nowhere", name_string[] = "name";
static char editions[] = "editions";
static char latin[] = "\xe4";

static void name_no_type(const struct target *target)
{
	target->machine->field[1]->type_name = nowhere;
}

static void name_a_service(const struct target *target)
{
	target->machine->field[1]->type = TYPE(ENUM);
}

static void repeat_a_number(const struct target *target)
{
	target->machine->field[1]->number = 1;
}

static void repeat_a_field(const struct target *target)
{
	target->machine->field[1]->name = name_string;
}

static void repeat_a_message(const struct target *target)
{
	target->file->message_type[0]->name = target->machine->name;
}

static void repeat_a_file(const struct target *target)
{
	target->set->file[0]->name = target->file->name;
}

static void repeat_a_value(const struct target *target)
{
	target->file->enum_type[0]->value[1]->name =
		target->file->enum_type[0]->value[0]->name;
}

static void repeat_a_method(const struct target *target)
{
	target->file->service[0]->method[1]->name =
		target->file->service[0]->method[0]->name;
}

static void lose_all_values(const struct target *target)
{
	target->file->enum_type[0]->n_value = 0;
}

static void call_with_nothing(const struct target *target)
{
	target->file->service[0]->method[0]->output_type = nowhere;
}

static void break_an_entry(const struct target *target)
{
	target->machine->nested_type[1]->field[0]->type = TYPE(DOUBLE);
}

static void repeat_in_a_oneof(const struct target *target)
{
	target->machine->field[0]->has_oneof_index = true;
	target->machine->field[0]->label =
		GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;
}

static void be_newer(const struct target *target)
{
	target->file->syntax = editions;
}

static void be_latin(const struct target *target)
{
	target->machine->field[0]->json_name = latin;
}

static struct target aim(const struct descriptor_set *set)
{
	struct target target = { 0 };

	memcpy(&target.set, &set->files, sizeof(target.set));
	for (size_t i = 0; i < target.set->n_file; i++)
		if (strstr(target.set->file[i]->name, "sample.proto"))
			target.file = target.set->file[i];
	for (size_t i = 0; i < target.file->n_message_type; i++)
		if (strcmp(target.file->message_type[i]->name, "Machine") == 0)
			target.machine = target.file->message_type[i];
	assert_non_null(target.machine);
	return target;
}

static struct descriptor_set *sample_set(void)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	struct descriptor_set *set;
	size_t n;

	bytes = sample_read(&n);
	assert_int_equal(descriptor_set_new(bytes, n, &set), 0);
	return set;
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		void (*spoil)(const struct target *target);
		const char *error;
	} cases[] = {
		{ name_no_type, "sample.v1.Machine: spec: its type "
				"sample.v1.Nowhere is not in the set" },
		{ name_a_service, "Machine: spec: its type "
				  "sample.v1.Machine.Spec is not in the set" },
		{ repeat_a_number, "another field has its number" },
		{ repeat_a_field, "Machine: name: two fields are called so" },
		{ repeat_a_message, "sample.v1.Machine: declared twice" },
		{ repeat_a_file, "sample.proto: file: in the set twice" },
		{ repeat_a_value, "sample.v1.State: two values are called "
				  "STATE_UNKNOWN" },
		{ repeat_a_method, "sample.v1.Machines: two methods are called "
				   "Get" },
		{ lose_all_values, "sample.v1.State: an enum without a value" },
		{ call_with_nothing, "sample.v1.Machines: Get: its type "
				     "sample.v1.Nowhere is not in the set" },
		{ break_an_entry, "its type is no entry of a map" },
		{ repeat_in_a_oneof, "Machine: name: in a oneof, and not "
				     "optional" },
		{ be_newer, "sample.proto: syntax: neither proto2 nor" },
		{ be_latin, "Machine: name: its name in JSON is no UTF-8" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_(descriptor_set_freep) struct descriptor_set *set =
			sample_set();
		char error[POOL_ERROR_BYTES] = "";
		struct target target = aim(set);
		struct pool *pool = NULL;

		cases[i].spoil(&target);
		assert_int_equal(pool_new(set, &pool, error), -EINVAL);
		assert_null(pool);
		if (!strstr(error, cases[i].error))
			fail_msg("case %zu: %s", i, error);
	}
}

/* A Timestamp with another shape is a message like any. */
static void a_known_name_alone_makes_nothing_known(void **state)
{
	_cleanup_(pool_freep) struct pool *pool = NULL;
	struct descriptor_set *set = sample_set();
	char error[POOL_ERROR_BYTES];
	struct target target = aim(set);

	for (size_t i = 0; i < target.set->n_file; i++)
		if (strstr(target.set->file[i]->name, "timestamp"))
			target.set->file[i]->message_type[0]->field[0]->type =
				TYPE(STRING);
	assert_int_equal(pool_new(set, &pool, error), 0);
	assert_int_equal(
		LOOKUP(message, pool, "google.protobuf.Timestamp")->known,
		POOL_ORDINARY);
	assert_int_equal(
		LOOKUP(message, pool, "google.protobuf.Duration")->known,
		POOL_DURATION);
}

static void a_set_that_is_none_is_refused(void **state)
{
	char error[POOL_ERROR_BYTES] = "";
	struct pool *pool = NULL;

	assert_int_equal(pool_read((const uint8_t *)"\xff", 1, &pool, error),
			 -EINVAL);
	assert_string_equal(error, "malformed protobuf");
	assert_int_equal(pool_read((const uint8_t *)"", 0, &pool, error), 0);
	pool_free(pool);
}

static void without_memory_nothing_is_left(void **state)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	size_t n;

	bytes = sample_read(&n);
	for (unsigned i = 0; i == 0 || fault_hit(); i++) {
		char error[POOL_ERROR_BYTES];
		struct pool *pool = NULL;
		int r;

		fault_arm(i);
		r = pool_read(bytes, n, &pool, error);
		fault_disarm();
		/* A table that cannot grow is only slower. */
		assert_true(r == 0 || (fault_hit() && r == -ENOMEM));
		assert_int_equal(r == 0, pool != NULL);
		pool_free(pool);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_declared_is_found),
		cmocka_unit_test(fields_have_two_names_and_a_number),
		cmocka_unit_test(fields_have_their_traits),
		cmocka_unit_test(
			of_two_values_with_one_number_the_first_counts),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_known_name_alone_makes_nothing_known),
		cmocka_unit_test(a_set_that_is_none_is_refused),
		cmocka_unit_test(without_memory_nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
