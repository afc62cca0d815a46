/* SPDX-License-Identifier: MIT */
#ifndef XENSTORE_SOURCE_H
#define XENSTORE_SOURCE_H

/**
 * Xenstore, looked at and watched. With one watch for each root of the
 * selection; only a list of a guest's is read in a transaction.
 *
 * The library waits for the daemon's answers, so it is asked from a thread.
 * When the daemon is gone it is tried again, after a pause that doubles from
 * 100 ms to 5 s. One that is not asked anything is asked for the root every 2
 * s.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/worker.h"

struct selection;
struct sight;
struct xs_handle;

enum { SOURCE_REASON_BYTES = 160 };

/** None is called from within a function of the source. */
struct source_events {
	/* It is there, and the watches are: look at everything. */
	void (*on_open)(void *userdata);
	/* It is not any more, for source->reason; what was asked is not told.
	 */
	void (*on_lost)(void *userdata);
	/* What source_look() asked is seen, and the events of before told. */
	void (*on_seen)(void *userdata);
	void (*on_event)(void *userdata, const char *path);
};

struct source {
	const struct selection *selection;
	const struct source_events *events;
	void *userdata;
	uv_loop_t *uv;
	struct worker worker;
	struct task task;
	struct sight *sights; /* what is asked, and how many of them */
	size_t n_sights;
	uint64_t until_ns;
	struct xs_handle *handle; /* of a task while that is under way */
	uv_poll_t *news;          /* on the heap, for it closes slowly */
	uv_timer_t again;
	uv_timer_t care;
	int r; /* of the task */
	uint32_t pause_ms;
	uint64_t busy_since_ns; /* 0: no task is under way */
	uint64_t answered_ns;   /* when the last one was done */
	uint64_t n_reads;       /* requests to the daemon, ever */
	bool is_open;
	bool is_ending;
	char reason[SOURCE_REASON_BYTES]; /* why it is not; "": it is */
};

/** Begin to open it. Returns 0 or a negative errno. */
int source_start(struct source *source, uv_loop_t *uv,
		 const struct selection *selection,
		 const struct source_events *events, void *userdata);
/** Waits for the daemon, if it was asked. Safe on a zeroed one. */
void source_deinit(struct source *source);

/**
 * Look at those that are due, one at least, until that time is reached;
 * source_silent_ns() must be 0.
 */
void source_look(struct source *source, struct sight *sights, size_t n,
		 uint64_t until_ns);

/** How long the daemon has not answered; 0: nothing is asked. */
uint64_t source_silent_ns(const struct source *source);

#endif
