/* SPDX-License-Identifier: MIT */

#include "storage/backend/question_table.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "storage/backend/question_values.h"

struct question_table {
	sqlite3_vtab table;
	struct question_table_origin *origin;
};

struct question_rows {
	sqlite3_vtab_cursor cursor;
	void *rows; /* the source's */
	int64_t place;
	bool is_at_end;
};

static struct question_table_origin *origin_of(sqlite3_vtab *table)
{
	return ((struct question_table *)(void *)table)->origin;
}

static struct question_rows *rows_of(sqlite3_vtab_cursor *cursor)
{
	return (struct question_rows *)(void *)cursor;
}

static int fail(struct question_table_origin *origin, int r)
{
	origin->failure = r;
	return r == -ENOMEM ? SQLITE_NOMEM : SQLITE_ERROR;
}

bool question_table_is_name(const char *name)
{
	const char *letters = "abcdefghijklmnopqrstuvwxyz_0123456789";
	size_t n = strspn(name, letters);

	return n && n <= 64 && !name[n] && (name[0] < '0' || name[0] > '9');
}

/* ---- the table ---- */

static const char *sql_of_type(enum question_type type)
{
	switch (type) {
	case QUESTION_NUMBER:
		return "INTEGER";
	case QUESTION_REAL:
		return "REAL";
	case QUESTION_TEXT:
		return "TEXT";
	default:
		return "BLOB";
	}
}

static int declare(sqlite3 *db, const struct question_source *source)
{
	struct buffer sql;
	int code = SQLITE_NOMEM;

	buffer_init(&sql, (size_t)QUESTION_COLUMNS_MAX * 80);
	buffer_text(&sql, "CREATE TABLE x(");
	for (unsigned i = 0; i < source->n_columns; i++)
		buffer_format(&sql, "%s\"%s\" %s%s", i ? ", " : "",
			      source->columns[i].name,
			      sql_of_type(source->columns[i].type),
			      source->columns[i].is_hidden ? " HIDDEN" : "");
	buffer_text(&sql, ")");
	if (!buffer_error(&sql))
		code = sqlite3_declare_vtab(db, sql.bytes);
	buffer_deinit(&sql);
	return code;
}

static int table_connect(sqlite3 *db, void *userdata, int n_words,
			 const char *const *words, sqlite3_vtab **ret_table,
			 char **ret_error)
{
	struct question_table_origin *origin = userdata;
	struct question_table *table;
	int code;

	code = declare(db, origin->source);
	if (code)
		return code;
	table = sqlite3_malloc(sizeof(*table));
	if (!table)
		return SQLITE_NOMEM;
	*table = (struct question_table){ .origin = origin };
	*ret_table = &table->table;
	return SQLITE_OK;
}

static int table_disconnect(sqlite3_vtab *table)
{
	sqlite3_free(table);
	return SQLITE_OK;
}

/* ---- what need not be shown ---- */

/*
 * A plan is a text: for each value that SQLite hands over the column that it
 * bounds, `s`, `t` or `j`, and how: `=`, `<` or `>`; and at its end `v` if the
 * rows are wanted backwards. Bounds may be taken too wide, since SQLite looks
 * at each row again.
 */
static char column_letter(const struct question_source *source, int column)
{
	if (column < 0)
		return 0;
	if (column == source->sequence_column)
		return 's';
	if (column == source->time_column)
		return 't';
	return column == source->subject_column ? 'j' : 0;
}

static char bound_letter(unsigned char op)
{
	switch (op) {
	case SQLITE_INDEX_CONSTRAINT_EQ:
		return '=';
	case SQLITE_INDEX_CONSTRAINT_GT:
	case SQLITE_INDEX_CONSTRAINT_GE:
		return '>';
	case SQLITE_INDEX_CONSTRAINT_LT:
	case SQLITE_INDEX_CONSTRAINT_LE:
		return '<';
	default:
		return 0;
	}
}

