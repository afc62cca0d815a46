/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_LOG_H
#define LOGGER_LOG_H

/**
 * A log on disk: a folder of segments, and of what is known beside them.
 *
 *	LOG/state		configuration, cursors, totals (table files of
 *				storage/backend)
 *	LOG/FIRST-TIME.seg	a segment: its first sequence and its first
 *				time in ns, in 16 hex digits each
 *
 * struct log is the writer's: the writer thread opens it, and only that thread
 * touches it. Readers have struct view, any number of them, in another thread;
 * they see what is committed and nothing else. Both may block on the disk.
 *
 * Errors are those of storage/backend/backend.h. After any error of
 * log_append() but -ENOSPC the log takes nothing more until it was closed and
 * opened again, which finds out what is on disk.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/run.h"

struct backend;
struct log;
struct view;

/** Of Config in log.proto what the disk has to know; 0: no limit. */
struct log_limits {
	uint64_t age_max_ns;
	uint64_t records_max;
	uint64_t bytes_max;
	uint64_t subject_records_max;
	uint64_t principal_bytes_max;
	uint64_t dedup_window_ns;   /* 0: 2 minutes */
	uint64_t segment_bytes_max; /* 0: 256 MiB */
};

struct log_status {
	uint64_t first; /* that is served */
	uint64_t last;  /* that is stored; first - 1 when there is none */
	uint64_t first_ns;
	uint64_t last_ns;
	uint64_t bytes;
	unsigned n_segments;
};

/**
 * Open the log in `folder`, or make it if `create` says so (-EEXIST: there is
 * one). Checked are the headers, the last run and its chain; what the last
 * crash left half done is undone. A damaged log is -EBADMSG, and never taken
 * for an empty one; *ret_why, freed by the caller, names the file and the fault
 * (may be NULL).
 */
int log_open(struct backend *backend, const char *folder, bool create,
	     const struct log_limits *limits, struct log **ret_log,
	     char **ret_why);
/** Returns NULL. NULL is fine. */
struct log *log_close(struct log *log);

const struct log_status *log_status(const struct log *log);
void log_set_limits(struct log *log, const struct log_limits *limits);

/** What a record is to be judged by before it is stored. */
struct log_condition {
	uint32_t place; /* of the record in the builder */
	/* Idempotency key, terminated, or NULL. `producer:NUMBER` and
	 * `producer:NAME:NUMBER` count from 1: see docs/LOG.md. */
	const char *key;
	const char *durable_id; /* of the writer, terminated */
	bool has_expected;
	uint64_t expected; /* the log's last sequence before this record */
};

enum log_outcome {
	LOG_STORED,
	LOG_DUPLICATE,      /* with the sequence of the first */
	LOG_KEY_CONFLICT,   /* same key, other body */
	LOG_KEY_GAP,        /* producer:NUMBER, and not the next number */
	LOG_NOT_EXPECTED,   /* the log's last sequence is another */
	LOG_OVER_PRINCIPAL, /* principal_bytes_max */
};

struct log_verdict {
	uint32_t place;
	enum log_outcome outcome;
	/* The first one's, 0: not known any more; the expected number; the
	 * log's last before it. */
	uint64_t sequence;
};

/**
 * Store what is in the builder, as one run and in one commit: when it returns
 * 0 it is on disk. Conditions are in the order of their places. Records that
 * are not stored are taken out of the builder, and there is a verdict for each
 * of them in *ret_verdicts (places as they were before; the log's memory until
 * the next call); all others were stored, from *ret_first on without a hole.
 *
 * -ENOSPC: nothing is stored and the log is as it was. Any other error: nothing
 * is known to be stored.
 */
int log_append(struct log *log, struct run_builder *builder,
	       const struct log_condition *conditions, size_t n_conditions,
	       uint64_t *ret_first, const struct log_verdict **ret_verdicts,
	       size_t *ret_n_verdicts);

/** A run from elsewhere, into a log that has no record after its first. */
int log_import(struct log *log, const void *run, size_t n_run);

/** Remove the segments that no limit keeps. `now_ns` since 1970. */
int log_expire(struct log *log, uint64_t now_ns);

/* Small things that are kept with the log: "cursor/NAME", "schema/HASH". */

int log_state_put(struct log *log, const char *key, const void *value,
		  size_t n_value);
