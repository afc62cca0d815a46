/* SPDX-License-Identifier: MIT */

/*
 * Submitters and workers do what they like, time passes, steps are taken back
 * and snapshots are read: a queue does what the model does. HELIO_SEED and
 * HELIO_ROUNDS try others.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/state/queue_inside.h"
#include "tests/torture/dice.h"
#include "tests/unit/storage/state/job_model.h"
#include "tests/unit/storage/state/job_shot.h"
#include "tests/unit/storage/state/job_world.h"

enum {
	N_ROUNDS = 60,
	N_OPERATIONS = 250,
	N_THOROUGH = 4, /* one of so many rounds */
	N_TOKENS = 64,
};

static const char *const people[MODEL_PEOPLE] = { "", "ann", "bob", "cid" };
static const char *const names[MODEL_QUEUES] = { "q", "r.s" };

/* A lease that was given once, and may be over. */
struct token {
	unsigned queue;
	uint64_t id, token;
};

struct round {
	struct job_world world;
	struct job_model model, committed; /* and as it is on disk */
	struct job_shot shot;
	struct dice dice;
	struct token tokens[N_TOKENS];
	size_t n_tokens;
};

static unsigned below(struct round *round, unsigned n)
{
	return (unsigned)dice_below(&round->dice, n);
}

static bool is(struct round *round, unsigned percent)
{
	return dice_is(&round->dice, percent);
}

static unsigned a_person(struct round *round)
{
	return 1 + below(round, MODEL_PEOPLE - 1);
}

static char *text_of(const char *text)
{
	return (char *)(uintptr_t)text;
}

/* ---- what is compared ---- */

static void assert_text(const char *text, const char *expected)
{
	assert_string_equal(text ? text : "", expected);
}

static void assert_bytes(const struct value *value, const char *expected)
{
	size_t n = value ? value->n_bytes : 0;

	assert_int_equal(n, strlen(expected));
	if (n)
		assert_memory_equal(value->bytes, expected, n);
}

static void compare_status(const struct job_status *status,
			   const struct model_job *model)
{
	assert_int_equal(status->state, model->state);
	assert_int_equal(status->attempts, model->attempts);
	assert_int_equal(status->not_before, model->not_before);
	assert_int_equal(status->token, model->token);
	assert_int_equal(status->lease_until, model->until);
	assert_int_equal(status->worker_incarnation, model->life);
	assert_text(status->worker ? status->worker->account->durable_id : "",
		    people[model->worker]);
	assert_int_equal(status->progress_permille, model->permille);
	assert_text(status->error, model->error);
	assert_bytes(status->result, model->result);
	assert_int_equal(status->ended, model->ended);
	assert_int_equal(status->forget, model->forget);
	assert_int_equal(status->revision, model->revision);
}

static void compare_job(struct round *round, const struct model_job *model)
{
	const struct queue *queue =
		queue_lookup(&round->world.state, names[model->queue]);
	const struct job *job = queue_job(queue, model->id);

	assert_non_null(job);
	assert_bytes(job->body, model->body);
	assert_int_equal(job->priority, model->priority);
	assert_int_equal(job->attempts_max, model->attempts_max);
	assert_int_equal(job->deadline, model->deadline);
	assert_int_equal(job->submitted, model->submitted);
	assert_text(job->submitter->account->durable_id,
		    people[model->submitter]);
	assert_int_equal(!job->key, !model->key);
	assert_int_equal(!job->line, !model->order);
	assert_int_equal(job->n_bytes, model_job_bytes(model));
	compare_status(&job->status, model);
}

static void compare_queue(struct round *round, unsigned which)
{
	const struct model_queue *model = &round->model.queues[which];
	const struct queue *queue =
		queue_lookup(&round->world.state, names[which]);
	size_t n = 0;

	assert_int_equal(queue != NULL, model->is_there);
	if (!queue)
		return;
	for (size_t i = 0; i < round->model.n_jobs; i++)
		n += round->model.jobs[i].queue == which;
	assert_int_equal(queue->jobs.n_nodes, n);
	assert_int_equal(queue->n_submitted, model->n_submitted);
	assert_int_equal(queue->n_completed, model->n_completed);
	assert_int_equal(queue->n_failed, model->n_failed);
	assert_int_equal(queue->n_lapsed, model->n_lapsed);
}

