/* SPDX-License-Identifier: MIT */

#include "logger/answer_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "logger/answer_columns.h"
#include "logger/answer_field.h"
#include "logger/log.h"
#include "logger/schemas.h"

enum { BUFFER_BYTES = 256 * 1024 };

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
	char hex[ANSWER_HEX_BYTES];
};

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
	uint64_t max = walk->rows->subject_records_max;
	struct view *view = walk->rows->view;
	uint64_t next;
	int r = seek(walk);

	if (r)
		return r < 0 ? r : 0;
	for (int i = 0; i < 3; i++) {
		r = view_read(view, walk->next, walk->buffer, walk->n_room,
			      &walk->n, &next);
		if (r == 0 || r == -ERANGE)
			walk->next = next;
		else if (r == -EMSGSIZE)
			r = grow(walk, walk->n) < 0 ? -ENOMEM : -EAGAIN;
		if (r == 0 || (r != -ERANGE && r != -EAGAIN))
			break;
	}
	walk->at = 0;
	if (r == 0 && max && !walk->filter.subject)
		r = view_thin(view, max, walk->buffer, &walk->n);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : 1;
}

static int next_run(struct walk *walk)
{
	int r;

	while (walk->at >= walk->n) {
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

/* Of other subjects nobody has to know: those runs are not thinned. */
static int may_be_shown(struct walk *walk)
{
	struct answer_rows *rows = walk->rows;
	uint64_t max = walk->filter.subject ? rows->subject_records_max : 0;
	int r = view_serves(rows->view, &walk->record, max);

	return r == 1 ? answer_seen_record(&rows->seen, &walk->record) : r;
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
		r = may_be_shown(walk);
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

static int walk_value(void *rows, unsigned column,
		      struct question_value *ret_value)
{
	struct walk *walk = rows;

	return answer_column_value(&walk->rows->bodies, &walk->record,
				   (enum answer_column)column, walk->hex,
				   ret_value);
}

/* ---- schemas ---- */

static int load(void *userdata, const uint8_t *hash, const uint8_t **ret_set,
		size_t *ret_n)
{
	struct answer_rows *rows = userdata;
	char key[SCHEMAS_KEY_BYTES];
	int r;

	schemas_key(hash, key);
	free(rows->set);
	rows->set = NULL;
	r = view_thing(rows->view, key, &rows->set, ret_n);
	*ret_set = rows->set;
	return r;
}

static int call_field(void *userdata, const struct question_value *arguments,
		      struct question_value *ret_value, const char **why)
{
	struct answer_rows *rows = userdata;

	return answer_field(&rows->bodies, arguments, ret_value, why);
}

static const struct question_function functions[] = {
	{ "field", ANSWER_FIELD_ARGUMENTS, call_field },
};

int answer_rows_init(struct answer_rows *rows, struct view *view,
		     uint64_t subject_records_max)
{
	*rows = (struct answer_rows){
		.view = view,
		.subject_records_max = subject_records_max,
	};
	answer_bodies_init(&rows->bodies, load, rows);
	return answer_seen_init(&rows->seen);
}

void answer_rows_deinit(struct answer_rows *rows)
{
	answer_seen_deinit(&rows->seen);
	answer_bodies_deinit(&rows->bodies);
	free(rows->set);
}

void answer_rows_source(struct answer_rows *rows,
			struct question_source *ret_source)
{
	*ret_source = (struct question_source){
		.table = "records",
		.columns = answer_columns,
		.n_columns = ANSWER_COLUMNS,
		.sequence_column = ANSWER_SEQUENCE,
		.time_column = ANSWER_TIME,
		.subject_column = ANSWER_SUBJECT,
		.functions = functions,
		.n_functions = sizeof(functions) / sizeof(functions[0]),
		.open = walk_open,
		.next = walk_next,
		.value = walk_value,
		.close = walk_close,
		.userdata = rows,
	};
}
