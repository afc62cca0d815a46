/* SPDX-License-Identifier: MIT */

#include "logger/answer_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/le.h"
#include "base/list.h"
#include "base/utf8.h"
#include "logger/answer.h"
#include "logger/log.h"

enum { BUFFER_BYTES = 256 * 1024, SUBJECTS_MAX = 65536, HEX_BYTES = 65 };

enum column {
	COLUMN_SEQUENCE,
	COLUMN_TIME,
	COLUMN_KIND,
	COLUMN_SUBJECT,
	COLUMN_SOURCE,
	COLUMN_DURABLE_ID,
	COLUMN_SCHEMA,
	COLUMN_STATUS,
	COLUMN_SLOT,
	COLUMN_LOST,
	COLUMN_BODY,
	N_COLUMNS,
};

static const struct question_column columns[N_COLUMNS] = {
	[COLUMN_SEQUENCE] = { "sequence", QUESTION_NUMBER },
	[COLUMN_TIME] = { "time", QUESTION_NUMBER },
	[COLUMN_KIND] = { "kind", QUESTION_TEXT },
	[COLUMN_SUBJECT] = { "subject", QUESTION_TEXT },
	[COLUMN_SOURCE] = { "source", QUESTION_TEXT },
	[COLUMN_DURABLE_ID] = { "durable_id", QUESTION_TEXT },
	[COLUMN_SCHEMA] = { "schema", QUESTION_TEXT },
	[COLUMN_STATUS] = { "status", QUESTION_NUMBER },
	[COLUMN_SLOT] = { "slot", QUESTION_NUMBER },
	[COLUMN_LOST] = { "lost", QUESTION_NUMBER },
	[COLUMN_BODY] = { "body", QUESTION_BYTES },
};

/* What the logger said of a subject. */
struct seen_subject {
	struct map_node node;
	char verb;
	bool is_seen;
	size_t n;
	char bytes[];
};

/* One walk. */
struct walk {
	struct answer_rows *rows;
	struct question_filter filter;
	struct run_reader reader;
	struct run_record record;
	uint8_t *buffer;
	size_t n_room, n, at;
	uint64_t next; /* sequence to read on from */
	bool is_in_run;
	char hex[HEX_BYTES];
};

/* ---- who may see what ---- */

static int read_byte(char *ret_byte)
{
	ssize_t n;

	do
		n = read(STDIN_FILENO, ret_byte, 1);
	while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : -EPIPE;
}

static struct seen_subject *lookup(struct answer_rows *rows, char verb,
				   const char *subject, size_t n,
				   uint64_t *ret_hash)
{
	struct map_node *node;

	*ret_hash = hash_bytes(&rows->key, subject, n) + (uint8_t)verb;
	node = map_lookup(&rows->subjects, *ret_hash);
	for (; node; node = map_next(node)) {
		struct seen_subject *seen =
			container_of(node, struct seen_subject, node);

		if (seen->verb == verb && seen->n == n &&
		    !memcmp(seen->bytes, subject, n))
			return seen;
	}
	return NULL;
}

/* 1, 0 or a negative errno. */
static int ask(struct answer_rows *rows, char verb, const char *subject,
	       size_t n)
{
	struct seen_subject *seen;
	uint64_t hash;
	char word;

	seen = lookup(rows, verb, subject, n, &hash);
	if (seen)
		return seen->is_seen;
	if (answer_say(verb, subject, n, NULL, 0) < 0 || read_byte(&word) < 0)
		return -EPIPE;
	if (rows->subjects.n_nodes >= SUBJECTS_MAX)
		return word == 'Y';
	seen = malloc(sizeof(*seen) + n);
	if (!seen)
		return -ENOMEM;
	seen->verb = verb;
	seen->is_seen = word == 'Y';
	seen->n = n;
	memcpy(seen->bytes, subject, n);
	map_add(&rows->subjects, &seen->node, hash);
	return seen->is_seen;
}

static int is_seen(struct walk *walk)
{
	const struct run_record *record = &walk->record;
	bool is_call = record->kind == RUN_CALL || record->kind == RUN_REPLY;

	if (!record->n_subject)
		return 0;
	return ask(walk->rows, is_call ? 'O' : 'S', record->subject,
		   record->n_subject);
}

/* ---- walking ---- */