int log_state_delete(struct log *log, const char *key);
/** All puts and deletes since the last one are on disk when it returns 0. */
int log_state_commit(struct log *log);
/** Calls back for each key that begins with `prefix`, in order. */
int log_state_each(struct log *log, const char *prefix,
		   int (*on_each)(const char *key, const void *value,
				  size_t n_value, void *userdata),
		   void *userdata);

/** Delete a log that nobody has open. */
int log_delete(struct backend *backend, const char *folder);

/* ---- reading ---- */

int view_open(struct backend *backend, const char *folder,
	      struct view **ret_view, char **ret_why);
struct view *view_close(struct view *view);
/** See what has been committed until now. */
int view_refresh(struct view *view);
const struct log_status *view_status(const struct view *view);
/**
 * Move what was committed to where it belongs, in the segment that is written
 * now, without holding up the writer: for the thread of the view, often.
 */
int view_checkpoint(struct view *view);

/**
 * Copy up to `n_max` bytes of runs that hold records from `sequence` on to
 * `buffer`: whole runs as they are stored, at least one; the first may begin
 * before `sequence`. Checked by their heads; records are checked as they are
 * taken apart. *ret_next is where to go on, *ret_n how many bytes. 0; -ENOENT:
 * there is none yet; -ERANGE: removed, *ret_next is the first there is;
 * -EMSGSIZE: the first run is longer than `n_max`, and *ret_n says how long;
 * -EBADMSG with *ret_next behind the run that is damaged.
 */
int view_read(struct view *view, uint64_t sequence, void *buffer, size_t n_max,
	      size_t *ret_n, uint64_t *ret_next);
/**
 * The run that holds the record before `sequence`, for reading backwards; go on
 * before *ret_first, which is where it begins. 0; -ENOENT: there is none any
 * more; -EMSGSIZE as above; -EBADMSG with *ret_first where the damaged run
 * begins.
 */
int view_read_before(struct view *view, uint64_t sequence, void *buffer,
		     size_t n_max, size_t *ret_n, uint64_t *ret_first);

/** The first sequence at or after this time; last + 1 if none is. */
int view_seek_time(struct view *view, uint64_t time_ns, uint64_t *ret_sequence);
/**
 * A run boundary at or before the first record at or after `sequence` whose
 * subject matches one of `patterns`, such that nothing in between matches.
 * Outcome 0, or 1: there is none up to the end, which is then *ret_sequence.
 */
int view_seek_subject(struct view *view, const char *const *patterns,
		      size_t n_patterns, uint64_t sequence,
		      uint64_t *ret_sequence);
/** The newest record of this very subject; 1, or 0 when there is none. */
int view_last_of(struct view *view, const char *subject,
		 uint64_t *ret_sequence);
/**
 * Calls back for each subject that is served and matches, in order, with its
 * newest record.
 */
int view_subjects(struct view *view, const char *pattern,
		  int (*on_subject)(const char *subject, uint64_t last,
				    void *userdata),
		  void *userdata);
/** Below it, records of this subject are not served (subject_records_max). */
int view_floor_of(struct view *view, const char *subject, uint64_t records_max,
		  uint64_t *ret_sequence);
/**
 * Whether a record that view_read() gave is served: 1, 0, or a negative errno.
 * `records_max` 0: all are. For many records view_thin() is quicker.
 */
int view_serves(struct view *view, const struct run_record *record,
		uint64_t records_max);
/**
 * Leave such records out of the runs that view_read() gave: *n becomes less,
 * and is 0 when nothing of them is served. Returns 0 or a negative errno, and
 * then the runs are not to be used.
 */
int view_thin(struct view *view, uint64_t records_max, uint8_t *bytes,
	      size_t *n);
/**
 * What log_state_put() has kept under this key; freed by the caller. Returns 1,
 * or 0 when there is nothing.
 */
int view_thing(struct view *view, const char *key, void **ret_value,
	       size_t *ret_n);

/** What verify found; `good` or the first that is bad. */
struct log_finding {
	bool is_good;
	uint64_t n_records;
	uint64_t n_bytes;
	unsigned n_segments;
	uint64_t bad_sequence;
	char file[64];
	char fault[128];
};

/**
 * Look at every byte of the log at `folder`: structure of the files, runs,
 * records, chains and indexes. 0 also when it is bad: see *ret_finding.
 */
int log_verify(struct backend *backend, const char *folder,
	       struct log_finding *ret_finding);

#endif
