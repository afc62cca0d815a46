/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/status.h"
#include "storage/state/bucket.h"
#include "storage/state/queue_inside.h"
#include "tests/unit/storage/state/job_world.h"

#define WAITING          HELIO__STORE__V1__JOB_STATE__JOB_STATE_WAITING
#define LEASED           HELIO__STORE__V1__JOB_STATE__JOB_STATE_LEASED
#define DONE             HELIO__STORE__V1__JOB_STATE__JOB_STATE_DONE
#define DEAD             HELIO__STORE__V1__JOB_STATE__JOB_STATE_DEAD
#define CANCELLED        HELIO__STORE__V1__JOB_STATE__JOB_STATE_CANCELLED

/* A job is done together with what is to be done with it: all or nothing. */

#define TRANSACTION(...) REQUEST(Transaction, transaction, __VA_ARGS__)
#define WRITE(...)       REQUEST(Write, write, __VA_ARGS__)
#define CONDITION(...)   REQUEST(Condition, condition, __VA_ARGS__)

static uint64_t a_leased(struct job_world *world, uint64_t *ret_token)
{
	uint64_t id = world_submit(world, "ann", "q", "body");

	assert_int_equal(world_lease(world, "wim", "q"), id);
	*ret_token = world_token(world);
	return id;
}

static unsigned complete(struct job_world *world, uint64_t id, uint64_t token,
			 Helio__Store__V1__Transaction *transaction)
{
	return WORLD_DO(world, "wim", judge_complete,
			COMPLETE(.queue = TEXT("q"), .id = id, .token = token,
				 .transaction = transaction));
}

static const struct version *newest(const struct job_world *world,
				    const char *key)
{
	const struct key *at =
		bucket_key(bucket_lookup(&world->state, "b"), key);

	return at ? at->newest : NULL;
}

static void a_bucket(struct job_world *world)
{
	assert_int_equal(
		WORLD_DO(world, "owner", judge_bucket_create,
			 REQUEST(CreateBucketRequest, create_bucket_request,
				 .name = TEXT("b"))),
		STATUS_OK);
	world_commit(world);
}

static void a_job_and_what_it_does_are_one_step(void **state)
{
	struct job_world *world = *state;
	Helio__Store__V1__Write *write =
		WRITE(.bucket = TEXT("b"), .key = TEXT("k"),
		      HAS(value, BYTES("1")));
	Helio__Store__V1__SubmitRequest *next =
		SUBMIT(.queue = TEXT("q"), HAS(body, BYTES("next")));
	Helio__Store__V1__Transaction *transaction =
		TRANSACTION(.n_writes = 1, .writes = &write, .n_submits = 1,
			    .submits = &next);
	uint64_t token, id, revision;

	a_bucket(world);
	id = a_leased(world, &token);
	revision = world->state.revision;
	assert_int_equal(complete(world, id, token, transaction), STATUS_OK);
	assert_int_equal(world->state.revision, revision + 1);
	assert_int_equal(world_job(world, id)->status.revision, revision + 1);
	assert_int_equal(newest(world, "k")->revision, revision + 1);
	assert_int_equal(world->out.n_jobs, 1);
	assert_non_null(world_job(world, world->out.jobs[0]));

	/* Whoever says it again, even otherwise, does nothing. */
	write->key = TEXT("another");
	assert_int_equal(complete(world, id, token, transaction), STATUS_OK);
	assert_true(world->out.was_there);
	assert_int_equal(world->state.revision, revision + 1);
	assert_null(newest(world, "another"));
}

static void what_does_not_hold_leaves_it_leased(void **state)
{
	struct job_world *world = *state;
	Helio__Store__V1__Write *write =
		WRITE(.bucket = TEXT("b"), .key = TEXT("k"),
		      HAS(value, BYTES("1")));
	Helio__Store__V1__Condition *condition =
		CONDITION(.bucket = TEXT("b"), .key = TEXT("k"),
			  HAS(revision, 99));
	Helio__Store__V1__Transaction *transaction =
		TRANSACTION(.n_writes = 1, .writes = &write, .n_conditions = 1,
			    .conditions = &condition);
	uint64_t token, id;

	a_bucket(world);
	id = a_leased(world, &token);
	assert_int_equal(complete(world, id, token, transaction),
			 STATUS_ABORTED);
	assert_int_equal(world_job(world, id)->status.state, LEASED);
	assert_null(newest(world, "k"));
	condition->revision = 0;
	assert_int_equal(complete(world, id, token, transaction), STATUS_OK);
	assert_int_equal(world_job(world, id)->status.state, DONE);
	assert_non_null(newest(world, "k"));
}

/* A worker whose lease is another's writes nothing. */
static void who_is_late_does_nothing(void **state)
{
	struct job_world *world = *state;
	Helio__Store__V1__Write *write =
		WRITE(.bucket = TEXT("b"), .key = TEXT("k"),
		      HAS(value, BYTES("1")));
	Helio__Store__V1__Transaction *transaction =
		TRANSACTION(.n_writes = 1, .writes = &write);
	uint64_t token, id;

	a_bucket(world);
	id = a_leased(world, &token);
	world_pass(world, 30000, 100);
	assert_int_equal(complete(world, id, token, transaction),
			 STATUS_ABORTED);
	assert_int_equal(world_lease(world, "wanda", "q"), id);
	assert_int_equal(complete(world, id, token, transaction),
			 STATUS_ABORTED);
	assert_null(newest(world, "k"));
	assert_int_equal(complete(world, id, world_token(world), transaction),
			 STATUS_OK);
	assert_non_null(newest(world, "k"));
}

/* ---- several jobs in one step ---- */