static int grow(struct walk *walk, size_t n)
{
	if (n > RUN_BYTES_MAX)
		return -EBADMSG;
	free(walk->buffer);
	walk->buffer = malloc(n);
	walk->n_room = walk->buffer ? n : 0;
	return walk->buffer ? 0 : -ENOMEM;
}

/* Runs that have nothing of the subject are not read. Returns 1 at the end. */
static int seek(struct walk *walk)
{
	const char *pattern = walk->filter.subject;
	uint64_t sequence;
	int r;

	if (!pattern)
		return 0;
	r = view_seek_subject(walk->rows->view, &pattern, 1, walk->next,
			      &sequence);
	if (r == 0 && sequence > walk->next)
		walk->next = sequence;
	return r;
}

/* Returns 1, 0: there is nothing more, or a negative errno. */
static int read_runs(struct walk *walk)
{
	struct view *view = walk->rows->view;
	int r = seek(walk);

	if (r)
		return r < 0 ? r : 0;
	for (int i = 0; i < 3; i++) {
		r = view_read(view, walk->next, walk->buffer, walk->n_room,
			      &walk->n, &walk->next);
		if (r == -EMSGSIZE)
			r = grow(walk, walk->n) < 0 ? -ENOMEM : -EAGAIN;
		if (r == 0 || (r != -ERANGE && r != -EAGAIN))
			break;
	}
	walk->at = 0;
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : walk->n > 0;
}

static int next_run(struct walk *walk)
{
	int r;

	if (walk->at >= walk->n) {
		if (walk->next > (uint64_t)walk->filter.sequence_max)
			return 0;
		r = read_runs(walk);
		if (r <= 0)
			return r;
	}
	r = run_reader_begin(&walk->reader, walk->buffer + walk->at,
			     walk->n - walk->at);
	if (r < 0)
		return r;
	walk->at += walk->reader.head.n_bytes;
	walk->is_in_run = true;
	return 1;
}

static bool is_wanted(const struct walk *walk)
{
	const struct question_filter *filter = &walk->filter;
	const struct run_record *record = &walk->record;

	return (int64_t)record->sequence >= filter->sequence_min &&
	       (int64_t)record->time_ns >= filter->time_min &&
	       (!filter->subject ||
		(record->n_subject == filter->n_subject &&
		 !memcmp(record->subject, filter->subject, filter->n_subject)));
}

static bool is_past(const struct walk *walk)
{
	return (int64_t)walk->record.sequence > walk->filter.sequence_max ||
	       (int64_t)walk->record.time_ns > walk->filter.time_max;
}

static int walk_next(void *rows)
{
	struct walk *walk = rows;
	int r;

	for (;;) {
		r = walk->is_in_run
			    ? run_reader_next(&walk->reader, &walk->record)
			    : 0;
		if (r < 0)
			return r;
		if (r == 0) {
			r = next_run(walk);
			if (r <= 0)
				return r;
			continue;
		}
		if (is_past(walk))
			return 0;
		if (!is_wanted(walk))
			continue;
		r = is_seen(walk);
		if (r)
			return r;
	}
}

static void walk_close(void *rows)
{
	struct walk *walk = rows;

	run_reader_deinit(&walk->reader);
	free(walk->buffer);
	free((char *)(uintptr_t)walk->filter.subject);
	free(walk);
}

static int begin(struct walk *walk)
{
	uint64_t sequence;
	int r = 0;

	walk->next = view_status(walk->rows->view)->first;
	if (walk->filter.sequence_min > (int64_t)walk->next)
		walk->next = (uint64_t)walk->filter.sequence_min;
	if (walk->filter.time_min > 0) {
		r = view_seek_time(walk->rows->view,
				   (uint64_t)walk->filter.time_min, &sequence);
		if (r == 0 && sequence > walk->next)
			walk->next = sequence;
	}
	return r;
}

static int walk_open(void *userdata, const struct question_filter *filter,
		     void **ret_rows)
{
	struct walk *walk = calloc(1, sizeof(*walk));
	int r;

	if (!walk)
		return -ENOMEM;
	walk->rows = userdata;
	walk->filter = *filter;
	walk->filter.subject = NULL;
	r = grow(walk, BUFFER_BYTES);
	if (r == 0 && filter->subject) {
		walk->filter.subject =
			strndup(filter->subject, filter->n_subject);
		r = walk->filter.subject ? 0 : -ENOMEM;
	}
	if (r == 0)
		r = begin(walk);
	if (r < 0) {
		walk_close(walk);
		return r;
	}
	*ret_rows = walk;
	return 0;
}

