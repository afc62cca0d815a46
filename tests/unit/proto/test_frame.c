/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/frame.h"

/* All fields differ, and the parts fill the frame. */
static struct frame example(void)
{
	struct frame frame = {
		.kind = FRAME_CALL,
		.flags = FRAME_WHOLE | FRAME_WAIT,
		.hops = 3,
		.n_subject = 5,
		.n_metadata = 258,
		.source = 0x01020304,
		.correlation = UINT64_C(0x1112131415161718),
		.time_left_ms = 0x21222324,
		.handle = 0x31323334,
	};

	frame_set_body(&frame, 7);
	return frame;
}

static void the_header_stands_as_the_protocol_says(void **state)
{
	static const uint8_t expected[FRAME_HEADER_BYTES] = {
		0x2e, 0x01, 0x00, 0x00, 2,    0x23, 5,    0,
		2,    1,    3,    0,    4,    3,    2,    1,
		0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
		0x24, 0x23, 0x22, 0x21, 0x34, 0x33, 0x32, 0x31,
	};
	struct frame frame = example();
	uint8_t bytes[FRAME_HEADER_BYTES];

	assert_int_equal(frame_encode(&frame, bytes), FRAME_HEADER_BYTES);
	assert_memory_equal(bytes, expected, sizeof(expected));
}

static void assert_same(const struct frame *a, const struct frame *b)
{
	assert_int_equal(a->length, b->length);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->hops, b->hops);
	assert_int_equal(a->n_subject, b->n_subject);
	assert_int_equal(a->n_metadata, b->n_metadata);
	assert_int_equal(a->source, b->source);
	assert_true(a->correlation == b->correlation);
	assert_int_equal(a->time_left_ms, b->time_left_ms);
	assert_int_equal(a->handle, b->handle);
	assert_true(a->total_bytes == b->total_bytes);
	assert_true(a->slot == b->slot);
	assert_int_equal(a->callee, b->callee);
	assert_int_equal(a->room_kib, b->room_kib);
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->origin, b->origin);
	assert_int_equal(a->handed_over, b->handed_over);
}

/* What the last eight bytes of the extension mean depends on the kind. */
static void every_kind_survives_a_round_trip(void **state)
{
	static uint8_t bytes[512];

	for (unsigned kind = 0; kind < 256; kind++) {
		struct frame frame = example();
		struct frame again;

		frame.kind = (uint8_t)kind;
		assert_int_equal(frame_encode(&frame, bytes),
				 FRAME_HEADER_BYTES);
		assert_int_equal(frame_decode(bytes, sizeof(bytes), &again), 0);
		assert_same(&frame, &again);

		frame.flags |= FRAME_EXTENDED;
		frame.total_bytes = UINT64_C(0x4142434445464748);
		frame.slot = UINT64_C(0x5152535455565758);
		frame.callee = 0x61626364;
		if (kind == FRAME_REPLY || kind == FRAME_OBSERVED_REPLY ||
		    kind == FRAME_REFUSED || kind == FRAME_RESULT ||
		    kind == FRAME_GOODBYE || kind == FRAME_ABORT) {
			frame.status = 0x0708;
			frame.origin = 1;
			frame.handed_over = 2;
		} else {
			frame.room_kib = 0x71727374;
		}
		frame_set_body(&frame, 0);
		assert_int_equal(frame_encode(&frame, bytes),
				 FRAME_HEADER_MAX_BYTES);
		assert_int_equal(frame_decode(bytes, frame.length, &again), 0);
		assert_same(&frame, &again);
	}
}