static unsigned submit_all(struct job_world *world, size_t n,
			   Helio__Store__V1__SubmitRequest **submits)
{
	return WORLD_DO(world, "ann", judge_transaction,
			TRANSACTION(.n_submits = n, .submits = submits));
}

static unsigned change(struct job_world *world,
		       Helio__Store__V1__QueueConfig *config)
{
	return WORLD_DO(world, "owner", judge_queue_change,
			REQUEST(ChangeQueueRequest, change_queue_request,
				.name = TEXT("q"), .config = config));
}

static void those_of_one_step_count_together(void **state)
{
	struct job_world *world = *state;
	Helio__Store__V1__SubmitRequest *submits[] = {
		SUBMIT(.queue = TEXT("q")),
		SUBMIT(.queue = TEXT("other")),
		SUBMIT(.queue = TEXT("q")),
		SUBMIT(.queue = TEXT("q")),
	};

	world_queue(world, "other", NULL);
	world_commit(world);
	assert_int_equal(change(world, CONFIG(HAS(jobs_max, 2))), STATUS_OK);
	assert_int_equal(submit_all(world, 4, submits),
			 STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(submit_all(world, 3, submits), STATUS_OK);
	assert_int_equal(world->n_changes, 3);
	assert_int_equal(world->out.n_jobs, 3);
	assert_true(world->out.jobs[0] < world->out.jobs[2]);

	assert_int_equal(change(world, CONFIG(HAS(jobs_max, 100),
					      HAS(bytes_max, 3 * 384))),
			 STATUS_OK);
	assert_int_equal(submit_all(world, 3, submits),
			 STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(submit_all(world, 2, submits), STATUS_OK);
	world->state.limits.party_bytes_max = 7 * 384;
	assert_int_equal(submit_all(world, 4, submits),
			 STATUS_RESOURCE_EXHAUSTED);
}

/* Each makes room for itself, and none with what another one has. */
static void those_of_one_step_make_room_together(void **state)
{
	struct job_world *world = *state;
	Helio__Store__V1__SubmitRequest *submits[] = {
		SUBMIT(.queue = TEXT("q")),
		SUBMIT(.queue = TEXT("q")),
		SUBMIT(.queue = TEXT("q")),
		SUBMIT(.queue = TEXT("q")),
	};
	uint64_t ids[3];

	world->state.limits.party_bytes_max = 3 * 384;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(world_cancel(world, world_submit(world, "ann",
								  "q", "")),
				 STATUS_OK);
	assert_int_equal(submit_all(world, 4, submits),
			 STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(submit_all(world, 3, submits), STATUS_OK);
	memcpy(ids, world->out.jobs, sizeof(ids));
	assert_int_equal(world->n_changes, 6);
	assert_int_equal(world->state.n_bytes, 3 * 384);
	assert_int_equal(change(world, CONFIG(HAS(bytes_max, 3 * 384))),
			 STATUS_OK);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(world_cancel(world, ids[i]), STATUS_OK);
	world->state.limits.party_bytes_max = 4 * 384;
	assert_int_equal(submit_all(world, 4, submits),
			 STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(submit_all(world, 2, submits), STATUS_OK);
	assert_int_equal(world->n_changes, 4);
}

#define MESSAGE(...) REQUEST(Message, message, __VA_ARGS__)

static unsigned say(struct job_world *world, const char *who, size_t n,
		    Helio__Store__V1__Message **messages)
{
	return WORLD_DO(world, who, judge_transaction,
			TRANSACTION(.n_messages = n, .messages = messages));
}

static void no_message_stays_for_ever(void **state)
{
	char type[258];
	Helio__Store__V1__Message *message =
		MESSAGE(.subject = TEXT("lab.a"), .content_type = type);

	memset(type, 'x', sizeof(type) - 1);
	type[257] = '\0';
	assert_int_equal(say(*state, "ann", 1, &message),
			 STATUS_INVALID_ARGUMENT);
	type[0] = '\xff';
	type[256] = '\0';
	assert_int_equal(say(*state, "ann", 1, &message),
			 STATUS_INVALID_ARGUMENT);
	type[0] = 'x';
	assert_int_equal(say(*state, "ann", 1, &message), STATUS_OK);
}

static void all_messages_are_not_of_one(void **state)
{
	struct job_world *world = *state;
	Helio__Store__V1__Message *message = MESSAGE(.subject = TEXT("lab.a"));
	Helio__Store__V1__Message *messages[JUDGE_PARTS_MAX];
	const uint64_t first = 1;

	world->is_thorough = false;
	for (size_t i = 0; i < JUDGE_PARTS_MAX; i++)
		messages[i] = message;
	for (size_t n = 0; n < STATE_PARTY_OUTGOING_MAX; n += JUDGE_PARTS_MAX)
		assert_int_equal(say(world, "ann", JUDGE_PARTS_MAX, messages),
				 STATUS_OK);
	assert_int_equal(say(world, "ann", 1, messages),
			 STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(say(world, "bob", 1, messages), STATUS_OK);
	world_commit(world);
	world_begin(world, NULL, 0);
	assert_int_equal(judge_sent(&world->draft, &first, 1), STATUS_OK);
	world_end(world);
	assert_int_equal(say(world, "ann", 1, messages),
			 STATUS_RESOURCE_EXHAUSTED);
	world_commit(world);
	assert_int_equal(say(world, "ann", 1, messages), STATUS_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_job_and_what_it_does_are_one_step),
		WORLD_TEST(what_does_not_hold_leaves_it_leased),
		WORLD_TEST(who_is_late_does_nothing),
		WORLD_TEST(those_of_one_step_count_together),
		WORLD_TEST(those_of_one_step_make_room_together),
		WORLD_TEST(no_message_stays_for_ever),
		WORLD_TEST(all_messages_are_not_of_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
