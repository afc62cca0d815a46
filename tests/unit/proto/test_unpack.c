/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "helio/bus/v1/control.pb-c.h"
#include "proto/unpack.h"

/* A message that may hold itself, which none of ours does. */
struct nest {
	ProtobufCMessage base;
	struct nest *inner;
};

static const ProtobufCMessageDescriptor nest_descriptor;

static const ProtobufCFieldDescriptor nest_fields[] = {
	{
		.name = "inner",
		.id = 1,
		.label = PROTOBUF_C_LABEL_OPTIONAL,
		.type = PROTOBUF_C_TYPE_MESSAGE,
		.offset = offsetof(struct nest, inner),
		.descriptor = &nest_descriptor,
	},
};

static const ProtobufCIntRange nest_ranges[] = { { 1, 0 }, { 0, 1 } };

static const ProtobufCMessageDescriptor nest_descriptor = {
	.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
	.name = "nest",
	.sizeof_message = sizeof(struct nest),
	.n_fields = 1,
	.fields = nest_fields,
	.fields_sorted_by_name = (const unsigned[]){ 0 },
	.n_field_ranges = 1,
	.field_ranges = nest_ranges,
};

static uint8_t memory[64 * 1024] __attribute__((aligned(16)));

static int try_unpack(const ProtobufCMessageDescriptor *descriptor,
		      const void *bytes, size_t n, size_t n_arena,
		      ProtobufCMessage **ret_message)
{
	struct unpack_arena arena = { .bytes = memory, .n_bytes = n_arena };

	return unpack(descriptor, bytes, n, &arena, ret_message);
}

static int try_metadata(const char *bytes, size_t n)
{
	ProtobufCMessage *message;

	return try_unpack(&helio__bus__v1__metadata__descriptor, bytes, n,
			  sizeof(memory), &message);
}

static void a_message_is_unpacked_into_the_arena(void **state)
{
	Helio__Bus__V1__Hello hello = HELIO__BUS__V1__HELLO__INIT;
	const Helio__Bus__V1__Hello *again;
	ProtobufCMessage *message;
	char one[] = "one", two[] = "two", program[] = "test";
	char *features[] = { one, two };
	uint8_t packed[128];
	size_t n;

	hello.has_version_min = true;
	hello.version_min = 1;
	hello.features = features;
	hello.n_features = 2;
	hello.program = program;
	hello.has_message_max = true;
	hello.message_max = UINT64_C(1) << 40;
	n = helio__bus__v1__hello__pack(&hello, packed);
	assert_int_equal(try_unpack(&helio__bus__v1__hello__descriptor, packed,
				    n, sizeof(memory), &message),
			 0);
	again = (const Helio__Bus__V1__Hello *)message;
	assert_true((const uint8_t *)again >= memory &&
		    (const uint8_t *)again < memory + sizeof(memory));
	assert_true(again->has_version_min && !again->has_version_max);
	assert_int_equal(again->n_features, 2);
	assert_string_equal(again->features[1], "two");
	assert_string_equal(again->program, "test");
	assert_true(again->message_max == UINT64_C(1) << 40);
}

static void an_empty_text_is_a_message(void **state)
{
	assert_int_equal(try_metadata("", 0), 0);
}

/* `depth` messages, each in the one before. */
static int try_depth(size_t depth, unsigned depth_max)
{
	struct unpack_arena arena = { .bytes = memory,
				      .n_bytes = sizeof(memory),
				      .depth_max = depth_max };
	ProtobufCMessage *message;
	uint8_t bytes[128];
	size_t n = 0;

	while (n / 2 + 1 < depth) {
		bytes[n] = 0x0a;
		bytes[n + 1] = (uint8_t)(2 * (depth - 2) - n);
		n += 2;
	}
	return unpack(&nest_descriptor, bytes, n, &arena, &message);
}

