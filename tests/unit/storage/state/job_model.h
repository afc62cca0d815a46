/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_STORAGE_STATE_JOB_MODEL_H
#define TESTS_UNIT_STORAGE_STATE_JOB_MODEL_H

/**
 * Queues as store.proto tells of them, in the simplest way: an array of jobs,
 * and a look at all of them for every question. Written beside the queues of
 * storage/state, and of nothing that they are made of.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MODEL_JOBS_MAX = 512,
	MODEL_QUEUES = 2,
	MODEL_PEOPLE = 4,
	MODEL_TEXT_BYTES = 24,
};

enum model_state {
	MODEL_NONE,
	MODEL_WAITING,
	MODEL_LEASED,
	MODEL_DONE,
	MODEL_DEAD,
	MODEL_CANCELLED,
};

/* How a request ended, by gRPC's numbers. */
enum model_verdict {
	MODEL_OK = 0,
	MODEL_INVALID = 3,
	MODEL_NOT_FOUND = 5,
	MODEL_EXISTS = 6,
	MODEL_EXHAUSTED = 8,
	MODEL_PRECONDITION = 9,
	MODEL_ABORTED = 10,
};

struct model_job {
	uint64_t id;
	unsigned queue, submitter;
	unsigned key, order; /* 0: none */
	char body[MODEL_TEXT_BYTES];
	int priority;
	unsigned attempts_max; /* 0: the queue's */
	uint64_t deadline;     /* 0: none */
	uint64_t submitted;
	enum model_state state;
	unsigned attempts;
	uint64_t not_before, token, until;
	unsigned worker; /* a person; and one of its lives */
	uint64_t life;
	unsigned permille;
	char error[MODEL_TEXT_BYTES], result[MODEL_TEXT_BYTES];
	uint64_t ended, forget;
	uint64_t revision;
};

struct model_queue {
	bool is_there, is_paused;
	uint64_t lease_ms, backoff_ms, backoff_max_ms, keep_ms, keep_dead_ms;
	unsigned attempts_max;
	uint64_t jobs_max, submitter_jobs_max, bytes_max;
	uint64_t n_submitted, n_completed, n_failed, n_lapsed;
};

struct job_model {
	struct model_queue queues[MODEL_QUEUES];
	struct model_job jobs[MODEL_JOBS_MAX];
	size_t n_jobs;
	uint64_t next_id;
	uint64_t now;
	uint64_t revision;        /* of the step that comes next */
	uint64_t party_bytes_max; /* of one person */
	bool has_changed;         /* by the last request */
	/* What the last one told. */
	uint64_t number;
	bool was_there;
	uint64_t leased[64];
	size_t n_leased;
};

struct model_submit {
	unsigned queue, submitter, key, order;
	char body[MODEL_TEXT_BYTES];
	int priority;
	unsigned attempts_max;
	uint64_t delay_ms, timeout_ms; /* 0: none */
};

/** What one is charged beside its texts; keys have one letter. */
uint64_t model_job_bytes(const struct model_job *job);

struct model_job *model_job(struct job_model *model, unsigned queue,
			    uint64_t id);

enum model_verdict model_submit(struct job_model *model,
				const struct model_submit *in);
enum model_verdict model_lease(struct job_model *model, unsigned queue,
			       unsigned worker, uint64_t life, unsigned max,
			       uint64_t lease_ms);
/* 0: as the queue says, and never shorter; UINT64_MAX: no change of it. */
enum model_verdict model_extend(struct job_model *model, unsigned queue,
				uint64_t id, uint64_t token, uint64_t lease_ms,
				unsigned permille);
enum model_verdict model_complete(struct job_model *model, unsigned queue,
				  uint64_t id, uint64_t token,
				  const char *result);
enum model_verdict model_fail(struct job_model *model, unsigned queue,
			      uint64_t id, uint64_t token, const char *error,
			      bool is_final, bool is_given_back);
/* `owner` other than 0: only what is its own. */
enum model_verdict model_cancel(struct job_model *model, unsigned queue,
				uint64_t id, unsigned owner);
enum model_verdict model_retry(struct job_model *model, unsigned queue,
			       uint64_t id);
void model_worker_down(struct job_model *model, unsigned worker, uint64_t life);
void model_drop(struct job_model *model, unsigned queue);
/** All that time has done by model.now; model.revision is the first step's. */
void model_pass(struct job_model *model);

#endif
