/* SPDX-License-Identifier: MIT */

#include "tests/unit/storage/sample.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct walk {
	struct sample *sample;
	struct question_filter filter;
	int64_t at;
	char text[64];
};

static const struct question_column columns[] = {
	{ .name = "sequence", .type = QUESTION_NUMBER },
	{ .name = "time", .type = QUESTION_NUMBER },
	{ .name = "subject", .type = QUESTION_TEXT },
	{ .name = "body", .type = QUESTION_BYTES },
	{ .name = "ratio", .type = QUESTION_REAL },
	{ .name = "void", .type = QUESTION_NULL },
	{ .name = "secret", .type = QUESTION_NUMBER, .is_hidden = true },
};

static int twice(void *userdata, const struct question_value *arguments,
		 struct question_value *ret_value, const char **why)
{
	const struct sample *sample = userdata;

	if (sample->function_fails)
		return sample->function_fails;
	if (arguments[0].type != QUESTION_NUMBER)
		*why = "twice(): no number";
	ret_value->type = QUESTION_NUMBER;
	ret_value->number = arguments[0].number * 2;
	return 0;
}

static const struct question_function functions[] = { { "twice", 1, twice } };

static const char *const subjects[] = { "a.b", "c", "gr\xc3\xbc\xc3\x9f" };

static int walk_open(void *userdata, const struct question_filter *filter,
		     void **ret_rows)
{
	struct sample *sample = userdata;
	struct walk *walk = calloc(1, sizeof(*walk));

	if (!walk)
		return -ENOMEM;
	sample->filter = *filter;
	snprintf(sample->subject, sizeof(sample->subject), "%.*s",
		 (int)filter->n_subject,
		 filter->subject ? filter->subject : "");
	sample->n_open++;
	walk->sample = sample;
	walk->filter = *filter;
	walk->at = filter->is_descending ? SAMPLE_ROWS + 1 : 0;
	*ret_rows = walk;
	return 0;
}

static bool is_wanted(const struct walk *walk)
{
	const struct question_filter *filter = &walk->filter;

	return walk->sample->is_plain || (walk->at >= filter->sequence_min &&
					  walk->at <= filter->sequence_max &&
					  walk->at * 10 >= filter->time_min &&
					  walk->at * 10 <= filter->time_max);
}

static int walk_next(void *rows)
{
	struct walk *walk = rows;
	struct sample *sample = walk->sample;

	do {
		walk->at += walk->filter.is_descending ? -1 : 1;
		if (sample->is_endless)
			break;
		if (walk->at < 1 || walk->at > SAMPLE_ROWS)
			return 0;
	} while (!is_wanted(walk));
	if (walk->at == sample->fails_at)
		return -EBADMSG;
	sample->n_shown++;
	return 1;
}

static void say(struct question_value *value, enum question_type type,
		const char *text)
{
	value->type = type;
	value->bytes = text;
	value->n_bytes = strlen(text);
}

static int walk_value(void *rows, unsigned column, struct question_value *value)
{
	struct walk *walk = rows;

	switch (column) {
	case 0:
	case 1:
	case 6:
		value->type = QUESTION_NUMBER;
		value->number = column == 1 ? walk->at * 10 : walk->at;
		break;
	case 2:
		say(value, QUESTION_TEXT, subjects[walk->at % 3]);
		break;
	case 3:
		snprintf(walk->text, sizeof(walk->text), "body %lld",
			 (long long)walk->at);
		say(value, QUESTION_BYTES, walk->text);
		break;
	case 4:
		value->type = QUESTION_REAL;
		value->real = (double)walk->at / 2;
		break;
	default:
		value->type = QUESTION_NULL;
	}
	return 0;
}

static void walk_close(void *rows)
{
	struct walk *walk = rows;

	walk->sample->n_open--;
	free(walk);
}

void sample_init(struct sample *sample)
{
	*sample = (struct sample){
		.source = { .table = "records",
			    .columns = columns,
			    .n_columns = sizeof(columns) / sizeof(columns[0]),
			    .sequence_column = 0,
			    .time_column = 1,
			    .subject_column = 2,
			    .can_descend = true,
			    .functions = functions,
			    .n_functions = 1,
			    .open = walk_open,
			    .next = walk_next,
			    .value = walk_value,
			    .close = walk_close,
			    .userdata = sample },
	};
}