static void nesting_is_bounded(void **state)
{
	assert_int_equal(try_depth(1, 0), 0);
	assert_int_equal(try_depth(UNPACK_DEPTH_MAX, 0), 0);
	assert_int_equal(try_depth(UNPACK_DEPTH_MAX + 1, 0), UNPACK_E_DEPTH);
	assert_int_equal(try_depth(30, 0), UNPACK_E_DEPTH);
	assert_int_equal(try_depth(30, 30), 0);
	assert_int_equal(try_depth(31, 30), UNPACK_E_DEPTH);
	assert_int_equal(try_depth(UNPACK_DEPTH_LIMIT + 1, 1000),
			 UNPACK_E_DEPTH);
}

/* Empty entries of `headers`, two bytes each on the wire. */
static void fields_are_bounded(void **state)
{
	char bytes[2 * (UNPACK_FIELDS_MAX + 1)];

	for (size_t i = 0; i < sizeof(bytes); i += 2) {
		bytes[i] = 0x2a;
		bytes[i + 1] = 0;
	}
	assert_int_equal(try_metadata(bytes, 2 * 256), 0);
	assert_int_equal(try_metadata(bytes, sizeof(bytes)), UNPACK_E_FIELDS);
}

static void what_does_not_fit_the_arena_is_refused(void **state)
{
	static const char bytes[] = "\x0a\x05hello";
	const ProtobufCMessageDescriptor *descriptor =
		&helio__bus__v1__metadata__descriptor;
	size_t n_needed = 0;
	ProtobufCMessage *message;

	while (try_unpack(descriptor, bytes, 7, n_needed, &message) ==
	       UNPACK_E_ARENA)
		n_needed++;
	assert_true(n_needed > sizeof(Helio__Bus__V1__Metadata));
	assert_int_equal(try_unpack(descriptor, bytes, 7, n_needed, &message),
			 0);
}

static void what_is_malformed_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} cases[] = {
		{ "\x0a", 1 },         /* no length */
		{ "\x0a\x05hell", 6 }, /* longer than there is */
		{ "\x0a\x03"
		  "a\0b",
		  5 },             /* a NUL in a string */
		{ "\x02\x00", 2 }, /* field 0 */
		{ "\x0b\x0c", 2 }, /* groups */
		{ "\x0f", 1 },     /* wire type 7 */
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 },
		{ "\x09\x01\x02", 3 },             /* half a fixed64 */
		{ "\x0d\x01\x02", 3 },             /* half a fixed32 */
		{ "\x2a\x03\x0a\x05x", 5 },        /* inner longer than outer */
		{ "\x80\x80\x80\x80\x10\x00", 6 }, /* field above 2^29 */
		{ "\x8a\x80\x80\x80\x80\x00\x00", 7 },  /* key of 6 bytes */
		{ "\x0a\x81\x80\x80\x80\x80\x00k", 8 }, /* length of 6 */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (try_metadata(cases[i].bytes, cases[i].n) !=
		    UNPACK_E_MALFORMED)
			fail_msg("case %zu", i);
}

static void what_is_unknown_is_passed_over(void **state)
{
	/* Fields 100 to 103 of every wire type, then one that we know. */
	static const char bytes[] = "\xa0\x06\x01"
				    "\xaa\x06\x02\x00\xff"
				    "\xb1\x06"
				    "12345678"
				    "\xbd\x06"
				    "1234"
				    "\x0a\x01k";
	const Helio__Bus__V1__Metadata *metadata;
	ProtobufCMessage *message;

	assert_int_equal(try_unpack(&helio__bus__v1__metadata__descriptor,
				    bytes, sizeof(bytes) - 1, sizeof(memory),
				    &message),
			 0);
	metadata = (const Helio__Bus__V1__Metadata *)message;
	assert_string_equal(metadata->idempotency_key, "k");
}

static void errors_have_texts(void **state)
{
	assert_string_equal(unpack_error_text(UNPACK_E_DEPTH),
			    "protobuf nested too deeply");
	assert_string_equal(unpack_error_text(-1), "unknown error");
	assert_string_equal(unpack_error_text(99), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_unpacked_into_the_arena),
		cmocka_unit_test(an_empty_text_is_a_message),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(fields_are_bounded),
		cmocka_unit_test(what_does_not_fit_the_arena_is_refused),
		cmocka_unit_test(what_is_malformed_is_refused),
		cmocka_unit_test(what_is_unknown_is_passed_over),
		cmocka_unit_test(errors_have_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
