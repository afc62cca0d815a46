/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fault.h"
#include "vm/qmp_reader.h"

static struct qmp_reader reader;

static int start(void **state)
{
	reader = (struct qmp_reader){ .n = 0 };
	return 0;
}

static void feed(const char *bytes, size_t n)
{
	size_t n_room;
	char *room = qmp_reader_room(&reader, &n_room);

	assert_true(n <= n_room);
	memcpy(room, bytes, n);
	qmp_reader_add(&reader, n);
}

static int read_text(const char *text, struct qmp_message *ret_message)
{
	reader = (struct qmp_reader){ .n = 0 };
	feed(text, strlen(text));
	return qmp_reader_next(&reader, ret_message);
}

static void each_kind_is_told_apart(void **state)
{
	struct qmp_message message;

	assert_int_equal(
		read_text("{\"QMP\": {\"version\": {}}}\r\n", &message), 1);
	assert_int_equal(message.kind, QMP_GREETING);
	qmp_message_deinit(&message);

	assert_int_equal(read_text("{\"return\": {\"status\": \"running\"}, "
				   "\"id\": 7}\r\n",
				   &message),
			 1);
	assert_int_equal(message.kind, QMP_RETURN);
	assert_true(message.has_id);
	assert_int_equal(message.id, 7);
	assert_string_equal(
		json_string_value(json_object_get(message.value, "status")),
		"running");
	qmp_message_deinit(&message);

	assert_int_equal(read_text("{\"error\": {\"class\": \"GenericError\", "
				   "\"desc\": \"no\"}}\r\n",
				   &message),
			 1);
	assert_int_equal(message.kind, QMP_ERROR);
	assert_false(message.has_id);
	assert_string_equal(message.text, "no");
	qmp_message_deinit(&message);

	assert_int_equal(read_text("{\"timestamp\": {}, \"event\": "
				   "\"STOP\"}\n",
				   &message),
			 1);
	assert_int_equal(message.kind, QMP_EVENT);
	assert_string_equal(message.text, "STOP");
	assert_null(message.value);
	qmp_message_deinit(&message);
}

static void lines_come_in_any_pieces(void **state)
{
	static const char text[] = "{\"event\": \"A\"}\r\n{\"event\": "
				   "\"B\"}\r\n";
	struct qmp_message message;
	unsigned n_messages = 0;

	for (size_t i = 0; i + 1 < sizeof(text); i++) {
		feed(text + i, 1);
		if (qmp_reader_next(&reader, &message) != 1)
			continue;
		assert_string_equal(message.text, n_messages ? "B" : "A");
		n_messages++;
		qmp_message_deinit(&message);
	}
	assert_int_equal(n_messages, 2);

	feed(text, sizeof(text) - 1);
	assert_int_equal(qmp_reader_next(&reader, &message), 1);
	qmp_message_deinit(&message);
	assert_int_equal(qmp_reader_next(&reader, &message), 1);
	qmp_message_deinit(&message);
	assert_int_equal(qmp_reader_next(&reader, &message), 0);
}

static void what_is_no_message_is_refused(void **state)
{
	static const char *const texts[] = {
		"\n",
		"x\n",
		"[]\n",
		"{}\n",
		"1\n",
		"{\"event\": 1}\n",
		"{\"event\": \"A\", \"data\": 1}\n",
		"{\"event\": \"A\"} {}\n",
		"{\"return\": {}}\n",
		"{\"return\": {}, \"id\": -1}\n",
		"{\"return\": {}, \"id\": \"1\"}\n",
		"{\"return\": {}, \"id\": 1.5}\n",
		"{\"return\": {}, \"id\": 99999999999999999999}\n",
		"{\"return\": {}, \"return\": {}, \"id\": 1}\n",
		"{\"error\": \"no\", \"id\": 1}\n",
		"{\"error\": {}, \"id\": 1}\n",
		"{\"QMP\": 1}\n",
		"{\"event\": \"\xff\"}\n",
		"{\"event\": \"a\\u0000b\"}\n",
	};
	struct qmp_message message;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(read_text(texts[i], &message), -EPROTO);
}

static void a_line_has_a_bound(void **state)
{
	struct qmp_message message;
	size_t n;
	char *room = qmp_reader_room(&reader, &n);

	assert_int_equal(n, QMP_LINE_MAX_BYTES);
	memset(room, '{', n);
	qmp_reader_add(&reader, n - 1);
	assert_int_equal(qmp_reader_next(&reader, &message), 0);
	qmp_reader_room(&reader, &n);
	assert_int_equal(n, 1);
	qmp_reader_add(&reader, 1);
	assert_int_equal(qmp_reader_next(&reader, &message), -EMSGSIZE);
}

/* The deepest that fits a line costs neither the stack nor the process. */
static void deep_nesting_is_refused(void **state)
{
	struct qmp_message message;
	size_t n;
	char *room = qmp_reader_room(&reader, &n);

	memset(room, '[', n);
	room[n - 1] = '\n';
	qmp_reader_add(&reader, n);
	assert_int_equal(qmp_reader_next(&reader, &message), -EPROTO);
}

static void no_memory_is_no_message(void **state)
{
	json_set_alloc_funcs(malloc, free);
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct qmp_message message;
		int r;

		fault_arm(n);
		r = read_text("{\"event\": \"A\", \"data\": {\"a\": [1]}}\n",
			      &message);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -EPROTO : 1);
		if (r == 1)
			qmp_message_deinit(&message);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_kind_is_told_apart, start),
		cmocka_unit_test_setup(lines_come_in_any_pieces, start),
		cmocka_unit_test_setup(what_is_no_message_is_refused, start),
		cmocka_unit_test_setup(a_line_has_a_bound, start),
		cmocka_unit_test_setup(deep_nesting_is_refused, start),
		cmocka_unit_test_setup(no_memory_is_no_message, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
