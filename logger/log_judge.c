/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>

#include "logger/log_inside.h"

/* What is judged: a walk over the records, with their conditions. */
struct trial {
	struct log *log;
	const struct run_builder *builder;
	const struct log_condition *conditions;
	size_t n_conditions;
	uint64_t first;
	uint64_t now_ns;
	bool is_limited; /* some writer may be over its limit */
};

static int make_room(struct log *log)
{
	size_t n = log->n_verdicts_max ? 2 * log->n_verdicts_max : 64;
	void *memory;

	if (log->n_verdicts < log->n_verdicts_max)
		return 0;
	memory = reallocarray(log->verdicts, n, sizeof(*log->verdicts));
	if (!memory)
		return -ENOMEM;
	log->verdicts = memory;
	memory = reallocarray(log->places, n, sizeof(*log->places));
	if (!memory)
		return -ENOMEM;
	log->places = memory;
	log->n_verdicts_max = n;
	return 0;
}

static int refuse(struct log *log, uint32_t place, enum log_outcome outcome,
		  uint64_t sequence)
{
	int r;

	r = make_room(log);
	if (r < 0)
		return r;
	log->places[log->n_verdicts] = place;
	log->verdicts[log->n_verdicts++] = (struct log_verdict){
		.place = place,
		.outcome = outcome,
		.sequence = sequence,
	};
	return 0;
}

static struct account *account_of(struct trial *trial, uint16_t source,
				  struct run_use *ret_use)
{
	struct run_source writer =
		run_builder_source(trial->builder, source, ret_use);

	return accounts_lookup(&trial->log->accounts, writer.durable_id,
			       writer.n_durable_id);
}

/* Whether all of a source's records would still be within its limit. */
static int look_at_limits(struct trial *trial)
{
	uint64_t max = trial->log->limits.principal_bytes_max;
	uint16_t n = run_builder_n_sources(trial->builder);

	for (uint16_t i = 0; max && i < n; i++) {
		struct account *account;
		struct run_use use;
		uint64_t total;
		int r;

		account = account_of(trial, i, &use);
		account->n_pending = 0;
		r = account_total(account, &trial->log->ledger, &total);
		if (r < 0)
			return r;
		if (total > max || account_price(&use) > max - total)
			trial->is_limited = true;
	}
	/* Two incarnations of one writer share what is left. */
	if (max && n > 1)
		trial->is_limited = true;
	return 0;
}

static int judge_limit(struct trial *trial, const struct run_added *added,
		       enum log_outcome *outcome)
{
	uint64_t max = trial->log->limits.principal_bytes_max;
	uint64_t price = account_price_of(added->n_bytes, added->flags);
	struct account *account;
	struct run_use use;
	uint64_t total;
	int r;

	account = account_of(trial, added->source, &use);
	r = account_total(account, &trial->log->ledger, &total);
	if (r < 0)
		return r;
	if (total > max || price > max - total)
		*outcome = LOG_OVER_PRINCIPAL;
	else
		account->n_pending += price;
	return 0;
}

static struct keys_question ask(const struct trial *trial,
				const struct run_added *added,
				const struct log_condition *condition)
{
	return (struct keys_question){
		.durable_id = condition->durable_id,
		.key = condition->key,
		.body = added->body,
		.n_body = added->n_body,
		.now_ns = trial->now_ns,
		.window_ns = log_dedup_window_ns(trial->log),
	};
}

/* One record, which would get `sequence`; `condition` may be NULL. */
static int judge(struct trial *trial, uint32_t place,
		 const struct run_added *added,
		 const struct log_condition *condition)
{
	struct log *log = trial->log;
	uint64_t sequence = trial->first + place - log->n_verdicts;
	enum log_outcome outcome = LOG_STORED;
	struct keys_question question = { 0 };
	uint64_t told = 0;
	int r = 0;

	if (condition && condition->key) {
		question = ask(trial, added, condition);
		r = keys_judge(&log->keys, log->active.store, &question,
			       &outcome, &told);
	}
	if (r >= 0 && outcome == LOG_STORED && condition &&
	    condition->has_expected && condition->expected != sequence - 1) {
		outcome = LOG_NOT_EXPECTED;
		told = sequence - 1;
	}
	if (r >= 0 && outcome == LOG_STORED && trial->is_limited)
		r = judge_limit(trial, added, &outcome);
	if (r < 0)
		return r;
	if (outcome != LOG_STORED)
		return refuse(log, place, outcome, told);
	if (question.key)
		return keys_add(&log->keys, log->active.store, &question,
				sequence);
	return 0;
}

static int judge_all(struct trial *trial)
{
	const struct log_condition *condition = trial->conditions;
	const struct log_condition *end = condition + trial->n_conditions;
	struct run_added added;
	uint32_t place = 0;
	size_t at = 0;
	int r = 0;

	while (r >= 0 && (trial->is_limited || condition != end) &&
	       run_builder_next(trial->builder, &at, &added)) {
		bool has_one = condition != end && condition->place == place;

		if (has_one || trial->is_limited)
			r = judge(trial, place, &added,
				  has_one ? condition : NULL);
		condition += has_one;
		place++;
	}
	return r;
}

int log_judge(struct log *log, const struct run_builder *builder,
	      const struct log_condition *conditions, size_t n_conditions,
	      uint64_t first)
{
	struct trial trial = {
		.log = log,
		.builder = builder,
		.conditions = conditions,
		.n_conditions = n_conditions,
		.first = first,
		.now_ns = builder->base_time_ns,
	};
	int r;

	log->n_verdicts = 0;
	keys_begin(&log->keys, first);
	r = look_at_limits(&trial);
	if (r < 0 || (!trial.is_limited && !n_conditions))
		return r;
	r = judge_all(&trial);
	return r < 0 ? r : keys_put(&log->keys, log->active.store);
}
