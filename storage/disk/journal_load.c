/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "storage/backend/row.h"
#include "storage/disk/journal_inside.h"
#include "storage/state/image.h"

DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

enum {
	/* What a message takes when it is unpacked, in bytes of it packed. */
	UNPACKED_FACTOR = 4,
	UNPACKED_FACTOR_MAX = 64,
	UNPACKED_BYTES = 64 << 10,
};

static int make_arena(struct unpack_arena *arena, size_t n)
{
	uint8_t *bytes;

	if (n <= arena->n_bytes)
		return 0;
	bytes = malloc(n);
	if (!bytes)
		return -ENOMEM;
	free(arena->bytes);
	arena->bytes = bytes;
	arena->n_bytes = n;
	return 0;
}

/* The arena grows with what a row has, and no further. */
int journal_unpack(struct journal_loading *loading,
		   const ProtobufCMessageDescriptor *descriptor,
		   const uint8_t *bytes, size_t n,
		   ProtobufCMessage **ret_message)
{
	struct unpack_arena *arena = &loading->arena;
	size_t n_max = UNPACKED_BYTES + n * UNPACKED_FACTOR_MAX;
	size_t n_arena = UNPACKED_BYTES + n * UNPACKED_FACTOR;
	int outcome;

	arena->n_fields_max = n + 1;
	do {
		if (make_arena(arena, n_arena) < 0)
			return -ENOMEM;
		outcome = unpack(descriptor, bytes, n, arena, ret_message);
		n_arena = arena->n_bytes * 2;
	} while (outcome == UNPACK_E_ARENA && n_arena <= n_max);
	return outcome ? -EBADMSG : 0;
}

/* ---- the steps ---- */

static int bad_step(struct journal_loading *loading, const char *what)
{
	uint64_t revision = loading->revision + 1;

	return fault_found(loading->fault, revision,
			   "journal: row %" PRIu64 ", revision %" PRIu64 ": %s",
			   loading->row, revision, what);
}

static int take_step(struct journal_loading *loading, const uint8_t *bytes,
		     size_t n)
{
	const struct journal_snapshot *whole = &loading->journal->facts.whole;
	ProtobufCMessage *message;
	Helio__Store__V1__Step *step;
	int r;

	r = journal_unpack(loading, &helio__store__v1__step__descriptor, bytes,
			   n, &message);
	if (r == -EBADMSG)
		return bad_step(loading, "it is no step");
	if (r < 0)
		return r;
	step = (Helio__Store__V1__Step *)message;
	if (step->revision != loading->revision + 1)
		return bad_step(loading, "another one is in its place");
	r = loading->state ? image_load_step(loading->state, step, whole->begin,
					     whole->end)
			   : 0;
	if (r == -EBADMSG)
		return bad_step(loading, "it does not fit");
	if (r >= 0)
		loading->revision++;
	return r;
}

static int take_steps(struct journal_loading *loading, const void *value,
		      size_t n)
{
	struct record_reader reader = { value, n };
	const uint8_t *bytes;
	int r;

	if (!n)
		return bad_step(loading, "it is missing");
	while ((r = record_next(&reader, &bytes, &n)) > 0) {
		r = take_step(loading, bytes, n);
		if (r < 0)
			return r;
	}
	return r == -EBADMSG || r == -EAGAIN
		       ? bad_step(loading, "it is damaged")
		       : r;
}

static int read_steps(struct journal_loading *loading,
		      struct store_cursor *cursor)
{
	uint64_t number = store_cursor_key(cursor).number;
	const void *value;
	int r;

	loading->row = loading->revision + 1;
	if (number != loading->row)
		return bad_step(loading, "it is missing");
	r = store_cursor_value(cursor, &value, &loading->n_row);
	return r < 0 ? r : take_steps(loading, value, loading->n_row);
}

static int check_end(struct journal_loading *loading)
{
	const struct journal_extent *extent = &loading->journal->facts.extent;

	if (loading->revision < extent->last)
		return bad_step(loading, "it is missing");
	if (loading->revision > extent->last ||
	    (extent->last && loading->row != extent->last_row))
		return fault_found(loading->fault, extent->last,
				   "meta: row 'journal' is of another time");
	return 0;
}

/* From `loading->row` on to the end, which is known. */
static int load_steps(struct journal_loading *loading)
{
	struct journal *journal = loading->journal;
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	const struct store_key key = row_number(loading->row);
	int r;

	loading->revision = loading->row - 1;
	r = store_cursor_open(journal->store, JOURNAL_STEPS, STORE_AT_OR_AFTER,
			      &key, &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0) {
		r = read_steps(loading, cursor);
		if (r >= 0 && loading->state)
			journal_marks_add(&journal->marks, loading->row,
					  loading->n_row);
	}
	if (r == -EBADMSG && !loading->fault->text[0])
		return bad_step(loading, store_error(journal->store));
	return r < 0 ? r : check_end(loading);
}

/* ---- all of it ---- */

int journal_load(struct journal *journal, struct state *state,
		 struct fault *fault)
{
	struct journal_loading loading = {
		.journal = journal,
		.state = state,
		.fault = fault,
	};
	int r;

	r = journal_load_pieces(&loading);
	loading.row = journal->facts.extent.first;
	if (r >= 0)
		r = load_steps(&loading);
	free(loading.arena.bytes);
	if (r >= 0)
		r = image_loaded(state, journal->facts.whole.end);
	return fault_of(fault, journal->store, r);
}

int journal_load_last(struct journal *journal, size_t *ret_n,
		      struct fault *fault)
{
	uint64_t last_row = journal->facts.extent.last_row;
	struct journal_loading loading = {
		.journal = journal,
		.fault = fault,
		.row = last_row ? last_row : 1,
	};
	int r;

	r = load_steps(&loading);
	free(loading.arena.bytes);
	*ret_n = loading.n_row;
	return fault_of(fault, journal->store, r);
}
