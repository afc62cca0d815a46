/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_ANSWER_COLUMNS_H
#define LOGGER_ANSWER_COLUMNS_H

/** The columns of `records`, and what a record has in them. */

#include "logger/answer_body.h"
#include "storage/backend/question.h"

enum answer_column {
	ANSWER_SEQUENCE,
	ANSWER_TIME,
	ANSWER_KIND,
	ANSWER_SUBJECT,
	ANSWER_SOURCE,
	ANSWER_DURABLE_ID,
	ANSWER_SCHEMA,
	ANSWER_TYPE,
	ANSWER_STATUS,
	ANSWER_SLOT,
	ANSWER_LOST,
	ANSWER_BODY,
	ANSWER_MESSAGE,
	ANSWER_RECORD, /* for field() */
	ANSWER_COLUMNS,
};

enum { ANSWER_HEX_BYTES = 2 * RUN_SCHEMA_BYTES };

extern const struct question_column answer_columns[ANSWER_COLUMNS];

/**
 * The value lives as long as the record, `hex`, and until the next call on
 * `bodies`. Returns 0 or a negative errno.
 */
int answer_column_value(struct answer_bodies *bodies,
			const struct run_record *record,
			enum answer_column column, char hex[ANSWER_HEX_BYTES],
			struct question_value *ret_value);

#endif
