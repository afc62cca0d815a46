/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_STORAGE_SAMPLE_H
#define TESTS_UNIT_STORAGE_SAMPLE_H

/**
 * A source for questions: SAMPLE_ROWS records, whose sequences go from 1 on,
 * whose times are ten times that, and whose subjects are in turn "a.b", "c" and
 * one that is not ASCII. The column `secret` is hidden, and `twice(number)` is
 * a function. It remembers what it was asked for.
 */

#include "storage/backend/question.h"

enum { SAMPLE_ROWS = 1000 };

struct sample {
	struct question_source source;
	struct question_filter filter; /* of the last walk */
	char subject[32];              /* of that filter; "" for none */
	unsigned n_open;
	unsigned n_shown;
	unsigned fails_at;  /* this row cannot be had; 0: all can */
	int function_fails; /* with this; 0: it does not */
	bool is_endless;    /* there is always one more row */
	bool is_plain;      /* filters are ignored */
};

void sample_init(struct sample *sample);

#endif