/* Whether the constraint can be made use of, and how. */
static bool is_of_use(const struct question_source *source,
		      sqlite3_index_info *info, int place, char ret_letters[2])
{
	const struct sqlite3_index_constraint *constraint =
		&info->aConstraint[place];

	if (!constraint->usable)
		return false;
	ret_letters[0] = column_letter(source, constraint->iColumn);
	ret_letters[1] = bound_letter(constraint->op);
	if (!ret_letters[0] || !ret_letters[1])
		return false;
	if (ret_letters[0] != 'j')
		return true;
	return ret_letters[1] == '=' &&
	       !strcmp(sqlite3_vtab_collation(info, place), "BINARY");
}

static bool take_order(const struct question_source *source,
		       sqlite3_index_info *info)
{
	if (info->nOrderBy != 1 || source->sequence_column < 0 ||
	    info->aOrderBy[0].iColumn != source->sequence_column ||
	    (info->aOrderBy[0].desc && !source->can_descend))
		return false;
	info->orderByConsumed = 1;
	return info->aOrderBy[0].desc;
}

static int table_plan(sqlite3_vtab *table, sqlite3_index_info *info)
{
	const struct question_source *source = origin_of(table)->source;
	char *plan = sqlite3_malloc(info->nConstraint * 2 + 2);
	int n = 0;

	if (!plan)
		return SQLITE_NOMEM;
	info->estimatedCost = 1e9;
	for (int i = 0; i < info->nConstraint; i++) {
		if (!is_of_use(source, info, i, plan + n * 2))
			continue;
		info->estimatedCost /= plan[n * 2 + 1] == '=' ? 1000 : 10;
		info->aConstraintUsage[i].argvIndex = ++n;
	}
	n *= 2;
	if (take_order(source, info))
		plan[n++] = 'v';
	plan[n] = '\0';
	info->estimatedRows = (sqlite3_int64)info->estimatedCost;
	info->idxStr = plan;
	info->needToFreeIdxStr = 1;
	return SQLITE_OK;
}

/* The whole number at or below a bound, or as far as there are any. */
static bool whole_of(sqlite3_value *value, int64_t *ret_whole)
{
	double real;

	switch (sqlite3_value_type(value)) {
	case SQLITE_INTEGER:
		*ret_whole = sqlite3_value_int64(value);
		return true;
	case SQLITE_FLOAT:
		real = floor(sqlite3_value_double(value));
		if (real >= 9.2e18)
			*ret_whole = INT64_MAX;
		else if (real <= -9.2e18)
			*ret_whole = INT64_MIN;
		else
			*ret_whole = (int64_t)real;
		return true;
	default:
		return false;
	}
}

static void bound(sqlite3_value *value, char how, int64_t *min, int64_t *max)
{
	int64_t whole;

	if (!whole_of(value, &whole))
		return;
	if (how != '<' && whole > *min)
		*min = whole;
	if (how != '>' && whole < *max)
		*max = whole;
}

static void bound_subject(sqlite3_value *value, struct question_filter *filter)
{
	if (sqlite3_value_type(value) != SQLITE_TEXT)
		return;
	filter->subject = (const char *)sqlite3_value_text(value);
	filter->n_subject = (size_t)sqlite3_value_bytes(value);
}

static void read_plan(const char *plan, int n_values, sqlite3_value **values,
		      struct question_filter *ret_filter)
{
	struct question_filter filter = { .sequence_min = INT64_MIN,
					  .sequence_max = INT64_MAX,
					  .time_min = INT64_MIN,
					  .time_max = INT64_MAX };

	for (int i = 0; i < n_values; i++, plan += 2) {
		if (plan[0] == 's')
			bound(values[i], plan[1], &filter.sequence_min,
			      &filter.sequence_max);
		else if (plan[0] == 't')
			bound(values[i], plan[1], &filter.time_min,
			      &filter.time_max);
		else
			bound_subject(values[i], &filter);
	}
	filter.is_descending = plan[0] == 'v';
	*ret_filter = filter;
}

