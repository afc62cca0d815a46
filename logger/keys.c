/* SPDX-License-Identifier: MIT */

#include "logger/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "logger/row.h"

enum {
	/* A row of keys: u64 time, then entries: hash of the key, 8 bytes of
	 * the body's, u32 sequence after the first of the run. */
	ROW_ENTRIES = 8,
	ENTRY_BODY = KEYS_HASH_BYTES,
	ENTRY_SEQUENCE = ENTRY_BODY + 8,
	ENTRY_BYTES = ENTRY_SEQUENCE + 4,
	BODY_HASH_BYTES = 8,
	PRODUCER_ROW_BYTES = 24 + BODY_HASH_BYTES,
};

DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

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

static int draw_hashes(struct keys *keys, struct keys_question *question)
{
	const struct sha256_piece key[] = {
		{ .bytes = question->durable_id,
		  .n = strlen(question->durable_id) + 1 },
		{ .bytes = question->key, .n = strlen(question->key) },
	};
	const struct sha256_piece body = { .bytes = question->body,
					   .n = question->n_body };
	int r;

	r = sha256_of(keys->sha256, key, 2, question->hash);
	if (r < 0)
		return r;
	return sha256_of(keys->sha256, &body, 1, question->body_hash);
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

/* ---- what is known ---- */

void keys_deinit(struct keys *keys)
{
	keys_close(keys, false);
	keys_table_deinit(&keys->table);
	free(keys->batch);
	keys->batch = NULL;
}

void keys_begin(struct keys *keys, uint64_t first)
{
	keys->batch_first = first;
	keys->n_batch = 0;
}

/* What was added would have to be found in the table: it is read anew. */
void keys_undo(struct keys *keys)
{
	if (keys->n_batch) {
		keys_table_deinit(&keys->table);
		keys->is_loaded = false;
	}
	keys->n_batch = 0;
}

static int load_row(struct keys *keys, uint64_t first, const uint8_t *row,
		    size_t n)
{
	int r = 0;

	if (n < ROW_ENTRIES || (n - ROW_ENTRIES) % ENTRY_BYTES)
		return -EBADMSG;
	for (size_t at = ROW_ENTRIES; r >= 0 && at < n; at += ENTRY_BYTES)
		r = keys_table_add(
			&keys->table, le64_load(row + at),
			first + le32_load(row + at + ENTRY_SEQUENCE));
	return r;
}

/* The rows of a segment, the newest first. Outcome 1: that is enough. */
static int load_segment(struct keys *keys, struct store *store,
			uint64_t not_before_ns)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	int r;

	r = store_cursor_open(store, SEGMENT_KEYS, STORE_AT_OR_BEFORE, NULL,
			      &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0) {
		struct store_key key = store_cursor_key(cursor);
		const void *value;
		size_t n;

		r = store_cursor_value(cursor, &value, &n);
		if (r >= 0)
			r = row_check(&key, value, n, &n);
		if (r >= 0)
			r = load_row(keys, key.number, value, n);
		if (r < 0)
			return r;
		if (keys->table.halves[0].n >= KEYS_TABLE_MAX / 2 ||
		    (keys->table.halves[0].n >= KEYS_LOADED_MIN &&
		     le64_load(value) < not_before_ns))
			return 1;
	}
	return r;
}

/* With the first key after the log was opened. */
static int load(struct keys *keys, struct store *active, uint64_t not_before_ns)
{
	int r;

	if (keys->is_loaded)
		return 0;
	r = load_segment(keys, active, not_before_ns);
	for (size_t i = keys->ledger->n_rows; !r && i > 0; i--) {
		const struct segment_row *row = &keys->ledger->rows[i - 1];
		struct store *store;

		if (row->state < SEGMENT_ENDED || !row->n_keys)
			continue;
		r = keys_segment(keys, row, &store);
		if (r >= 0)
			r = load_segment(keys, store, not_before_ns);
	}
	if (r < 0)
		return r;
	keys->is_loaded = true;
	return 0;
}

/* ---- looking ---- */

/* What stands on disk of a key. */
struct known {
	uint64_t sequence;
	uint64_t time_ns;
	uint8_t body_hash[BODY_HASH_BYTES];
};

