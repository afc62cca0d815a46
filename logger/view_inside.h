/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_VIEW_INSIDE_H
#define LOGGER_VIEW_INSIDE_H

/**
 * struct view, for the files that make it:
 *
 *	view.c		opened, closed, refreshed; its segments
 *	view_read.c	runs, forwards and backwards
 *	view_seek.c	places, by time and by subject
 *	view_subject.c	subjects, and the newest of each
 *	view_floor.c	which records of a subject are served
 *	view_thin.c	runs without the others
 *	view_thing.c	small things kept with the log
 *
 * A view holds no snapshot between two calls: what is stored is never changed,
 * so that status.last says all of what it has seen. Thus it is in nobody's way.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logger/index.h"
#include "logger/ledger.h"
#include "logger/log.h"
#include "logger/segment.h"

enum {
	VIEW_HANDLES = 4,
	VIEW_FLOORS = 256,
};

struct view_handle {
	uint64_t first; /* of the segment; 0: nothing is open */
	bool is_sealed;
	struct store *store;
	uint64_t used; /* when, in calls */
};

/** What was found out of a subject: below `floor` it is not served. */
struct view_floor {
	char subject[256];
	size_t n;
	uint64_t records_max;
	uint64_t last; /* of the log then */
	uint64_t floor;
};

struct view {
	struct backend *backend;
	char *folder;
	struct ledger ledger;
	struct log_status status;
	struct view_handle handles[VIEW_HANDLES];
	uint64_t n_calls;
	struct store *checkpoint; /* writes: for view_checkpoint() */
	uint64_t checkpoint_first;
	/* Subjects of what is not in an index yet; of the segment `tail_first`
	 * until `tail_last`. */
	struct index tail;
	uint64_t tail_first;
	uint64_t tail_last;
	struct run_reader reader;
	struct view_floor *floors; /* NULL until one is asked for */
	size_t n_floors;
};

/**
 * The segment of this row, in a snapshot, until view_release(). One segment at
 * a time. -ENOENT: it is not there, or not any more.
 */
int view_segment(struct view *view, const struct segment_row *row,
		 struct store **ret_store);
void view_release(struct view *view, struct store *store);

/** The last sequence of a row that the view has seen. */
uint64_t view_last_in(const struct view *view, const struct segment_row *row);

/**
 * The newest segment, in a snapshot until view_release(), and what no index has
 * of it in view->tail; *ret_store is NULL if there is none that still grows.
 * What the view has seen is as of this snapshot.
 */
int view_newest(struct view *view, struct store **ret_store);

/** The head of the chunk that has `sequence`, or of the first one after it. */
int view_chunk_head(struct store *store, uint64_t sequence,
		    struct chunk *ret_chunk);

#endif
