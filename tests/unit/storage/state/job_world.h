/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_STORAGE_STATE_JOB_WORLD_H
#define TESTS_UNIT_STORAGE_STATE_JOB_WORLD_H

/**
 * A state, its clock and its journal, for tests of queues: requests are judged,
 * packed, unpacked and applied, as a store does it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/state/judge.h"
#include "storage/state/queue.h"
#include "storage/state/state.h"

enum { WORLD_CHANGED_MAX = 256 };

struct world_step {
	uint8_t *bytes;
	size_t n;
	uint64_t revision;
};

struct job_world {
	struct state state;
	uint64_t now;
	/* Have each step fail for want of memory at every place, and taken
	 * back, before it is applied. */
	bool is_thorough;

	/* Of the last request. */
	struct draft draft;
	struct judgement out;
	unsigned status;
	size_t n_changes;
	uint64_t changed[WORLD_CHANGED_MAX]; /* jobs, in order */
	size_t n_changed;

	struct world_step *steps; /* all that were applied and not taken back */
	size_t n_steps, n_steps_max;
};

void world_init(struct job_world *world, const struct state_limits *limits);
void world_deinit(struct job_world *world);

/** Its principal is "vm/NAME", its durable id NAME. NULL: the store. */
void world_begin(struct job_world *world, const char *name,
		 uint64_t incarnation);
/** Applies what was judged, if it is something. */
void world_end(struct job_world *world);

/** Let the n-th allocation of what comes fail, if the world is thorough. */
void world_arm(struct job_world *world, unsigned n);
/** Whether it did; then the request was refused, and is forgotten. */
bool world_was_hit(struct job_world *world);

/** Judge and apply: `judge`, its input, and what stands between. */
#define WORLD_DO(world, name, judge, ...)                                     \
	({                                                                    \
		unsigned n_th_ = 0;                                           \
		do {                                                          \
			world_begin((world), (name), 1);                      \
			world_arm((world), n_th_++);                          \
			(world)->status = judge(&(world)->draft, __VA_ARGS__, \
						&(world)->out);               \
		} while (world_was_hit(world));                               \
		world_end(world);                                             \
		(world)->status;                                              \
	})

/** A request, or a configuration: its type and its members. */
#define REQUEST(type, name, ...)                                  \
	(&(Helio__Store__V1__##type){                             \
		.base = PROTOBUF_C_MESSAGE_INIT(                  \
			&helio__store__v1__##name##__descriptor), \
		__VA_ARGS__ })
#define CONFIG(...)       REQUEST(QueueConfig, queue_config, __VA_ARGS__)
#define SUBMIT(...)       REQUEST(SubmitRequest, submit_request, __VA_ARGS__)
#define LEASE(...)        REQUEST(LeaseRequest, lease_request, __VA_ARGS__)
#define EXTEND(...)       REQUEST(ExtendRequest, extend_request, __VA_ARGS__)
#define FAIL(...)         REQUEST(FailRequest, fail_request, __VA_ARGS__)
#define CANCEL(...)       REQUEST(CancelRequest, cancel_request, __VA_ARGS__)
#define COMPLETE(...)     REQUEST(CompleteRequest, complete_request, __VA_ARGS__)
/** A member that is there, a text, and bytes of one. */
#define HAS(field, value) .has_##field = true, .field = (value)
#define TEXT(text)        ((char *)(uintptr_t)(text))
#define BYTES(text)                                                 \
	(ProtobufCBinaryData)                                       \
	{                                                           \
		.len = strlen(text), .data = (uint8_t *)TEXT(text), \
	}

/** All that is due now, by as many steps as it takes. */
void world_pass(struct job_world *world, uint64_t ms, size_t n_max);
void world_commit(struct job_world *world);
void world_revert(struct job_world *world);

/** Requests in few words. What fails, fails the test. */
struct queue *world_queue(struct job_world *world, const char *name,
			  const Helio__Store__V1__QueueConfig *config);
/** The job's id. */
uint64_t world_submit(struct job_world *world, const char *who,
		      const char *queue, const char *body);
/** One job, by its id; 0: none is ready. */
uint64_t world_lease(struct job_world *world, const char *who,
		     const char *queue);
/** The token of the last step: a lease that was given by it. */
static inline uint64_t world_token(const struct job_world *world)
{
	return world->state.revision;
}
/** Submit one to queue "q" as it says; the status. */
unsigned world_ask(struct job_world *world, const char *who,
		   Helio__Store__V1__SubmitRequest *in);
/** A status, of what is done with a job of queue "q". */
unsigned world_complete(struct job_world *world, uint64_t id, uint64_t token);
unsigned world_fail(struct job_world *world, uint64_t id, uint64_t token,
		    const char *error);
unsigned world_cancel(struct job_world *world, uint64_t id);
unsigned world_retry(struct job_world *world, uint64_t id);

/** A job of queue "q", or NULL. */
struct job *world_job(const struct job_world *world, uint64_t id);

/** As state_dump(), of all. Freed by the caller. */
char *world_dump(const struct state *state);

/** For cmocka: a world of its own for each test, with a queue "q". */
int world_set_up(void **state);
int world_tear_down(void **state);
#define WORLD_TEST(test) \
	cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

/** What must hold of the structures of all queues, whatever was done. */
void world_check(const struct state *state);

#endif
