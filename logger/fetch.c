/* SPDX-License-Identifier: MIT */

#include "logger/fetch.h"

#include <errno.h>
#include <stdlib.h>

#include "base/le.h"
#include "logger/keeper.h"
#include "logger/log.h"
#include "logger/logger.h"

/* ---- in the reader's thread ---- */

static int make_room(struct fetch *fetch, size_t n)
{
	if (fetch->memory && fetch->n_room >= n)
		return 0;
	free(fetch->memory);
	fetch->n_room = 0;
	fetch->memory = malloc(FETCH_HEADROOM + n);
	if (!fetch->memory)
		return -ENOMEM;
	fetch->n_room = n;
	return 0;
}

int fetch_view(struct keeper *keeper)
{
	if (keeper->view)
		return view_refresh(keeper->view);
	return view_open(keeper->logger->backend, keeper->folder, &keeper->view,
			 NULL);
}

static int read_once(struct fetch *fetch, struct view *view)
{
	if (fetch->kind == FETCH_BEFORE)
		return view_read_before(view, fetch->from, fetch_bytes(fetch),
					fetch->n_room, &fetch->n, &fetch->next);
	return view_read(view, fetch->from, fetch_bytes(fetch), fetch->n_room,
			 &fetch->n, &fetch->next);
}

static int read_runs(struct fetch *fetch, struct view *view)
{
	int r = make_room(fetch,
			  fetch->is_long ? FETCH_LONG_BYTES : FETCH_BYTES);

	if (r == 0)
		r = read_once(fetch, view);
	if (r != -EMSGSIZE)
		return r;
	if (fetch->n > RUN_BYTES_MAX)
		return -EBADMSG;
	r = make_room(fetch, fetch->n);
	return r < 0 ? r : read_once(fetch, view);
}

static int read_served(struct fetch *fetch, struct view *view)
{
	int r = read_runs(fetch, view);

	if (r == 0 && fetch->subject_records_max)
		r = view_thin(view, fetch->subject_records_max,
			      fetch_bytes(fetch), &fetch->n);
	return r;
}

/* Whole runs without any of the subjects are not even read. */
static int seek(struct fetch *fetch, struct view *view)
{
	uint64_t sequence;
	int r;

	if (fetch->kind != FETCH_RUNS || !fetch->n_patterns)
		return 0;
	r = view_seek_subject(view, fetch->patterns, fetch->n_patterns,
			      fetch->from, &sequence);
	if (r == 1) {
		fetch->n = 0;
		fetch->next = sequence;
		return 1;
	}
	if (r == 0 && sequence > fetch->from)
		fetch->from = sequence;
	return r;
}

static int note_subject(const char *subject, uint64_t last, void *userdata)
{
	struct fetch *fetch = userdata;
	size_t n = fetch->n_sequences_max ? fetch->n_sequences_max * 2 : 64;
	uint64_t *grown;

	(void)subject;
	if (fetch->n_sequences == FETCH_SUBJECTS_MAX)
		return -EDQUOT;
	if (fetch->n_sequences == fetch->n_sequences_max) {
		grown = realloc(fetch->sequences, n * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		fetch->sequences = grown;
		fetch->n_sequences_max = n;
	}
	fetch->sequences[fetch->n_sequences++] = last;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Patterns of a filter may overlap: each record is told once. */
static void sort_sequences(struct fetch *fetch)
{
	size_t n = 0;

	qsort(fetch->sequences, fetch->n_sequences, sizeof(*fetch->sequences),
	      compare);
	for (size_t i = 0; i < fetch->n_sequences; i++)
		if (!n || fetch->sequences[n - 1] != fetch->sequences[i])
			fetch->sequences[n++] = fetch->sequences[i];
	fetch->n_sequences = n;
}

static int list_subjects(struct fetch *fetch, struct view *view)
{
	static const char *const all[] = { ">" };
	const char *const *patterns = fetch->n_patterns ? fetch->patterns : all;
	size_t n = fetch->n_patterns ? fetch->n_patterns : 1;
	int r = 0;

	fetch->n_sequences = 0;
	fetch->next = view_status(view)->last + 1;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = view_subjects(view, patterns[i], note_subject, fetch);
	if (r == 0 && fetch->n_sequences)
		sort_sequences(fetch);
	return r;
}

static int answer(struct fetch *fetch, struct view *view)
{
	int r;

	switch (fetch->kind) {
	case FETCH_TIME:
		return view_seek_time(view, fetch->time_ns, &fetch->next);
	case FETCH_SUBJECTS:
		return list_subjects(fetch, view);
	case FETCH_BEFORE:
		return read_served(fetch, view);
	case FETCH_RUNS:
		break;
	}
	r = seek(fetch, view);
	if (r)
		return r < 0 ? r : 0;
	return read_served(fetch, view);
}

static void run(struct task *task)
{
	struct fetch *fetch = container_of(task, struct fetch, task);

	fetch->n = 0;
	fetch->next = fetch->from;
	fetch->r = fetch_view(fetch->keeper);
	if (fetch->r == 0)
		fetch->r = answer(fetch, fetch->keeper->view);
}

/* ---- in the loop ---- */

static void done(struct task *task)
{
	struct fetch *fetch = container_of(task, struct fetch, task);
	struct keeper *keeper = fetch->keeper;

	fetch->is_busy = false;
	fetch->on_done(fetch);
	keeper_fetched(keeper);
}

void fetch_start(struct fetch *fetch, struct keeper *keeper)
{
	fetch->keeper = keeper;
	fetch->task.run = run;
	fetch->task.done = done;
	fetch->is_busy = true;
	keeper->n_fetches++;
	worker_push(&keeper->logger->reader, &fetch->task);
}

const uint8_t *fetch_find(const struct fetch *fetch, uint64_t sequence,
			  size_t *ret_n)
{
	const uint8_t *found = NULL;
	size_t at = 0;

	if (!fetch->memory || sequence >= fetch->next)
		return NULL;
	while (fetch->n - at >= RUN_HEAD_BYTES) {
		const uint8_t *run = fetch_bytes(fetch) + at;
		size_t n = le32_load(run + 4);

		if (n < RUN_HEAD_BYTES || n > fetch->n - at ||
		    le64_load(run + 8) > sequence)
			break;
		found = run;
		*ret_n = n;
		at += n;
	}
	return found;
}

void fetch_rest(struct fetch *fetch)
{
	if (fetch->is_busy)
		return;
	free(fetch->memory);
	fetch->memory = NULL;
	fetch->n_room = 0;
	fetch->n = 0;
	fetch->is_long = false;
}

void fetch_deinit(struct fetch *fetch)
{
	free(fetch->memory);
	free(fetch->sequences);
	*fetch = (struct fetch){ 0 };
}
