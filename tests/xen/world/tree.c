/* SPDX-License-Identifier: MIT */

#include "tests/xen/world/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of all trees: a generation names one state of one node for ever. */
static uint64_t generation;

unsigned perms_of(const struct perms *perms, uint32_t domid)
{
	if (domid == 0 || perms->list[0].domid == domid)
		return PERM_READ | PERM_WRITE | PERM_OWNER;
	for (size_t i = 1; i < perms->n; i++)
		if (perms->list[i].domid == domid)
			return perms->list[i].bits;
	return perms->list[0].bits;
}

static int parse_one(struct perm *perm, const char *text)
{
	static const char letters[] = "nrwb";
	const char *letter = *text ? strchr(letters, *text) : NULL;
	char *end;
	unsigned long domid;

	if (!letter || text[1] < '0' || text[1] > '9')
		return -EINVAL;
	domid = strtoul(text + 1, &end, 10);
	if (*end || domid > 0x7ff0)
		return -EINVAL;
	perm->domid = (uint32_t)domid;
	perm->bits = (unsigned)(letter - letters);
	return 0;
}

int perms_parse(struct perms *perms, const char *text, size_t n_text)
{
	struct perms parsed = { 0 };
	const char *end = text + n_text;

	while (text < end) {
		if (parsed.n == PERMS_MAX || !memchr(text, 0, end - text) ||
		    parse_one(&parsed.list[parsed.n], text) < 0)
			return -EINVAL;
		parsed.n++;
		text += strlen(text) + 1;
	}
	if (!parsed.n)
		return -EINVAL;
	*perms = parsed;
	return 0;
}

void perm_format(const struct perm *perm, char text[16])
{
	snprintf(text, 16, "%c%u", "nrwb"[perm->bits & 3], perm -> domid);
}

static struct node *child_of(const struct node *node, const char *name,
			     size_t n_name)
{
	struct list *pos;

	list_for_each (pos, &node->children) {
		struct node *child = container_of(pos, struct node, link);

		if (strlen(child->name) == n_name &&
		    memcmp(child->name, name, n_name) == 0)
			return child;
	}
	return NULL;
}

/* As far down as the path exists; *ret_rest is what is left of it. */
static struct node *walk(const struct tree *tree, const char *path,
			 const char **ret_rest)
{
	struct node *node = tree->root;

	path++;
	while (*path) {
		size_t n = strcspn(path, "/");
		struct node *child = child_of(node, path, n);

		if (!child)
			break;
		node = child;
		path += n;
		path += *path == '/';
	}
	*ret_rest = path;
	return node;
}

struct node *tree_lookup(const struct tree *tree, const char *path)
{
	const char *rest;
	struct node *node = walk(tree, path, &rest);

	return *rest ? NULL : node;
}

struct node *tree_nearest(const struct tree *tree, const char *path)
{
	const char *rest;

	return walk(tree, path, &rest);
}

uint64_t tree_generation(void)
{
	return generation;
}

void node_touch(struct node *node)
{
	node->generation = ++generation;
}

struct node *node_new(struct node *parent, const char *name, size_t n_name)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	list_init(&node->link);
	list_init(&node->children);
	node->parent = parent;
	node->name = strndup(name, n_name);
	node->value = strdup("");
	if (!node->name || !node->value) {
		node_free(node);
		return NULL;
	}
	node_touch(node);
	if (parent) {
		list_push_back(&parent->children, &node->link);
		node_touch(parent);
		node->perms = parent->perms;
	}
	return node;
}

static void free_one(struct node *node)
{
	list_unlink(&node->link);
	free(node->name);
	free(node->value);
	free(node);
}

void node_free(struct node *node)
{
	struct node *top = node;

	if (!node)
		return;
	if (node->parent)
		node_touch(node->parent);
	/* Leaves first, so that no depth of nodes needs a depth of calls. */
	for (;;) {
		struct node *parent = node->parent;

		if (!list_is_empty(&node->children)) {
			node = container_of(node->children.next, struct node,
					    link);
			continue;
		}
		if (node == top)
			break;
		free_one(node);
		node = parent;
	}
	free_one(top);
}

int node_set_value(struct node *node, const char *value, size_t n)
{
	char *copy = malloc(n + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, value, n);
	copy[n] = 0;
	free(node->value);
	node->value = copy;
	node->n_value = n;
	node_touch(node);
	return 0;
}

struct node *node_next(const struct node *top, struct node *node)
{
	if (!list_is_empty(&node->children))
		return container_of(node->children.next, struct node, link);
	while (node != top) {
		if (node->link.next != &node->parent->children)
			return container_of(node->link.next, struct node, link);
		node = node->parent;
	}
	return NULL;
}

static struct node *copy_node(struct node *parent, const struct node *node)
{
	struct node *copy = node_new(parent, node->name, strlen(node->name));

	if (!copy || node_set_value(copy, node->value, node->n_value) < 0)
		return NULL;
	copy->perms = node->perms;
	return copy;
}

/* Generations last: making children touches parents. */
static void copy_generations(struct node *from_top, struct node *to_top)
{
	struct node *from = from_top;
	struct node *to = to_top;

	while (from) {
		to->generation = from->generation;
		from = node_next(from_top, from);
		to = node_next(to_top, to);
	}
}

int tree_copy(const struct tree *tree, struct tree *ret_tree)
{
	struct tree copy = { .root = copy_node(NULL, tree->root) };
	struct node *from = tree->root;
	struct node *to = copy.root;

	if (!to)
		return -ENOMEM;
	for (;;) {
		const struct node *last = from;

		from = node_next(tree->root, from);
		if (!from)
			break;
		/* `to` stands where `last` does: go up as far as it did. */
		while (last != from->parent) {
			last = last->parent;
			to = to->parent;
		}
		to = copy_node(to, from);
		if (!to) {
			node_free(copy.root);
			return -ENOMEM;
		}
	}
	copy_generations(tree->root, copy.root);
	*ret_tree = copy;
	return 0;
}

void node_path(const struct node *node, char *path, size_t n_path)
{
	size_t at = n_path - 1;

	path[at] = 0;
	while (node->parent) {
		size_t n = strlen(node->name);

		if (n + 1 > at)
			break;
		at -= n;
		memcpy(path + at, node->name, n);
		path[--at] = '/';
		node = node->parent;
	}
	if (!path[at])
		path[--at] = '/';
	memmove(path, path + at, n_path - at);
}
