/* SPDX-License-Identifier: MIT */

#include "storage/backend/question.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "storage/backend/question_table.h"
#include "storage/backend/question_values.h"

enum {
	SQL_BYTES_MAX = 64 * 1024,
	/* The clock is read after so many steps of SQLite. */
	STEPS = 1000,
};

struct question {
	struct question_table_origin origin;
	uint64_t deadline_ns;
	sqlite3 *db;
	sqlite3_stmt *stmt;
	bool is_late;
	char error[256];
};

/* Each works on its arguments and on nothing else. */
static const char functions[] =
	" -> ->> abs avg ceil ceiling char coalesce count date "
	"datetime dense_rank first_value floor format glob "
	"group_concat hex ifnull iif instr json json_array_length "
	"json_extract json_type json_valid julianday lag last_value "
	"lead length like lower ltrim max min nullif printf quote "
	"rank replace round row_number rtrim sign strftime substr "
	"substring sum time total trim typeof unicode unixepoch upper ";

static bool is_allowed_function(const struct question_source *source,
				const char *name)
{
	char word[64];

	for (unsigned i = 0; name && i < source->n_functions; i++)
		if (!strcmp(name, source->functions[i].name))
			return true;
	if (!name ||
	    snprintf(word, sizeof(word), " %s ", name) >= (int)sizeof(word))
		return false;
	return strstr(functions, word) != NULL;
}

/* SQLite asks this of everything that a question would do. */
static int judge(void *userdata, int action, const char *first,
		 const char *second, const char *database, const char *trigger)
{
	struct question *question = userdata;

	switch (action) {
	case SQLITE_SELECT:
		return SQLITE_OK;
	case SQLITE_READ:
		return first && !strcmp(first, question->origin.source->table)
			       ? SQLITE_OK
			       : SQLITE_DENY;
	case SQLITE_FUNCTION:
		return is_allowed_function(question->origin.source, second)
			       ? SQLITE_OK
			       : SQLITE_DENY;
	default:
		return SQLITE_DENY;
	}
}

static int look_at_clock(void *userdata)
{
	struct question *question = userdata;

	question->is_late = clock_now_ns() >= question->deadline_ns;
	return question->is_late;
}

static int outcome(struct question *question, int code)
{
	if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
		return 0;
	snprintf(question->error, sizeof(question->error), "%s",
		 question->db ? sqlite3_errmsg(question->db) : "no memory");
	if (question->origin.failure)
		return question->origin.failure;
	switch (code & 0xff) {
	case SQLITE_INTERRUPT:
		return -ETIMEDOUT;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_TOOBIG:
		return -EMSGSIZE;
	default:
		return -EINVAL;
	}
}

static int refuse(struct question *question, const char *why)
{
	snprintf(question->error, sizeof(question->error), "%s", why);
	return -EINVAL;
}

static void limit(sqlite3 *db, size_t value_bytes)
{
	static const struct {
		int what;
		int most;
	} limits[] = {
		{ SQLITE_LIMIT_SQL_LENGTH, SQL_BYTES_MAX },
		{ SQLITE_LIMIT_COLUMN, QUESTION_COLUMNS_MAX },
		{ SQLITE_LIMIT_EXPR_DEPTH, 100 },
		{ SQLITE_LIMIT_COMPOUND_SELECT, 16 },
		{ SQLITE_LIMIT_VDBE_OP, 100000 },
		{ SQLITE_LIMIT_FUNCTION_ARG, 16 },
		{ SQLITE_LIMIT_ATTACHED, 0 },
		{ SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 256 },
		{ SQLITE_LIMIT_VARIABLE_NUMBER, 0 },
		{ SQLITE_LIMIT_TRIGGER_DEPTH, 0 },
		{ SQLITE_LIMIT_WORKER_THREADS, 0 },
	};

	for (unsigned i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		sqlite3_limit(db, limits[i].what, limits[i].most);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH,
		      value_bytes < INT_MAX ? (int)value_bytes : INT_MAX);
}

/* What is sorted stays in memory: there is no file that it could go to. */
static int prepare_database(struct question *question,
			    const struct question_limits *limits)
{
	sqlite3 *db = question->db;
	int code;

	code = sqlite3_exec(db, "PRAGMA temp_store=MEMORY", NULL, NULL, NULL);
	if (!code)
		code = sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1,
					 NULL);
	if (!code)
		code = sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0,
					 NULL);
	if (!code)
		code = question_table_add(db, &question->origin);
	if (!code)
		code = question_values_add(db, &question->origin);
	if (!code)
		code = sqlite3_set_authorizer(db, judge, question);
	sqlite3_progress_handler(db, STEPS, look_at_clock, question);
	limit(db, limits->value_bytes);
	return outcome(question, code);
}

