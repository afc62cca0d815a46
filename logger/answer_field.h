/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_ANSWER_FIELD_H
#define LOGGER_ANSWER_FIELD_H

/**
 * The function `field(record, path)` of a question: a field of the message that
 * a record's body is, as a value that SQL compares as what it is. docs/LOG.md
 * says what becomes of which type.
 */

#include "logger/answer_body.h"
#include "storage/backend/question.h"

enum { ANSWER_FIELD_ARGUMENTS = 2 };

/** As `call` of struct question_function. */
int answer_field(struct answer_bodies *bodies,
		 const struct question_value *arguments,
		 struct question_value *ret_value, const char **why);

#endif
