/* SPDX-License-Identifier: MIT */

#include "storage/backend/question_values.h"

#include <errno.h>

void question_values_show(sqlite3_context *context,
			  const struct question_value *value)
{
	const void *bytes = value->bytes ? value->bytes : "";

	switch (value->type) {
	case QUESTION_NUMBER:
		sqlite3_result_int64(context, value->number);
		break;
	case QUESTION_REAL:
		sqlite3_result_double(context, value->real);
		break;
	case QUESTION_TEXT:
		sqlite3_result_text64(context, bytes, value->n_bytes,
				      SQLITE_TRANSIENT, SQLITE_UTF8);
		break;
	case QUESTION_BYTES:
		sqlite3_result_blob64(context, bytes, value->n_bytes,
				      SQLITE_TRANSIENT);
		break;
	default:
		sqlite3_result_null(context);
	}
}

void question_values_read(sqlite3_value *from, struct question_value *ret_value)
{
	struct question_value value = { .type = QUESTION_NULL };

	switch (sqlite3_value_type(from)) {
	case SQLITE_INTEGER:
		value.type = QUESTION_NUMBER;
		value.number = sqlite3_value_int64(from);
		break;
	case SQLITE_FLOAT:
		value.type = QUESTION_REAL;
		value.real = sqlite3_value_double(from);
		break;
	case SQLITE_TEXT:
		value.type = QUESTION_TEXT;
		value.bytes = sqlite3_value_text(from);
		value.n_bytes = (size_t)sqlite3_value_bytes(from);
		break;
	case SQLITE_BLOB:
		value.type = QUESTION_BYTES;
		value.bytes = sqlite3_value_blob(from);
		value.n_bytes = (size_t)sqlite3_value_bytes(from);
		break;
	default:
		break;
	}
	if (!value.bytes)
		value.bytes = "";
	*ret_value = value;
}

/* ---- functions ---- */

/* One of them, and whose it is: freed by SQLite. */
struct function {
	struct question_table_origin *origin;
	const struct question_function *function;
};

static void fail(sqlite3_context *context, struct question_table_origin *origin,
		 int r)
{
	origin->failure = r;
	if (r == -ENOMEM)
		sqlite3_result_error_nomem(context);
	else
		sqlite3_result_error_code(context, SQLITE_ERROR);
}

static void call(sqlite3_context *context, int n, sqlite3_value **values)
{
	const struct function *function = sqlite3_user_data(context);
	struct question_value arguments[QUESTION_ARGUMENTS_MAX];
	struct question_value value = { .type = QUESTION_NULL };
	const char *why = NULL;
	int r;

	for (int i = 0; i < n; i++)
		question_values_read(values[i], &arguments[i]);
	r = function->function->call(function->origin->source->userdata,
				     arguments, &value, &why);
	if (r < 0)
		fail(context, function->origin, r);
	else if (why)
		sqlite3_result_error(context, why, -1);
	else
		question_values_show(context, &value);
}

static int add(sqlite3 *db, struct question_table_origin *origin,
	       const struct question_function *what)
{
	struct function *function = sqlite3_malloc(sizeof(*function));

	if (!function)
		return SQLITE_NOMEM;
	*function = (struct function){ .origin = origin, .function = what };
	return sqlite3_create_function_v2(
		db, what->name, (int)what->n_arguments,
		SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
		function, call, NULL, NULL, sqlite3_free);
}

int question_values_add(sqlite3 *db, struct question_table_origin *origin)
{
	const struct question_source *source = origin->source;
	int code = SQLITE_OK;

	for (unsigned i = 0; !code && i < source->n_functions; i++)
		code = add(db, origin, &source->functions[i]);
	return code;
}
