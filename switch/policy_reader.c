/* SPDX-License-Identifier: MIT */

/* Makes a policy of texts; switch/policy.c judges by it. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/folder.h"
#include "proto/subject.h"
#include "switch/part.h"
#include "switch/policy_line.h"

enum {
	VERBS_ANY = 1 << VERB_PUBLISH | 1 << VERB_SUBSCRIBE | 1 << VERB_CALL |
		    1 << VERB_SERVE,
};

static int parse_verdict(struct lines *lines, struct policy_line *line)
{
	line->is_allow = word_is(&lines->words[0], "allow");
	if (line->is_allow || word_is(&lines->words[0], "deny"))
		return 0;
	return lines_fail(lines, "'%.*s' is neither allow nor deny",
			  WORD_ARGS(&lines->words[0]));
}

static int parse_verbs(struct lines *lines, struct policy_line *line)
{
	const char *at = lines->words[2].text;
	const char *end = at + lines->words[2].n;

	for (;;) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		struct word word = {
			.text = at,
			.n = (size_t)((comma ? comma : end) - at),
		};
		enum verb verb;

		if (word_is(&word, "any"))
			line->verbs |= VERBS_ANY;
		else if (!verb_from_word(word.text, word.n, &verb))
			line->verbs |= 1u << verb;
		else
			return lines_fail(lines, "'%.*s' is no verb",
					  WORD_ARGS(&word));
		if (!comma)
			return 0;
		at = comma + 1;
	}
}

/* A misspelt {self} must not become a subject that nobody ever uses. */
static const char *judge_braces(const struct word *what, char between,
				bool *ret_has_self)
{
	const char *at = what->text;
	const char *end = at + what->n;

	while (at < end) {
		const char *dot = memchr(at, between, (size_t)(end - at));
		struct word token = {
			.text = at,
			.n = (size_t)((dot ? dot : end) - at),
		};

		if (word_is(&token, POLICY_SELF))
			*ret_has_self = true;
		else if (memchr(token.text, '{', token.n) ||
			 memchr(token.text, '}', token.n))
			return "braces are only for the token " POLICY_SELF;
		at += token.n + 1;
	}
	return NULL;
}

/* What is a bucket to one of the verbs and a subject to another has no part. */
static struct word cut_part(const struct policy_line *line, struct word *what)
{
	static const struct word none = { .text = "" };

	return line->verbs & ~PART_VERBS ? none : part_cut(what);
}

static int parse_what(struct lines *lines, struct policy_line *line)
{
	struct word what = lines->words[3];
	struct word part = cut_part(line, &what);
	const char *fault;

	line->what = lines->words[3];
	if (!pattern_is_valid(what.text, what.n) ||
	    line->what.n > SUBJECT_MAX_BYTES)
		return lines_fail(lines, "'%.*s' is no pattern of subjects",
				  WORD_ARGS(&line->what));
	if (line->verbs & PART_VERBS && memchr(what.text, '/', what.n))
		return lines_fail(lines,
				  "'%.*s': a part of a bucket is for kv-read "
				  "and kv-write alone",
				  WORD_ARGS(&line->what));
	fault = judge_braces(&what, '.', &line->has_self);
	if (!fault)
		fault = judge_braces(&part, '/', &line->has_self);
	if (fault)
		return lines_fail(lines, "'%.*s': %s", WORD_ARGS(&line->what),
				  fault);
	return 0;
}

static int parse_line(struct lines *lines, struct policy_line *line)
{
	const struct word *who = &lines->words[1];
	const char *fault;
	int r;

	if (lines->n_words != 4)
		return lines_fail(lines,
				  "a line is 'VERDICT WHO VERB WHAT', not "
				  "%zu words",
				  lines->n_words);
	r = parse_verdict(lines, line);
	if (r)
		return r;
	fault = who_parse(who->text, who->n, &line->who);
	if (fault)
		return lines_fail(lines, "'%.*s': %s", WORD_ARGS(who), fault);
	r = parse_verbs(lines, line);
	if (r)
		return r;
	return parse_what(lines, line);
}

