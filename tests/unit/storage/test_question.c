/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "storage/backend/question.h"
#include "tests/fault.h"
#include "tests/unit/storage/sample.h"

static const struct question_limits limits = { .duration_ns = 10 * NS_PER_S,
					       .memory_bytes = 16 << 20,
					       .value_bytes = 1 << 20 };

static size_t say(char *text, size_t n, const struct question_value *value)
{
	switch (value->type) {
	case QUESTION_NUMBER:
		return (size_t)snprintf(text, n, "%lld",
					(long long)value->number);
	case QUESTION_REAL:
		return (size_t)snprintf(text, n, "%.2f", value->real);
	case QUESTION_TEXT:
		return (size_t)snprintf(text, n, "'%.*s'", (int)value->n_bytes,
					(const char *)value->bytes);
	case QUESTION_BYTES:
		return (size_t)snprintf(text, n, "x'%.*s'", (int)value->n_bytes,
					(const char *)value->bytes);
	default:
		return (size_t)snprintf(text, n, "null");
	}
}

static void collect(struct question *question, char *text, size_t n_max)
{
	struct question_value value;
	size_t n = 0;
	int r;

	while ((r = question_next(question)) == 1) {
		n += (size_t)snprintf(text + n, n_max - n, "%s", n ? ";" : "");
		for (unsigned i = 0; i < question_n_columns(question); i++) {
			question_value(question, i, &value);
			n += (size_t)snprintf(text + n, n_max - n, "%s",
					      i ? "," : "");
			n += say(text + n, n_max - n, &value);
			assert_true(n < n_max);
		}
	}
	assert_int_equal(r, 0);
}

/* Rows with semicolons, values with commas. */
static void assert_answer(struct sample *sample, const char *sql,
			  const char *expected)
{
	struct question *question;
	char text[2048] = "";
	char *why = NULL;
	int r;

	sample->n_shown = 0;
	r = question_new(&sample->source, &limits, sql, strlen(sql), &question,
			 &why);
	if (r)
		print_message("%s: %s\n", sql, why);
	assert_int_equal(r, 0);
	collect(question, text, sizeof(text));
	assert_string_equal(text, expected);
	question_free(question);
	assert_int_equal(sample->n_open, 0);
}

static void assert_refused(struct sample *sample, const char *sql)
{
	struct question *question = NULL;
	char *why = NULL;
	int r;

	r = question_new(&sample->source, &limits, sql, strlen(sql), &question,
			 &why);
	if (!r)
		print_message("was not refused: %s\n", sql);
	assert_int_equal(r, -EINVAL);
	assert_non_null(why);
	assert_true(why[0] != '\0');
	free(why);
}

static void questions_are_answered(void **state)
{
	struct sample sample;

	sample_init(&sample);
	assert_answer(&sample, "SELECT count(*) FROM records", "1000");
	assert_answer(&sample,
		      "SELECT sequence, time, subject, body, ratio, void "
		      "FROM records LIMIT 2",
		      "1,10,'c',x'body 1',0.50,null;"
		      "2,20,'gr\xc3\xbc\xc3\x9f',x'body 2',1.00,null");
	assert_answer(&sample,
		      "SELECT subject, count(*) AS n, min(sequence) "
		      "FROM records GROUP BY 1 ORDER BY n DESC, 1; -- so ;",
		      "'c',334,1;'a.b',333,3;'gr\xc3\xbc\xc3\x9f',333,2");
	assert_answer(
		&sample,
		"WITH late AS (SELECT * FROM records WHERE sequence > 997)"
		" SELECT a.sequence, b.sequence FROM late a, late b"
		" WHERE a.sequence < b.sequence ORDER BY 1, 2",
		"998,999;998,1000;999,1000");
	assert_answer(&sample, "SELECT 1", "1");
	assert_answer(&sample,
		      "SELECT row_number() OVER (ORDER BY time DESC) "
		      "FROM records WHERE sequence < 3",
		      "1;2");
	assert_answer(
		&sample,
		"SELECT upper(cast(body AS TEXT)), ratio + 1 "
		"FROM records WHERE cast(body AS TEXT) LIKE '%99' AND sequence > 900",
		"'BODY 999',500.50");
}

