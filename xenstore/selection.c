/* SPDX-License-Identifier: MIT */

#include "xenstore/selection.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "abcdefghijklmnopqrstuvwxyz"
			      "0123456789-_@";

static bool is_any(const char *part, size_t n)
{
	return n == 1 && *part == '*';
}

/* `*` alone, or a name; the first part is a name. */
static bool is_tree(const char *tree)
{
	bool is_first = true;

	if (strlen(tree) > SELECTION_PATH_MAX_BYTES)
		return false;
	while (*tree == '/') {
		const char *part = tree + 1;
		size_t n = strcspn(part, "/");

		if (!n || (is_any(part, n) && is_first))
			return false;
		if (!is_any(part, n) && strspn(part, letters) != n)
			return false;
		is_first = false;
		tree = part + n;
	}
	return !*tree && !is_first;
}

static size_t root_bytes(const char *tree)
{
	const char *any = strstr(tree, "/*");

	return any ? (size_t)(any - tree) : strlen(tree);
}

bool selection_is_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return !strncmp(path, top, n) && (!path[n] || path[n] == '/');
}

/* Those below it go; it is not taken where one above it is. */
static void add_root(struct selection *selection, const char *tree)
{
	char root[SELECTION_PATH_MAX_BYTES + 1] = "";
	size_t n = 0;

	memcpy(root, tree, root_bytes(tree));
	for (size_t i = 0; i < selection->n_roots; i++)
		if (selection_is_below(root, selection->roots[i]))
			return;
	for (size_t i = 0; i < selection->n_roots; i++)
		if (!selection_is_below(selection->roots[i], root) && n++ != i)
			memcpy(selection->roots[n - 1], selection->roots[i],
			       sizeof(root));
	memcpy(selection->roots[n], root, sizeof(root));
	selection->n_roots = n + 1;
}

int selection_add(struct selection *selection, const char *tree)
{
	if (!is_tree(tree))
		return -EINVAL;
	if (selection->n_trees == SELECTION_TREES_MAX)
		return -E2BIG;
	selection->trees[selection->n_trees++] = tree;
	add_root(selection, tree);
	return 0;
}

static enum selection_place place_in(const char *tree, const char *path)
{
	while (*tree && *path) {
		size_t n_tree = strcspn(++tree, "/");
		size_t n_path = strcspn(++path, "/");

		if (!is_any(tree, n_tree) &&
		    (n_tree != n_path || memcmp(tree, path, n_path)))
			return SELECTION_OUT;
		tree += n_tree;
		path += n_path;
	}
	return *tree ? SELECTION_ABOVE : SELECTION_IN;
}

enum selection_place selection_place(const struct selection *selection,
				     const char *path)
{
	enum selection_place best = SELECTION_OUT;

	for (size_t i = 0; *path == '/' && i < selection->n_trees; i++) {
		enum selection_place place =
			place_in(selection->trees[i], path);

		if (place > best)
			best = place;
	}
	return best;
}
