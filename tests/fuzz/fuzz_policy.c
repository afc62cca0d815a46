/* SPDX-License-Identifier: MIT */

/*
 * A first line `PRINCIPAL VERB WHAT`, then a policy. What is wrong is named;
 * what is allowed to a path is allowed to its parent, but for what is about
 * itself, and what is allowed of a pattern is allowed of each subject that it
 * matches, or of each key.
 */

#include <stdbool.h>
#include <string.h>

#include "base/lines.h"
#include "proto/subject.h"
#include "switch/policy.h"
#include "switch/principal.h"
#include "tests/fuzz/fuzz.h"

struct question {
	char principal[PRINCIPAL_MAX_BYTES + 1];
	enum verb verb;
	char what[SUBJECT_MAX_BYTES];
	size_t n_what;
};

static bool read_question(const struct lines *lines, struct question *question)
{
	const struct word *words = lines->words;

	if (lines->n_words != 3 || words[0].n > PRINCIPAL_MAX_BYTES ||
	    words[2].n > SUBJECT_MAX_BYTES ||
	    verb_from_word(words[1].text, words[1].n, &question->verb))
		return false;
	memcpy(question->principal, words[0].text, words[0].n);
	question->principal[words[0].n] = '\0';
	memcpy(question->what, words[2].text, words[2].n);
	question->n_what = words[2].n;
	return true;
}

static bool is_allowed(const struct policy *policy,
		       const struct question *question)
{
	struct policy_verdict verdict =
		policy_judge(policy, question->principal, question->verb,
			     question->what, question->n_what);

	FUZZ_CHECK(!verdict.file == !verdict.line);
	FUZZ_CHECK(!verdict.file == !!verdict.why);
	FUZZ_CHECK(verdict.file || !verdict.is_allowed ||
		   !strcmp(verdict.why, "it is about oneself"));
	return verdict.is_allowed;
}

static bool has_parts(enum verb verb)
{
	return verb == VERB_KV_READ || verb == VERB_KV_WRITE;
}

/*
 * One letter in the place of each wildcard makes a subject of a pattern; a part
 * of a bucket has none.
 */
static void check_member(const struct policy *policy, struct question question)
{
	const char *slash = NULL;
	size_t n = question.n_what;

	if (has_parts(question.verb))
		slash = memchr(question.what, '/', n);
	if (slash)
		n = (size_t)(slash - question.what);
	for (size_t i = 0; i < n; i++)
		if (question.what[i] == '*' || question.what[i] == '>')
			question.what[i] = 'm';
	FUZZ_CHECK(is_allowed(policy, &question));
}

/* Who may all of a bucket, or all below a path, may each key of it. */
static void check_key(const struct policy *policy, struct question question)
{
	bool is_set = question.what[question.n_what - 1] == '/';

	if (!has_parts(question.verb) ||
	    question.n_what + 2 > SUBJECT_MAX_BYTES)
		return;
	if (!is_set && memchr(question.what, '/', question.n_what))
		return;
	if (!is_set)
		question.what[question.n_what++] = '/';
	question.what[question.n_what++] = 'k';
	FUZZ_CHECK(is_allowed(policy, &question));
}

static void check_parent(const struct policy *policy, struct question question)
{
	static const char own[] = POLICY_OWN_EVENTS;
	char *slash = strrchr(question.principal, '/');

	/* What is about the path itself is not about its parent. */
	if (!slash || (question.n_what >= sizeof(own) - 1 &&
		       !memcmp(question.what, own, sizeof(own) - 1)))
		return;
	*slash = '\0';
	FUZZ_CHECK(is_allowed(policy, &question));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const char *text = (const char *)bytes;
	const char *newline = n ? memchr(text, '\n', n) : NULL;
	struct policy *policy = NULL;
	struct question question;
	struct lines first;
	char error[128] = "";

	if (!newline)
		return 0;
	lines_init(&first, "q", text, (size_t)(newline - text), error,
		   sizeof(error));
	n -= (size_t)(newline + 1 - text);
	if (lines_next(&first) != 1 || !read_question(&first, &question))
		return 0;
	if (policy_parse("p", newline + 1, n, error, sizeof(error), &policy)) {
		FUZZ_CHECK(!policy && !strncmp(error, "p:", 2));
		return 0;
	}
	if (is_allowed(policy, &question)) {
		check_member(policy, question);
		check_key(policy, question);
		check_parent(policy, question);
	}
	policy_free(policy);
	return 0;
}