static void a_hidden_column_is_there_when_it_is_named(void **state)
{
	struct sample sample;

	sample_init(&sample);
	assert_answer(&sample, "SELECT * FROM records LIMIT 1",
		      "1,10,'c',x'body 1',0.50,null");
	assert_answer(&sample, "SELECT secret FROM records LIMIT 2", "1;2");
}

static void rows_that_cannot_matter_are_not_asked_for(void **state)
{
	struct sample sample;

	sample_init(&sample);
	assert_answer(&sample, "SELECT time FROM records WHERE sequence = 500",
		      "5000");
	assert_int_equal(sample.n_shown, 1);
	assert_answer(&sample,
		      "SELECT count(*) FROM records "
		      "WHERE sequence >= 10 AND sequence < 20",
		      "10");
	assert_int_equal(sample.n_shown, 11);
	assert_answer(&sample,
		      "SELECT sequence FROM records WHERE time BETWEEN 91 "
		      "AND 110.5",
		      "10;11");
	assert_int_equal(sample.n_shown, 2);
	assert_answer(&sample,
		      "SELECT count(*) FROM records WHERE subject = 'a.b' "
		      "AND sequence <= 30",
		      "10");
	assert_string_equal(sample.subject, "a.b");
	assert_answer(&sample,
		      "SELECT max(sequence) FROM records WHERE "
		      "sequence > 5 AND sequence < 4",
		      "null");
	assert_int_equal(sample.n_shown, 0);
	assert_answer(&sample,
		      "SELECT sequence FROM records ORDER BY sequence DESC "
		      "LIMIT 3",
		      "1000;999;998");
	assert_true(sample.n_shown <= 4);
	/* Another order of subjects is not that of their bytes. */
	assert_answer(&sample,
		      "SELECT count(*) FROM records "
		      "WHERE subject = 'A.B' COLLATE NOCASE",
		      "333");
	assert_string_equal(sample.subject, "");
}

/* A source that looks at no filter gives the same answers. */
static void filters_change_no_answer(void **state)
{
	static const char *const wheres[] = {
		"sequence = 7",
		"sequence = 7.5",
		"sequence > 990.5",
		"sequence >= 999",
		"sequence < 3.5",
		"sequence <= 3",
		"sequence < 1e300",
		"sequence > -1e300",
		"sequence = '7'",
		"sequence = 'x'",
		"sequence = NULL",
		"sequence IN (1, 5, 2)",
		"time = 70 OR time = 50",
		"time < 9223372036854775807",
		"time > 9995",
		"time >= 9990 AND time <= 9990",
		"subject = 'c' AND sequence < 8",
		"subject = 7",
		"subject = x'63'",
		"subject IS NULL",
		"NOT sequence > 3",
		"sequence BETWEEN 2 AND 4 AND time > 20",
		"sequence = 9223372036854775807",
	};
	struct sample sample;
	char answers[2][2048];

	for (size_t i = 0; i < sizeof(wheres) / sizeof(wheres[0]); i++) {
		for (unsigned k = 0; k < 2; k++) {
			struct question *question;
			char sql[256];

			sample_init(&sample);
			sample.is_plain = k;
			sample.source.can_descend = k;
			if (k)
				sample.source.sequence_column = -1;
			snprintf(sql, sizeof(sql),
				 "SELECT sequence, subject FROM records WHERE "
				 "%s ORDER BY sequence LIMIT 12",
				 wheres[i]);
			assert_int_equal(question_new(&sample.source, &limits,
						      sql, strlen(sql),
						      &question, NULL),
					 0);
			answers[k][0] = '\0';
			collect(question, answers[k], sizeof(answers[k]));
			question_free(question);
		}
		assert_string_equal(answers[0], answers[1]);
	}
}

