/* SPDX-License-Identifier: MIT */

/* Floors of subjects, counted in the block that they are in. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "logger/log.h"
#include "logger/view_inside.h"
#include "storage/backend/row.h"

DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

struct counting {
	struct view *view;
	struct map map;               /* struct view_count, by tag.low */
	struct view_count **of_place; /* of the run, by place of the subject */
	uint64_t until;
};

static struct view_count *lookup(const struct counting *counting,
				 const char *subject, size_t n)
{
	uint64_t hash = hash_bytes_tag(&counting->view->key, subject, n).low;
	struct map_node *node = map_lookup(&counting->map, hash);

	for (; node; node = map_next(node)) {
		struct view_count *count =
			container_of(node, struct view_count, node);

		if (count->n == n && !memcmp(count->subject, subject, n))
			return count;
	}
	return NULL;
}

/* Which of the run's subjects are counted; whether any is. */
static int find_places(struct counting *counting)
{
	const struct run_reader *reader = &counting->view->reader;
	int is_any = 0;

	free(counting->of_place);
	counting->of_place =
		calloc(reader->head.n_subjects, sizeof(*counting->of_place));
	if (!counting->of_place)
		return -ENOMEM;
	for (unsigned i = 0; i < reader->head.n_subjects; i++) {
		size_t n;
		const char *subject =
			run_reader_subject(reader, (uint16_t)i, &n);

		counting->of_place[i] = lookup(counting, subject, n);
		is_any |= counting->of_place[i] != NULL;
	}
	return is_any;
}

static int count_run(struct counting *counting, const struct chunk *chunk)
{
	struct run_reader *reader = &counting->view->reader;
	struct run_record record;
	int r;

	r = run_reader_begin(reader, chunk_run(chunk), chunk->head.n_bytes);
	if (r == 0)
		r = find_places(counting);
	if (r <= 0)
		return r;
	while ((r = run_reader_next(reader, &record)) > 0) {
		struct view_count *count = counting->of_place[record.place];

		if (record.sequence > counting->until)
			return 0;
		if (count && !count->floor->floor &&
		    count->n_passed++ == count->floor->n_below)
			count->floor->floor = record.sequence;
	}
	return r;
}

static int count_block(struct counting *counting, struct store *store,
		       uint64_t block)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	const struct store_key key = row_number(block);
	int r;

	r = store_cursor_open(store, SEGMENT_CHUNKS, STORE_AT_OR_AFTER, &key,
			      &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0) {
		struct chunk chunk;

		if (store_cursor_key(cursor).number > counting->until)
			return 0;
		r = chunk_at(cursor, &chunk);
		if (r >= 0)
			r = count_run(counting, &chunk);
	}
	return r;
}

static int count_all(struct counting *counting, uint64_t block)
{
	struct view *view = counting->view;
	const struct segment_row *row = ledger_find(&view->ledger, block);
	struct store *store;
	int r;

	/* Its segment was removed meanwhile: so is all that is asked about. */
	if (!row || row->first > block)
		return 0;
	r = view_segment(view, row, &store);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	r = count_block(counting, store, block);
	view_release(view, store);
	return r;
}

int view_count(struct view *view, struct view_count *counts, size_t n,
	       uint64_t until)
{
	struct counting counting = { .view = view, .until = until };
	int r = n ? map_init(&counting.map) : 0;

	if (r < 0 || !n)
		return r;
	for (size_t i = 0; i < n; i++) {
		counts[i].n_passed = 0;
		map_add(&counting.map, &counts[i].node,
			counts[i].floor->tag.low);
	}
	r = count_all(&counting, counts[0].floor->block);
	map_deinit(&counting.map);
	free(counting.of_place);
	return r;
}