static void compare(struct round *round)
{
	for (unsigned i = 0; i < MODEL_QUEUES; i++)
		compare_queue(round, i);
	for (size_t i = 0; i < round->model.n_jobs; i++)
		compare_job(round, &round->model.jobs[i]);
	world_check(&round->world.state);
}

/* Of a request that both were asked. */
static void compare_verdict(struct round *round, enum model_verdict verdict)
{
	const struct job_world *world = &round->world;

	assert_int_equal(world->status, verdict);
	if (verdict != MODEL_OK)
		return;
	assert_int_equal(world->n_changes != 0, round->model.has_changed);
	assert_int_equal(world->out.number, round->model.number);
	assert_int_equal(world->out.was_there, round->model.was_there);
}

static struct job_model *ask_model(struct round *round)
{
	round->model.now = round->world.now;
	round->model.revision = round->world.state.revision + 1;
	return &round->model;
}

/* ---- what submitters do ---- */

static void submit(struct round *round)
{
	Helio__Store__V1__SubmitRequest in =
		HELIO__STORE__V1__SUBMIT_REQUEST__INIT;
	struct model_submit model = {
		.queue = below(round, MODEL_QUEUES),
		.submitter = a_person(round),
		.key = is(round, 50) ? 1 + below(round, 6) : 0,
		.order = is(round, 50) ? 1 + below(round, 2) : 0,
		.priority = (int)below(round, 3) - 1,
		.attempts_max = is(round, 20) ? 1 + below(round, 3) : 0,
		.delay_ms = is(round, 20) ? 1 + below(round, 60) : 0,
		.timeout_ms = is(round, 20) ? 1 + below(round, 200) : 0,
	};
	char key[2] = { (char)('a' + model.key), 0 };
	char order[2] = { (char)('a' + model.order), 0 };
	enum model_verdict verdict;

	snprintf(model.body, sizeof(model.body), "%.*s", (int)below(round, 8),
		 is(round, 90) ? "the body" : "another");
	in.queue = text_of(names[model.queue]);
	in.has_body = true;
	in.body.data = (uint8_t *)model.body;
	in.body.len = strlen(model.body);
	in.key = model.key ? key : NULL;
	in.order_key = model.order ? order : NULL;
	in.has_priority = true;
	in.priority = model.priority;
	in.has_attempts_max = model.attempts_max != 0;
	in.attempts_max = model.attempts_max;
	in.has_delay_ms = model.delay_ms != 0;
	in.delay_ms = model.delay_ms;
	in.has_timeout_ms = model.timeout_ms != 0;
	in.timeout_ms = model.timeout_ms;
	verdict = model_submit(ask_model(round), &model);
	WORLD_DO(&round->world, people[model.submitter], judge_submit, &in);
	compare_verdict(round, verdict);
}

static const struct model_job *a_job(struct round *round)
{
	static const struct model_job none = { .id = 999999 };

	if (!round->model.n_jobs || is(round, 2))
		return &none;
	return &round->model.jobs[below(round, (unsigned)round->model.n_jobs)];
}

static void cancel(struct round *round)
{
	Helio__Store__V1__CancelRequest in =
		HELIO__STORE__V1__CANCEL_REQUEST__INIT;
	const struct model_job *job = a_job(round);
	unsigned queue = job->queue, person = a_person(round);
	bool only_own = is(round, 50);
	enum model_verdict verdict;

	in.queue = text_of(names[queue]);
	in.id = job->id;
	verdict = model_cancel(ask_model(round), queue, in.id,
			       only_own ? person : 0);
	WORLD_DO(&round->world, people[person], judge_cancel, &in, only_own);
	compare_verdict(round, verdict);
}

