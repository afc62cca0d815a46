/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <inttypes.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "storage/backend/row.h"
#include "storage/disk/journal_inside.h"
#include "storage/state/image.h"

DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

static int bad_piece(struct journal_loading *loading, const char *what)
{
	const struct journal_snapshot *whole = &loading->journal->facts.whole;

	return fault_found(loading->fault, whole->end,
			   "snapshot: piece %" PRIu64 " of %" PRIu64
			   ", to revision %" PRIu64 ": %s",
			   loading->row, whole->n_pieces, whole->end, what);
}

static int take_row(struct journal_loading *loading, const uint8_t *bytes,
		    size_t n)
{
	ProtobufCMessage *row;
	int r;

	if (!loading->state)
		return 0;
	r = journal_unpack(loading, &helio__store__v1__row__descriptor, bytes,
			   n, &row);
	if (r == -EBADMSG)
		return bad_piece(loading, "a row is no message");
	if (r < 0)
		return r;
	r = image_load_row(loading->state, (Helio__Store__V1__Row *)row);
	return r == -EBADMSG ? bad_piece(loading, "a row does not fit") : r;
}

/* All whole rows; -EAGAIN: the rest begins another. */
static int take_rows(struct journal_loading *loading,
		     struct record_reader *reader)
{
	const uint8_t *bytes;
	size_t n;
	int r;

	while ((r = record_next(reader, &bytes, &n)) > 0) {
		r = take_row(loading, bytes, n);
		if (r < 0)
			return r;
	}
	return r == -EBADMSG ? bad_piece(loading, "a row is damaged") : r;
}

/* A row that is longer than a piece goes on in the next. */
static int take_piece(struct journal_loading *loading, struct buffer *begun,
		      const uint8_t *bytes, size_t n)
{
	struct record_reader reader = { bytes, n };
	int r;

	if (begun->n) {
		buffer_add(begun, bytes, n);
		if (buffer_error(begun))
			return buffer_error(begun);
		reader.at = (const uint8_t *)begun->bytes;
		reader.n_left = begun->n;
	}
	r = take_rows(loading, &reader);
	if (r != -EAGAIN) {
		buffer_clear(begun);
		return r;
	}
	if (begun->n && reader.n_left == begun->n)
		return 0;
	buffer_clear(begun);
	buffer_add(begun, reader.at, reader.n_left);
	return buffer_error(begun);
}

/* The piece that is to come next; its bytes, without the checksum. */
static int read_piece(struct journal_loading *loading,
		      struct store_cursor *cursor, const void **ret_bytes,
		      size_t *ret_n)
{
	uint64_t generation = loading->journal->facts.whole.generation;
	struct store_key key;
	size_t n;
	int r;

	r = store_cursor_next(cursor);
	if (r < 0)
		return r;
	key = store_cursor_key(cursor);
	if (!r || key.number != journal_piece(generation, loading->row))
		return bad_piece(loading, "it is missing");
	r = store_cursor_value(cursor, ret_bytes, &n);
	if (r < 0)
		return r;
	if (row_check(&key, *ret_bytes, n, ret_n) < 0)
		return bad_piece(loading, "it is damaged");
	return 0;
}

static int load_pieces(struct journal_loading *loading,
		       struct store_cursor *cursor, struct buffer *begun)
{
	const struct journal_snapshot *whole = &loading->journal->facts.whole;
	uint64_t n_bytes = 0;
	const void *bytes;
	size_t n;
	int r;

	for (uint64_t i = 0; i < whole->n_pieces; i++) {
		loading->row = i;
		r = read_piece(loading, cursor, &bytes, &n);
		if (r < 0)
			return r;
		n_bytes += n;
		r = take_piece(loading, begun, bytes, n);
		if (r < 0)
			return r;
	}
	if (n_bytes != whole->n_bytes || begun->n)
		return bad_piece(loading, "it does not end there");
	return 0;
}

int journal_load_pieces(struct journal_loading *loading)
{
	struct journal *journal = loading->journal;
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	const struct store_key key =
		row_number(journal_piece(journal->facts.whole.generation, 0));
	struct buffer begun;
	int r;

	if (!journal->facts.whole.generation)
		return 0;
	r = store_cursor_open(journal->store, JOURNAL_PIECES, STORE_AT_OR_AFTER,
			      &key, &cursor);
	if (r < 0)
		return r;
	buffer_init(&begun, SIZE_MAX);
	r = load_pieces(loading, cursor, &begun);
	buffer_deinit(&begun);
	if (r == -EBADMSG && !loading->fault->text[0])
		return bad_piece(loading, store_error(journal->store));
	return r;
}
