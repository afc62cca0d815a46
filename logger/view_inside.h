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
 *	view_count.c	the same, counted
 *	view_thin.c	runs without the others
 *	view_thing.c	small things kept with the log
 *
 * A view holds no snapshot between two calls: what is stored is never changed,
 * so that status.last says all of what it has seen. Thus it is in nobody's way.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/map.h"
#include "logger/index.h"
#include "logger/ledger.h"
#include "logger/log.h"
#include "logger/segment.h"

enum {
	VIEW_HANDLES = 4,
	VIEW_FLOORS = 4096, /* 80 bytes each, of a log with such a limit */
};

struct view_handle {
	uint64_t first; /* of the segment; 0: nothing is open */
	bool is_sealed;
	struct store *store;
	uint64_t used; /* when, in calls */
};

/**
 * What was found out of a subject, of which so many records are served: that
 * is, those from a floor on. Indexes say in which block it is; where in it is
 * counted when it has to be known.
 */
struct view_floor {
	struct hash_tag tag; /* of the subject */
	uint64_t records_max;
	uint64_t last;  /* of the log then; 0: nothing was found out */
	uint64_t block; /* its first sequence; 0: all are served */
	uint64_t block_last;
	uint64_t n_below; /* records of the subject in it that are not */
	uint64_t floor;   /* 0: not counted yet */
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
	struct hash_key key;
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

/* ---- floors ---- */

/** As far as indexes have it. Returns 0 or a negative errno. */
int view_floor_find(struct view *view, const char *subject, size_t n,
		    uint64_t records_max, struct view_floor *ret_floor);
/** What was counted is remembered. */
void view_floor_keep(struct view *view, const struct view_floor *floor);
/** False: it is served, without looking. */
bool view_may_be_below(const struct view *view, const struct run_record *record,
		       uint64_t records_max);

/** 1; 0; -EAGAIN: it has to be counted. */
static inline int view_floor_serves(const struct view_floor *floor,
				    uint64_t sequence)
{
	if (!floor->block || sequence > floor->block_last)
		return 1;
	if (sequence < floor->block)
		return 0;
	return floor->floor ? sequence >= floor->floor : -EAGAIN;
}

struct view_count {
	const char *subject;
	size_t n;
	struct view_floor *floor;
	/* Inside. */
	struct map_node node;
	uint64_t n_passed;
};

/**
 * Count floors, all in one block: those that are at or before `until` are known
 * then. Returns 0 or a negative errno.
 */
int view_count(struct view *view, struct view_count *counts, size_t n,
	       uint64_t until);

#endif
