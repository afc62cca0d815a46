/* SPDX-License-Identifier: MIT */

#include "logger/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "logger/segment.h"
#include "storage/backend/row.h"

DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

enum {
	INDEX_ROW_BYTES = 16,
	SUBJECT_BYTES_MAX = 255,
	/* Between them: what is read at opening, against the rows written. */
	BLOCK_CHUNKS = 256,
	BLOCK_BYTES = 1 << 20,
	BLOCK_BYTES_MAX = 4 << 20,
	BYTES_PER_SUBJECT = 512,
};

int index_init(struct index *index)
{
	*index = (struct index){ 0 };
	return run_words_new(&index->subjects);
}

void index_deinit(struct index *index)
{
	run_words_free(index->subjects);
	*index = (struct index){ 0 };
}

void index_clear(struct index *index)
{
	run_words_clear(index->subjects);
	index->first = 0;
	index->last = 0;
	index->n_bytes = 0;
	index->n_chunks = 0;
}

/* A block of many subjects is larger, or its rows would outgrow it. */
bool index_is_full(const struct index *index, size_t n_subjects_more)
{
	size_t n_subjects = index->subjects->n_words;

	if (n_subjects + n_subjects_more > RUN_WORDS_MAX)
		return true;
	if (index->n_chunks >= BLOCK_CHUNKS || index->n_bytes > BLOCK_BYTES_MAX)
		return true;
	return index->n_bytes >= BLOCK_BYTES &&
	       n_subjects * BYTES_PER_SUBJECT <= index->n_bytes;
}

static void add_chunk(struct index *index, uint64_t first, uint64_t last,
		      size_t n_chunk)
{
	if (!index->first)
		index->first = first;
	index->last = last;
	index->n_bytes += n_chunk;
	index->n_chunks++;
}

static int add_use(struct index *index, const char *subject, size_t n,
		   const struct run_use *use)
{
	uint16_t place;
	int r;

	r = run_words_add(index->subjects, (const uint8_t *)subject, n, &place);
	if (r >= 0)
		run_words_use(index->subjects, place, use);
	return r;
}

int index_add_built(struct index *index, const struct run_builder *builder,
		    uint64_t first, uint64_t last, size_t n_chunk)
{
	unsigned n_subjects = run_builder_n_subjects(builder);
	int r = 0;

	add_chunk(index, first, last, n_chunk);
	for (unsigned i = 0; r >= 0 && i < n_subjects; i++) {
		struct run_use use;
		const char *subject;
		size_t n;

		subject = run_builder_subject(builder, (uint16_t)i, &n, &use);
		use.last_sequence += first;
		if (use.n_records)
			r = add_use(index, subject, n, &use);
	}
	return r;
}

int index_add_run(struct index *index, struct run_reader *reader, uint64_t last,
		  size_t n_chunk)
{
	struct run_record record;
	int r;

	add_chunk(index, reader->head.base_sequence, last, n_chunk);
	while ((r = run_reader_next(reader, &record)) > 0) {
		const struct run_use use = {
			.n_records = 1,
			.last_sequence = record.sequence,
		};

		r = add_use(index, record.subject, record.n_subject, &use);
		if (r < 0)
			return r;
	}
	return r;
}

int index_row_put(struct store *store, unsigned table, const void *subject,
		  size_t n, uint64_t first, const struct index_row *row)
{
	uint8_t key[SUBJECT_BYTES_MAX + ROW_TEXT_BYTES];
	uint8_t value[INDEX_ROW_BYTES];
	struct store_key at = { .bytes = key };

	at.n_bytes = row_text_key(key, subject, n, first);
	le64_store(value, row->last);
	le64_store(value + 8, row->n_records);
	return row_put(store, table, &at, value, sizeof(value));
}

