/* SPDX-License-Identifier: MIT */

/* Runs without the records that are not served, though they are stored. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "logger/log.h"
#include "logger/view_inside.h"

/* A subject of a run. */
struct subject {
	struct view_floor floor;
	bool is_found;  /* its floor, as far as indexes have it */
	bool is_wanted; /* it has to be counted */
};

struct thin {
	struct view *view;
	uint64_t records_max;
	struct run_reader reader;
	struct run_builder builder;
	struct subject *subjects; /* by their places in the run */
	struct view_count *counts;
	uint64_t n_left_out; /* of the run */
};

static int begin(struct thin *thin, const uint8_t *run, size_t n)
{
	int r = run_reader_begin(&thin->reader, run, n);
	size_t n_subjects = r < 0 ? 0 : thin->reader.head.n_subjects;

	free(thin->subjects);
	free(thin->counts);
	thin->subjects = calloc(n_subjects + 1, sizeof(*thin->subjects));
	thin->counts = calloc(n_subjects + 1, sizeof(*thin->counts));
	if (!thin->subjects || !thin->counts)
		return -ENOMEM;
	return r;
}

/* Returns 1: it is served; 0; -EAGAIN: it has to be counted; or another. */
static int is_served(struct thin *thin, const struct run_record *record)
{
	struct subject *subject = &thin->subjects[record->place];
	int r;

	if (!view_may_be_below(thin->view, record, thin->records_max))
		return 1;
	if (!subject->is_found) {
		r = view_floor_find(thin->view, record->subject,
				    record->n_subject, thin->records_max,
				    &subject->floor);
		if (r < 0)
			return r;
		subject->is_found = true;
	}
	return view_floor_serves(&subject->floor, record->sequence);
}

/* Those of the same block as the first; *ret_n of them, 0: none is left. */
static void gather(struct thin *thin, size_t *ret_n)
{
	*ret_n = 0;
	for (unsigned i = 0; i < thin->reader.head.n_subjects; i++) {
		struct subject *subject = &thin->subjects[i];
		struct view_count *count = &thin->counts[*ret_n];

		if (!subject->is_wanted ||
		    (*ret_n &&
		     subject->floor.block != thin->counts[0].floor->block))
			continue;
		count->subject = run_reader_subject(&thin->reader, (uint16_t)i,
						    &count->n);
		count->floor = &subject->floor;
		subject->is_wanted = false;
		++*ret_n;
	}
}

/*
 * All that has to be is counted at once: it is in the block of the run, but
 * for when another one was written just then.
 */
static int count_floors(struct thin *thin, uint64_t last)
{
	size_t n;
	int r = 0;

	for (gather(thin, &n); r == 0 && n; gather(thin, &n)) {
		r = view_count(thin->view, thin->counts, n, last);
		for (size_t i = 0; r == 0 && i < n; i++) {
			struct view_floor *floor = thin->counts[i].floor;

			if (floor->floor)
				view_floor_keep(thin->view, floor);
			else
				floor->floor = last + 1; /* behind this run */
		}
	}
	return r;
}

/* What is to be left out, before anything is. */
static int look(struct thin *thin)
{
	struct run_record record;
	uint64_t last = 0;
	int r;

	thin->n_left_out = 0;
	while ((r = run_reader_next(&thin->reader, &record)) == 1) {
		int is = is_served(thin, &record);

		if (is < 0 && is != -EAGAIN)
			return is;
		last = record.sequence;
		thin->n_left_out += is != 1;
		thin->subjects[record.place].is_wanted |= is == -EAGAIN;
	}
	return r < 0 || !thin->n_left_out ? r : count_floors(thin, last);
}

/* Those that are served are in the builder then. */
static int sort_out(struct thin *thin, uint64_t *ret_first)
{
	struct run_record record;
	int r;

	thin->n_left_out = 0;
	run_builder_clear(&thin->builder);
	while ((r = run_reader_next(&thin->reader, &record)) == 1) {
		r = is_served(thin, &record);
		if (r < 0)
			return r;
		if (!r) {
			thin->n_left_out++;
			continue;
		}
		if (!thin->builder.n_records)
			*ret_first = record.sequence;
		record.sequence -= *ret_first;
		r = run_builder_add(&thin->builder, &record);
		if (r < 0)
			return r;
	}
	return r;
}

/* What takes its place at `to`, which is not behind it; *ret_n bytes. */
static int thin_run(struct thin *thin, const uint8_t *run, uint8_t *to,
		    size_t *ret_n)
{
	size_t n = thin->reader.head.n_bytes;
	const void *pieces[2];
	size_t lengths[2];
	uint64_t first = 0;
	int r = look(thin);

	*ret_n = 0;
	if (r == 0 && thin->n_left_out)
		r = run_reader_begin(&thin->reader, run, n);
	if (r == 0 && thin->n_left_out)
		r = sort_out(thin, &first);
	if (r == 0 && thin->n_left_out && !thin->builder.n_records)
		return 0;
	if (r == 0 && thin->n_left_out)
		r = run_builder_finish(&thin->builder, first, pieces, lengths);
	/* What is damaged is the reader's to see. */
	if (r == -EBADMSG || (r == 0 && !thin->n_left_out)) {
		memmove(to, run, n);
		*ret_n = n;
		return 0;
	}
	if (r < 0 || lengths[0] + lengths[1] > n)
		return r < 0 ? r : -EOVERFLOW;
	memcpy(to, pieces[0], lengths[0]);
	memcpy(to + lengths[0], pieces[1], lengths[1]);
	*ret_n = lengths[0] + lengths[1];
	return 0;
}

int view_thin(struct view *view, uint64_t records_max, uint8_t *bytes,
	      size_t *n)
{
	struct thin thin = { .view = view, .records_max = records_max };
	size_t at = 0, n_kept = 0;
	int r = run_builder_init(&thin.builder);

	while (r == 0 && at < *n) {
		size_t n_run;

		r = begin(&thin, bytes + at, *n - at);
		if (r == 0)
			r = thin_run(&thin, bytes + at, bytes + n_kept, &n_run);
		if (r < 0)
			break;
		at += thin.reader.head.n_bytes;
		n_kept += n_run;
	}
	/* From a damaged head on, all stays as it is. */
	if (r == -EBADMSG) {
		memmove(bytes + n_kept, bytes + at, *n - at);
		n_kept += *n - at;
		r = 0;
	}
	if (r == 0)
		*n = n_kept;
	run_reader_deinit(&thin.reader);
	run_builder_deinit(&thin.builder);
	free(thin.subjects);
	free(thin.counts);
	return r;
}