static void retry(struct round *round)
{
	Helio__Store__V1__RetryRequest in =
		HELIO__STORE__V1__RETRY_REQUEST__INIT;
	const struct model_job *job = a_job(round);
	unsigned queue = job->queue;
	enum model_verdict verdict;

	in.queue = text_of(names[queue]);
	in.id = job->id;
	verdict = model_retry(ask_model(round), queue, in.id);
	WORLD_DO(&round->world, "ann", judge_retry, &in);
	compare_verdict(round, verdict);
}

/* ---- what workers do ---- */

static void do_as(struct round *round, unsigned person, uint64_t life)
{
	world_begin(&round->world, people[person], life);
}

/* Nobody has had this job with a token that is not less. */
static void keep_token(struct round *round, unsigned queue, uint64_t id)
{
	uint64_t token = round->world.draft.step.revision;

	for (size_t i = 0; i < round->n_tokens; i++)
		if (round->tokens[i].id == id &&
		    round->tokens[i].queue == queue)
			assert_true(round->tokens[i].token < token);
	if (round->n_tokens == N_TOKENS)
		memmove(round->tokens, round->tokens + 1,
			--round->n_tokens * sizeof(round->tokens[0]));
	round->tokens[round->n_tokens++] = (struct token){ queue, id, token };
}

static void lease(struct round *round)
{
	Helio__Store__V1__LeaseRequest in =
		HELIO__STORE__V1__LEASE_REQUEST__INIT;
	unsigned queue = below(round, MODEL_QUEUES), person = a_person(round);
	uint64_t life = 1 + below(round, 2);
	struct job_world *world = &round->world;
	enum model_verdict verdict;

	in.queue = text_of(names[queue]);
	in.has_max = true;
	in.max = 1 + below(round, 3);
	in.has_lease_ms = is(round, 50);
	in.lease_ms = in.has_lease_ms ? 1 + below(round, 80) : 0;
	verdict = model_lease(ask_model(round), queue, person, life, in.max,
			      in.lease_ms);
	do_as(round, person, life);
	world->status = judge_lease(&world->draft, &in, &world->out);
	world_end(world);
	compare_verdict(round, verdict);
	assert_int_equal(world->n_changed, round->model.n_leased);
	for (size_t i = 0; i < world->n_changed; i++) {
		assert_int_equal(world->changed[i], round->model.leased[i]);
		keep_token(round, queue, world->changed[i]);
	}
}

/* Mostly one that is good, of those that were given. */
static struct token a_token(struct round *round)
{
	size_t from = round->n_tokens > 8 ? round->n_tokens - 8 : 0;

	if (!round->n_tokens)
		return (struct token){ 0, 999999, 1 };
	if (is(round, 30))
		from = 0;
	return round->tokens[from +
			     below(round, (unsigned)(round->n_tokens - from))];
}

static void extend(struct round *round)
{
	Helio__Store__V1__ExtendRequest in =
		HELIO__STORE__V1__EXTEND_REQUEST__INIT;
	struct token of = a_token(round);
	uint64_t model_ms;
	enum model_verdict verdict;

	in.queue = text_of(names[of.queue]);
	in.id = of.id;
	in.token = of.token;
	in.has_lease_ms = is(round, 60);
	in.lease_ms = in.has_lease_ms ? below(round, 60) : 0;
	in.has_progress_permille = true;
	in.progress_permille = below(round, 1001);
	model_ms = in.has_lease_ms && !in.lease_ms ? UINT64_MAX : in.lease_ms;
	verdict = model_extend(ask_model(round), of.queue, of.id, of.token,
			       model_ms, in.progress_permille);
	WORLD_DO(&round->world, "ann", judge_extend, &in);
	compare_verdict(round, verdict);
}

