/* SPDX-License-Identifier: MIT */

#include "tests/torture/disk/chores.h"

#include <stdio.h>
#include <string.h>

#include "proto/status.h"
#include "storage/state/draft.h"
#include "storage/state/judge.h"
#include "storage/state/queue.h"
#include "storage/state/record.h"
#include "tests/torture/complaint.h"

enum {
	BUCKETS = 4,
	QUEUES = 3,
	KEYS = 40,
	CALLERS = 3,
	NAMES = 8, /* in use at one time */
	BYTES_MAX = 60000,
	DUE_MAX = 16,
};

#define BEGIN UINT64_C(1800000000000)

static const struct caller callers[CALLERS] = {
	{ "vm:web", "web", 11 },
	{ "vm:db", "db", 22 },
	{ "uid:1000", "uid:1000", 33 },
};

static const struct caller nobody = { 0 };

void chores_init(struct chores *chores, uint64_t seed, uint64_t stream)
{
	*chores =
		(struct chores){ .dice = dice_new(seed, stream), .now = BEGIN };
}

/* ---- what is chosen ---- */

static uint64_t below(struct chores *chores, uint64_t n)
{
	return dice_below(&chores->dice, n);
}

static bool is(struct chores *chores, unsigned percent)
{
	return dice_is(&chores->dice, percent);
}

/* "b3": lives until it was asked for NAMES others. */
static char *name(struct chores *chores, char letter, unsigned n)
{
	static char names[NAMES][16];
	static unsigned last;
	char *text = names[last++ % NAMES];

	snprintf(text, sizeof(names[0]), "%c%u", letter,
		 (unsigned)below(chores, n));
	return text;
}

static char *bucket(struct chores *chores)
{
	return name(chores, 'b', BUCKETS);
}

static char *key(struct chores *chores)
{
	return name(chores, 'k', KEYS);
}

/* Mostly short; lives until the next one. */
static ProtobufCBinaryData bytes(struct chores *chores)
{
	static uint8_t data[BYTES_MAX];
	uint64_t n = below(chores, 200);

	if (is(chores, 10))
		n = below(chores, 3000);
	if (is(chores, 1))
		n = below(chores, BYTES_MAX);
	dice_fill(&chores->dice, data, n);
	return (ProtobufCBinaryData){ .len = n, .data = data };
}

static void set(protobuf_c_boolean *has, uint64_t *value, uint64_t to)
{
	*has = true;
	*value = to;
}

/* Any job of the queue, or NULL. */
static const struct job *any_job(struct chores *chores,
				 const struct state *state, const char *queue)
{
	const struct queue *from = queue_lookup(state, queue);

	if (!from)
		return NULL;
	return queue_next_job(from, below(chores, state->next_job));
}

/* ---- buckets ---- */

static unsigned create_bucket(struct chores *chores, struct draft *draft,
			      struct judgement *out)
{
	Helio__Store__V1__CreateBucketRequest in =
		HELIO__STORE__V1__CREATE_BUCKET_REQUEST__INIT;
	Helio__Store__V1__BucketConfig config =
		HELIO__STORE__V1__BUCKET_CONFIG__INIT;

	in.name = bucket(chores);
	in.config = &config;
	config.has_history = true;
	config.history = 1 + (uint32_t)below(chores, 5);
	set(&config.has_window_bytes, &config.window_bytes,
	    1 + below(chores, 30000));
	if (is(chores, 30))
		set(&config.has_ttl_ms, &config.ttl_ms,
		    1 + below(chores, 20000));
	return judge_bucket_create(draft, &in, out);
}

/*
 * Neither its history nor its window: what they let go of is let go of when
 * steps are on disk, so that a snapshot may have more of it.
 */
static unsigned change_bucket(struct chores *chores, struct draft *draft,
			      struct judgement *out)
{
	Helio__Store__V1__ChangeBucketRequest in =
		HELIO__STORE__V1__CHANGE_BUCKET_REQUEST__INIT;
	Helio__Store__V1__BucketConfig config =
		HELIO__STORE__V1__BUCKET_CONFIG__INIT;

	in.name = bucket(chores);
	in.config = &config;
	set(&config.has_ttl_ms, &config.ttl_ms, below(chores, 20000));
	return judge_bucket_change(draft, &in, out);
}

static unsigned drop_bucket(struct chores *chores, struct draft *draft,
			    struct judgement *out)
{
	Helio__Store__V1__DropBucketRequest in =
		HELIO__STORE__V1__DROP_BUCKET_REQUEST__INIT;

