/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "logger/keys.h"
#include "storage/backend/row.h"

enum { ROW_BYTES = 32, TIME_AT = 16 };

DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

/* The producers of one durable id: when each was heard of last. */
struct group {
	uint8_t durable_id[STORE_KEY_MAX];
	size_t n;
	size_t n_producers;
	uint64_t newest[KEYS_PRODUCERS_MAX]; /* times, ascending */
	size_t n_newest;
};

static size_t id_bytes(const struct store_key *key)
{
	return strnlen(key->bytes, key->n_bytes);
}

static bool is_of(const struct group *group, const struct store_key *key)
{
	size_t n = id_bytes(key);

	return n == group->n && !memcmp(group->durable_id, key->bytes, n);
}

/* Keep the newest times. */
static void add_time(struct group *group, uint64_t time_ns)
{
	size_t i = group->n_newest;

	if (i == KEYS_PRODUCERS_MAX) {
		if (time_ns <= group->newest[0])
			return;
		memmove(group->newest, group->newest + 1,
			(i - 1) * sizeof(*group->newest));
		i--;
	} else {
		group->n_newest++;
	}
	for (; i > 0 && group->newest[i - 1] > time_ns; i--)
		group->newest[i] = group->newest[i - 1];
	group->newest[i] = time_ns;
}

static int open_at(struct store *from, const struct store_key *key,
		   struct store_cursor **ret_cursor)
{
	return store_cursor_open(from, SEGMENT_PRODUCERS, STORE_AT_OR_AFTER,
				 key, ret_cursor);
}

/* Look at all of the durable id that begins at `key`. */
static int read_group(struct store *from, const struct store_key *key,
		      struct group *group)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	uint8_t row[ROW_BYTES];
	int r;

	group->n = id_bytes(key);
	memcpy(group->durable_id, key->bytes, group->n);
	group->n_newest = 0;
	r = open_at(from, key, &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0) {
		struct store_key at = store_cursor_key(cursor);

		if (!is_of(group, &at))
			return 0;
		r = row_at(cursor, row, sizeof(row));
		if (r >= 0)
			add_time(group, le64_load(row + TIME_AT));
	}
	return r;
}

/* The oldest of one that has too many are left behind. */
static int carry(struct store_cursor *cursor, const struct group *group,
		 struct store *to)
{
	struct store_key key;
	uint8_t row[ROW_BYTES];
	int r;

	r = row_at(cursor, row, sizeof(row));
	if (r < 0 || (group->n_newest == KEYS_PRODUCERS_MAX &&
		      le64_load(row + TIME_AT) < group->newest[0]))
		return r;
	key = store_cursor_key(cursor);
	return row_put(to, SEGMENT_PRODUCERS, &key, row, sizeof(row));
}

int keys_carry(struct store *from, struct store *to)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	_cleanup_(freep) struct group *group = NULL;
	bool has_group = false;
	int r;

	group = calloc(1, sizeof(*group));
	if (!group)
		return -ENOMEM;
	r = open_at(from, NULL, &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0) {
		struct store_key key = store_cursor_key(cursor);

		if (!has_group || !is_of(group, &key))
			r = read_group(from, &key, group);
		has_group = true;
		if (r >= 0)
			r = carry(cursor, group, to);
	}
	return r;
}
