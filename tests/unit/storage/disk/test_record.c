/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <helio/store/v1/journal.pb-c.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "storage/state/record.h"
#include "tests/fault.h"

static char name[] = "vm:web";
static char long_name[] = "one that is much too long for the rest";

static int add(struct buffer *out, uint64_t revision, char *principal)
{
	Helio__Store__V1__Step step = HELIO__STORE__V1__STEP__INIT;

	step.has_revision = true;
	step.revision = revision;
	step.principal = principal;
	return record_add(out, &step.base);
}

static struct record_reader reader_of(const struct buffer *buffer, size_t n)
{
	return (struct record_reader){ (const uint8_t *)buffer->bytes, n };
}

static void what_was_added_comes_back(void **state)
{
	struct record_reader reader;
	struct buffer buffer;
	const uint8_t *bytes;
	size_t n;

	buffer_init(&buffer, 1 << 20);
	for (unsigned i = 1; i <= 300; i++)
		assert_int_equal(add(&buffer, i, i % 2 ? name : NULL), 0);
	reader = reader_of(&buffer, buffer.n);
	for (unsigned i = 1; i <= 300; i++) {
		Helio__Store__V1__Step *step;

		assert_int_equal(record_next(&reader, &bytes, &n), 1);
		step = helio__store__v1__step__unpack(NULL, n, bytes);
		assert_non_null(step);
		assert_int_equal(step->revision, i);
		assert_int_equal(step->principal != NULL, i % 2);
		helio__store__v1__step__free_unpacked(step, NULL);
	}
	assert_int_equal(record_next(&reader, &bytes, &n), 0);
	buffer_deinit(&buffer);
}

static void every_flipped_bit_is_seen(void **state)
{
	struct buffer buffer;
	const uint8_t *bytes;
	size_t n;

	buffer_init(&buffer, 1000);
	assert_int_equal(add(&buffer, 7, name), 0);
	for (size_t i = 0; i < buffer.n * 8; i++) {
		struct record_reader reader = reader_of(&buffer, buffer.n);

		((uint8_t *)buffer.bytes)[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_true(record_next(&reader, &bytes, &n) < 0);
		((uint8_t *)buffer.bytes)[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	buffer_deinit(&buffer);
}

static void the_beginning_of_one_is_told_from_damage(void **state)
{
	struct buffer buffer;
	const uint8_t *bytes;
	size_t n;

	buffer_init(&buffer, 1000);
	assert_int_equal(add(&buffer, 7, name), 0);
	for (size_t i = 1; i < buffer.n; i++) {
		struct record_reader reader = reader_of(&buffer, i);

		assert_int_equal(record_next(&reader, &bytes, &n), -EAGAIN);
		assert_int_equal(reader.n_left, i);
	}
	buffer_deinit(&buffer);
}

static void zeros_are_nothing(void **state)
{
	struct record_reader reader = { (const uint8_t[64]){ 0 }, 64 };
	const uint8_t *bytes;
	size_t n;

	assert_int_equal(record_next(&reader, &bytes, &n), -EBADMSG);
}

static void what_has_no_room_leaves_the_rest(void **state)
{
	struct buffer buffer;
	size_t n;

	buffer_init(&buffer, 40);
	fault_arm(0);
	assert_int_equal(add(&buffer, 1, NULL), -ENOMEM);
	fault_disarm();
	assert_int_equal(add(&buffer, 1, NULL), 0);
	n = buffer.n;
	assert_int_equal(add(&buffer, 2, long_name), -EMSGSIZE);
	assert_int_equal(buffer.n, n);
	assert_int_equal(add(&buffer, 2, NULL), 0);
	buffer_deinit(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_comes_back),
		cmocka_unit_test(every_flipped_bit_is_seen),
		cmocka_unit_test(the_beginning_of_one_is_told_from_damage),
		cmocka_unit_test(zeros_are_nothing),
		cmocka_unit_test(what_has_no_room_leaves_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
