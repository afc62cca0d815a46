/* SPDX-License-Identifier: MIT */

/*
 * SQL of a stranger. Whatever it is, it reads nothing but the table, it ends,
 * and no walk over the rows is left open.
 */

#include <errno.h>

#include "base/clock.h"
#include "storage/backend/question.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/storage/sample.h"

enum { ROWS_MAX = 2000 };

static const struct question_limits limits = { .duration_ns = 50 * NS_PER_MS,
					       .memory_bytes = 8 << 20,
					       .value_bytes = 64 << 10 };

static bool is_expected(int r)
{
	return r == 0 || r == -EINVAL || r == -ETIMEDOUT || r == -ENOMEM ||
	       r == -EMSGSIZE;
}

static void read_all(struct question *question)
{
	struct question_value value;
	unsigned n = 0;
	int r;

	while ((r = question_next(question)) == 1 && n++ < ROWS_MAX) {
		for (unsigned i = 0; i < question_n_columns(question); i++) {
			question_value(question, i, &value);
			FUZZ_CHECK(value.n_bytes <= limits.value_bytes);
			FUZZ_CHECK(value.bytes);
			FUZZ_CHECK(question_column(question, i));
		}
	}
	FUZZ_CHECK(r == 1 || is_expected(r));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct sample sample;
	struct question *question = NULL;
	int r;

	sample_init(&sample);
	r = question_new(&sample.source, &limits, (const char *)bytes, n,
			 &question, NULL);
	FUZZ_CHECK(is_expected(r));
	if (!r)
		read_all(question);
	question_free(question);
	FUZZ_CHECK(!sample.n_open);
	return 0;
}
