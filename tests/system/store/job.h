/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SYSTEM_STORE_JOB_H
#define TESTS_SYSTEM_STORE_JOB_H

/**
 * Calls about the jobs of the queue that a test has, which are waited for; an
 * int is the status, and an output is set when that is OK.
 */

#include "tests/system/store/scene.h"

#define QUEUE         "work"

#define JOB_WAITING   HELIO__STORE__V1__JOB_STATE__JOB_STATE_WAITING
#define JOB_LEASED    HELIO__STORE__V1__JOB_STATE__JOB_STATE_LEASED
#define JOB_DONE      HELIO__STORE__V1__JOB_STATE__JOB_STATE_DONE
#define JOB_DEAD      HELIO__STORE__V1__JOB_STATE__JOB_STATE_DEAD
#define JOB_CANCELLED HELIO__STORE__V1__JOB_STATE__JOB_STATE_CANCELLED

int queue_create(struct scene *by, const char *name);
/** As it is shown, until the next call; it has to be there. */
const Helio__Store__V1__Queue *queue_show(struct scene *by);

/** `body` and `key` may be NULL. */
int job_submit(struct scene *by, const char *body, const char *key,
	       uint64_t *ret_id, bool *ret_was_there);
/** A new job; its id. */
uint64_t job_submit_ok(struct scene *by, const char *body);

struct leased {
	unsigned n; /* 0: the others are not set */
	uint64_t id;
	uint64_t token;
	uint32_t attempts;
	char body[32];
};

/** `lease_ms` 0: as the queue says. */
int job_lease(struct scene *by, uint64_t wait_ms, uint64_t lease_ms,
	      struct leased *ret_leased);
/** There is one now. */
struct leased job_lease_ok(struct scene *by);

int job_complete(struct scene *by, const struct leased *leased,
		 const char *result, bool *ret_was_done);
/** Without a delay. */
int job_give_up(struct scene *by, const struct leased *leased, bool is_final);
/** `*ret_ended`: how it had ended already, or 0. */
int job_cancel(struct scene *by, uint64_t id,
	       Helio__Store__V1__JobState *ret_ended);

struct shown {
	Helio__Store__V1__JobState state;
	uint32_t permille;
	char result[32];
	char error[32];
};

int job_show(struct scene *by, uint64_t id, struct shown *ret_shown);
/** It has to be there. */
Helio__Store__V1__JobState job_state(struct scene *by, uint64_t id);

#endif