	in.name = bucket(chores);
	return judge_bucket_drop(draft, &in, out);
}

static unsigned put(struct chores *chores, struct draft *draft,
		    struct judgement *out)
{
	Helio__Store__V1__PutRequest in = HELIO__STORE__V1__PUT_REQUEST__INIT;

	in.bucket = bucket(chores);
	in.key = key(chores);
	in.has_value = true;
	in.value = bytes(chores);
	if (is(chores, 10))
		set(&in.has_ttl_ms, &in.ttl_ms, below(chores, 5000));
	return judge_put(draft, &in, out);
}

static unsigned delete (struct chores *chores, struct draft *draft,
			struct judgement *out)
{
	Helio__Store__V1__DeleteRequest in =
		HELIO__STORE__V1__DELETE_REQUEST__INIT;

	in.bucket = bucket(chores);
	in.key = key(chores);
	return judge_delete(draft, &in, out);
}

/* ---- transactions ---- */

enum { PARTS = 3 };

struct transaction {
	Helio__Store__V1__Transaction in;
	Helio__Store__V1__Write writes[PARTS], *write_list[PARTS];
	Helio__Store__V1__Message messages[PARTS], *message_list[PARTS];
	Helio__Store__V1__SubmitRequest submits[PARTS], *submit_list[PARTS];
};

static void add_write(struct chores *chores, struct transaction *transaction)
{
	size_t n = transaction->in.n_writes;
	Helio__Store__V1__Write *write = &transaction->writes[n];

	if (n == PARTS)
		return;
	*write = (Helio__Store__V1__Write)HELIO__STORE__V1__WRITE__INIT;
	write->bucket = bucket(chores);
	write->key = key(chores);
	write->has_value = is(chores, 80);
	write->value = bytes(chores);
	transaction->write_list[transaction->in.n_writes++] = write;
}

static char subject[] = "vm.web.told";

static void add_message(struct chores *chores, struct transaction *transaction)
{
	size_t n = transaction->in.n_messages;
	Helio__Store__V1__Message *message = &transaction->messages[n];

	if (n == PARTS)
		return;
	*message = (Helio__Store__V1__Message)HELIO__STORE__V1__MESSAGE__INIT;
	message->subject = subject;
	message->has_body = true;
	message->body = bytes(chores);
	transaction->message_list[transaction->in.n_messages++] = message;
}

static void fill_submit(struct chores *chores,
			Helio__Store__V1__SubmitRequest *in)
{
	*in = (Helio__Store__V1__SubmitRequest)
		HELIO__STORE__V1__SUBMIT_REQUEST__INIT;
	in->queue = name(chores, 'q', QUEUES);
	in->has_body = true;
	in->body = bytes(chores);
	in->has_priority = is(chores, 40);
	in->priority = (int32_t)below(chores, 5) - 2;
	if (is(chores, 30))
		in->key = name(chores, 'j', 1000);
	if (is(chores, 30))
		in->order_key = name(chores, 'o', 4);
	if (is(chores, 20))
		set(&in->has_delay_ms, &in->delay_ms, below(chores, 3000));
	if (is(chores, 20))
		set(&in->has_timeout_ms, &in->timeout_ms,
		    1 + below(chores, 20000));
}

static void add_submit(struct chores *chores, struct transaction *transaction)
{
	size_t n = transaction->in.n_submits;

	if (n == PARTS)
		return;
	fill_submit(chores, &transaction->submits[n]);
	transaction->submit_list[transaction->in.n_submits++] =
		&transaction->submits[n];
}

static void fill(struct chores *chores, struct transaction *transaction)
{
	transaction->in = (Helio__Store__V1__Transaction)
		HELIO__STORE__V1__TRANSACTION__INIT;
	transaction->in.writes = transaction->write_list;
	transaction->in.messages = transaction->message_list;
	transaction->in.submits = transaction->submit_list;
	for (unsigned i = 0; i < PARTS; i++) {
		if (is(chores, 60))
			add_write(chores, transaction);
		if (is(chores, 20))
			add_message(chores, transaction);
		if (is(chores, 20))
			add_submit(chores, transaction);
	}
}

static unsigned transact(struct chores *chores, struct draft *draft,
			 struct judgement *out)
{
	struct transaction transaction;

	fill(chores, &transaction);
	return judge_transaction(draft, &transaction.in, out);
}

static unsigned send(struct chores *chores, struct draft *draft,
		     struct judgement *out)
{
	uint64_t numbers[DUE_MAX];
	const struct list *link = NULL;
	size_t n = 0;