/* Behind the one statement there may be blanks, comments and semicolons. */
static int check_tail(struct question *question, const char *tail,
		      const char *end)
{
	sqlite3_stmt *next = NULL;
	int code = SQLITE_OK;

	while (!code && !next && tail < end)
		code = sqlite3_prepare_v3(question->db, tail, (int)(end - tail),
					  0, &next, &tail);
	sqlite3_finalize(next);
	if (code)
		return outcome(question, code);
	return next ? refuse(question, "more than one statement") : 0;
}

static int prepare_statement(struct question *question, const char *sql,
			     size_t n_sql)
{
	const char *tail = NULL;
	int r;

	if (n_sql > SQL_BYTES_MAX)
		return refuse(question, "it is too long");
	if (memchr(sql, 0, n_sql))
		return refuse(question, "there is a NUL in it");
	r = outcome(question, sqlite3_prepare_v3(question->db, sql, (int)n_sql,
						 0, &question->stmt, &tail));
	if (r)
		return r;
	if (!question->stmt)
		return refuse(question, "there is no statement");
	if (!sqlite3_stmt_readonly(question->stmt) ||
	    sqlite3_stmt_isexplain(question->stmt) ||
	    !sqlite3_column_count(question->stmt))
		return refuse(question, "only SELECT is allowed");
	return check_tail(question, tail, sql + n_sql);
}

static bool is_source(const struct question_source *source)
{
	if (!question_table_is_name(source->table) || !source->n_columns ||
	    source->n_columns > QUESTION_COLUMNS_MAX)
		return false;
	for (unsigned i = 0; i < source->n_columns; i++)
		if (!question_table_is_name(source->columns[i].name))
			return false;
	for (unsigned i = 0; i < source->n_functions; i++)
		if (!question_table_is_name(source->functions[i].name) ||
		    source->functions[i].n_arguments > QUESTION_ARGUMENTS_MAX)
			return false;
	return true;
}

static int begin(struct question *question,
		 const struct question_limits *limits, const char *sql,
		 size_t n_sql)
{
	int r;

	if (!is_source(question->origin.source))
		return refuse(question, "there is no such table");
	sqlite3_hard_heap_limit64((sqlite3_int64)limits->memory_bytes);
	r = outcome(question,
		    sqlite3_open_v2(":memory:", &question->db,
				    SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY |
					    SQLITE_OPEN_NOMUTEX |
					    SQLITE_OPEN_EXRESCODE,
				    NULL));
	if (!r)
		r = prepare_database(question, limits);
	if (!r)
		r = prepare_statement(question, sql, n_sql);
	return r;
}

int question_new(const struct question_source *source,
		 const struct question_limits *limits, const char *sql,
		 size_t n_sql, struct question **ret_question, char **ret_why)
{
	_cleanup_(question_freep) struct question *question = NULL;
	int r;

	question = calloc(1, sizeof(*question));
	if (!question)
		return -ENOMEM;
	question->origin.source = source;
	question->deadline_ns = clock_now_ns() + limits->duration_ns;
	r = begin(question, limits, sql, n_sql);
	if (r) {
		if (ret_why)
			*ret_why = strdup(question->error);
		return r;
	}
	*ret_question = take_ptr(question);
	return 0;
}

struct question *question_free(struct question *question)
{
	if (!question)
		return NULL;
	sqlite3_finalize(question->stmt);
	sqlite3_close(question->db);
	free(question);
	return NULL;
}

unsigned question_n_columns(const struct question *question)
{
	return (unsigned)sqlite3_column_count(question->stmt);
}

const char *question_column(const struct question *question, unsigned column)
{
	const char *name = sqlite3_column_name(question->stmt, (int)column);

	return name ? name : "";
}

int question_next(struct question *question)
{
	int code;

	if (look_at_clock(question))
		return -ETIMEDOUT;
	code = sqlite3_step(question->stmt);
	return code == SQLITE_ROW ? 1 : outcome(question, code);
}

void question_value(struct question *question, unsigned column,
		    struct question_value *ret_value)
{
	sqlite3_stmt *stmt = question->stmt;
	int place = (int)column;
	struct question_value value = { .type = QUESTION_NULL };

	switch (sqlite3_column_type(stmt, place)) {
	case SQLITE_INTEGER:
		value.type = QUESTION_NUMBER;
		value.number = sqlite3_column_int64(stmt, place);
		break;
	case SQLITE_FLOAT:
		value.type = QUESTION_REAL;
		value.real = sqlite3_column_double(stmt, place);
		break;
	case SQLITE_TEXT:
		value.type = QUESTION_TEXT;
		value.bytes = sqlite3_column_text(stmt, place);
		break;
	case SQLITE_BLOB:
		value.type = QUESTION_BYTES;
		value.bytes = sqlite3_column_blob(stmt, place);
		break;
	default:
		break;
	}
	if (value.type == QUESTION_TEXT || value.type == QUESTION_BYTES)
		value.n_bytes = (size_t)sqlite3_column_bytes(stmt, place);
	if (!value.bytes)
		value.bytes = "";
	*ret_value = value;
}

const char *question_error(const struct question *question)
{
	return question->error;
}