/* Entries are in the order of their sequences. 1: this key has this one. */
static int find_entry(const uint8_t *entries, size_t n, uint32_t sequence,
		      const struct keys_question *question,
		      struct known *ret_known)
{
	size_t low = 0, high = n / ENTRY_BYTES;
	const uint8_t *entry;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		entry = entries + middle * ENTRY_BYTES;
		if (le32_load(entry + ENTRY_SEQUENCE) < sequence)
			low = middle + 1;
		else
			high = middle;
	}
	entry = entries + low * ENTRY_BYTES;
	if (low == n / ENTRY_BYTES ||
	    le32_load(entry + ENTRY_SEQUENCE) != sequence ||
	    memcmp(entry, question->hash, KEYS_HASH_BYTES) != 0)
		return 0;
	memcpy(ret_known->body_hash, entry + ENTRY_BODY, BODY_HASH_BYTES);
	return 1;
}

static int find_in_segment(struct store *store, uint64_t sequence,
			   const struct keys_question *question,
			   struct known *ret_known)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	struct store_key key = row_number(sequence);
	const uint8_t *row;
	const void *value;
	size_t n;
	int r;

	r = store_cursor_open(store, SEGMENT_KEYS, STORE_AT_OR_BEFORE, &key,
			      &cursor);
	if (r < 0)
		return r;
	r = store_cursor_next(cursor);
	if (r <= 0)
		return r;
	key = store_cursor_key(cursor);
	r = store_cursor_value(cursor, &value, &n);
	if (r >= 0)
		r = row_check(&key, value, n, &n);
	if (r < 0 || n < ROW_ENTRIES || sequence - key.number > UINT32_MAX)
		return r < 0 ? r : -EBADMSG;
	row = value;
	ret_known->time_ns = le64_load(row);
	return find_entry(row + ROW_ENTRIES, n - ROW_ENTRIES,
			  (uint32_t)(sequence - key.number), question,
			  ret_known);
}

/* Whether this key has that sequence. 1 or 0. */
static int look(struct keys *keys, struct store *active, uint64_t sequence,
		const struct keys_question *question, struct known *ret_known)
{
	const struct segment_row *row;
	struct store *store = active;
	int r;

	ret_known->sequence = sequence;
	if (sequence >= keys->batch_first) {
		ret_known->time_ns = question->now_ns;
		return find_entry(keys->batch, keys->n_batch,
				  (uint32_t)(sequence - keys->batch_first),
				  question, ret_known);
	}
	row = ledger_find(keys->ledger, sequence);
	if (!row)
		return 0;
	if (row->state >= SEGMENT_ENDED) {
		r = keys_segment(keys, row, &store);
		if (r < 0)
			return r;
	}
	return find_in_segment(store, sequence, question, ret_known);
}

/* The newest that this key has. 1 or 0. */
static int find(struct keys *keys, struct store *active,
		const struct keys_question *question, struct known *ret_known)
{
	uint64_t hash = le64_load(question->hash);
	struct keys_walk walk = { 0 };
	uint64_t sequence;
	int is_found = 0;

	while ((sequence = keys_table_next(&keys->table, hash, &walk))) {
		struct known known;
		int r;

		if (is_found && sequence <= ret_known->sequence)
			continue;
		r = look(keys, active, sequence, question, &known);
		if (r < 0)
			return r;
		if (!r)
			continue;
		*ret_known = known;
		is_found = 1;
	}
	return is_found;
}

/* What is there is the same record, or another of this name. */
static void compare(const struct keys_question *question,
		    const struct known *known, enum log_outcome *ret_outcome,
		    uint64_t *ret_sequence)
{
	*ret_outcome = memcmp(question->body_hash, known->body_hash,
			      BODY_HASH_BYTES) != 0
			       ? LOG_KEY_CONFLICT
			       : LOG_DUPLICATE;
	*ret_sequence = known->sequence;
}

static int judge_free(struct keys *keys, struct store *active,
		      const struct keys_question *question,
		      uint64_t not_before_ns, enum log_outcome *ret_outcome,
		      uint64_t *ret_sequence)
{
	struct known known;
	int r;

	r = find(keys, active, question, &known);
	if (r > 0 && known.time_ns >= not_before_ns)
		compare(question, &known, ret_outcome, ret_sequence);
	return r < 0 ? r : 0;
}

