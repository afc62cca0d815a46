/* SPDX-License-Identifier: MIT */

#include "tests/unit/storage/disk/life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { JOURNAL_SHORT_BYTES = 20000, PIECE_SHORT_BYTES = 4000 };

void life_init(struct life *life, struct backend *backend, const char *path,
	       unsigned flags)
{
	*life = (struct life){
		.backend = backend,
		.path = path,
		.flags = flags,
	};
	snapshot_init(&life->snapshot);
	buffer_init(&life->steps, SIZE_MAX);
	slate_init(&life->slate);
}

void life_deinit(struct life *life)
{
	life_close(life);
	buffer_deinit(&life->steps);
}

int life_open(struct life *life, char **ret_why)
{
	char *why;
	int r;

	life_close(life);
	slate_init(&life->slate);
	snapshot_init(&life->snapshot);
	life->snapshot.journal_bytes = JOURNAL_SHORT_BYTES;
	life->snapshot.piece_bytes = PIECE_SHORT_BYTES;
	r = journal_open_with(life->backend, life->path, life->flags,
			      &life->slate.state, &life->journal, &why);
	if (r < 0)
		life->journal = NULL;
	if (ret_why)
		*ret_why = why;
	else
		free(why);
	return r;
}

void life_close(struct life *life)
{
	life->journal = journal_close(life->journal);
	snapshot_deinit(&life->snapshot);
}

int life_commit(struct life *life, unsigned n_steps)
{
	struct slate before = life->slate;
	struct journal_batch batch = { 0 };
	int r;

	buffer_clear(&life->steps);
	for (unsigned i = 0; i < n_steps; i++)
		slate_step(&life->slate, &life->steps);
	if (n_steps) {
		batch.first = before.state.revision + 1;
		batch.last = life->slate.state.revision;
		batch.steps = life->steps.bytes;
		batch.n_steps = life->steps.n;
	}
	snapshot_fill(&life->snapshot, &life->slate.state, life->journal,
		      &batch);
	r = journal_commit(life->journal, &batch);
	snapshot_done(&life->snapshot, r);
	life->n_dropped += r == 1;
	life->n_snapshots += !r && batch.is_snapshot_last;
	if (r < 0)
		life->slate = before;
	return r;
}

void life_check(struct life *life, uint64_t revision)
{
	char *why;
	int r;

	r = life_open(life, &why);
	if (r < 0)
		fail_msg("%s", why ? why : "?");
	slate_check(&life->slate, revision);
	assert_true(life->slate.is_loaded);
}

size_t life_n_rows(struct life *life, enum journal_table table)
{
	struct store_cursor *cursor;
	struct store *store;
	size_t n = 0;

	assert_int_equal(store_open(life->backend, life->path, &journal_layout,
				    STORE_READ_ONLY, &store),
			 0);
	assert_int_equal(store_snapshot(store), 0);
	assert_int_equal(store_cursor_open(store, table, STORE_AT_OR_AFTER,
					   NULL, &cursor),
			 0);
	while (store_cursor_next(cursor) > 0)
		n++;
	store_cursor_close(cursor);
	store_close(store);
	return n;
}
