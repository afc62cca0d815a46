/* SPDX-License-Identifier: MIT */

#include "logger/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/heliograph.h"

/* Keys and names of as many records as fit a run. */
enum { TEXTS_BYTES_MAX = 64 * 1024 * 1024, FIRST = 16 };

int batch_new(struct batch **ret_batch)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	int r;

	if (!batch)
		return -ENOMEM;
	r = run_builder_init(&batch->builder);
	if (r < 0) {
		free(batch);
		return r;
	}
	list_init(&batch->link);
	arena_init(&batch->texts, TEXTS_BYTES_MAX);
	*ret_batch = batch;
	return 0;
}

struct batch *batch_free(struct batch *batch)
{
	if (!batch)
		return NULL;
	list_unlink(&batch->link);
	run_builder_deinit(&batch->builder);
	arena_deinit(&batch->texts);
	free(batch->parts);
	free(batch->conditions);
	free(batch->verdicts);
	free(batch);
	return NULL;
}

void batch_clear(struct batch *batch)
{
	run_builder_clear(&batch->builder);
	arena_deinit(&batch->texts);
	arena_init(&batch->texts, TEXTS_BYTES_MAX);
	batch->last_durable_id = NULL;
	batch->n_records = 0;
	batch->n_counted = 0;
	batch->n_parts = 0;
	batch->n_conditions = 0;
	batch->n_verdicts = 0;
	batch->r = 0;
}

size_t batch_bytes(const struct batch *batch)
{
	return run_builder_bytes(&batch->builder) + batch->texts.n_bytes +
	       batch->n_conditions * sizeof(*batch->conditions) +
	       batch->n_parts * sizeof(*batch->parts);
}

/* Room for one more in an array that doubles. */
static int grow(void **at, size_t n, size_t *n_max, size_t n_member)
{
	size_t n_new = *n_max ? *n_max * 2 : FIRST;
	void *grown;

	if (n < *n_max)
		return 0;
	grown = realloc(*at, n_new * n_member);
	if (!grown)
		return -ENOMEM;
	*at = grown;
	*n_max = n_new;
	return 0;
}

static int grow_parts(struct batch *batch)
{
	void *at = batch->parts;
	int r = grow(&at, batch->n_parts, &batch->n_parts_max,
		     sizeof(*batch->parts));

	batch->parts = at;
	return r;
}

static int grow_conditions(struct batch *batch)
{
	void *at = batch->conditions;
	int r = grow(&at, batch->n_conditions, &batch->n_conditions_max,
		     sizeof(*batch->conditions));

	batch->conditions = at;
	return r;
}

static int keep_verdicts(struct batch *batch, const struct log_verdict *from,
			 size_t n)
{
	if (n > batch->n_verdicts_max) {
		free(batch->verdicts);
		batch->n_verdicts_max = 0;
		batch->verdicts = malloc(n * sizeof(*from));
		if (!batch->verdicts)
			return -ENOMEM;
		batch->n_verdicts_max = n;
	}
	if (n)
		memcpy(batch->verdicts, from, n * sizeof(*from));
	batch->n_verdicts = n;
	return 0;
}

/* There is room for one more. */
static void add_part(struct batch *batch, const struct batch_part *part)
{
	struct batch_part *last = NULL;

	if (batch->n_parts)
		last = &batch->parts[batch->n_parts - 1];
	if (last && last->capture == part->capture && !last->is_gap &&
	    !part->is_gap && last->status == part->status) {
		last->n++;
		last->n_plain += part->n_plain;
		return;
	}
	batch->parts[batch->n_parts++] = *part;
}

/* Most of those that follow each other are of one writer. */
static const char *copy_durable_id(struct batch *batch, const char *id)
{
	const char *last = batch->last_durable_id;

	if (!last || strcmp(last, id) != 0)
		batch->last_durable_id =
			arena_copy(&batch->texts, id, strlen(id));
	return batch->last_durable_id;
}

static int copy_condition(struct batch *batch,
			  const struct log_condition *condition,
			  struct log_condition *ret_copy)
{
	*ret_copy = *condition;
	ret_copy->place = batch->n_records;
	ret_copy->durable_id = copy_durable_id(batch, condition->durable_id);
	if (condition->key)
		ret_copy->key = arena_copy(&batch->texts, condition->key,
					   strlen(condition->key));
	if (!ret_copy->durable_id || (condition->key && !ret_copy->key))
		return arena_error(&batch->texts);
	return 0;
}