/* The last number that is stored; 0: none is. */
static int get_last(struct store *active, const struct name *name,
		    uint64_t *ret_number, struct known *ret_known)
{
	const struct store_key key = row_bytes(name->bytes, name->n);
	uint8_t row[PRODUCER_ROW_BYTES];
	int r;

	*ret_number = 0;
	*ret_known = (struct known){ 0 };
	r = row_get(active, SEGMENT_PRODUCERS, &key, row, sizeof(row));
	if (r <= 0)
		return r;
	*ret_number = le64_load(row);
	ret_known->sequence = le64_load(row + 8);
	memcpy(ret_known->body_hash, row + 24, BODY_HASH_BYTES);
	return 0;
}

static int judge_number(struct keys *keys, struct store *active,
			const struct keys_question *question,
			const struct name *name, uint64_t number,
			struct log_verdict *verdict)
{
	struct known known;
	uint64_t last;
	int r;

	r = get_last(active, name, &last, &known);
	if (r < 0 || number == last + 1)
		return r;
	verdict->outcome = number > last ? LOG_KEY_GAP : LOG_DUPLICATE;
	if (number > last) {
		verdict->sequence = last + 1;
		return 0;
	}
	if (number < last) {
		if (last - number >= KEYS_NUMBERS_MAX)
			return 0;
		r = find(keys, active, question, &known);
		if (r <= 0)
			return r;
	}
	compare(question, &known, &verdict->outcome, &verdict->sequence);
	return 0;
}

int keys_judge(struct keys *keys, struct store *active,
	       struct keys_question *question, enum log_outcome *ret_outcome,
	       uint64_t *ret_sequence)
{
	struct log_verdict verdict = { .outcome = LOG_STORED };
	uint64_t not_before_ns = 0;
	struct name name;
	const char *text;
	uint64_t number;
	size_t n;
	int r;

	if (question->now_ns > question->window_ns)
		not_before_ns = question->now_ns - question->window_ns;
	r = load(keys, active, not_before_ns);
	if (r >= 0)
		r = draw_hashes(keys, question);
	if (r < 0)
		return r;
	if (parse_number(question->key, &text, &n, &number)) {
		r = make_name(keys, question->durable_id, text, n, &name);
		if (r >= 0)
			r = judge_number(keys, active, question, &name, number,
					 &verdict);
	} else {
		r = judge_free(keys, active, question, not_before_ns,
			       &verdict.outcome, &verdict.sequence);
	}
	*ret_outcome = verdict.outcome;
	*ret_sequence = verdict.sequence;
	return r;
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
	memcpy(row + 24, question->body_hash, BODY_HASH_BYTES);
	key = row_bytes(name.bytes, name.n);
	return row_put(active, SEGMENT_PRODUCERS, &key, row, sizeof(row));
}

static int make_room(struct keys *keys)
{
	size_t n = keys->n_batch_max ? 2 * keys->n_batch_max : 64 * ENTRY_BYTES;
	uint8_t *batch;

	if (keys->n_batch + ENTRY_BYTES + ROW_ENTRIES <= keys->n_batch_max)
		return 0;
	batch = realloc(keys->batch, n);
	if (!batch)
		return -ENOMEM;
	keys->batch = batch;
	keys->n_batch_max = n;
	return 0;
}

int keys_add(struct keys *keys, struct store *active,
	     const struct keys_question *question, uint64_t sequence)
{
	uint8_t *entry;
	int r;

	r = put_producer(keys, active, question, sequence);
	if (r >= 0)
		r = make_room(keys);
	if (r < 0)
		return r;
	entry = keys->batch + keys->n_batch;
	memcpy(entry, question->hash, KEYS_HASH_BYTES);
	memcpy(entry + ENTRY_BODY, question->body_hash, BODY_HASH_BYTES);
	le32_store(entry + ENTRY_SEQUENCE,
		   (uint32_t)(sequence - keys->batch_first));
	keys->n_batch += ENTRY_BYTES;
	keys->batch_ns = question->now_ns;
	return keys_table_add(&keys->table, le64_load(question->hash),
			      sequence);
}

int keys_put(struct keys *keys, struct store *active)
{
	const struct store_key key = row_number(keys->batch_first);
	size_t n = keys->n_batch;

	if (!n)
		return 0;
	/* The time goes before the entries, and there is room for it. */
	memmove(keys->batch + ROW_ENTRIES, keys->batch, n);
	le64_store(keys->batch, keys->batch_ns);
	return row_put(active, SEGMENT_KEYS, &key, keys->batch,
		       ROW_ENTRIES + n);
}