	list_for_each (link, &draft->state->outgoing) {
		const struct outgoing *outgoing =
			const_container_of(link, struct outgoing, link);

		if (n < DUE_MAX && is(chores, 50))
			numbers[n++] = outgoing->number;
	}
	return judge_sent(draft, numbers, n);
}

/* ---- queues ---- */

static void fill_config(struct chores *chores,
			Helio__Store__V1__QueueConfig *config)
{
	*config = (Helio__Store__V1__QueueConfig)
		HELIO__STORE__V1__QUEUE_CONFIG__INIT;
	set(&config->has_lease_ms, &config->lease_ms,
	    100 + below(chores, 5000));
	set(&config->has_keep_ms, &config->keep_ms, 1 + below(chores, 5000));
	set(&config->has_keep_dead_ms, &config->keep_dead_ms,
	    1 + below(chores, 9000));
	config->has_attempts_max = true;
	config->attempts_max = 1 + (uint32_t)below(chores, 4);
}

static unsigned create_queue(struct chores *chores, struct draft *draft,
			     struct judgement *out)
{
	Helio__Store__V1__CreateQueueRequest in =
		HELIO__STORE__V1__CREATE_QUEUE_REQUEST__INIT;
	Helio__Store__V1__QueueConfig config;

	fill_config(chores, &config);
	in.name = name(chores, 'q', QUEUES);
	in.config = &config;
	return judge_queue_create(draft, &in, out);
}

static unsigned change_queue(struct chores *chores, struct draft *draft,
			     struct judgement *out)
{
	Helio__Store__V1__ChangeQueueRequest in =
		HELIO__STORE__V1__CHANGE_QUEUE_REQUEST__INIT;
	Helio__Store__V1__QueueConfig config;

	fill_config(chores, &config);
	in.name = name(chores, 'q', QUEUES);
	in.config = &config;
	return judge_queue_change(draft, &in, out);
}

static unsigned drop_queue(struct chores *chores, struct draft *draft,
			   struct judgement *out)
{
	Helio__Store__V1__DropQueueRequest in =
		HELIO__STORE__V1__DROP_QUEUE_REQUEST__INIT;

	in.name = name(chores, 'q', QUEUES);
	return judge_queue_drop(draft, &in, out);
}

static unsigned submit(struct chores *chores, struct draft *draft,
		       struct judgement *out)
{
	Helio__Store__V1__SubmitRequest in;

	fill_submit(chores, &in);
	return judge_submit(draft, &in, out);
}

static unsigned lease(struct chores *chores, struct draft *draft,
		      struct judgement *out)
{
	Helio__Store__V1__LeaseRequest in =
		HELIO__STORE__V1__LEASE_REQUEST__INIT;
	struct queue *queue;

	in.queue = name(chores, 'q', QUEUES);
	in.has_max = true;
	in.max = 1 + (uint32_t)below(chores, 5);
	queue = queue_lookup(draft->state, in.queue);
	if (queue)
		queue_advance(queue, chores->now);
	return judge_lease(draft, &in, out);
}

static unsigned extend(struct chores *chores, struct draft *draft,
		       struct judgement *out)
{
	static char progress[] = "half";
	Helio__Store__V1__ExtendRequest in =
		HELIO__STORE__V1__EXTEND_REQUEST__INIT;
	const struct job *job;

	in.queue = name(chores, 'q', QUEUES);
	job = any_job(chores, draft->state, in.queue);
	if (!job)
		return STATUS_NOT_FOUND;
	set(&in.has_id, &in.id, job->id);
	set(&in.has_token, &in.token, job->status.token);
	in.has_progress_permille = true;
	in.progress_permille = (uint32_t)below(chores, 1001);
	in.progress = is(chores, 50) ? progress : NULL;
	return judge_extend(draft, &in, out);
}

static unsigned complete(struct chores *chores, struct draft *draft,
			 struct judgement *out)
{
	Helio__Store__V1__CompleteRequest in =
		HELIO__STORE__V1__COMPLETE_REQUEST__INIT;
	struct transaction transaction;
	const struct job *job;

	in.queue = name(chores, 'q', QUEUES);
	job = any_job(chores, draft->state, in.queue);
	if (!job)
		return STATUS_NOT_FOUND;
	set(&in.has_id, &in.id, job->id);
	set(&in.has_token, &in.token, job->status.token);
	fill(chores, &transaction);
	if (is(chores, 70))
		in.transaction = &transaction.in;
	in.has_result = true;
	in.result = bytes(chores);
	return judge_complete(draft, &in, out);
}