int index_row_at(struct store_cursor *cursor, const char **ret_subject,
		 size_t *ret_n, uint64_t *ret_first, struct index_row *ret_row)
{
	struct store_key key = store_cursor_key(cursor);
	uint8_t value[INDEX_ROW_BYTES];
	int n, r;

	n = row_text_of(&key, ret_first);
	if (n < 0 || n > SUBJECT_BYTES_MAX)
		return -EBADMSG;
	r = row_at(cursor, value, sizeof(value));
	if (r < 0)
		return r;
	/* Reading the value may have moved the key. */
	*ret_subject = store_cursor_key(cursor).bytes;
	*ret_n = (size_t)n;
	ret_row->last = le64_load(value);
	ret_row->n_records = le64_load(value + 8);
	return 0;
}

int index_row_get(struct store *store, unsigned table, const void *subject,
		  size_t n, uint64_t first, struct index_row *ret_row)
{
	uint8_t key[SUBJECT_BYTES_MAX + ROW_TEXT_BYTES];
	uint8_t value[INDEX_ROW_BYTES];
	struct store_key at = { .bytes = key };
	int r;

	at.n_bytes = row_text_key(key, subject, n, first);
	r = row_get(store, table, &at, value, sizeof(value));
	if (r <= 0)
		return r;
	ret_row->last = le64_load(value);
	ret_row->n_records = le64_load(value + 8);
	return 1;
}

/* The rows of one subject, as far as they were read. */
struct sum {
	char subject[SUBJECT_BYTES_MAX];
	size_t n;
	struct index_row row;
};

/* Whether the row at the cursor is of another subject; it is added if not. */
static int add_to_sum(struct store_cursor *cursor, struct sum *sum)
{
	struct index_row row;
	const char *subject;
	uint64_t first;
	bool is_other;
	size_t n;
	int r;

	r = index_row_at(cursor, &subject, &n, &first, &row);
	if (r < 0)
		return r;
	is_other = !sum->row.n_records || n != sum->n ||
		   memcmp(subject, sum->subject, n) != 0;
	if (is_other) {
		memcpy(sum->subject, subject, n);
		sum->n = n;
		sum->row.n_records = 0;
	}
	sum->row.last = row.last;
	sum->row.n_records += row.n_records;
	return is_other;
}

int index_each_sum(struct store *segment,
		   int (*on_sum)(const char *subject, size_t n,
				 const struct index_row *sum, void *userdata),
		   void *userdata)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	struct sum sum = { 0 };
	int r;

	r = store_cursor_open(segment, SEGMENT_SUBJECTS, STORE_AT_OR_AFTER,
			      NULL, &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0) {
		struct sum before = sum;

		r = add_to_sum(cursor, &sum);
		if (r > 0 && before.row.n_records)
			r = on_sum(before.subject, before.n, &before.row,
				   userdata);
	}
	if (r >= 0 && sum.row.n_records)
		r = on_sum(sum.subject, sum.n, &sum.row, userdata);
	return r;
}

static int compare(const void *a, const void *b, void *userdata)
{
	const struct run_words *words = userdata;
	const struct run_word *x = &words->words[*(const uint32_t *)a];
	const struct run_word *y = &words->words[*(const uint32_t *)b];
	size_t n = x->n < y->n ? x->n : y->n;
	int order = memcmp(words->bytes + x->at, words->bytes + y->at, n);

	return order ? order : (x->n > y->n) - (x->n < y->n);
}

uint32_t *index_order(const struct index *index)
{
	const struct run_words *words = index->subjects;
	uint32_t *order =
		reallocarray(NULL, words->n_words + 1, sizeof(*order));

	if (!order)
		return NULL;
	for (size_t i = 0; i < words->n_words; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, words->n_words, sizeof(*order), compare,
		index->subjects);
	return order;
}

/* In the order of the table, which is quicker than any other. */
int index_put(const struct index *index, struct store *store)
{
	const struct run_words *words = index->subjects;
	_cleanup_(freep) uint32_t *order = index_order(index);
	int r = 0;

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; r >= 0 && i < words->n_words; i++) {
		const struct run_word *word = &words->words[order[i]];
		const struct index_row row = {
			.last = word->use.last_sequence,
			.n_records = word->use.n_records,
		};

		r = index_row_put(store, SEGMENT_SUBJECTS,
				  words->bytes + word->at, word->n,
				  index->first, &row);
	}
	return r;
}
