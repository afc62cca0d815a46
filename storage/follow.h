/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_FOLLOW_H
#define STORAGE_FOLLOW_H

/**
 * Who waits for a job to end, and who follows it: told of states that are on
 * disk, the newest, without the job's body. Who is slow does not see each.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "storage/permit.h"

struct job;
struct service;
struct wish;

enum {
	/* One that is told now, two on their way to the disk, one after them.
	 */
	FOLLOW_STATES_MAX = 4,
};

struct follow_told;

struct follow_state {
	uint64_t revision;
	struct follow_told *told; /* the reply, a reference */
};

struct follow {
	struct list link;      /* in job.followers, until the job has ended */
	struct list all_link;  /* in service.follows */
	struct list stir_link; /* in service.stirred, if there is something */
	struct service *service;
	struct helio_serving *serving;
	struct guest *guest;
	struct permit permit;
	bool is_await; /* told of the end alone, as an answer */
	char queue[65];
	uint64_t id;
	struct follow_state states[FOLLOW_STATES_MAX];
	unsigned n_states;
	uint64_t told;    /* the revision of the state that was sent last; 0 */
	bool has_end;     /* the last of them is the end */
	uint64_t dropped; /* the step that dropped its queue; 0 */
	bool is_ending;   /* all is told */
};

/** Follow the job; the wish is freed. The job is on disk, as it was once. */
void follow_start(struct wish *wish, struct job *job, bool is_await);

/** The job is another one now. */
void follows_changed(struct job *job);
void follows_dropped(struct service *service, const char *queue,
		     uint64_t revision);
void follows_reverted(struct service *service);

/** Tell what is on disk by now. */
void follows_turn(struct service *service);
/** Now and then. */
void follows_tick(struct service *service);
void follows_end(struct service *service);

#endif
