/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_FETCH_H
#define LOGGER_FETCH_H

/**
 * A question to a log on disk, answered by the reader's thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/worker.h"

struct keeper;

enum fetch_kind {
	FETCH_RUNS,     /* from `from` on, as many as fit */
	FETCH_BEFORE,   /* the run that holds the record before `from` */
	FETCH_TIME,     /* the sequence of the first record at `time_ns` */
	FETCH_SUBJECTS, /* the newest record of each subject */
};

enum {
	FETCH_BYTES = 256 * 1024,
	/* Of who reads on and on: fewer errands for the thread. */
	FETCH_LONG_BYTES = 1024 * 1024,
	/* Room in front of each run, for what it is sent in. */
	FETCH_HEADROOM = 16,
	FETCH_SUBJECTS_MAX = 65536,
};

struct fetch {
	struct task task;
	struct keeper *keeper;
	void (*on_done)(struct fetch *fetch);
	void *userdata;

	/* The question. */
	enum fetch_kind kind;
	uint64_t from;
	uint64_t time_ns;
	bool is_long;                /* FETCH_LONG_BYTES, and not FETCH_BYTES */
	const char *const *patterns; /* only these are looked for, if any */
	size_t n_patterns;
	uint64_t subject_records_max; /* 0: all are served */

	/* The answer. */
	int r;               /* as the functions of struct view say */
	size_t n;            /* bytes of runs */
	uint64_t next;       /* where to go on; of a time, its sequence */
	uint64_t *sequences; /* of FETCH_SUBJECTS; ascending */
	size_t n_sequences, n_sequences_max;

	uint8_t *memory; /* FETCH_HEADROOM, then `n_room` bytes */
	size_t n_room;
	bool is_busy;
};

static inline uint8_t *fetch_bytes(const struct fetch *fetch)
{
	return fetch->memory + FETCH_HEADROOM;
}

/** Begin; on_done is called once, not from in here. It must not be busy. */
void fetch_start(struct fetch *fetch, struct keeper *keeper);
/** Of what was fetched, the run that can hold this sequence, or NULL. */
const uint8_t *fetch_find(const struct fetch *fetch, uint64_t sequence,
			  size_t *ret_n);
/**
 * In the reader's thread: keeper->view sees what is committed now. Returns 0 or
 * what struct view says.
 */
int fetch_view(struct keeper *keeper);
/** Its memory is given back, unless it is busy: nothing of it is needed. */
void fetch_rest(struct fetch *fetch);
/** It must not be busy. */
void fetch_deinit(struct fetch *fetch);

#endif
