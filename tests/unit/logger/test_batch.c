/* SPDX-License-Identifier: MIT */

/* Who is told what of a commit, without a commit. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "logger/batch.h"
#include "logger/capture.h"
#include "rpc/heliograph.h"
#include "tests/fault.h"

static struct capture a, b;

static int add(struct batch *batch, struct capture *capture, const char *key)
{
	const struct run_record record = {
		.time_ns = 1000,
		.kind = RUN_MESSAGE,
		.subject = "lab.x",
		.n_subject = 5,
		.source = { .principal = "uid:0",
			    .n_principal = 5,
			    .durable_id = "uid:0",
			    .n_durable_id = 5 },
		.body = "body",
		.n_body = 4,
	};
	const struct log_condition condition = {
		.key = key,
		.durable_id = "uid:0",
	};

	return batch_add(batch, capture, &record, key ? &condition : NULL,
			 !key);
}

/* What log_append() would have said. */
static void say(struct batch *batch, const struct log_verdict *verdicts,
		size_t n)
{
	batch->r = 0;
	batch->first = 100;
	batch->verdicts = malloc(n * sizeof(*verdicts) + 1);
	if (n)
		memcpy(batch->verdicts, verdicts, n * sizeof(*verdicts));
	batch->n_verdicts = n;
}

static void unsay(struct batch *batch)
{
	free(batch->verdicts);
	batch->verdicts = NULL;
	batch_free(batch);
}

static void check(const struct batch *batch, struct batch_walk *walk,
		  const struct batch_answer *expected)
{
	struct batch_answer answer;

	assert_true(batch_next_answer(batch, walk, &answer));
	assert_ptr_equal(answer.capture, expected->capture);
	assert_int_equal(answer.status, expected->status);
	assert_int_equal(answer.n, expected->n);
	assert_int_equal(answer.sequence, expected->sequence);
	assert_int_equal(answer.is_duplicate, expected->is_duplicate);
}

static void test_answers_in_order(void **state)
{
	static const struct log_verdict verdicts[] = {
		{ .place = 1, .outcome = LOG_DUPLICATE, .sequence = 7 },
		{ .place = 4, .outcome = LOG_KEY_GAP, .sequence = 3 },
	};
	static const struct batch_answer expected[] = {
		{ .capture = &a, .n = 1, .sequence = 100 },
		{ .capture = &a, .n = 1, .sequence = 7, .is_duplicate = true },
		{ .capture = &a, .n = 1, .sequence = 101 },
		{ .capture = &a, .status = HELIO_INVALID_ARGUMENT, .n = 2 },
		{ .capture = &b, .n = 1, .sequence = 102 },
		{ .capture = &b,
		  .status = HELIO_FAILED_PRECONDITION,
		  .n = 1,
		  .sequence = 3 },
		{ .capture = &b, .n = 2, .sequence = 103 },
	};
	struct batch_answer answer;
	struct batch_walk walk = { 0 };
	struct batch *batch;

	(void)state;
	assert_int_equal(batch_new(&batch), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(add(batch, &a, "k"), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			batch_refuse(batch, &a, HELIO_INVALID_ARGUMENT, false),
			0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(add(batch, &b, i % 2 ? "k" : NULL), 0);
	assert_int_equal(batch->n_records, 7);
	say(batch, verdicts, 2);
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
		check(batch, &walk, &expected[i]);
	assert_false(batch_next_answer(batch, &walk, &answer));
	assert_int_equal(batch_n_stored(batch), 5);
	unsay(batch);
}

/* A gap is a record, but nobody's delivery. */
static void test_gaps_are_not_answered(void **state)
{
	static const struct batch_answer expected[] = {
		{ .capture = &a, .n = 1, .sequence = 101 },
		{ .capture = &a, .n = 1, .sequence = 103 },
	};
	const struct run_record gap = {
		.time_ns = 1000,
		.kind = RUN_GAP,
		.subject = "lab.>",
		.n_subject = 5,
		.n_lost = 3,
		.source = { .principal = "", .durable_id = "" },
	};
	struct batch_answer answer;
	struct batch_walk walk = { 0 };
	struct batch *batch;

	(void)state;
	assert_int_equal(batch_new(&batch), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(batch_add_gap(batch, &a, &gap), 0);
		assert_int_equal(add(batch, &a, NULL), 0);
	}
	say(batch, NULL, 0);
	for (size_t i = 0; i < 2; i++)
		check(batch, &walk, &expected[i]);
	assert_false(batch_next_answer(batch, &walk, &answer));
	unsay(batch);
}

static void test_a_failure_is_everybodys(void **state)
{
	struct batch_walk walk = { 0 };
	struct batch *batch;

	(void)state;
	assert_int_equal(batch_new(&batch), 0);
	assert_int_equal(add(batch, &a, "k"), 0);
	assert_int_equal(add(batch, &a, "l"), 0);
	batch->r = -ENOSPC;
	check(batch, &walk,
	      &(struct batch_answer){ .capture = &a,
				      .status = HELIO_RESOURCE_EXHAUSTED,
				      .n = 2 });
	batch->r = -EIO;
	walk = (struct batch_walk){ 0 };
	check(batch, &walk,
	      &(struct batch_answer){
		      .capture = &a, .status = HELIO_UNAVAILABLE, .n = 2 });
	assert_int_equal(batch_n_stored(batch), 0);
	batch_free(batch);
}

static void test_every_allocation_may_fail(void **state)
{
	(void)state;
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct batch *batch = NULL;
		int r;

		fault_arm(n);
		r = batch_new(&batch);
		if (r == 0)
			r = add(batch, &a, "key");
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		if (batch)
			assert_int_equal(batch->n_records, r == 0);
		batch_free(batch);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_in_order),
		cmocka_unit_test(test_gaps_are_not_answered),
		cmocka_unit_test(test_a_failure_is_everybodys),
		cmocka_unit_test(test_every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
