/* SPDX-License-Identifier: MIT */

#include "logger/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "logger/row.h"

enum {
	HASH_BYTES = 16, /* of a body's SHA-256 */
	KEY_ROW_BYTES = 16 + HASH_BYTES,
	PRODUCER_ROW_BYTES = 24,
};

static const char prefix[] = "producer:";

/* ---- the names of rows ---- */

struct name {
	uint8_t bytes[STORE_KEY_MAX];
	size_t n;
};

/* What is too long for a key of the table stands there by its hash. */
static int make_name(struct keys *keys, const char *durable_id,
		     const char *text, size_t n, struct name *ret_name)
{
	const struct sha256_piece piece = { .bytes = text, .n = n };
	size_t n_id = strlen(durable_id);
	uint8_t *at = ret_name->bytes;

	if (n_id > RUN_NAME_MAX)
		return -EINVAL;
	memcpy(at, durable_id, n_id + 1);
	at += n_id + 1;
	ret_name->n = n_id + 1 + n;
	if (ret_name->n <= STORE_KEY_MAX) {
		memcpy(at, text, n);
		return 0;
	}
	*at = 1;
	ret_name->n = n_id + 2 + SHA256_BYTES;
	return sha256_of(keys->sha256, &piece, 1, at + 1);
}

/* A number of a producer: false if it is any other key. */
static bool parse_number(const char *key, const char **ret_name, size_t *ret_n,
			 uint64_t *ret_number)
{
	const char *name = key + sizeof(prefix) - 1;
	uint64_t number = 0;
	const char *at;

	if (strncmp(key, prefix, sizeof(prefix) - 1) != 0)
		return false;
	at = strrchr(key, ':') + 1;
	if (*at < '1' || *at > '9')
		return false;
	*ret_name = name;
	*ret_n = at > name ? (size_t)(at - 1 - name) : 0;
	for (; *at >= '0' && *at <= '9'; at++) {
		if (number > (INT64_MAX - 9) / 10)
			return false;
		number = number * 10 + (uint64_t)(*at - '0');
	}
	*ret_number = number;
	return !*at;
}

static int hash_body(struct keys *keys, const struct keys_question *question,
		     uint8_t ret_hash[SHA256_BYTES])
{
	const struct sha256_piece body = { .bytes = question->body,
					   .n = question->n_body };

	return sha256_of(keys->sha256, &body, 1, ret_hash);
}

/* ---- the segments before ---- */

static void close_old(struct keys *keys, size_t place)
{
	store_close(keys->old[place].store);
	keys->n_old--;
	memmove(keys->old + place, keys->old + place + 1,
		(keys->n_old - place) * sizeof(*keys->old));
}

void keys_close(struct keys *keys, bool only_ended)
{
	for (size_t i = keys->n_old; i > 0; i--)
		if (!only_ended || !keys->old[i - 1].is_sealed)
			close_old(keys, i - 1);
}

static int open_old(struct keys *keys, const struct segment_row *row,
		    struct store **ret_store)
{
	_cleanup_(freep) char *path =
		segment_path(keys->folder, row->first, row->first_ns);
	unsigned flags = STORE_READ_ONLY;
	struct store *store;
	int r;

	if (!path)
		return -ENOMEM;
	if (row->state == SEGMENT_SEALED)
		flags |= STORE_SEALED;
	r = store_open(keys->backend, path, &segment_layout, flags, &store);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	r = store_snapshot(store);
	if (r < 0) {
		store_close(store);
		return r;
	}
	if (keys->n_old == KEYS_OLD_MAX)
		close_old(keys, 0);
	keys->old[keys->n_old++] = (struct keys_old){
		.first = row->first,
		.is_sealed = row->state == SEGMENT_SEALED,
		.store = store,
	};
	*ret_store = store;
	return 0;
}

int keys_segment(struct keys *keys, const struct segment_row *row,
		 struct store **ret_store)
{
	for (size_t i = 0; i < keys->n_old; i++) {
		if (keys->old[i].first != row->first)
			continue;
		*ret_store = keys->old[i].store;
		return 0;
	}
	return open_old(keys, row, ret_store);
}

/* ---- looking ---- */

static int get_row(struct store *store, const struct name *name,
		   uint8_t row[KEY_ROW_BYTES])
{
	const struct store_key key = row_bytes(name->bytes, name->n);

	return row_get(store, SEGMENT_KEYS, &key, row, KEY_ROW_BYTES);
}

/* In the active segment, then in those before, the newest first. 1 or 0. */
static int find_row(struct keys *keys, struct store *active,
		    const struct name *name, uint64_t not_before_ns,
		    uint8_t row[KEY_ROW_BYTES])
{
	unsigned n_looked = 0;
	int r;

	r = get_row(active, name, row);
	for (size_t i = keys->ledger->n_rows; !r && i > 0; i--) {
		const struct segment_row *old = &keys->ledger->rows[i - 1];
		struct store *store;

		if (old->state < SEGMENT_ENDED || !old->n_keys)
			continue;
		if (old->last_ns < not_before_ns || n_looked++ == KEYS_OLD_MAX)
			break;
		r = keys_segment(keys, old, &store);
		if (r >= 0)
			r = get_row(store, name, row);
	}
	return r;
}