static void complete(struct round *round)
{
	Helio__Store__V1__CompleteRequest in =
		HELIO__STORE__V1__COMPLETE_REQUEST__INIT;
	struct token of = a_token(round);
	const char *result = is(round, 50) ? "the result" : "";
	enum model_verdict verdict;

	in.queue = text_of(names[of.queue]);
	in.id = of.id;
	in.token = of.token;
	in.has_result = *result != 0;
	in.result.data = (uint8_t *)text_of(result);
	in.result.len = strlen(result);
	verdict = model_complete(ask_model(round), of.queue, of.id, of.token,
				 result);
	WORLD_DO(&round->world, "ann", judge_complete, &in);
	compare_verdict(round, verdict);
}

static void fail_job(struct round *round)
{
	Helio__Store__V1__FailRequest in = HELIO__STORE__V1__FAIL_REQUEST__INIT;
	struct token of = a_token(round);
	unsigned how = below(round, 6);
	enum model_verdict verdict;

	in.queue = text_of(names[of.queue]);
	in.id = of.id;
	in.token = of.token;
	in.error = text_of("it broke");
	in.is_final = how == 0;
	in.is_given_back = how == 1;
	verdict = model_fail(ask_model(round), of.queue, of.id, of.token,
			     in.error, in.is_final, in.is_given_back);
	WORLD_DO(&round->world, "bob", judge_fail, &in);
	compare_verdict(round, verdict);
}

static void worker_down(struct round *round)
{
	unsigned person = a_person(round);
	uint64_t life = below(round, 3);
	struct job_world *world = &round->world;

	model_worker_down(ask_model(round), person, life);
	world_begin(world, NULL, 0);
	world->status =
		judge_worker_down(&world->draft, people[person], life, 1000);
	world_end(world);
	assert_int_equal(world->status, MODEL_OK);
	assert_int_equal(world->n_changes != 0, round->model.has_changed);
}

/* ---- what else happens ---- */

/* Which of the steps that time made a job was changed by is not told. */
static void copy_revisions(struct round *round, uint64_t first)
{
	const struct state *state = &round->world.state;

	for (size_t i = 0; i < round->model.n_jobs; i++) {
		struct model_job *model = &round->model.jobs[i];
		const struct job *job = queue_job(
			queue_lookup(state, names[model->queue]), model->id);

		if (model->revision != first)
			continue;
		assert_non_null(job);
		assert_true(job->status.revision >= first);
		assert_true(job->status.revision <= state->revision);
		model->revision = job->status.revision;
	}
}

static void pass(struct round *round)
{
	uint64_t first = round->world.state.revision + 1;

	world_pass(&round->world, below(round, 40), 1 + below(round, 4));
	ask_model(round)->revision = first;
	model_pass(&round->model);
	copy_revisions(round, first);
}

/* Time goes on and nobody looks yet. */
static void tick(struct round *round)
{
	round->world.now += below(round, 20);
}

