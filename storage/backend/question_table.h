/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_BACKEND_QUESTION_TABLE_H
#define STORAGE_BACKEND_QUESTION_TABLE_H

/** The rows of a source as a table of SQLite. */

#include <sqlite3.h>

#include "storage/backend/question.h"

/** What the table is made of: lives as long as the database. */
struct question_table_origin {
	const struct question_source *source;
	int failure; /* the errno with which the source failed, or 0 */
};

/**
 * Put the table into `db`, before an authorizer judges what is done there.
 * Returns a code of SQLite.
 */
int question_table_add(sqlite3 *db, struct question_table_origin *origin);

/** Small letters, digits after the first, `_`. */
bool question_table_is_name(const char *name);

#endif
