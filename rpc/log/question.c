/* SPDX-License-Identifier: MIT */

#include "rpc/log/question.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_sound(const char *log,
		     const struct helio_log_read_options *options)
{
	return log && *log && !(options->is_following && options->is_reverse);
}

static size_t bytes_of(const char *const *texts, size_t n)
{
	size_t n_bytes = 0;

	for (size_t i = 0; i < n; i++)
		n_bytes += strlen(texts[i]) + 1;
	return n_bytes;
}

static char *keep(char **at, const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = memcpy(*at, text, n);

	*at += n;
	return copy;
}

static int keep_texts(struct question *question, const char *log,
		      const struct helio_log_filter *filter)
{
	size_t n = filter->n_subjects + filter->n_principals;
	char *at;

	question->texts =
		malloc(strlen(log) + 1 +
		       bytes_of(filter->subjects, filter->n_subjects) +
		       bytes_of(filter->principals, filter->n_principals));
	question->lists = calloc(n + 1, sizeof(*question->lists));
	if (!question->texts || !question->lists)
		return -ENOMEM;
	at = question->texts;
	question->request.log = keep(&at, log);
	for (size_t i = 0; i < n; i++)
		question->lists[i] = keep(
			&at,
			i < filter->n_subjects
				? filter->subjects[i]
				: filter->principals[i - filter->n_subjects]);
	question->filter.n_subjects = filter->n_subjects;
	question->filter.subjects = question->lists;
	question->filter.n_principals = filter->n_principals;
	question->filter.principals = question->lists + filter->n_subjects;
	if (n > 0)
		question->request.filter = &question->filter;
	return 0;
}

/* Of a place only what is set: 0 is no sequence and no time. */
static void set_place(struct question *question,
		      const struct helio_log_place *from)
{
	Helio__Log__V1__Place *place = &question->place;

	helio__log__v1__place__init(place);
	place->has_sequence = from->sequence > 0;
	place->sequence = from->sequence;
	place->has_unix_ns = from->unix_ns > 0;
	place->unix_ns = from->unix_ns;
	place->has_newest = from->newest > 0;
	place->newest = from->newest;
	place->has_end = from->is_end;
	place->end = from->is_end;
	place->has_last_per_subject = from->is_last_per_subject;
	place->last_per_subject = from->is_last_per_subject;
	question->request.place = place;
}

static void set_bounds(Helio__Log__V1__ReadRequest *request,
		       const struct helio_log_read_options *options)
{
	request->has_until_sequence = options->until_sequence > 0;
	request->until_sequence = options->until_sequence;
	request->has_until_unix_ns = options->until_unix_ns > 0;
	request->until_unix_ns = options->until_unix_ns;
	request->has_limit = options->limit > 0;
	request->limit = options->limit;
	request->has_follow = options->is_following;
	request->follow = options->is_following;
	request->has_reverse = options->is_reverse;
	request->reverse = options->is_reverse;
	request->has_pace_permille = options->pace_permille > 0;
	request->pace_permille = options->pace_permille;
}

int question_init(struct question *question, const char *log,
		  const struct helio_log_read_options *options)
{
	if (!is_sound(log, options))
		return -EINVAL;
	helio__log__v1__read_request__init(&question->request);
	helio__log__v1__filter__init(&question->filter);
	set_place(question, &options->place);
	set_bounds(&question->request, options);
	question->position = options->is_reverse ? options->until_sequence
						 : options->place.sequence;
	return keep_texts(question, log, &options->filter);
}

void question_deinit(struct question *question)
{
	free(question->texts);
	free(question->lists);
	question->texts = NULL;
	question->lists = NULL;
}

bool question_is_told(const struct question *question, uint64_t sequence)
{
	if (question->position == 0)
		return false;
	return question->request.reverse ? sequence >= question->position
					 : sequence < question->position;
}

/* From here on, were it asked again. */
void question_move(struct question *question, uint64_t sequence)
{
	if (question_is_told(question, sequence) &&
	    sequence != question->position)
		return;
	question->position = sequence;
	question->is_moved = true;
}

/*
 * The newest of each subject are a choice that no sequence stands for: until
 * all of them were told they are asked for again, and those that were told are
 * passed over.
 */
const Helio__Log__V1__ReadRequest *question_ask(struct question *question)
{
	Helio__Log__V1__ReadRequest *request = &question->request;

	if (!question->is_moved)
		return request;
	if (request->reverse) {
		request->has_until_sequence = true;
		request->until_sequence = question->position;
	} else if (!question->place.has_last_per_subject || question->is_live) {
		helio__log__v1__place__init(&question->place);
		question->place.has_sequence = true;
		question->place.sequence = question->position;
	}
	return request;
}

bool question_tell(struct question *question, uint64_t sequence)
{
	Helio__Log__V1__ReadRequest *request = &question->request;

	question_move(question, request->reverse ? sequence : sequence + 1);
	if (!request->has_limit)
		return false;
	request->limit--;
	return request->limit == 0;
}

void question_set_live(struct question *question)
{
	question->is_live = true;
	if (question->position > 0)
		question_move(question, question->position);
}