/* ---- the rows ---- */

static int rows_open(sqlite3_vtab *table, sqlite3_vtab_cursor **ret_cursor)
{
	struct question_rows *rows = sqlite3_malloc(sizeof(*rows));

	if (!rows)
		return SQLITE_NOMEM;
	*rows = (struct question_rows){ .is_at_end = true };
	*ret_cursor = &rows->cursor;
	return SQLITE_OK;
}

static void close_source(struct question_rows *rows)
{
	const struct question_source *source =
		origin_of(rows->cursor.pVtab)->source;

	if (rows->rows)
		source->close(rows->rows);
	rows->rows = NULL;
}

static int rows_close(sqlite3_vtab_cursor *cursor)
{
	close_source(rows_of(cursor));
	sqlite3_free(cursor);
	return SQLITE_OK;
}

static int rows_next(sqlite3_vtab_cursor *cursor)
{
	struct question_table_origin *origin = origin_of(cursor->pVtab);
	struct question_rows *rows = rows_of(cursor);
	int r;

	r = origin->source->next(rows->rows);
	rows->is_at_end = r != 1;
	rows->place++;
	return r < 0 ? fail(origin, r) : SQLITE_OK;
}

static int rows_filter(sqlite3_vtab_cursor *cursor, int number,
		       const char *plan, int n_values, sqlite3_value **values)
{
	struct question_table_origin *origin = origin_of(cursor->pVtab);
	struct question_rows *rows = rows_of(cursor);
	struct question_filter filter;
	int r;

	close_source(rows);
	rows->is_at_end = true;
	rows->place = 0;
	read_plan(plan, n_values, values, &filter);
	if (filter.sequence_min > filter.sequence_max ||
	    filter.time_min > filter.time_max)
		return SQLITE_OK;
	r = origin->source->open(origin->source->userdata, &filter,
				 &rows->rows);
	if (r) {
		rows->rows = NULL;
		return fail(origin, r);
	}
	return rows_next(cursor);
}

static int rows_is_at_end(sqlite3_vtab_cursor *cursor)
{
	return rows_of(cursor)->is_at_end;
}

static int rows_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context,
		       int column)
{
	struct question_table_origin *origin = origin_of(cursor->pVtab);
	struct question_value value = { .type = QUESTION_NULL };
	int r;

	r = origin->source->value(rows_of(cursor)->rows, (unsigned)column,
				  &value);
	if (r < 0)
		return fail(origin, r);
	question_values_show(context, &value);
	return SQLITE_OK;
}

static int rows_id(sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret_id)
{
	*ret_id = rows_of(cursor)->place;
	return SQLITE_OK;
}

/* Without xCreate it is there without being created, and cannot be. */
static const sqlite3_module table_module = {
	.xConnect = table_connect,
	.xBestIndex = table_plan,
	.xDisconnect = table_disconnect,
	.xOpen = rows_open,
	.xClose = rows_close,
	.xFilter = rows_filter,
	.xNext = rows_next,
	.xEof = rows_is_at_end,
	.xColumn = rows_column,
	.xRowid = rows_id,
};

/* It is declared when it is first used, by a statement that few may make. */
static int declare_now(sqlite3 *db, const char *table)
{
	sqlite3_stmt *stmt = NULL;
	char sql[128];
	int code;

	sqlite3_snprintf(sizeof(sql), sql, "SELECT 1 FROM \"%w\"", table);
	code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	sqlite3_finalize(stmt);
	return code;
}

int question_table_add(sqlite3 *db, struct question_table_origin *origin)
{
	int code;

	code = sqlite3_create_module(db, origin->source->table, &table_module,
				     origin);
	return code ? code : declare_now(db, origin->source->table);
}
