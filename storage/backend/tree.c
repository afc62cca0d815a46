/* SPDX-License-Identifier: MIT */

#include "storage/backend/tree.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * Functions that make trees take over the references that they are given, and
 * pass NULL on: a failure anywhere in an expression is a NULL at its end, and
 * nothing leaks. So that NULL means this alone, the empty tree is a node too.
 */
struct tree {
	unsigned n_refs;
	unsigned height; /* 0: the empty one */
	struct tree *left;
	struct tree *right;
	struct tree_row *row;
};

static struct tree tree_nothing;

struct tree *tree_empty(void)
{
	return &tree_nothing;
}

struct tree *tree_ref(struct tree *tree)
{
	if (tree->height)
		tree->n_refs++;
	return tree;
}

struct tree *tree_unref(struct tree *tree)
{
	if (!tree || !tree->height || --tree->n_refs)
		return NULL;
	tree_unref(tree->left);
	tree_unref(tree->right);
	tree_row_unref(tree->row);
	free(tree);
	return NULL;
}

struct tree_row *tree_row_new(const struct store_key *key, size_t n_value)
{
	size_t n_key = key->bytes ? key->n_bytes : 0;
	struct tree_row *row;

	row = malloc(sizeof(*row) + n_value + n_key);
	if (!row)
		return NULL;
	*row = (struct tree_row){
		.n_refs = 1,
		.key = { .number = key->number,
			 .bytes = row->value + n_value,
			 .n_bytes = n_key },
		.n_value = n_value,
	};
	if (n_key)
		memcpy(row->value + n_value, key->bytes, n_key);
	return row;
}

static struct tree_row *row_ref(struct tree_row *row)
{
	row->n_refs++;
	return row;
}

struct tree_row *tree_row_unref(struct tree_row *row)
{
	if (row && !--row->n_refs)
		free(row);
	return NULL;
}

/* In a keyed table all numbers are 0, in a numbered one all keys are empty. */
static int compare(const struct store_key *a, const struct store_key *b)
{
	size_t n = a->n_bytes < b->n_bytes ? a->n_bytes : b->n_bytes;
	int order;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	order = n ? memcmp(a->bytes, b->bytes, n) : 0;
	if (order)
		return order;
	return (a->n_bytes > b->n_bytes) - (a->n_bytes < b->n_bytes);
}

/* ---- making ---- */

static struct tree *make(struct tree *left, struct tree_row *row,
			 struct tree *right)
{
	struct tree *tree = NULL;
	unsigned height;

	if (left && right)
		tree = malloc(sizeof(*tree));
	if (!tree) {
		tree_unref(left);
		tree_unref(right);
		tree_row_unref(row);
		return NULL;
	}
	height = left->height > right->height ? left->height : right->height;
	*tree = (struct tree){ .n_refs = 1,
			       .height = height + 1,
			       .left = left,
			       .right = right,
			       .row = row };
	return tree;
}

/* The same, where `left` is too high by two. */
static struct tree *make_from_left(struct tree *left, struct tree_row *row,
				   struct tree *right)
{
	struct tree *inner = left->right;
	struct tree *made;

	if (left->left->height >= inner->height)
		made = make(tree_ref(left->left), row_ref(left->row),
			    make(tree_ref(inner), row, right));
	else
		made = make(make(tree_ref(left->left), row_ref(left->row),
				 tree_ref(inner->left)),
			    row_ref(inner->row),
			    make(tree_ref(inner->right), row, right));
	tree_unref(left);
	return made;
}

static struct tree *make_from_right(struct tree *left, struct tree_row *row,
				    struct tree *right)
{
	struct tree *inner = right->left;
	struct tree *made;

	if (right->right->height >= inner->height)
		made = make(make(left, row, tree_ref(inner)),
			    row_ref(right->row), tree_ref(right->right));
	else
		made = make(make(left, row, tree_ref(inner->left)),
			    row_ref(inner->row),
			    make(tree_ref(inner->right), row_ref(right->row),
				 tree_ref(right->right)));
	tree_unref(right);
	return made;
}

static struct tree *balance(struct tree *left, struct tree_row *row,
			    struct tree *right)
{
	if (left && right && left->height > right->height + 1)
		return make_from_left(left, row, right);
	if (left && right && right->height > left->height + 1)
		return make_from_right(left, row, right);
	return make(left, row, right);
}

struct tree *tree_with(struct tree *tree, struct tree_row *row)
{
	int order;

	if (!tree->height)
		return make(tree_empty(), row_ref(row), tree_empty());
	order = compare(&row->key, &tree->row->key);
	if (order < 0)
		return balance(tree_with(tree->left, row), row_ref(tree->row),
			       tree_ref(tree->right));
	if (order > 0)
		return balance(tree_ref(tree->left), row_ref(tree->row),
			       tree_with(tree->right, row));
	return make(tree_ref(tree->left), row_ref(row), tree_ref(tree->right));
}

static struct tree *without_first(struct tree *tree)
{
	if (!tree->left->height)
		return tree_ref(tree->right);
	return balance(without_first(tree->left), row_ref(tree->row),
		       tree_ref(tree->right));
}

static struct tree_row *first_row(const struct tree *tree)
{
	while (tree->left->height)
		tree = tree->left;
	return tree->row;
}

struct tree *tree_without(struct tree *tree, const struct store_key *key)
{
	int order;

	if (!tree->height)
		return tree;
	order = compare(key, &tree->row->key);
	if (order < 0)
		return balance(tree_without(tree->left, key),
			       row_ref(tree->row), tree_ref(tree->right));
	if (order > 0)
		return balance(tree_ref(tree->left), row_ref(tree->row),
			       tree_without(tree->right, key));
	if (!tree->right->height)
		return tree_ref(tree->left);
	return balance(tree_ref(tree->left), row_ref(first_row(tree->right)),
		       without_first(tree->right));
}

/* ---- finding ---- */

static bool is_upward(enum store_seek seek)
{
	return seek == STORE_AT_OR_AFTER || seek == STORE_AFTER;
}

/* Whether a row that compares so with the key sought is one of those meant. */
static bool is_meant(enum store_seek seek, int order)
{
	switch (seek) {
	case STORE_AT_OR_AFTER:
		return order >= 0;
	case STORE_AFTER:
		return order > 0;
	case STORE_AT_OR_BEFORE:
		return order <= 0;
	default:
		return order < 0;
	}
}

const struct tree_row *tree_seek(const struct tree *tree, enum store_seek seek,
				 const struct store_key *key)
{
	const struct tree_row *best = NULL;
	bool is_meant_here;

	while (tree->height) {
		is_meant_here =
			!key || is_meant(seek, compare(&tree->row->key, key));
		if (is_meant_here)
			best = tree->row;
		/* Nearer to the key are rows on its side of this one. */
		tree = is_meant_here == is_upward(seek) ? tree->left
							: tree->right;
	}
	return best;
}

const struct tree_row *tree_lookup(const struct tree *tree,
				   const struct store_key *key)
{
	int order;

	while (tree->height) {
		order = compare(key, &tree->row->key);
		if (!order)
			return tree->row;
		tree = order < 0 ? tree->left : tree->right;
	}
	return NULL;
}
