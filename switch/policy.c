/* SPDX-License-Identifier: MIT */

#include "switch/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/subject.h"
#include "switch/part.h"
#include "switch/policy_line.h"
#include "switch/principal.h"

enum {
	VERBS_NOT_BELOW_DOLLAR = 1 << VERB_PUBLISH | 1 << VERB_SERVE,
	N_SELF = sizeof(POLICY_SELF) - 1,
	/* What a line can become: a name for each {self} that has room. */
	EXPANDED_BYTES = SUBJECT_MAX_BYTES / N_SELF * PRINCIPAL_NAME_MAX_BYTES +
			 SUBJECT_MAX_BYTES,
};

struct question {
	const char *path; /* that asks, or a parent of it */
	size_t n_path;
	struct word asker;
	struct word self; /* what {self} stands for; n 0: nothing */
	unsigned verb;    /* 1 << enum verb */
	struct word what;
	struct word part; /* of it, if it is a bucket */
};

struct policy *policy_free(struct policy *policy)
{
	if (!policy)
		return NULL;
	while (policy->files) {
		struct policy_file *file = policy->files;

		policy->files = file->next;
		free(file->text);
		free(file);
	}
	free(policy->lines);
	free(policy);
	return NULL;
}

static struct word self_of(const char *path, size_t n_path)
{
	static const struct word nobody;
	const char *slash = memchr(path, '/', n_path);
	struct word self = { .text = path + 3 };

	if (n_path < 3 || memcmp(path, "vm:", 3))
		return nobody;
	self.n = (size_t)((slash ? slash : path + n_path) - self.text);
	return principal_name_is_valid(self.text, self.n) ? self : nobody;
}

static size_t expand_self(const struct word *what, const struct word *self,
			  char expanded[EXPANDED_BYTES])
{
	const char *at = what->text;
	const char *end = at + what->n;
	size_t n = 0;

	while (at < end) {
		const char *hit =
			memmem(at, (size_t)(end - at), POLICY_SELF, N_SELF);
		size_t n_plain = (size_t)((hit ? hit : end) - at);
		size_t n_self = hit ? self->n : 0;

		memcpy(expanded + n, at, n_plain);
		memcpy(expanded + n + n_plain, self->text, n_self);
		n += n_plain + n_self;
		at = hit ? hit + N_SELF : end;
	}
	return n;
}

static bool is_decided_by(const struct question *question,
			  const struct policy_line *line)
{
	char expanded[EXPANDED_BYTES];
	struct word pattern = line->what;
	struct word part = { .text = "" };

	if (!(line->verbs & question->verb) ||
	    !who_matches(&line->who, question->path, question->n_path))
		return false;
	if (line->has_self) {
		if (!question->self.n)
			return false;
		pattern.text = expanded;
		pattern.n = expand_self(&line->what, &question->self, expanded);
	}
	if (question->verb & PART_VERBS)
		part = part_cut(&pattern);
	/* Longer than any subject it matches none. */
	if (pattern.n > SUBJECT_MAX_BYTES)
		return false;
	if (pattern_covers(pattern.text, pattern.n, question->what.text,
			   question->what.n) &&
	    part_covers(&part, &question->part))
		return true;
	return !line->is_allow &&
	       pattern_overlaps(pattern.text, pattern.n, question->what.text,
				question->what.n) &&
	       part_overlaps(&part, &question->part);
}

/* `$sys.own.PATH.>` and what is below it, to the path itself. */
static bool is_about_asker(const struct question *question)
{
	static const char prefix[] = POLICY_OWN_EVENTS;
	size_t n_prefix = sizeof(prefix) - 1;
	const struct word *asker = &question->asker;
	const char *what = question->what.text;

	return question->verb == 1u << VERB_SUBSCRIBE &&
	       question->what.n > n_prefix + asker->n + 1 &&
	       !memcmp(what, prefix, n_prefix) &&
	       !memcmp(what + n_prefix, asker->text, asker->n) &&
	       what[n_prefix + asker->n] == '.';
}

static struct policy_verdict judge_path(const struct policy *policy,
					const struct question *question)
{
	for (size_t i = 0; i < policy->n_lines; i++) {
		const struct policy_line *line = &policy->lines[i];

		if (is_decided_by(question, line))
			return (struct policy_verdict){
				.is_allowed = line->is_allow,
				.file = line->file,
				.line = line->number,
			};
	}
	if (is_about_asker(question))
		return (struct policy_verdict){
			.is_allowed = true,
			.why = "it is about oneself",
		};
	return (struct policy_verdict){ .why = "no line allows it" };
}

/* From the path itself up to its root; the first denial is the answer. */
static struct policy_verdict judge_parents(const struct policy *policy,
					   struct question question)
{
	struct policy_verdict verdict = judge_path(policy, &question);

	for (struct policy_verdict above = verdict; above.is_allowed;) {
		const char *slash =
			memrchr(question.path, '/', question.n_path);

		if (!slash)
			return verdict;
		question.n_path = (size_t)(slash - question.path);
		above = judge_path(policy, &question);
		if (!above.is_allowed)
			return above;
	}
	return verdict;
}

struct policy_verdict policy_judge(const struct policy *policy,
				   const char *principal, enum verb verb,
				   const char *what, size_t n_what)
{
	struct question question = {
		.path = principal,
		.n_path = strlen(principal),
		.asker = { .text = principal, .n = strlen(principal) },
		.verb = 1u << verb,
		.what = { .text = what, .n = n_what },
		.part = { .text = "" },
	};

	if (question.verb & PART_VERBS)
		question.part = part_cut(&question.what);
	if (!pattern_is_valid(question.what.text, question.what.n))
		return (struct policy_verdict){ .why = "it is no subject" };
	if (what[0] == '$' && question.verb & VERBS_NOT_BELOW_DOLLAR)
		return (struct policy_verdict){
			.why = "what begins with '$' is the switch's own",
		};
	question.self = self_of(principal, question.n_path);
	return judge_parents(policy, question);
}

/* All that does not begin with `$`; `>/PART` is not. */
static bool is_everything(const struct word *what)
{
	return what->n == 1 && what->text[0] == '>';
}

bool policy_concerns(const struct policy *policy, const char *principal)
{
	size_t n_principal = strlen(principal);
	unsigned denied = 0;

	for (size_t i = 0; i < policy->n_lines; i++) {
		const struct policy_line *line = &policy->lines[i];

		if (!who_matches(&line->who, principal, n_principal) ||
		    (line->has_self && !self_of(principal, n_principal).n))
			continue;
		if (line->is_allow &&
		    (line->what.text[0] == '$' || line->verbs & ~denied))
			return true;
		if (!line->is_allow && is_everything(&line->what))
			denied |= line->verbs;
	}
	return false;
}

void policy_verdict_text(const struct policy_verdict *verdict, char *text,
			 size_t n_text)
{
	const char *answer = verdict->is_allowed ? "allowed" : "denied";

	if (verdict->file)
		snprintf(text, n_text, "%s by %s:%u", answer, verdict->file,
			 verdict->line);
	else
		snprintf(text, n_text, "%s: %s", answer, verdict->why);
}
