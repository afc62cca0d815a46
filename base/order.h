/* SPDX-License-Identifier: MIT */
#ifndef BASE_ORDER_H
#define BASE_ORDER_H

/**
 * Intrusive ordered set: nodes live in the objects that they order.
 *
 * A balanced tree: adding, removing and seeking take a time that grows with the
 * logarithm of what is there, whoever chooses the keys. What comes before all
 * others, or after them, is added at once. Nodes that compare
 * equal stand in the order in which they were added. What a node is compared by
 * must not change while it is in.
 */

#include <stdbool.h>
#include <stddef.h>

struct order_node {
	struct order_node *up;
	struct order_node *down[2]; /* what comes before, and after */
	int balance;                /* private, with the three above */
};

/** As memcmp() has it. */
typedef int (*order_compare_fn)(const struct order_node *a,
				const struct order_node *b);

struct order {
	struct order_node *root;
	struct order_node *ends[2]; /* the first one, and the last */
	order_compare_fn compare;
	size_t n_nodes;
};

void order_init(struct order *order, order_compare_fn compare);
/** `node` is in no order. */
void order_add(struct order *order, struct order_node *node);
/** `node` is in it. */
void order_remove(struct order *order, struct order_node *node);
/**
 * Any node, taken out, or NULL: for emptying an order of n nodes in n steps.
 * Nothing else may be asked of it until it is empty.
 */
struct order_node *order_pop(struct order *order);

/** NULL when there is none. Moving n nodes on takes n steps, and a few. */
static inline struct order_node *order_first(const struct order *order)
{
	return order->ends[0];
}

static inline struct order_node *order_last(const struct order *order)
{
	return order->ends[1];
}

struct order_node *order_next(const struct order_node *node);
struct order_node *order_prev(const struct order_node *node);

/**
 * The first node that is not before `key`, or NULL. `compare` says how `key`
 * stands to a node: negative when it is before it.
 */
struct order_node *order_seek(const struct order *order, const void *key,
			      int (*compare)(const void *key,
					     const struct order_node *node));

#endif
