/* SPDX-License-Identifier: MIT */

#include "xenstore/node.h"

#include <stdlib.h>
#include <string.h>

#include "xenstore/mirror.h"
#include "xenstore/owner.h"
#include "xenstore/selection.h"

static struct node *node_at(struct map_node *found)
{
	return container_of(found, struct node, by_path);
}

static struct node *lookup(const struct mirror *mirror, const char *path,
			   size_t n)
{
	uint64_t hash = hash_bytes(&mirror->key, path, n);
	struct map_node *found = map_lookup(&mirror->nodes, hash);

	for (; found; found = map_next(found)) {
		struct node *node = node_at(found);

		if (!strncmp(node->path, path, n) && !node->path[n])
			return node;
	}
	return NULL;
}

struct node *node_lookup(const struct mirror *mirror, const char *path)
{
	return lookup(mirror, path, strlen(path));
}

void node_miss(struct mirror *mirror, struct owner *owner)
{
	owner->n_missed++;
	mirror->n_missed++;
}

static bool has_room(const struct mirror *mirror, const struct owner *owner)
{
	if (!owner->domid)
		return mirror->nodes.n_nodes < NODES_MAX;
	return mirror->n_nodes_of_guests < NODES_OF_GUESTS_MAX &&
	       owner->n_nodes < NODES_OF_GUEST_MAX;
}

static void count(struct mirror *mirror, struct owner *owner, int n)
{
	owner->n_nodes += (unsigned)n;
	if (owner->domid)
		mirror->n_nodes_of_guests += (size_t)n;
}

static struct node *add(struct mirror *mirror, struct node *parent,
			const char *path, size_t n)
{
	struct node *node = calloc(1, sizeof(*node) + n + 1);

	if (!node)
		return NULL;
	memcpy(node->path, path, n);
	list_init(&node->sibling);
	list_init(&node->children);
	list_init(&node->stale);
	node->owner = owner_of(&mirror->owners, node->path);
	if (!node->owner || !has_room(mirror, node->owner)) {
		if (node->owner)
			node_miss(mirror, node->owner);
		free(node);
		return NULL;
	}
	node->is_key =
		selection_place(mirror->selection, node->path) == SELECTION_IN;
	node->parent = parent;
	if (parent)
		list_push_back(&parent->children, &node->sibling);
	count(mirror, node->owner, 1);
	map_add(&mirror->nodes, &node->by_path,
		hash_bytes(&mirror->key, path, n));
	return node;
}

static const char *root_of(const struct mirror *mirror, const char *path)
{
	const struct selection *selection = mirror->selection;

	for (size_t i = 0; i < selection->n_roots; i++)
		if (selection_is_below(path, selection->roots[i]))
			return selection->roots[i];
	return NULL;
}

/*
 * Itself, or the nearest above it that is known, but no higher than the root:
 * from below, for a guest may write far down, where all above is known.
 */
static struct node *nearest(const struct mirror *mirror, const char *path,
			    size_t n_root)
{
	size_t n = strlen(path);
	struct node *node = NULL;

	while (!node && n >= n_root) {
		node = lookup(mirror, path, n);
		while (n && path[--n] != '/')
			continue;
	}
	return node;
}

struct node *node_need(struct mirror *mirror, const char *path)
{
	const char *root = root_of(mirror, path);
	struct node *node;
	size_t n;

	if (!root)
		return NULL;
	n = strlen(root);
	node = nearest(mirror, path, n);
	if (!node)
		node = add(mirror, NULL, path, n);
	else
		n = strlen(node->path);
	while (node && path[n]) {
		struct node *parent = node;

		n += 1 + strcspn(path + n + 1, "/");
		node = add(mirror, parent, path, n);
		if (!node)
			node_prune(mirror, parent);
	}
	return node;
}

static void free_node(struct mirror *mirror, struct node *node)
{
	list_unlink(&node->sibling);
	list_unlink(&node->stale);
	map_remove(&mirror->nodes, &node->by_path);
	count(mirror, node->owner, -1);
	free(node);
}

void node_prune(struct mirror *mirror, struct node *node)
{
	while (node && !node->is_there && !node->is_busy && !node->look &&
	       list_is_empty(&node->children)) {
		struct node *parent = node->parent;

		free_node(mirror, node);
		node = parent;
	}
}

void nodes_free(struct mirror *mirror)
{
	struct map_node *found;

	while ((found = map_pop(&mirror->nodes)))
		free(node_at(found));
}
