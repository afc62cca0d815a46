/* SPDX-License-Identifier: MIT */

#include "base/order.h"

#include <stdbool.h>

/*
 * An AVL tree: the two sides of a node differ in height by one at most, and
 * `balance` is by how much the right one is higher. A side is 0 or 1, as in
 * `down`, and weighs -1 or 1.
 */

static int weight_of(bool side)
{
	return side ? 1 : -1;
}

void order_init(struct order *order, order_compare_fn compare)
{
	*order = (struct order){ .compare = compare };
}

static bool side_of(const struct order_node *node)
{
	return node->up && node->up->down[1] == node;
}

/* `node`, or nothing, comes to where `old` stands. */
static void replace(struct order *order, const struct order_node *old,
		    struct order_node *node)
{
	struct order_node *up = old->up;

	if (up)
		up->down[side_of(old)] = node;
	else
		order->root = node;
	if (node)
		node->up = up;
}

static void hang(struct order_node *up, bool side, struct order_node *node)
{
	up->down[side] = node;
	if (node)
		node->up = up;
}

/* What is below `node` on this side changes places with it. */
static void rotate(struct order *order, struct order_node *node, bool side)
{
	struct order_node *below = node->down[side];

	replace(order, node, below);
	hang(node, side, below->down[!side]);
	hang(below, !side, node);
}

/* `node` is too high by two on this side. Returns what stands there then. */
static struct order_node *level(struct order *order, struct order_node *node,
				bool side)
{
	int weight = weight_of(side);
	struct order_node *below = node->down[side];
	struct order_node *inner = below->down[!side];

	if (below->balance != -weight) {
		rotate(order, node, side);
		below->balance -= weight;
		node->balance = -below->balance;
		return below;
	}
	rotate(order, below, !side);
	rotate(order, node, side);
	node->balance = inner->balance == weight ? -weight : 0;
	below->balance = inner->balance == -weight ? weight : 0;
	inner->balance = 0;
	return inner;
}

/* What begins at `node` has become higher by one. */
static void has_grown(struct order *order, struct order_node *node)
{
	while (node->up) {
		bool side = side_of(node);

		node = node->up;
		if (node->balance == weight_of(side)) {
			level(order, node, side);
			return;
		}
		node->balance += weight_of(side);
		if (!node->balance)
			return;
	}
}

/* What is below `node` on this side has become lower by one. */
static void has_shrunk(struct order *order, struct order_node *node, bool side)
{
	while (node) {
		if (!node->balance) {
			node->balance = -weight_of(side);
			return;
		}
		if (node->balance == weight_of(side)) {
			node->balance = 0;
		} else {
			node = level(order, node, !side);
			if (node->balance)
				return;
		}
		side = side_of(node);
		node = node->up;
	}
}

static bool is_behind(const struct order *order, const struct order_node *node,
		      const struct order_node *other)
{
	return order->compare(node, other) >= 0;
}

/* Whom a new one stands below, and on which side. There is somebody. */
static struct order_node *find_up(const struct order *order,
				  const struct order_node *node, bool *ret_side)
{
	struct order_node *up = order->root;

	*ret_side = is_behind(order, node, order->ends[1]);
	if (*ret_side)
		return order->ends[1];
	if (!is_behind(order, node, order->ends[0]))
		return order->ends[0];
	for (;;) {
		*ret_side = is_behind(order, node, up);
		if (!up->down[*ret_side])
			return up;
		up = up->down[*ret_side];
	}
}

void order_add(struct order *order, struct order_node *node)
{
	struct order_node *up;
	bool side;

	*node = (struct order_node){ .up = NULL };
	order->n_nodes++;
	if (!order->root) {
		order->root = order->ends[0] = order->ends[1] = node;
		return;
	}
	up = find_up(order, node, &side);
	hang(up, side, node);
	if (order->ends[side] == up)
		order->ends[side] = node;
	has_grown(order, node);
}

static struct order_node *outermost(struct order_node *node, bool side)
{
	while (node && node->down[side])
		node = node->down[side];
	return node;
}

/* Both sides of `node` have something: the next one comes to its place. */
static void remove_inner(struct order *order, struct order_node *node)
{
	struct order_node *next = outermost(node->down[1], 0);
	bool side = next->up == node;
	struct order_node *up = side ? next : next->up;

	replace(order, next, next->down[1]);
	replace(order, node, next);
	hang(next, 0, node->down[0]);
	hang(next, 1, node->down[1]);
	next->balance = node->balance;
	has_shrunk(order, up, side);
}

void order_remove(struct order *order, struct order_node *node)
{
	struct order_node *up = node->up;
	bool side = side_of(node);

	if (order->ends[0] == node)
		order->ends[0] = order_next(node);
	if (order->ends[1] == node)
		order->ends[1] = order_prev(node);
	order->n_nodes--;
	if (node->down[0] && node->down[1]) {
		remove_inner(order, node);
		return;
	}
	replace(order, node, node->down[!node->down[0]]);
	has_shrunk(order, up, side);
}

struct order_node *order_pop(struct order *order)
{
	struct order_node *node = order->root;

	order->ends[0] = order->ends[1] = NULL;
	if (!node)
		return NULL;
	while (node->down[0] || node->down[1])
		node = node->down[!node->down[0]];
	if (node->up)
		node->up->down[side_of(node)] = NULL;
	order->root = node->up;
	order->n_nodes--;
	return node;
}

/* ---- looking ---- */

static struct order_node *neighbour(const struct order_node *node, bool side)
{
	if (node->down[side])
		return outermost(node->down[side], !side);
	while (node->up && side_of(node) == side)
		node = node->up;
	return node->up;
}

struct order_node *order_next(const struct order_node *node)
{
	return neighbour(node, 1);
}

struct order_node *order_prev(const struct order_node *node)
{
	return neighbour(node, 0);
}

struct order_node *order_seek(const struct order *order, const void *key,
			      int (*compare)(const void *key,
					     const struct order_node *node))
{
	struct order_node *node = order->root;
	struct order_node *found = NULL;

	while (node) {
		bool is_behind = compare(key, node) > 0;

		if (!is_behind)
			found = node;
		node = node->down[is_behind];
	}
	return found;
}
