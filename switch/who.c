/* SPDX-License-Identifier: MIT */

#include "switch/who.h"

#include <string.h>

#include "switch/principal.h"

static bool ends_in(const char *text, size_t n, const char *end)
{
	size_t n_end = strlen(end);

	return n >= n_end && !memcmp(text + n - n_end, end, n_end);
}

static const char *judge_part(const char *part, size_t n)
{
	if (!n)
		return "an empty part";
	for (size_t i = 0; i < n; i++)
		if (part[i] <= ' ' || part[i] >= 0x7f)
			return "a byte that is not printable ASCII";
	if (memmem(part, n, "**", 2))
		return "'**' is only for the end, as in 'vm:web/**'";
	if (!memchr(part, ':', n) && !memchr(part, '*', n))
		return "a part is KIND:NAME, as in 'vm:web'";
	return NULL;
}

static const char *judge_parts(const char *text, size_t n)
{
	for (int n_parts = 1;; n_parts++) {
		const char *slash = memchr(text, '/', n);
		size_t n_part = slash ? (size_t)(slash - text) : n;
		const char *fault = judge_part(text, n_part);

		if (fault)
			return fault;
		if (n_parts > PRINCIPAL_PARTS_MAX)
			return "more than four parts";
		if (!slash)
			return NULL;
		text = slash + 1;
		n -= n_part + 1;
	}
}

const char *who_parse(const char *text, size_t n, struct who *ret_who)
{
	struct who who = { .text = text, .n = n };
	const char *fault;

	if (n > PRINCIPAL_MAX_BYTES)
		return "more than 255 bytes";
	if (n == 2 && ends_in(text, n, "**")) {
		*ret_who = (struct who){ .text = text, .is_subtree = true };
		return NULL;
	}
	if (ends_in(text, n, "/**")) {
		who.n -= 3;
		who.is_subtree = true;
	}
	fault = judge_parts(who.text, who.n);
	if (!fault)
		*ret_who = who;
	return fault;
}

/* The pattern is used up: is that an end for the path too? */
static bool may_end(const struct who *who, const char *path, size_t n_path,
		    size_t at)
{
	return at == n_path || (who->is_subtree && path[at] == '/');
}

/*
 * On a mismatch only the last `*` need take one byte more: what stands before
 * it was matched as early as can be, and no `*` reaches over a `/`.
 */
bool who_matches(const struct who *who, const char *path, size_t n_path)
{
	size_t i = 0;
	size_t at = 0;
	size_t i_star = 0; /* behind the last `*`; 0: none yet */
	size_t at_star = 0;

	if (!who->n)
		return true;
	for (;;) {
		if (i == who->n && may_end(who, path, n_path, at))
			return true;
		if (i < who->n && who->text[i] == '*') {
			i_star = ++i;
			at_star = at;
		} else if (i < who->n && at < n_path &&
			   who->text[i] == path[at]) {
			i++;
			at++;
		} else if (i_star && at_star < n_path && path[at_star] != '/') {
			i = i_star;
			at = ++at_star;
		} else {
			return false;
		}
	}
}
