/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_ANSWER_ROWS_H
#define LOGGER_ANSWER_ROWS_H

/** The records of a log as the rows of a question: the table `records`. */

#include "base/hash.h"
#include "base/map.h"
#include "storage/backend/question.h"

struct view;

struct answer_rows {
	struct view *view;
	struct map subjects; /* what is known of who may see them */
	struct hash_key key;
	size_t n_subjects;
};

/** Returns 0 or a negative errno. */
int answer_rows_init(struct answer_rows *rows, struct view *view);
void answer_rows_deinit(struct answer_rows *rows);

/** The source; `rows` must live as long. */
void answer_rows_source(struct answer_rows *rows,
			struct question_source *ret_source);

#endif