static void all_else_is_refused(void **state)
{
	static const char *const questions[] = {
		"",
		" ; -- nothing",
		"SELEC 1",
		"SELECT 1; SELECT 2",
		"SELECT 1;;; DELETE FROM records",
		"DELETE FROM records",
		"INSERT INTO records(sequence) VALUES(1)",
		"UPDATE records SET sequence = 1",
		"CREATE TABLE t(a)",
		"CREATE TEMP TABLE t AS SELECT 1",
		"CREATE VIRTUAL TABLE r USING records",
		"CREATE VIRTUAL TABLE f USING fts5(a)",
		"DROP TABLE records",
		"ATTACH '/tmp/stolen' AS s",
		"DETACH main",
		"VACUUM INTO '/tmp/stolen'",
		"PRAGMA journal_mode",
		"PRAGMA database_list",
		"BEGIN",
		"COMMIT",
		"SAVEPOINT s",
		"ANALYZE",
		"REINDEX",
		"EXPLAIN SELECT 1",
		"EXPLAIN QUERY PLAN SELECT 1",
		"SELECT * FROM sqlite_schema",
		"SELECT * FROM pragma_database_list",
		"SELECT * FROM pragma_function_list",
		"SELECT * FROM json_each('[1]')",
		"SELECT * FROM dbstat",
		"SELECT * FROM sqlite_stmt",
		"SELECT * FROM others",
		"SELECT load_extension('/tmp/x.so')",
		"SELECT readfile('/etc/passwd')",
		"SELECT randomblob(1000)",
		"SELECT zeroblob(1000000)",
		"SELECT sqlite_version()",
		"SELECT fts3_tokenizer('simple')",
		"SELECT sqlite_compileoption_get(1)",
		"SELECT ?1",
		("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 "
		 "FROM t) SELECT max(n) FROM t"),
		"SELECT nosuch FROM records",
	};
	struct sample sample;

	sample_init(&sample);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		assert_refused(&sample, questions[i]);
	assert_int_equal(sample.n_open, 0);
}

static void a_long_or_deep_question_is_refused(void **state)
{
	struct sample sample;
	size_t n = 200000;
	char *sql = malloc(n + 1);
	struct question *question;

	assert_non_null(sql);
	sample_init(&sample);
	memset(sql, ' ', n);
	memcpy(sql, "SELECT 1", 8);
	sql[n] = '\0';
	assert_refused(&sample, sql);
	snprintf(sql, n, "SELECT ");
	for (size_t i = 7; i < 30007; i++)
		sql[i] = '(';
	sql[30007] = '\0';
	assert_refused(&sample, sql);
	assert_int_equal(question_new(&sample.source, &limits, "SELECT 1\0;",
				      10, &question, NULL),
			 -EINVAL);
	free(sql);
}

static int end_of(struct sample *sample, const struct question_limits *own,
		  const char *sql)
{
	struct question *question;
	int r;

	r = question_new(&sample->source, own, sql, strlen(sql), &question,
			 NULL);
	if (r)
		return r;
	while ((r = question_next(question)) == 1)
		;
	assert_true(!r || r == -ETIMEDOUT || question_error(question)[0]);
	question_free(question);
	assert_int_equal(sample->n_open, 0);
	return r;
}

static void what_takes_too_long_ends(void **state)
{
	const struct question_limits own = { .duration_ns = 50 * NS_PER_MS,
					     .memory_bytes = 16 << 20,
					     .value_bytes = 1 << 20 };
	const struct question_limits none = { .memory_bytes = 16 << 20,
					      .value_bytes = 1 << 20 };
	struct sample sample;

	sample_init(&sample);
	assert_int_equal(end_of(&sample, &own,
				"SELECT count(*) FROM records a, records b, "
				"records c, records d"),
			 -ETIMEDOUT);
	sample.is_endless = true;
	assert_int_equal(end_of(&sample, &own, "SELECT max(time) FROM records"),
			 -ETIMEDOUT);
	sample.is_endless = false;
	assert_int_equal(end_of(&sample, &none, "SELECT 1"), -ETIMEDOUT);
}

