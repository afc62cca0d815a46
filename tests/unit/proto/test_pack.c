/* SPDX-License-Identifier: MIT */

/*
 * Messages by chance, packed and unpacked by us and by protobuf-c: what one
 * takes, refuses or writes, so does the other.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kinds.pb-c.h"
#include "plain.pb-c.h"
#include "proto/pack.h"
#include "proto/unpack.h"
#include "proto/wire.h"

enum {
	ROUNDS = 20000,
	WIRE_MAX = 4096,
	PACKED_MAX = 16384,
	CANARY = 0x5a,
};

static const ProtobufCMessageDescriptor *const descriptors[] = {
	&kinds__v1__kinds__descriptor,  &kinds__v1__flat__descriptor,
	&kinds__v1__strict__descriptor, &plain__v1__plain__descriptor,
	&plain__v1__holder__descriptor,
};

static uint8_t memory[1 << 20] __attribute__((aligned(16)));

/* ---- by chance ---- */

static uint64_t seed = 88172645463325252;

static uint64_t draw(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

struct wire {
	uint8_t bytes[WIRE_MAX];
	size_t n;
};

static void add(struct wire *wire, const void *bytes, size_t n)
{
	assert_true(n <= WIRE_MAX - wire->n);
	if (n)
		memcpy(wire->bytes + wire->n, bytes, n);
	wire->n += n;
}

static void add_varint(struct wire *wire, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		add(wire, &(uint8_t){ (uint8_t)(value | 0x80) }, 1);
	add(wire, &(uint8_t){ (uint8_t)value }, 1);
}

/* Numbers of all lengths, and signs. */
static uint64_t draw_number(void)
{
	uint64_t number = draw(UINT64_MAX) >> draw(64);

	return draw(4) ? number : -number;
}

static void add_message(struct wire *wire,
			const ProtobufCMessageDescriptor *descriptor,
			unsigned depth);

static void add_counted(struct wire *wire,
			const ProtobufCFieldDescriptor *field, unsigned depth)
{
	struct wire inner = { .n = 0 };
	size_t n = draw(8) ? draw(20) : draw(200);

	if (field && field->type == PROTOBUF_C_TYPE_MESSAGE)
		add_message(&inner, field->descriptor, depth + 1);
	else if (field && wire_forms[field->type].wire == WIRE_VARINT)
		for (size_t i = 0; i < n; i++)
			add_varint(&inner, draw_number());
	else if (field && wire_forms[field->type].wire == WIRE_FIXED64)
		inner.n = n / 8 * 8;
	else
		while (n--)
			add(&inner, &(uint8_t){ (uint8_t)('a' + draw(26)) }, 1);
	add_varint(wire, inner.n);
	add(wire, inner.bytes, inner.n);
}

static void add_value(struct wire *wire, const ProtobufCFieldDescriptor *field,
		      unsigned form, unsigned depth)
{
	uint64_t number = draw_number();

	switch (form) {
	case WIRE_VARINT:
		add_varint(wire, number);
		break;
	case WIRE_FIXED32:
		add(wire, &number, 4);
		break;
	case WIRE_FIXED64:
		add(wire, &number, 8);
		break;
	default:
		add_counted(wire, field, depth);
	}
}

/* One that is known, or, seldom, one that is not. */
static void add_field(struct wire *wire,
		      const ProtobufCMessageDescriptor *descriptor,
		      unsigned depth)
{
	const ProtobufCFieldDescriptor *field =
		&descriptor->fields[draw(descriptor->n_fields)];
	unsigned form = wire_forms[field->type].wire;
	bool is_packed = field->flags & PROTOBUF_C_FIELD_FLAG_PACKED;

	if (is_packed && draw(3))
		form = WIRE_BYTES;
	if (field->type == PROTOBUF_C_TYPE_MESSAGE && depth == 3)
		return;
	if (!draw(40)) {
		add_varint(wire, 1000 << 3 | form);
		add_value(wire, NULL, form, depth);
		return;
	}
	add_varint(wire, field->id << 3 | form);
	add_value(wire, field, form, depth);
}

static void add_message(struct wire *wire,
			const ProtobufCMessageDescriptor *descriptor,
			unsigned depth)
{
	size_t n = draw(depth ? 3 : 7);

	while (n--)
		add_field(wire, descriptor, depth);
}

/* ---- compared ---- */

struct expected {
	uint8_t bytes[PACKED_MAX];
	size_t n;
};

static void pack(const ProtobufCMessage *message, struct expected *packed)
{
	packed->n = protobuf_c_message_get_packed_size(message);
	assert_true(packed->n <= PACKED_MAX);
	protobuf_c_message_pack(message, packed->bytes);
}

static void check_pack(const ProtobufCMessage *message,
		       const struct expected *packed)
{
	uint8_t room[PACKED_MAX + 8];
	struct packed ours;
	uint8_t *taken;
	size_t n = packed->n;

	memset(room, CANARY, sizeof(room));
	assert_int_equal(pack_to_end(message, room + 4, n), n);
	assert_memory_equal(room + 4, packed->bytes, n);
	assert_int_equal(room[3], CANARY);
	assert_int_equal(room[4 + n], CANARY);
	if (n) {
		size_t n_less = draw(n);

		memset(room, CANARY, sizeof(room));
		assert_int_equal(pack_to_end(message, room + 4, n_less),
				 -ENOBUFS);
		assert_int_equal(room[3], CANARY);
		assert_int_equal(room[4 + n_less], CANARY);
	}
	assert_int_equal(packed_init(&ours, message), 0);
	assert_int_equal(ours.n, n);
	assert_memory_equal(ours.bytes, packed->bytes, n);
	assert_int_equal(ours.heap != NULL, n > PACKED_INSIDE_BYTES);
	taken = packed_take(&ours);
	assert_memory_equal(taken, packed->bytes, n);
	free(taken);
	packed_deinit(&ours);
}

static bool check(const ProtobufCMessageDescriptor *descriptor,
		  const struct wire *wire)
{
	struct unpack_arena arena = { .bytes = memory,
				      .n_bytes = sizeof(memory),
				      .n_fields_max = WIRE_MAX };
	struct expected packed, again;
	ProtobufCMessage *theirs, *ours;
	int r;

	theirs = protobuf_c_message_unpack(descriptor, NULL, wire->n,
					   wire->bytes);
	r = unpack(descriptor, wire->bytes, wire->n, &arena, &ours);
	assert_int_equal(r == 0, theirs != NULL);
	if (!theirs)
		return false;
	pack(theirs, &packed);
	pack(ours, &again);
	assert_int_equal(packed.n, again.n);
	assert_memory_equal(packed.bytes, again.bytes, packed.n);
	check_pack(theirs, &packed);
	protobuf_c_message_free_unpacked(theirs, NULL);
	return true;
}

static void what_is_whole_and_what_is_cut(void **state)
{
	unsigned n_taken = 0, n_refused = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		const ProtobufCMessageDescriptor *descriptor =
			descriptors[i % (sizeof(descriptors) /
					 sizeof(descriptors[0]))];
		struct wire wire = { .n = 0 };

		add_message(&wire, descriptor, 0);
		n_taken += check(descriptor, &wire);
		if (wire.n)
			wire.n = draw(wire.n);
		n_refused += !check(descriptor, &wire);
	}
	assert_true(n_taken > ROUNDS / 2);
	assert_true(n_refused > ROUNDS / 4);
}