static void each_fault_has_its_name(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		int error;
	} faults[] = {
		{ 5, 0x80, FRAME_E_FLAGS },
		{ 5, 0xff, FRAME_E_FLAGS },
		{ 10, 4, FRAME_E_HOPS },
		{ 11, 1, FRAME_E_RESERVED },
		{ 7, 1, FRAME_E_SUBJECT_LENGTH },
		{ 9, 0x41, FRAME_E_METADATA_LENGTH },
		{ 6, 13, FRAME_E_PARTS_EXCEED_LENGTH },
		{ 0, 0x26, FRAME_E_PARTS_EXCEED_LENGTH },
		{ 3, 1, FRAME_E_TOO_LONG },
	};
	static uint8_t bytes[512];
	struct frame frame = example();

	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		struct frame decoded;

		frame_encode(&frame, bytes);
		bytes[faults[i].at] = faults[i].value;
		assert_int_equal(frame_decode(bytes, sizeof(bytes), &decoded),
				 faults[i].error);
		assert_string_not_equal(frame_error_text(faults[i].error),
					"unknown error");
	}
	assert_string_equal(frame_error_text(-1), "unknown error");
	assert_string_equal(frame_error_text(99), "unknown error");
}

static int decode_length(uint32_t length, size_t n, struct frame *frame)
{
	static uint8_t bytes[FRAME_MAX_BYTES];
	struct frame short_one = { .length = length, .kind = FRAME_MESSAGE };

	memset(bytes, 0, FRAME_HEADER_BYTES);
	frame_encode(&short_one, bytes);
	return frame_decode(bytes, n, frame);
}

static void lengths_are_checked_as_soon_as_they_are_there(void **state)
{
	struct frame frame;

	assert_int_equal(decode_length(31, 4, &frame), FRAME_E_TOO_SHORT);
	assert_int_equal(decode_length(0, 32, &frame), FRAME_E_TOO_SHORT);
	assert_int_equal(decode_length(65537, 4, &frame), FRAME_E_TOO_LONG);
	assert_int_equal(decode_length(UINT32_MAX, 40, &frame),
			 FRAME_E_TOO_LONG);
	assert_int_equal(decode_length(65536, FRAME_MAX_BYTES, &frame), 0);
	assert_int_equal(decode_length(32, 32, &frame), 0);
	assert_int_equal(frame_body_bytes(&frame), 0);
}

static void an_incomplete_frame_tells_its_length_if_it_can(void **state)
{
	struct frame frame;

	assert_int_equal(decode_length(100, 0, &frame), FRAME_E_INCOMPLETE);
	assert_int_equal(frame.length, 0);
	assert_int_equal(decode_length(100, 3, &frame), FRAME_E_INCOMPLETE);
	assert_int_equal(frame.length, 0);
	assert_int_equal(decode_length(100, 4, &frame), FRAME_E_INCOMPLETE);
	assert_int_equal(frame.length, 100);
	assert_int_equal(decode_length(100, 99, &frame), FRAME_E_INCOMPLETE);
	assert_int_equal(frame.length, 100);
	assert_int_equal(frame.kind, FRAME_MESSAGE);
	assert_int_equal(decode_length(100, 100, &frame), 0);
}

/* Extended, but too short for the extension. */
static void an_extension_must_fit(void **state)
{
	struct frame frame = { .length = 55,
			       .kind = FRAME_REPLY,
			       .flags = FRAME_EXTENDED };
	uint8_t bytes[FRAME_HEADER_MAX_BYTES];

	frame_encode(&frame, bytes);
	assert_int_equal(frame_decode(bytes, sizeof(bytes), &frame),
			 FRAME_E_PARTS_EXCEED_LENGTH);
	frame_set_body(&frame, 0);
	frame_encode(&frame, bytes);
	assert_int_equal(frame_decode(bytes, sizeof(bytes), &frame), 0);
}

static void kinds_have_names(void **state)
{
	assert_string_equal(frame_kind_name(FRAME_MESSAGE), "MESSAGE");
	assert_string_equal(frame_kind_name(FRAME_PONG), "PONG");
	assert_string_equal(frame_kind_name(0), "unknown");
	assert_string_equal(frame_kind_name(13), "unknown");
	assert_string_equal(frame_kind_name(34), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_stands_as_the_protocol_says),
		cmocka_unit_test(every_kind_survives_a_round_trip),
		cmocka_unit_test(each_fault_has_its_name),
		cmocka_unit_test(lengths_are_checked_as_soon_as_they_are_there),
		cmocka_unit_test(
			an_incomplete_frame_tells_its_length_if_it_can),
		cmocka_unit_test(an_extension_must_fit),
		cmocka_unit_test(kinds_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
