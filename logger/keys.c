/* SPDX-License-Identifier: MIT */

#include "logger/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "logger/keys_inside.h"
#include "storage/backend/row.h"

enum { PRODUCER_ROW_BYTES = 24 + BODY_HASH_BYTES };

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

/* ---- judging ---- */

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

	r = keys_find(keys, active, question, &known);
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
		r = keys_find(keys, active, question, &known);
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
	r = keys_load(keys, active, not_before_ns);
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