/* ---- values ---- */

static void say_text(struct question_value *value, const void *bytes, size_t n)
{
	value->type = QUESTION_TEXT;
	value->bytes = bytes;
	value->n_bytes = n;
}

static void say_number(struct question_value *value, uint64_t number)
{
	value->type = QUESTION_NUMBER;
	value->number = (int64_t)number;
}

static const char *kind_name(enum run_kind kind)
{
	static const char *const names[] = { "", "message", "call", "reply",
					     "gap" };

	return kind <= RUN_GAP ? names[kind] : "";
}

static void say_schema(struct walk *walk, struct question_value *value)
{
	static const char digits[] = "0123456789abcdef";

	if (!walk->record.schema)
		return;
	for (size_t i = 0; i < RUN_SCHEMA_BYTES; i++) {
		walk->hex[2 * i] = digits[walk->record.schema[i] >> 4];
		walk->hex[2 * i + 1] = digits[walk->record.schema[i] & 15];
	}
	say_text(value, walk->hex, HEX_BYTES - 1);
}

static void say_body(const struct run_record *record,
		     struct question_value *value)
{
	say_text(value, record->body, record->n_body);
	if (!utf8_is_valid(record->body, record->n_body))
		value->type = QUESTION_BYTES;
}

static int walk_value(void *rows, unsigned column,
		      struct question_value *ret_value)
{
	struct walk *walk = rows;
	const struct run_record *record = &walk->record;
	const char *kind;

	*ret_value = (struct question_value){ .type = QUESTION_NULL };
	switch ((enum column)column) {
	case COLUMN_SEQUENCE:
		say_number(ret_value, record->sequence);
		break;
	case COLUMN_TIME:
		say_number(ret_value, record->time_ns);
		break;
	case COLUMN_KIND:
		kind = kind_name(record->kind);
		say_text(ret_value, kind, strlen(kind));
		break;
	case COLUMN_SUBJECT:
		say_text(ret_value, record->subject, record->n_subject);
		break;
	case COLUMN_SOURCE:
		say_text(ret_value, record->source.principal,
			 record->source.n_principal);
		break;
	case COLUMN_DURABLE_ID:
		say_text(ret_value, record->source.durable_id,
			 record->source.n_durable_id);
		break;
	case COLUMN_SCHEMA:
		say_schema(walk, ret_value);
		break;
	case COLUMN_STATUS:
		if (record->kind == RUN_REPLY)
			say_number(ret_value, record->status);
		break;
	case COLUMN_SLOT:
		if (record->kind == RUN_CALL || record->kind == RUN_REPLY)
			say_number(ret_value, record->slot);
		break;
	case COLUMN_LOST:
		if (record->kind == RUN_GAP && record->n_lost)
			say_number(ret_value, record->n_lost);
		break;
	case COLUMN_BODY:
		say_body(record, ret_value);
		break;
	case N_COLUMNS:
		break;
	}
	return 0;
}

int answer_rows_init(struct answer_rows *rows, struct view *view)
{
	int r;

	*rows = (struct answer_rows){ .view = view };
	r = hash_key_draw(&rows->key);
	return r < 0 ? r : map_init(&rows->subjects);
}

void answer_rows_deinit(struct answer_rows *rows)
{
	struct map_node *node;

	while (rows->subjects.buckets && (node = map_pop(&rows->subjects)))
		free(container_of(node, struct seen_subject, node));
	map_deinit(&rows->subjects);
}

void answer_rows_source(struct answer_rows *rows,
			struct question_source *ret_source)
{
	*ret_source = (struct question_source){
		.table = "records",
		.columns = columns,
		.n_columns = N_COLUMNS,
		.sequence_column = COLUMN_SEQUENCE,
		.time_column = COLUMN_TIME,
		.subject_column = COLUMN_SUBJECT,
		.open = walk_open,
		.next = walk_next,
		.value = walk_value,
		.close = walk_close,
		.userdata = rows,
	};
}