static int add_record(struct batch *batch, const struct batch_part *part,
		      const struct run_record *record,
		      const struct log_condition *condition)
{
	struct log_condition copy;
	int r = grow_parts(batch);

	if (r == 0 && condition)
		r = grow_conditions(batch);
	if (r == 0 && condition)
		r = copy_condition(batch, condition, &copy);
	if (r == 0)
		r = run_builder_add(&batch->builder, record);
	if (r < 0)
		return r;
	if (condition)
		batch->conditions[batch->n_conditions++] = copy;
	add_part(batch, part);
	batch->n_records++;
	return 0;
}

int batch_add(struct batch *batch, struct capture *capture,
	      const struct run_record *record,
	      const struct log_condition *condition, bool is_plain)
{
	const struct batch_part part = {
		.capture = capture,
		.status = HELIO_OK,
		.n = 1,
		.n_plain = is_plain,
	};

	return add_record(batch, &part, record, condition);
}

int batch_add_gap(struct batch *batch, struct capture *capture,
		  const struct run_record *record)
{
	const struct batch_part part = {
		.capture = capture,
		.status = HELIO_OK,
		.n = 1,
		.is_gap = true,
		.n_lost = record->n_lost,
	};

	return add_record(batch, &part, record, NULL);
}

int batch_refuse(struct batch *batch, struct capture *capture, unsigned status,
		 bool is_plain)
{
	int r = grow_parts(batch);

	if (r == 0)
		add_part(batch, &(struct batch_part){
					.capture = capture,
					.status = status,
					.n = 1,
					.n_plain = is_plain,
				});
	return r;
}

void batch_append(struct batch *batch, struct log *log)
{
	const struct log_verdict *verdicts = NULL;
	size_t n_verdicts = 0;

	batch->n_verdicts = 0;
	batch->r = 0;
	if (!batch->n_records)
		return;
	batch->r = log_append(log, &batch->builder, batch->conditions,
			      batch->n_conditions, &batch->first, &verdicts,
			      &n_verdicts);
	if (batch->r == 0)
		batch->r = keep_verdicts(batch, verdicts, n_verdicts);
}

static unsigned verdict_status(enum log_outcome outcome)
{
	switch (outcome) {
	case LOG_STORED:
	case LOG_DUPLICATE:
		break;
	case LOG_KEY_CONFLICT:
		return HELIO_ALREADY_EXISTS;
	case LOG_KEY_GAP:
	case LOG_NOT_EXPECTED:
		return HELIO_FAILED_PRECONDITION;
	case LOG_OVER_PRINCIPAL:
		return HELIO_RESOURCE_EXHAUSTED;
	}
	return HELIO_OK;
}

/* What the whole batch failed of. */
static unsigned failure_status(int r)
{
	return r == -ENOSPC ? HELIO_RESOURCE_EXHAUSTED : HELIO_UNAVAILABLE;
}

/* The next of a part that is in the run: one verdict, or what has none. */
static void answer_records(const struct batch *batch, struct batch_walk *walk,
			   uint32_t n_left, struct batch_answer *answer)
{
	const struct log_verdict *verdict = NULL;

	if (walk->verdict < batch->n_verdicts)
		verdict = &batch->verdicts[walk->verdict];
	answer->n = n_left;
	if (verdict && verdict->place == walk->place) {
		answer->n = 1;
		answer->status = verdict_status(verdict->outcome);
		answer->sequence = verdict->sequence;
		answer->is_duplicate = verdict->outcome == LOG_DUPLICATE;
		answer->is_verdict = true;
		walk->verdict++;
	} else {
		if (verdict && verdict->place - walk->place < n_left)
			answer->n = verdict->place - walk->place;
		answer->status = HELIO_OK;
		answer->sequence = batch->first + walk->n_stored;
		walk->n_stored += answer->n;
	}
	walk->place += answer->n;
}

static void answer_part(const struct batch *batch, struct batch_walk *walk,
			struct batch_answer *answer)
{
	const struct batch_part *part = &batch->parts[walk->part];
	uint32_t n_left = part->n - walk->in_part;

	*answer = (struct batch_answer){
		.capture = part->capture,
		.status = part->status,
		.n = n_left,
		.is_plain = part->n_plain == part->n,
	};
	if (part->status == HELIO_OK && batch->r)
		answer->status = failure_status(batch->r);
	else if (part->status == HELIO_OK)
		answer_records(batch, walk, n_left, answer);
	walk->in_part += answer->n;
	if (walk->in_part < part->n)
		return;
	walk->part++;
	walk->in_part = 0;
}

bool batch_next_answer(const struct batch *batch, struct batch_walk *walk,
		       struct batch_answer *ret_answer)
{
	while (walk->part < batch->n_parts) {
		bool is_gap = batch->parts[walk->part].is_gap;

		answer_part(batch, walk, ret_answer);
		if (!is_gap)
			return true;
	}
	return false;
}