static unsigned fail(struct chores *chores, struct draft *draft,
		     struct judgement *out)
{
	static char error[] = "it broke";
	Helio__Store__V1__FailRequest in = HELIO__STORE__V1__FAIL_REQUEST__INIT;
	const struct job *job;

	in.queue = name(chores, 'q', QUEUES);
	job = any_job(chores, draft->state, in.queue);
	if (!job)
		return STATUS_NOT_FOUND;
	set(&in.has_id, &in.id, job->id);
	set(&in.has_token, &in.token, job->status.token);
	in.error = error;
	in.has_is_final = in.is_final = is(chores, 20);
	in.has_is_given_back = in.is_given_back = is(chores, 20);
	return judge_fail(draft, &in, out);
}

static unsigned cancel(struct chores *chores, struct draft *draft,
		       struct judgement *out)
{
	Helio__Store__V1__CancelRequest in =
		HELIO__STORE__V1__CANCEL_REQUEST__INIT;
	const struct job *job;

	in.queue = name(chores, 'q', QUEUES);
	job = any_job(chores, draft->state, in.queue);
	if (!job)
		return STATUS_NOT_FOUND;
	set(&in.has_id, &in.id, job->id);
	return judge_cancel(draft, &in, is(chores, 50), out);
}

static unsigned retry(struct chores *chores, struct draft *draft,
		      struct judgement *out)
{
	Helio__Store__V1__RetryRequest in =
		HELIO__STORE__V1__RETRY_REQUEST__INIT;
	const struct job *job;

	in.queue = name(chores, 'q', QUEUES);
	job = any_job(chores, draft->state, in.queue);
	if (!job)
		return STATUS_NOT_FOUND;
	set(&in.has_id, &in.id, job->id);
	return judge_retry(draft, &in, out);
}

/* ---- time, and those who go ---- */

static unsigned pass_time(struct chores *chores, struct draft *draft,
			  struct judgement *out)
{
	if (state_draft_due((struct state *)(uintptr_t)draft->state,
			    chores->now, DUE_MAX, draft) < 0)
		complain("no memory");
	return STATUS_OK;
}

static unsigned leave(struct chores *chores, struct draft *draft,
		      struct judgement *out)
{
	const struct caller *who = &callers[below(chores, CALLERS)];

	return judge_worker_down(draft, who->durable_id,
				 is(chores, 50) ? who->incarnation : 0,
				 DUE_MAX);
}

/* ---- one of them ---- */

static const struct {
	unsigned weight;
	bool is_stores_own;
	unsigned (*judge)(struct chores *chores, struct draft *draft,
			  struct judgement *out);
} kinds[] = {
	{ 30, false, put },          { 6, false, delete },
	{ 10, false, transact },     { 14, false, submit },
	{ 12, false, lease },        { 8, false, complete },
	{ 4, false, fail },          { 4, false, extend },
	{ 2, false, cancel },        { 2, false, retry },
	{ 4, false, create_bucket }, { 3, false, change_bucket },
	{ 1, false, drop_bucket },   { 3, false, create_queue },
	{ 2, false, change_queue },  { 1, false, drop_queue },
	{ 12, true, pass_time },     { 3, true, send },
	{ 1, true, leave },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static unsigned choose(struct chores *chores)
{
	unsigned total = 0, i = 0;
	uint64_t at;

	for (unsigned k = 0; k < KINDS; k++)
		total += kinds[k].weight;
	at = below(chores, total);
	while (at >= kinds[i].weight)
		at -= kinds[i++].weight;
	return i;
}

static void apply(struct state *state, const struct draft *draft,
		  struct buffer *steps)
{
	int r;

	r = state_apply(state, &draft->step);
	if (r < 0)
		complain("a judge granted what cannot be applied: %s",
			 strerror(-r));
	r = record_add(steps, &draft->step.base);
	if (r < 0)
		complain("packing: %s", strerror(-r));
}

bool chores_do(struct chores *chores, struct state *state, struct buffer *steps)
{
	static struct judgement out;
	unsigned kind = choose(chores);
	const struct caller *caller = &callers[below(chores, CALLERS)];
	struct draft draft;
	bool has_changed;
	unsigned status;

	chores->now += below(chores, 300);
	draft_init(&draft, state, chores->now,
		   kinds[kind].is_stores_own ? &nobody : caller);
	status = kinds[kind].judge(chores, &draft, &out);
	has_changed = status == STATUS_OK && draft.step.n_changes;
	if (has_changed)
		apply(state, &draft, steps);
	draft_deinit(&draft);
	return has_changed;
}
