/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_BACKEND_QUESTION_VALUES_H
#define STORAGE_BACKEND_QUESTION_VALUES_H

/** Values of a question from SQLite, and to it; and the source's functions. */

#include <sqlite3.h>

#include "storage/backend/question_table.h"

/** The value of a column, or of a function. Its bytes are copied. */
void question_values_show(sqlite3_context *context,
			  const struct question_value *value);

/** An argument: its bytes live as long as it does. */
void question_values_read(sqlite3_value *from,
			  struct question_value *ret_value);

/** Put the source's functions into `db`. Returns a code of SQLite. */
int question_values_add(sqlite3 *db, struct question_table_origin *origin);

#endif
