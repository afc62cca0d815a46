/* SPDX-License-Identifier: MIT */

/* What a cursor has read of its log, and what it need not read. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "logger/cursor.h"
#include "proto/run.h"

/* What is below is not there any more. */
static void pass_over(struct cursor *cursor, uint64_t below)
{
	struct cursor_item *item;

	while ((item = cursor_items_waiting(&cursor->items)) &&
	       item->sequence < below && item->state != ITEM_PUBLISHING)
		cursor_item_finish(cursor, item);
	if (cursor->read_from < below)
		cursor->read_from = below;
	cursor_advance(cursor);
}

/* The first sequence that may be in what was fetched; up to it nothing is. */
static uint64_t begin_of_runs(const struct fetch *fetch)
{
	struct run_head head;

	if (!fetch->n)
		return fetch->next;
	if (run_head_decode(fetch_bytes(fetch), fetch->n, &head) < 0 ||
	    head.base_sequence < fetch->from)
		return fetch->from;
	return head.base_sequence;
}

/* Unless what comes next is by now another one than was asked for. */
static void pass_unfound(struct cursor *cursor)
{
	struct cursor_item *item;

	if (cursor_next_sequence(cursor, clock_now_ns(), &item) ==
	    cursor->asked)
		pass_over(cursor, begin_of_runs(&cursor->fetch));
}

static void on_fetched(struct fetch *fetch)
{
	struct cursor *cursor = fetch->userdata;

	if (cursor->is_gone) {
		cursor_free_if_gone(cursor);
		return;
	}
	cursor->has_runs = fetch->r == 0 && fetch->n;
	cursor->last_then = cursor->keeper->status.last;
	if (fetch->r == -ERANGE) {
		pass_over(cursor, fetch->next);
	} else if (fetch->r == 0) {
		pass_unfound(cursor);
	} else if (fetch->r != -ENOENT) {
		snprintf(cursor->fault, sizeof(cursor->fault),
			 "the log cannot be read: %s", strerror(-fetch->r));
		cursor_wake_at(cursor, clock_now_ns() + NS_PER_S);
		return;
	}
	if (!cursor->n_consumers)
		cursor_rest(cursor);
	else if (fetch->r != -ENOENT)
		cursor_pump(cursor);
}

void cursor_fetch(struct cursor *cursor, uint64_t sequence)
{
	struct fetch *fetch = &cursor->fetch;

	fetch->kind = FETCH_RUNS;
	fetch->from = cursor->asked = sequence;
	fetch->subject_records_max =
		config_subject_records_max(&cursor->keeper->config);
	fetch->patterns = NULL;
	fetch->n_patterns = 0;
	if (cursor_is_filtered(cursor)) {
		fetch->patterns =
			(const char *const *)cursor->config->filter->subjects;
		fetch->n_patterns = cursor->config->filter->n_subjects;
	}
	fetch->on_done = on_fetched;
	fetch->userdata = cursor;
	cursor->has_runs = false;
	fetch_start(fetch, cursor->keeper);
}

/* Of what was fetched nothing has fallen beyond a limit since. */
static bool is_current(const struct cursor *cursor)
{
	const struct keeper *keeper = cursor->keeper;
	uint64_t max = config_subject_records_max(&keeper->config);

	return cursor->has_runs && cursor->fetch.subject_records_max == max &&
	       (!max || cursor->last_then == keeper->status.last);
}

bool cursor_has(const struct cursor *cursor, uint64_t sequence)
{
	size_t n;

	return is_current(cursor) && sequence >= cursor->fetch.from &&
	       fetch_find(&cursor->fetch, sequence, &n);
}

void cursor_rest(struct cursor *cursor)
{
	if (cursor->fetch.is_busy)
		return;
	fetch_rest(&cursor->fetch);
	cursor->has_runs = false;
}
