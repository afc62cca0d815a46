/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/log/record.h"

static const struct run_source web = { .principal = "vm:web",
				       .n_principal = 6,
				       .durable_id = "u1",
				       .n_durable_id = 2,
				       .incarnation = 5 };
static const struct run_source db = { .principal = "vm:db",
				      .n_principal = 5,
				      .durable_id = "u2",
				      .n_durable_id = 2,
				      .incarnation = 6 };
static const uint8_t schema[RUN_SCHEMA_BYTES] = { 1 };
enum { BY_ANOTHER = 1000 };
static const char subject[] = "demo.a";

/* What differs from one record to the next; most say the same of themselves. */
static const struct run_record kinds[] = {
	{ .kind = RUN_MESSAGE, .sequence = 1, .body = "1", .n_body = 1 },
	{ .kind = RUN_MESSAGE, .time_ns = 20, .body = "23", .n_body = 2 },
	{ .kind = RUN_MESSAGE, .flags = RUN_HAS_KEY },
	{ .kind = RUN_MESSAGE, .metadata = "\x0a\x01k", .n_metadata = 3 },
	{ .kind = RUN_MESSAGE, .schema = schema },
	{ .kind = RUN_MESSAGE, .status = 7 },
	{ .kind = RUN_MESSAGE, .subject = "b", .n_subject = 1 },
	{ .kind = RUN_MESSAGE, .sequence = BY_ANOTHER },
	{ .kind = RUN_CALL, .slot = 8 },
	{ .kind = RUN_REPLY, .status = 9 },
	{ .kind = RUN_GAP, .n_lost = 10 },
};

enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static struct run_record record_of(unsigned kind)
{
	struct run_record record = kinds[kind];

	record.source = record.sequence == BY_ANOTHER ? db : web;
	if (!record.subject) {
		record.subject = subject;
		record.n_subject = strlen(subject);
	}
	return record;
}

static void assert_text(const char *text, const char *expected)
{
	assert_int_equal(!text, !expected);
	if (text)
		assert_string_equal(text, expected);
}

static void assert_same(const struct helio_log_record *one,
			const struct helio_log_record *two)
{
	assert_int_equal(one->sequence, two->sequence);
	assert_int_equal(one->time_ns, two->time_ns);
	assert_int_equal(one->kind, two->kind);
	assert_int_equal(one->has_key, two->has_key);
	assert_int_equal(one->status, two->status);
	assert_int_equal(one->slot, two->slot);
	assert_int_equal(one->n_lost, two->n_lost);
	assert_text(one->message.subject, two->message.subject);
	assert_text(one->message.source, two->message.source);
	assert_text(one->message.durable_id, two->message.durable_id);
	assert_text(one->message.idempotency_key, two->message.idempotency_key);
	assert_int_equal(one->message.incarnation, two->message.incarnation);
	assert_ptr_equal(one->message.schema_hash, two->message.schema_hash);
	assert_ptr_equal(one->message.body, two->message.body);
	assert_int_equal(one->message.n_body, two->message.n_body);
}

/* Nothing of the one before is left in the next. */
static void after_any_other_it_is_as_by_itself(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_KINDS * N_KINDS; i++) {
		struct run_record before = record_of(i / N_KINDS);
		struct run_record after = record_of(i % N_KINDS);
		struct record alone = { 0 }, record = { 0 };

		assert_int_equal(record_set(&alone, &after), 0);
		assert_int_equal(record_set(&record, &before), 0);
		assert_int_equal(record_set(&record, &after), 0);
		assert_same(&record.log, &alone.log);
		record_deinit(&record);
		record_deinit(&alone);
	}
}

/* The words of another run may stand where those of the one before did. */
static void what_was_forgotten_is_read_again(void **state)
{
	char word[] = "here";
	struct run_record from = { .kind = RUN_MESSAGE,
				   .subject = word,
				   .n_subject = 4,
				   .source = web };
	struct record record = { 0 };

	(void)state;
	assert_int_equal(record_set(&record, &from), 0);
	memcpy(word, "also", 4);
	record_forget(&record);
	assert_int_equal(record_set(&record, &from), 0);
	assert_string_equal(record.log.message.subject, "also");
	record_deinit(&record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_any_other_it_is_as_by_itself),
		cmocka_unit_test(what_was_forgotten_is_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
