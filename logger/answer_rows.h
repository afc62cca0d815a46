/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_ANSWER_ROWS_H
#define LOGGER_ANSWER_ROWS_H

/** The records of a log as the rows of a question: the table `records`. */

#include "logger/answer_body.h"
#include "logger/answer_seen.h"
#include "storage/backend/question.h"

struct view;

struct answer_rows {
	struct view *view;
	uint64_t subject_records_max;
	struct answer_seen seen;
	struct answer_bodies bodies;
	void *set; /* the schema that was read last */
};

/**
 * Of each subject there are the newest `subject_records_max`; 0: all. Returns 0
 * or a negative errno. `rows` must not move.
 */
int answer_rows_init(struct answer_rows *rows, struct view *view,
		     uint64_t subject_records_max);
void answer_rows_deinit(struct answer_rows *rows);

/** The source; `rows` must live as long. */
void answer_rows_source(struct answer_rows *rows,
			struct question_source *ret_source);

#endif
