/* SPDX-License-Identifier: MIT */

/* What was found when somebody looked, and where to look next. */

#include <stdio.h>

#include "xenstore/mirror.h"
#include "xenstore/selection.h"

bool mirror_wants_names(const struct node *node)
{
	return node->taken == LOOK_AT_ALL || (node->taken == LOOK_AT_CHILDREN &&
					      !list_is_empty(&node->children));
}

void mirror_is_gone(struct mirror *mirror, struct node *node)
{
	struct list *link;

	list_for_each (link, &node->children) {
		struct node *child = container_of(link, struct node, sibling);

		if (!child->is_gone)
			mirror_mark(mirror, child, LOOK_AT_CHILDREN);
	}
}

/*
 * Nothing is there without its parent, which may have been made with it, or
 * again after it was looked at, without an event.
 */
void mirror_is_there(struct mirror *mirror, struct node *node)
{
	struct node *parent = node->parent;

	if (!parent || !parent->is_key)
		return;
	if (parent->is_gone || (!parent->is_there && !parent->is_busy))
		mirror_mark(mirror, parent, LOOK_AT_VALUE);
}

/* A leaf that is still there had an event of its own if it changed. */
static void look_below(struct mirror *mirror, struct node *child,
		       enum look taken, bool was_known)
{
	if (taken == LOOK_AT_ALL || !was_known)
		mirror_mark(mirror, child, LOOK_AT_ALL);
	else if (!list_is_empty(&child->children))
		mirror_mark(mirror, child, LOOK_AT_CHILDREN);
	child->scan = mirror->n_scans;
}

static void find_child(struct mirror *mirror, const struct node *node,
		       const char *name)
{
	char path[SELECTION_PATH_MAX_BYTES + 1];
	struct node *child;
	bool was_known;

	if (snprintf(path, sizeof(path), "%s/%s", node->path, name) >=
	    (int)sizeof(path)) {
		node_miss(mirror, node->owner);
		return;
	}
	if (selection_place(mirror->selection, path) == SELECTION_OUT)
		return;
	child = node_lookup(mirror, path);
	was_known = child != NULL;
	if (!child)
		child = node_need(mirror, path);
	if (child)
		look_below(mirror, child, node->taken, was_known);
}

void mirror_has_children(struct mirror *mirror, struct node *node,
			 char *const *names, size_t n_names)
{
	struct list *link;

	mirror->n_scans++;
	for (size_t i = 0; i < n_names; i++)
		find_child(mirror, node, names[i]);
	list_for_each (link, &node->children) {
		struct node *child = container_of(link, struct node, sibling);

		if (child->scan != mirror->n_scans)
			mirror_mark(mirror, child, LOOK_AT_CHILDREN);
	}
}
