/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_SIEVE_H
#define LOGGER_SIEVE_H

/**
 * Which records of a run one reader gets: those that it asked for and may see.
 *
 * Whoever may subscribe to all that the log captures is not asked about for
 * each subject. A record of an observed call takes the right to observe.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/access.h"
#include "proto/run.h"

struct keeper;

enum { SIEVE_FILTERS_MAX = 32 };

struct sieve {
	struct keeper *keeper;
	const char *principal; /* borrowed */
	char **subjects;       /* patterns; owned */
	size_t n_subjects;
	char **principals; /* patterns, as policy has them; owned */
	size_t n_principals;

	/* Inside. */
	struct run_reader reader;
	struct run_builder builder;
	uint8_t *verdicts; /* by the place of a subject in the dictionary */
	size_t n_verdicts_room;
	bool *covers; /* by capture: all of it may be subscribed to */
	size_t n_covers;
	uint64_t n_changes; /* of the access, when the above was asked */
	uint64_t n_configs; /* of the log, then */
	bool is_asked;
	const uint8_t *run; /* that is looked at */
	bool sees_all;      /* of it */
};

/** From which records on, and how many. */
struct sieve_range {
	uint64_t from;
	uint64_t until;    /* the first that is not wanted; UINT64_MAX */
	uint64_t until_ns; /* the same */
	uint64_t limit;    /* at most so many; UINT64_MAX */
};

struct sieve_out {
	bool is_whole; /* the run as it is; else the pieces */
	const void *pieces[2];
	size_t lengths[2];
	uint64_t n_records; /* 0: none of it */
	uint64_t next;      /* the first that was not looked at */
	uint64_t last_ns;   /* time of the last that was */
	bool is_end;        /* until, until_ns or limit is reached */
};

/**
 * `principal` must live as long. The filters are copied. Returns 0, -EINVAL:
 * one of the filters is no pattern, or there are too many; -ENOMEM.
 */
int sieve_init(struct sieve *sieve, struct keeper *keeper,
	       const char *principal, char *const *subjects, size_t n_subjects,
	       char *const *principals, size_t n_principals);
/** Safe on a zeroed one. */
void sieve_deinit(struct sieve *sieve);

/**
 * Judge all that stands in the dictionary of the run, which must live while it
 * is looked at. Returns 0; -EINPROGRESS: `wait` will be called, then try again;
 * -EBADMSG; -ENOMEM; another negative errno.
 */
int sieve_begin(struct sieve *sieve, const uint8_t *run, size_t n,
		struct access_wait *wait);

/** The next record that passes. 1, 0 at the end, -EBADMSG. */
int sieve_next(struct sieve *sieve, struct run_record *ret_record);

/**
 * What is to be sent of a run: begins, and takes the whole of it. Returns 0, or
 * as sieve_begin(). The pieces live until the next.
 */
int sieve_take(struct sieve *sieve, const uint8_t *run, size_t n,
	       const struct sieve_range *range, struct access_wait *wait,
	       struct sieve_out *ret_out);

/** A run of this record alone; the pieces live until the next. */
int sieve_single(struct sieve *sieve, const struct run_record *record,
		 const void *ret_pieces[2], size_t ret_lengths[2]);

#endif
