/* SPDX-License-Identifier: MIT */

#include "cli/kv_tree.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/kv_entry.h"
#include "cli/text.h"

/* Behind the prefix: its path, and its line with the last part of it. */
struct kv_leaf {
	char *path; /* owned, as the line */
	char *line;
};

void kv_tree_deinit(struct kv_tree *tree)
{
	for (size_t i = 0; i < tree->n; i++) {
		free(tree->leaves[i].path);
		free(tree->leaves[i].line);
	}
	free(tree->leaves);
	*tree = (struct kv_tree){ 0 };
}

static int make_room(struct kv_tree *tree)
{
	size_t n_max = tree->n_max ? 2 * tree->n_max : 64;
	struct kv_leaf *leaves;

	if (tree->n < tree->n_max)
		return 0;
	leaves = reallocarray(tree->leaves, n_max, sizeof(*leaves));
	if (!leaves)
		return -ENOMEM;
	tree->leaves = leaves;
	tree->n_max = n_max;
	return 0;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int kv_tree_add(struct kv_tree *tree, const Helio__Store__V1__Entry *entry,
		const struct kv *kv)
{
	const char *name = kv_entry_name(entry, kv);
	_cleanup_(freep) char *path = strdup(name);
	char *line = NULL;
	size_t n;
	FILE *out;

	if (!path || make_room(tree) < 0)
		return -ENOMEM;
	out = open_memstream(&line, &n);
	if (!out)
		return -ENOMEM;
	kv_entry_line(entry, last_part(name), kv, out);
	if (fclose(out) != 0) {
		free(line);
		return -ENOMEM;
	}
	tree->leaves[tree->n++] = (struct kv_leaf){ take_ptr(path), line };
	return 0;
}

/* A part ends before all that goes on: `a`, `a/b`, `a-b`. */
static int rank(char c)
{
	return c == '\0' ? 0 : c == '/' ? 1 : (unsigned char)c + 2;
}

static int compare(const void *a, const void *b)
{
	const char *x = ((const struct kv_leaf *)a)->path;
	const char *y = ((const struct kv_leaf *)b)->path;

	while (*x && *x == *y) {
		x++;
		y++;
	}
	return rank(*x) - rank(*y);
}

static void indent(unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		fputc(' ', stdout);
}

/* How far two paths have the same parts: where the first other one begins. */
static size_t common_length(const char *path, const char *before)
{
	size_t n = 0;

	for (size_t i = 0;; i++) {
		bool is_end = path[i] == '/' || !path[i];
		bool was_end = before[i] == '/' || !before[i];

		if (is_end && was_end && path[i])
			n = i + 1;
		if (path[i] != before[i] || !path[i])
			return n;
	}
}

/* Parts above it that no line before it has. */
static void write_above(const char *path, const char *before)
{
	size_t n_common = common_length(path, before);
	const char *at = path, *slash;

	for (unsigned depth = 0; (slash = strchr(at, '/')); depth++) {
		if ((size_t)(at - path) >= n_common) {
			indent(depth);
			text_write_escaped(stdout, at, (size_t)(slash - at));
			fputc('\n', stdout);
		}
		at = slash + 1;
	}
}

static unsigned depth_of(const char *path)
{
	unsigned n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

void kv_tree_write(struct kv_tree *tree)
{
	const char *before = "";

	if (tree->n)
		qsort(tree->leaves, tree->n, sizeof(*tree->leaves), compare);
	for (size_t i = 0; i < tree->n; i++) {
		const struct kv_leaf *leaf = &tree->leaves[i];

		write_above(leaf->path, before);
		indent(depth_of(leaf->path));
		fputs(leaf->line, stdout);
		before = leaf->path;
	}
}
