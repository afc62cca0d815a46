/* SPDX-License-Identifier: MIT */

#include "switch/quota_rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/folder.h"
#include "base/lines.h"
#include "switch/uplink.h"
#include "switch/who.h"

enum { RULES_MAX = 4096 };

struct quota_rule {
	struct who who; /* in the text of the rules */
	enum resource resource;
	uint64_t limit;
};

struct quota_rules {
	struct quota_rule *rules;
	size_t n_rules;
	char *text;
};

/* In a file the name is one word, with `-` for a space. */
static bool is_named(const struct word *word, const char *name)
{
	if (strlen(name) != word->n)
		return false;
	for (size_t i = 0; i < word->n; i++)
		if (word->text[i] != (name[i] == ' ' ? '-' : name[i]))
			return false;
	return true;
}

static int parse_resource(struct lines *lines, enum resource *ret_resource)
{
	for (int resource = 0; resource < N_RESOURCES; resource++) {
		if (is_named(&lines->words[1],
			     resource_name((enum resource)resource))) {
			*ret_resource = (enum resource)resource;
			return 0;
		}
	}
	return lines_fail(lines, "'%.*s' is no resource",
			  WORD_ARGS(&lines->words[1]));
}

static int parse_rule(struct lines *lines, struct quota_rule *rule)
{
	const struct word *words = lines->words;
	const char *fault;
	int r;

	if (lines->n_words != 3)
		return lines_fail(lines,
				  "a line is 'OWNER RESOURCE N', not %zu words",
				  lines->n_words);
	fault = who_parse(words[0].text, words[0].n, &rule->who);
	if (fault)
		return lines_fail(lines, "'%.*s': %s", WORD_ARGS(&words[0]),
				  fault);
	r = parse_resource(lines, &rule->resource);
	if (r)
		return r;
	if (word_number(&words[2], INT64_MAX, &rule->limit))
		return lines_fail(lines, "'%.*s' is no number",
				  WORD_ARGS(&words[2]));
	return 0;
}

static int add_rules(struct quota_rules *rules, struct lines *lines)
{
	for (;;) {
		struct quota_rule rule;
		struct quota_rule *room;
		int r = lines_next(lines);

		if (r <= 0)
			return r;
		if (rules->n_rules == RULES_MAX)
			return lines_fail(lines, "more than %d rules",
					  RULES_MAX);
		r = parse_rule(lines, &rule);
		if (r)
			return r;
		room = realloc(rules->rules,
			       (rules->n_rules + 1) * sizeof(*room));
		if (!room)
			return -ENOMEM;
		rules->rules = room;
		room[rules->n_rules++] = rule;
	}
}

/* Takes the text, also when it fails. */
static int make_rules(const char *name, char *text, size_t n_text, char *error,
		      size_t n_error, struct quota_rules **ret_rules)
{
	_cleanup_(quota_rules_freep) struct quota_rules *rules = NULL;
	_cleanup_(freep) char *owned = text;
	int r = -ENOMEM;

	rules = calloc(1, sizeof(*rules));
	if (rules) {
		struct lines lines;

		rules->text = take_ptr(owned);
		lines_init(&lines, name, text, n_text, error, n_error);
		r = add_rules(rules, &lines);
	}
	if (r == -ENOMEM)
		return lines_fail_errno(name, r, error, n_error);
	if (r)
		return r;
	*ret_rules = take_ptr(rules);
	return 0;
}

int quota_rules_load(const char *path, char *error, size_t n_error,
		     struct quota_rules **ret_rules)
{
	size_t n_text;
	char *text;
	int r;

	r = folder_read(AT_FDCWD, path, &text, &n_text);
	if (r)
		return lines_fail_errno(path, r, error, n_error);
	return make_rules(path, text, n_text, error, n_error, ret_rules);
}

int quota_rules_parse(const char *name, const char *text, size_t n_text,
		      char *error, size_t n_error,
		      struct quota_rules **ret_rules)
{
	char *copy = malloc(n_text + 1);

	if (!copy)
		return lines_fail_errno(name, -ENOMEM, error, n_error);
	memcpy(copy, text, n_text);
	return make_rules(name, copy, n_text, error, n_error, ret_rules);
}

struct quota_rules *quota_rules_free(struct quota_rules *rules)
{
	if (!rules)
		return NULL;
	free(rules->rules);
	free(rules->text);
	free(rules);
	return NULL;
}

void quota_rules_limits(const struct quota_rules *rules, const char *owner,
			struct quota_limits *ret_limits)
{
	struct quota_limits limits = quota_defaults;
	size_t n_owner = strlen(owner);
	unsigned n_set = 0;
	unsigned set = 0;

	for (size_t i = 0; rules && i < rules->n_rules; i++) {
		const struct quota_rule *rule = &rules->rules[i];
		unsigned bit = 1u << rule->resource;

		if (set & bit || !who_matches(&rule->who, owner, n_owner))
			continue;
		limits.of[rule->resource] = rule->limit;
		set |= bit;
		if (++n_set == N_RESOURCES)
			break;
	}
	/* What the host says costs its own programs. */
	for (unsigned i = 0;
	     !strcmp(owner, UPLINK_PRINCIPAL) && i < N_RESOURCES; i++)
		limits.of[i] = UINT64_MAX;
	*ret_limits = limits;
}
