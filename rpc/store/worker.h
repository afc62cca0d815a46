/* SPDX-License-Identifier: MIT */
#ifndef RPC_STORE_WORKER_H
#define RPC_STORE_WORKER_H

/**
 * A worker and the jobs that it has. How long a lease stands is judged by our
 * clock, from before it was asked for: it never seems longer than it is.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "rpc/heliograph-store.h"
#include "rpc/store/pursuit.h"

enum { WORK_PROGRESS_BYTES = 257 };

struct helio_worker {
	struct helio *bus;
	struct pursuit lease;
	struct helio_client *client; /* of what is said of jobs */
	struct helio_worker_options options;
	void *userdata;
	char *queue;       /* owned */
	uint64_t asked_ns; /* when the last lease was */
	struct list works; /* gone ones too, while a call of theirs runs */
	uint32_t n_works;  /* at hand */
	helio_worker_drained_fn on_drained;
	bool is_draining;
	bool is_over;
	unsigned n_inside; /* functions that use it after a callback */
	bool is_freed;     /* once they are left */
};

struct helio_work {
	struct list link;
	struct helio_worker *worker;
	uint64_t id;
	uint64_t token;
	uint64_t until_ns;         /* the lease */
	uint64_t sent_ns;          /* the renewal that is under way */
	struct helio_timer *timer; /* to the next renewal, or the end */
	unsigned n_calls;          /* whose closure has not come */
	bool is_renewing;
	bool is_settling; /* complete or fail is under way */
	bool is_gone;
	bool has_progress; /* to be sent with the next renewal */
	uint32_t permille;
	char progress[WORK_PROGRESS_BYTES];
	void *userdata;
};

static inline void worker_enter(struct helio_worker *worker)
{
	worker->n_inside++;
}

/** False: it is gone. */
bool worker_leave(struct helio_worker *worker);

/** A place is free. */
void worker_work_gone(struct helio_worker *worker);

/** Of a lease that was asked for then. Returns 0 or -ENOMEM. */
int work_new(struct helio_worker *worker, uint64_t id, uint64_t token,
	     uint64_t asked_ns, struct helio_work **ret_work);

/** No closure comes any more. */
void work_free(struct helio_work *work);

#endif
