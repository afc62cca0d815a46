/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/reader.h"
#include "tests/fault.h"

enum { WINDOW = 64, LONG_BODY = 168, LONG = 32 + LONG_BODY };

/* A frame whose body counts up; returns its length. */
static size_t put(uint8_t *out, uint64_t correlation, size_t n_body)
{
	struct frame frame = { .kind = FRAME_MESSAGE,
			       .flags = FRAME_WHOLE,
			       .correlation = correlation };

	frame_set_body(&frame, n_body);
	frame_encode(&frame, out);
	for (size_t i = 0; i < n_body; i++)
		out[FRAME_HEADER_BYTES + i] = (uint8_t)i;
	return frame.length;
}

static int read_next(struct frame_reader *reader, const uint8_t *window,
		     size_t n, size_t *ret_n_used, struct frame *ret_frame)
{
	const uint8_t *bytes;
	int r;

	r = frame_reader_next(reader, window, n, WINDOW, ret_n_used, ret_frame,
			      &bytes);
	if (!r)
		for (size_t i = 0; i < frame_body_bytes(ret_frame); i++)
			assert_int_equal(bytes[FRAME_HEADER_BYTES + i],
					 (uint8_t)i);
	return r;
}

static void what_fits_the_window_is_not_copied(void **state)
{
	struct frame_reader reader = { 0 };
	uint8_t stream[32 + 56];
	const uint8_t *bytes;
	struct frame frame;
	size_t n_used;

	put(stream, 1, 0);
	put(stream + 32, 2, 24);
	assert_int_equal(frame_reader_next(&reader, stream, WINDOW, WINDOW,
					   &n_used, &frame, &bytes),
			 0);
	assert_int_equal(n_used, 32);
	assert_ptr_equal(bytes, stream);
	assert_int_equal(frame.correlation, 1);

	/* The second will fit when the window has moved on. */
	assert_int_equal(frame_reader_next(&reader, stream + 32, WINDOW - 32,
					   WINDOW, &n_used, &frame, &bytes),
			 FRAME_E_INCOMPLETE);
	assert_int_equal(n_used, 0);
	assert_null(reader.carry);
}

/* Every way of cutting it in two pieces that the window can show. */
static void what_is_longer_than_the_window_is_carried(void **state)
{
	uint8_t stream[LONG + 36];

	put(stream, 1, LONG_BODY);
	put(stream + LONG, 2, 4);
	for (size_t first = FRAME_HEADER_BYTES; first <= WINDOW; first++) {
		struct frame_reader reader = { 0 };
		struct frame frame = { 0 };
		size_t n_used;
		size_t at = 0;
		int r;

		r = read_next(&reader, stream, first, &n_used, &frame);
		assert_int_equal(r, FRAME_E_INCOMPLETE);
		assert_int_equal(n_used, first);
		for (at = first; r; at += n_used) {
			size_t n = sizeof(stream) - at;

			r = read_next(&reader, stream + at,
				      n < WINDOW ? n : WINDOW, &n_used, &frame);
			assert_true(n_used && (!r || r == FRAME_E_INCOMPLETE));
		}
		assert_int_equal(at, LONG);
		assert_int_equal(frame.correlation, 1);
		assert_int_equal(
			read_next(&reader, stream + at, 36, &n_used, &frame),
			0);
		assert_int_equal(n_used, 36);
		assert_int_equal(frame.correlation, 2);
		frame_reader_deinit(&reader);
		assert_null(reader.carry);
	}
}

static void less_than_a_header_is_waited_for(void **state)
{
	struct frame_reader reader = { 0 };
	uint8_t stream[LONG];
	struct frame frame;
	size_t n_used;

	put(stream, 1, LONG_BODY);
	for (size_t n = 0; n < FRAME_HEADER_BYTES; n++) {
		assert_int_equal(read_next(&reader, stream, n, &n_used, &frame),
				 FRAME_E_INCOMPLETE);
		assert_int_equal(n_used, 0);
	}
	assert_null(reader.carry);
}

/* The peer writes to what was taken: it no longer counts. */
static void what_is_carried_is_our_own(void **state)
{
	struct frame_reader reader = { 0 };
	uint8_t stream[LONG];
	struct frame frame = { 0 };
	size_t n_used;
	size_t at = WINDOW;
	int r;

	put(stream, 7, LONG_BODY);
	r = read_next(&reader, stream, WINDOW, &n_used, &frame);
	memset(stream, 0xff, WINDOW);
	for (; r == FRAME_E_INCOMPLETE; at += n_used)
		r = read_next(&reader, stream + at,
			      LONG - at < WINDOW ? LONG - at : WINDOW, &n_used,
			      &frame);
	assert_int_equal(r, 0);
	assert_int_equal(frame.length, LONG);
	assert_int_equal(frame.correlation, 7);
	frame_reader_deinit(&reader);
}

static uint8_t shared[LONG];

static void shorten(void)
{
	put(shared, 7, 8);
}

static void spoil(void)
{
	shared[10] = 99;
}

/* Between the look at the header and its copy the carry is allocated. */
static void a_header_that_changes_meanwhile_is_found_out(void **state)
{
	static void (*const changes[])(void) = { shorten, spoil };

	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct frame_reader reader = { 0 };
		struct frame frame;
		size_t n_used;

		put(shared, 7, LONG_BODY);
		fault_hook(changes[i]);
		assert_int_equal(
			read_next(&reader, shared, WINDOW, &n_used, &frame),
			FRAME_E_CHANGED);
		assert_int_equal(n_used, 0);
		frame_reader_deinit(&reader);
	}
}

static void what_is_no_frame_is_said_so(void **state)
{
	struct frame_reader reader = { 0 };
	uint8_t window[WINDOW];
	struct frame frame;
	size_t n_used;

	put(window, 1, 4);
	window[11] = 1;
	assert_int_equal(read_next(&reader, window, WINDOW, &n_used, &frame),
			 FRAME_E_RESERVED);
	assert_int_equal(n_used, 0);
}

static void no_memory_for_the_carry(void **state)
{
	struct frame_reader reader = { 0 };
	uint8_t stream[LONG];
	struct frame frame;
	size_t n_used;

	put(stream, 1, LONG_BODY);
	fault_arm(0);
	assert_int_equal(read_next(&reader, stream, WINDOW, &n_used, &frame),
			 -ENOMEM);
	fault_disarm();
	assert_int_equal(n_used, 0);
	assert_int_equal(reader.n_carried, 0);
	assert_int_equal(read_next(&reader, stream, WINDOW, &n_used, &frame),
			 FRAME_E_INCOMPLETE);
	assert_int_equal(n_used, WINDOW);
	frame_reader_deinit(&reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_the_window_is_not_copied),
		cmocka_unit_test(what_is_longer_than_the_window_is_carried),
		cmocka_unit_test(less_than_a_header_is_waited_for),
		cmocka_unit_test(what_is_carried_is_our_own),
		cmocka_unit_test(a_header_that_changes_meanwhile_is_found_out),
		cmocka_unit_test(what_is_no_frame_is_said_so),
		cmocka_unit_test(no_memory_for_the_carry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