static int reserve_line(struct policy *policy)
{
	size_t n_room = policy->n_lines_room ? policy->n_lines_room * 2 : 32;
	struct policy_line *room;

	if (policy->n_lines < policy->n_lines_room)
		return 0;
	room = realloc(policy->lines, n_room * sizeof(*room));
	if (!room)
		return -ENOMEM;
	policy->lines = room;
	policy->n_lines_room = n_room;
	return 0;
}

static int add_lines(struct policy *policy, const char *file,
		     struct lines *lines)
{
	for (;;) {
		struct policy_line line = { .file = file };
		int r = lines_next(lines);

		if (r <= 0)
			return r;
		if (policy->n_lines == POLICY_LINES_MAX)
			return lines_fail(lines, "more than %d lines in all",
					  POLICY_LINES_MAX);
		line.number = lines->number;
		r = parse_line(lines, &line);
		if (r)
			return r;
		r = reserve_line(policy);
		if (r)
			return r;
		policy->lines[policy->n_lines++] = line;
	}
}

/* Takes the text. */
static int keep_text(struct policy *policy, const char *name, char *text,
		     size_t n_text)
{
	_cleanup_(freep) char *owned = text;
	struct policy_file *file;

	policy->n_bytes += n_text;
	if (policy->n_bytes > POLICY_BYTES_MAX)
		return -E2BIG;
	file = malloc(sizeof(*file) + strlen(name) + 1);
	if (!file)
		return -ENOMEM;
	memcpy(file->name, name, strlen(name) + 1);
	file->text = take_ptr(owned);
	file->next = policy->files;
	policy->files = file;
	return 0;
}

/* Takes the text. */
static int add_file(struct policy *policy, const char *name, char *text,
		    size_t n_text, char *error, size_t n_error)
{
	struct lines lines;
	int r;

	r = keep_text(policy, name, text, n_text);
	if (!r) {
		lines_init(&lines, policy->files->name, text, n_text, error,
			   n_error);
		r = add_lines(policy, policy->files->name, &lines);
	}
	return r && r != -EINVAL ? lines_fail_errno(name, r, error, n_error)
				 : r;
}

static int add_folder(struct policy *policy, const struct folder *folder,
		      char *error, size_t n_error)
{
	for (size_t i = 0; i < folder->n_names; i++) {
		const char *name = folder->names[i];
		size_t n_text;
		char *text;
		int r;

		r = folder_read(folder->fd, name, &text, &n_text);
		if (r)
			return lines_fail_errno(name, r, error, n_error);
		r = add_file(policy, name, text, n_text, error, n_error);
		if (r)
			return r;
	}
	return 0;
}

int policy_load(const char *path, char *error, size_t n_error,
		struct policy **ret_policy)
{
	_cleanup_(folder_close) struct folder folder = { .fd = -1 };
	_cleanup_(policy_freep) struct policy *policy = NULL;
	int r = -ENOMEM;

	policy = calloc(1, sizeof(*policy));
	if (policy)
		r = folder_open(path, ".policy", &folder);
	if (r)
		return lines_fail_errno(path, r, error, n_error);
	r = add_folder(policy, &folder, error, n_error);
	if (r)
		return r;
	*ret_policy = take_ptr(policy);
	return 0;
}

int policy_parse(const char *name, const char *text, size_t n_text, char *error,
		 size_t n_error, struct policy **ret_policy)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	char *copy;
	int r;

	policy = calloc(1, sizeof(*policy));
	copy = policy ? malloc(n_text + 1) : NULL;
	if (!copy)
		return lines_fail_errno(name, -ENOMEM, error, n_error);
	memcpy(copy, text, n_text);
	r = add_file(policy, name, copy, n_text, error, n_error);
	if (r)
		return r;
	*ret_policy = take_ptr(policy);
	return 0;
}
