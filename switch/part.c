/* SPDX-License-Identifier: MIT */

#include "switch/part.h"

#include <string.h>

struct word part_cut(struct word *what)
{
	const char *slash = memchr(what->text, '/', what->n);
	struct word part = { .text = "" };

	if (!slash)
		return part;
	part.text = slash + 1;
	part.n = what->n - (size_t)(part.text - what->text);
	what->n = (size_t)(slash - what->text);
	return part;
}

static bool begins_with(const struct word *word, const struct word *start)
{
	return word->n >= start->n &&
	       !memcmp(word->text, start->text, start->n);
}

/* It stands for more than one key. */
static bool is_set(const struct word *part)
{
	return !part->n || part->text[part->n - 1] == '/';
}

bool part_covers(const struct word *wide, const struct word *narrow)
{
	if (!begins_with(narrow, wide))
		return false;
	return is_set(wide) || narrow->n == wide->n ||
	       narrow->text[wide->n] == '/';
}

bool part_overlaps(const struct word *line, const struct word *question)
{
	return part_covers(line, question) ||
	       (is_set(question) && begins_with(line, question));
}