static void a_text_with_a_nul_or_of_no_utf8_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		int r;
	} texts[] = {
		{ "\x0a\x02o\xc3", UNPACK_E_TEXT },
		{ "\x0a\x02o\0", UNPACK_E_MALFORMED },
		{ "\x0a\x02ok", 0 },
	};
	struct unpack_arena arena = { .bytes = memory,
				      .n_bytes = sizeof(memory),
				      .wants_utf8 = true };

	(void)state;
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ProtobufCMessage *message;

		assert_int_equal(unpack(&kinds__v1__flat__descriptor,
					(const uint8_t *)texts[i].bytes, 4,
					&arena, &message),
				 texts[i].r);
	}
}

static void what_is_too_much_is_refused(void **state)
{
	const uint8_t numbers[] = { 0x20, 1, 0x20, 2, 0x20, 3 };
	struct unpack_arena arena = { .bytes = memory,
				      .n_bytes = sizeof(memory),
				      .n_fields_max = 2 };
	ProtobufCMessage *message;

	(void)state;
	assert_int_equal(unpack(&kinds__v1__flat__descriptor, numbers, 4,
				&arena, &message),
			 0);
	assert_int_equal(((Kinds__V1__Flat *)message)->number, 2);
	assert_int_equal(unpack(&kinds__v1__flat__descriptor, numbers,
				sizeof(numbers), &arena, &message),
			 UNPACK_E_FIELDS);
	arena.n_bytes = 16;
	assert_int_equal(unpack(&kinds__v1__flat__descriptor, numbers, 4,
				&arena, &message),
			 UNPACK_E_ARENA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_whole_and_what_is_cut),
		cmocka_unit_test(a_text_with_a_nul_or_of_no_utf8_is_refused),
		cmocka_unit_test(what_is_too_much_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