static void what_takes_too_much_memory_ends(void **state)
{
	const struct question_limits own = { .duration_ns = 10 * NS_PER_S,
					     .memory_bytes = 4 << 20,
					     .value_bytes = 1 << 20 };
	struct sample sample;

	sample_init(&sample);
	assert_int_equal(
		end_of(&sample, &own,
		       "SELECT a.body, b.body, c.body FROM records a, "
		       "records b, records c ORDER BY a.body || b.body "
		       "|| c.body"),
		-ENOMEM);
	assert_int_equal(
		end_of(&sample, &own, "SELECT hex(printf('%900000d', 1))"),
		-EMSGSIZE);
	assert_int_equal(end_of(&sample, &limits, "SELECT 1"), 0);
}

static void what_the_source_says_is_passed_on(void **state)
{
	struct sample sample;

	sample_init(&sample);
	sample.fails_at = 500;
	assert_int_equal(
		end_of(&sample, &limits, "SELECT count(*) FROM records"),
		-EBADMSG);
	assert_int_equal(end_of(&sample, &limits,
				"SELECT sequence FROM records LIMIT 10"),
			 0);
}

static void the_sources_functions_can_be_called(void **state)
{
	const char *sql = "SELECT twice(sequence) FROM records";
	struct sample sample;

	sample_init(&sample);
	assert_answer(&sample,
		      "SELECT subject, sum(twice(sequence)) FROM records "
		      "WHERE twice(secret) < 11 GROUP BY 1 ORDER BY 2",
		      "'a.b',6;'c',10;'gr\xc3\xbc\xc3\x9f',14");
	assert_refused(&sample, "SELECT twice(1, 2)");
	assert_int_equal(
		end_of(&sample, &limits, "SELECT twice(subject) FROM records"),
		-EINVAL);
	sample.function_fails = -EBADMSG;
	assert_int_equal(end_of(&sample, &limits, sql), -EBADMSG);
	sample.function_fails = -ENOMEM;
	assert_int_equal(end_of(&sample, &limits, sql), -ENOMEM);
	sample.source.n_functions = 0;
	assert_refused(&sample, sql);
}

static void columns_have_names(void **state)
{
	struct sample sample;
	struct question *question;
	const char *sql = "SELECT sequence, time + 1 AS later FROM records";

	sample_init(&sample);
	assert_int_equal(question_new(&sample.source, &limits, sql, strlen(sql),
				      &question, NULL),
			 0);
	assert_int_equal(question_n_columns(question), 2);
	assert_string_equal(question_column(question, 0), "sequence");
	assert_string_equal(question_column(question, 1), "later");
	assert_string_equal(question_error(question), "");
	question_free(question);
	question_free(NULL);
}

static void a_table_must_have_a_name(void **state)
{
	struct sample sample;

	sample_init(&sample);
	sample.source.table = "x; DROP";
	assert_refused(&sample, "SELECT 1");
}

static void it_survives_that_there_is_no_memory(void **state)
{
	const char *sql = "SELECT count(*) FROM records";
	struct sample sample;
	struct question *question;
	int r;

	sample_init(&sample);
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		fault_arm(n);
		r = question_new(&sample.source, &limits, sql, strlen(sql),
				 &question, NULL);
		fault_disarm();
		if (r)
			assert_int_equal(r, -ENOMEM);
		else
			question_free(question);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_answered),
		cmocka_unit_test(a_hidden_column_is_there_when_it_is_named),
		cmocka_unit_test(the_sources_functions_can_be_called),
		cmocka_unit_test(rows_that_cannot_matter_are_not_asked_for),
		cmocka_unit_test(filters_change_no_answer),
		cmocka_unit_test(all_else_is_refused),
		cmocka_unit_test(a_long_or_deep_question_is_refused),
		cmocka_unit_test(what_takes_too_long_ends),
		cmocka_unit_test(what_takes_too_much_memory_ends),
		cmocka_unit_test(what_the_source_says_is_passed_on),
		cmocka_unit_test(columns_have_names),
		cmocka_unit_test(a_table_must_have_a_name),
		cmocka_unit_test(it_survives_that_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
