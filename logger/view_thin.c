/* SPDX-License-Identifier: MIT */

/* Runs without the records that are not served, though they are stored. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "logger/log.h"

struct thin {
	struct view *view;
	uint64_t records_max;
	struct run_reader reader;
	struct run_builder builder;
	/* By the place of a subject in the run: its floor, 0 if not asked. */
	uint64_t *floors;
	const char **subjects; /* ascending, as they stand in the run */
	size_t n_subjects;
};

static int begin(struct thin *thin, const uint8_t *run, size_t n)
{
	int r = run_reader_begin(&thin->reader, run, n);
	size_t n_subjects = r < 0 ? 0 : thin->reader.head.n_subjects;

	free(thin->floors);
	free(thin->subjects);
	thin->floors = calloc(n_subjects + 1, sizeof(*thin->floors));
	thin->subjects = calloc(n_subjects + 1, sizeof(*thin->subjects));
	thin->n_subjects = n_subjects;
	if (!thin->floors || !thin->subjects)
		return -ENOMEM;
	for (size_t i = 0; i < n_subjects; i++) {
		size_t n_subject;

		thin->subjects[i] = run_reader_subject(&thin->reader,
						       (uint16_t)i, &n_subject);
	}
	return r;
}

static size_t place_of(const struct thin *thin, const char *subject)
{
	size_t low = 0, high = thin->n_subjects;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (thin->subjects[middle] <= subject)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* *ret_n_left_out: of its records; the others are in the builder. */
static int sort_out(struct thin *thin, uint64_t *ret_first,
		    uint32_t *ret_n_left_out)
{
	struct run_record record;
	int r;

	run_builder_clear(&thin->builder);
	while ((r = run_reader_next(&thin->reader, &record)) == 1) {
		r = view_serves(thin->view, &record, thin->records_max,
				&thin->floors[place_of(thin, record.subject)]);
		if (r < 0)
			return r;
		if (!r) {
			++*ret_n_left_out;
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
	uint32_t n_left_out = 0;
	int r = sort_out(thin, &first, &n_left_out);

	*ret_n = 0;
	if (r == 0 && n_left_out && !thin->builder.n_records)
		return 0;
	if (r == 0 && n_left_out)
		r = run_builder_finish(&thin->builder, first, pieces, lengths);
	/* What is damaged is the reader's to see. */
	if (r == -EBADMSG || (r == 0 && !n_left_out)) {
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
	free(thin.floors);
	free(thin.subjects);
	return r;
}
