/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "tests/fault.h"

static void what_is_added_stands_in_a_row(void **state)
{
	struct buffer buffer;

	buffer_init(&buffer, 1 << 20);
	for (int i = 0; i < 1000; i++) {
		buffer_text(&buffer, "ab");
		buffer_add(&buffer, "cd", 1);
		buffer_format(&buffer, "%03d", i);
	}
	assert_int_equal(buffer_error(&buffer), 0);
	assert_int_equal(buffer.n, 6000);
	assert_memory_equal(buffer.bytes + 5994, "abc999", 7);
	buffer_clear(&buffer);
	buffer_text(&buffer, "new");
	assert_string_equal(buffer.bytes, "new");
	buffer_deinit(&buffer);
}

/* What did not fit is not there in part, and nothing follows it. */
static void the_limit_is_remembered(void **state)
{
	struct buffer buffer;

	buffer_init(&buffer, 10);
	buffer_text(&buffer, "12345678");
	buffer_text(&buffer, "abc");
	assert_int_equal(buffer_error(&buffer), -EMSGSIZE);
	buffer_text(&buffer, "9");
	buffer_format(&buffer, "%d", 9);
	assert_string_equal(buffer.bytes, "12345678");
	buffer_clear(&buffer);
	buffer_text(&buffer, "1234567890");
	assert_int_equal(buffer_error(&buffer), 0);
	buffer_deinit(&buffer);
}

static void without_memory_it_is_said_so(void **state)
{
	struct buffer buffer;

	buffer_init(&buffer, 1000);
	fault_arm(0);
	buffer_text(&buffer, "text");
	fault_disarm();
	assert_int_equal(buffer_error(&buffer), -ENOMEM);
	assert_int_equal(buffer.n, 0);
	buffer_deinit(&buffer);
}

/* Written in place; what is not there is not written. */
static void room_may_be_had_first(void **state)
{
	struct buffer buffer;
	char *at;

	buffer_init(&buffer, 10);
	buffer_text(&buffer, "12");
	at = buffer_extend(&buffer, 3);
	assert_non_null(at);
	memcpy(at, "345", 3);
	buffer_text(&buffer, "6");
	assert_string_equal(buffer.bytes, "123456");
	assert_null(buffer_extend(&buffer, 5));
	assert_int_equal(buffer_error(&buffer), -EMSGSIZE);
	assert_string_equal(buffer.bytes, "123456");
	buffer_deinit(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_stands_in_a_row),
		cmocka_unit_test(the_limit_is_remembered),
		cmocka_unit_test(room_may_be_had_first),
		cmocka_unit_test(without_memory_it_is_said_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