/* What is there is the same record, or another of this name. */
static int compare(struct keys *keys, const struct keys_question *question,
		   const uint8_t row[KEY_ROW_BYTES],
		   enum log_outcome *ret_outcome, uint64_t *ret_sequence)
{
	uint8_t hash[SHA256_BYTES];
	int r;

	r = hash_body(keys, question, hash);
	if (r < 0)
		return r;
	*ret_outcome = memcmp(hash, row + 16, HASH_BYTES) != 0
			       ? LOG_KEY_CONFLICT
			       : LOG_DUPLICATE;
	*ret_sequence = le64_load(row);
	return 0;
}

static int judge_free(struct keys *keys, struct store *active,
		      const struct keys_question *question,
		      enum log_outcome *ret_outcome, uint64_t *ret_sequence)
{
	uint64_t not_before_ns =
		question->now_ns > question->window_ns
			? question->now_ns - question->window_ns
			: 0;
	uint8_t row[KEY_ROW_BYTES];
	struct name name;
	int r;

	r = make_name(keys, question->durable_id, question->key,
		      strlen(question->key), &name);
	if (r < 0)
		return r;
	r = find_row(keys, active, &name, not_before_ns, row);
	if (r <= 0)
		return r;
	if (le64_load(row + 8) < not_before_ns)
		return 0;
	return compare(keys, question, row, ret_outcome, ret_sequence);
}

static int get_last(struct store *active, const struct name *name,
		    uint64_t *ret_number)
{
	const struct store_key key = row_bytes(name->bytes, name->n);
	uint8_t row[PRODUCER_ROW_BYTES];
	int r;

	*ret_number = 0;
	r = row_get(active, SEGMENT_PRODUCERS, &key, row, sizeof(row));
	if (r > 0)
		*ret_number = le64_load(row);
	return r < 0 ? r : 0;
}

static int judge_old_number(struct keys *keys, struct store *active,
			    const struct keys_question *question,
			    enum log_outcome *ret_outcome,
			    uint64_t *ret_sequence)
{
	uint8_t row[KEY_ROW_BYTES];
	struct name name;
	int r;

	r = make_name(keys, question->durable_id, question->key,
		      strlen(question->key), &name);
	if (r >= 0)
		r = find_row(keys, active, &name, 0, row);
	if (r <= 0)
		return r;
	return compare(keys, question, row, ret_outcome, ret_sequence);
}

int keys_judge(struct keys *keys, struct store *active,
	       const struct keys_question *question,
	       enum log_outcome *ret_outcome, uint64_t *ret_sequence)
{
	uint64_t number, last;
	struct name name;
	const char *text;
	size_t n;
	int r;

	*ret_outcome = LOG_STORED;
	*ret_sequence = 0;
	if (!parse_number(question->key, &text, &n, &number))
		return judge_free(keys, active, question, ret_outcome,
				  ret_sequence);
	r = make_name(keys, question->durable_id, text, n, &name);
	if (r >= 0)
		r = get_last(active, &name, &last);
	if (r < 0 || number == last + 1)
		return r;
	if (number > last) {
		*ret_outcome = LOG_KEY_GAP;
		*ret_sequence = last + 1;
		return 0;
	}
	*ret_outcome = LOG_DUPLICATE;
	if (last - number >= KEYS_NUMBERS_MAX)
		return 0;
	return judge_old_number(keys, active, question, ret_outcome,
				ret_sequence);
}

/* ---- writing ---- */

static int put_producer(struct keys *keys, struct store *active,
			const struct keys_question *question, uint64_t sequence)
{
	uint8_t row[PRODUCER_ROW_BYTES];
	struct store_key key;
	struct name name;
	uint64_t number;
	const char *text;
	size_t n;
	int r;

	if (!parse_number(question->key, &text, &n, &number))
		return 0;
	r = make_name(keys, question->durable_id, text, n, &name);
	if (r < 0)
		return r;
	le64_store(row, number);
	le64_store(row + 8, sequence);
	le64_store(row + 16, question->now_ns);
	key = row_bytes(name.bytes, name.n);
	return row_put(active, SEGMENT_PRODUCERS, &key, row, sizeof(row));
}

int keys_put(struct keys *keys, struct store *active,
	     const struct keys_question *question, uint64_t sequence)
{
	uint8_t row[16 + SHA256_BYTES];
	struct store_key key;
	struct name name;
	int r;

	r = put_producer(keys, active, question, sequence);
	if (r >= 0)
		r = make_name(keys, question->durable_id, question->key,
			      strlen(question->key), &name);
	if (r >= 0)
		r = hash_body(keys, question, row + 16);
	if (r < 0)
		return r;
	le64_store(row, sequence);
	le64_store(row + 8, question->now_ns);
	key = row_bytes(name.bytes, name.n);
	return row_put(active, SEGMENT_KEYS, &key, row, KEY_ROW_BYTES);
}