#define TELL(config, field, with) \
	((config).has_##field = true, (config).field = (with))

static Helio__Store__V1__QueueConfig a_config(struct round *round,
					      struct model_queue *model)
{
	Helio__Store__V1__QueueConfig config =
		HELIO__STORE__V1__QUEUE_CONFIG__INIT;

	TELL(config, lease_ms, model->lease_ms = 30 + below(round, 40));
	TELL(config, attempts_max, model->attempts_max = 1 + below(round, 4));
	TELL(config, backoff_ms, model->backoff_ms = below(round, 10));
	TELL(config, backoff_max_ms,
	     model->backoff_max_ms = 5 + below(round, 30));
	TELL(config, keep_ms, model->keep_ms = 1 + below(round, 200));
	TELL(config, keep_dead_ms, model->keep_dead_ms = 1 + below(round, 300));
	TELL(config, jobs_max, model->jobs_max = 5 + below(round, 15));
	TELL(config, submitter_jobs_max,
	     model->submitter_jobs_max = 4 + below(round, 8));
	TELL(config, bytes_max, model->bytes_max = 4000 + below(round, 8000));
	TELL(config, is_paused, model->is_paused = is(round, 10));
	model->is_there = true;
	return config;
}

static void create(struct round *round, unsigned which)
{
	struct model_queue *model = &round->model.queues[which];
	Helio__Store__V1__QueueConfig config = a_config(round, model);

	world_queue(&round->world, names[which], &config);
}

static void configure(struct round *round)
{
	Helio__Store__V1__ChangeQueueRequest in =
		HELIO__STORE__V1__CHANGE_QUEUE_REQUEST__INIT;
	unsigned which = below(round, MODEL_QUEUES);
	struct model_queue *model = &round->model.queues[which];
	Helio__Store__V1__QueueConfig config;

	if (!model->is_there) {
		create(round, which);
		return;
	}
	config = a_config(round, model);
	in.name = text_of(names[which]);
	in.config = &config;
	assert_int_equal(
		WORLD_DO(&round->world, "ann", judge_queue_change, &in),
		MODEL_OK);
}

static void drop(struct round *round)
{
	Helio__Store__V1__DropQueueRequest in =
		HELIO__STORE__V1__DROP_QUEUE_REQUEST__INIT;
	unsigned which = below(round, MODEL_QUEUES);
	bool is_there = round->model.queues[which].is_there;

	in.name = text_of(names[which]);
	if (is_there)
		model_drop(ask_model(round), which);
	assert_int_equal(WORLD_DO(&round->world, "bob", judge_queue_drop, &in),
			 is_there ? MODEL_OK : MODEL_NOT_FOUND);
}

static void commit(struct round *round)
{
	world_commit(&round->world);
	round->committed = round->model;
	job_shot_go_on(&round->shot, &round->world, &round->dice);
}

/* Tokens of steps that never were may be given again. */
static void revert(struct round *round)
{
	size_t n = 0;

	world_revert(&round->world);
	round->model = round->committed;
	for (size_t i = 0; i < round->n_tokens; i++)
		if (round->tokens[i].token <= round->world.state.committed)
			round->tokens[n++] = round->tokens[i];
	round->n_tokens = n;
}

static void rarely(struct round *round)
{
	unsigned what = below(round, 10);

	if (what < 5)
		configure(round);
	else if (what < 7)
		drop(round);
	else
		worker_down(round);
}

static void operate(struct round *round)
{
	static void (*const operations[])(struct round * round) = {
		submit, submit, submit,   submit,   submit,   lease,
		lease,  lease,  lease,    complete, complete, complete,
		extend, extend, fail_job, fail_job, cancel,   retry,
		pass,   tick,   commit,   commit,   rarely,
	};
	enum { N = sizeof(operations) / sizeof(operations[0]) };

	if (is(round, 2))
		revert(round);
	else
		operations[below(round, N)](round);
	compare(round);
}

/* How many snapshots were read. */
static unsigned play(uint64_t seed, unsigned number)
{
	struct state_limits limits = { .party_bytes_max = 5000 };
	struct round *round = calloc(1, sizeof(*round));
	unsigned n_read;

	assert_non_null(round);
	world_init(&round->world, &limits);
	round->world.is_thorough = number % N_THOROUGH == 0;
	round->dice = dice_new(seed, number);
	round->model.next_id = 1;
	round->model.party_bytes_max = limits.party_bytes_max;
	for (unsigned i = 0; i < MODEL_QUEUES; i++)
		create(round, i);
	commit(round);
	for (unsigned i = 0; i < N_OPERATIONS; i++)
		operate(round);
	world_revert(&round->world);
	job_shot_end(&round->shot, &round->world);
	world_deinit(&round->world);
	n_read = round->shot.n_read;
	free(round);
	return n_read;
}

static void does_what_the_model_does(void **state)
{
	const char *seed = getenv("HELIO_SEED");
	unsigned n = dice_environment("HELIO_ROUNDS", N_ROUNDS);
	unsigned n_read = 0;

	for (unsigned i = 0; i < n; i++)
		n_read += play(seed ? strtoull(seed, NULL, 0) : 1, i);
	assert_true(n_read >= n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(does_what_the_model_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
