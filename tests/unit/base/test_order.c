/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/list.h"
#include "base/order.h"

enum { N_ITEMS = 512, N_ROUNDS = 20000 };

struct item {
	struct order_node node;
	unsigned key;
	bool is_popped;
};

/* What is in the order, sorted; of equal keys the first one added first. */
struct model {
	struct item *items[N_ITEMS];
	size_t n;
};

static uint32_t seed = 1;

static unsigned draw(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static const struct item *item_of(const struct order_node *node)
{
	return const_container_of(node, struct item, node);
}

static int compare(const struct order_node *a, const struct order_node *b)
{
	unsigned x = item_of(a)->key;
	unsigned y = item_of(b)->key;

	return (x > y) - (x < y);
}

static int compare_key(const void *key, const struct order_node *node)
{
	unsigned x = *(const unsigned *)key;
	unsigned y = item_of(node)->key;

	return (x > y) - (x < y);
}

static void model_add(struct model *model, struct item *item)
{
	size_t at = model->n++;

	for (; at && model->items[at - 1]->key > item->key; at--)
		model->items[at] = model->items[at - 1];
	model->items[at] = item;
}

static void model_remove(struct model *model, const struct item *item)
{
	size_t at = 0;

	while (model->items[at] != item)
		at++;
	model->n--;
	memmove(&model->items[at], &model->items[at + 1],
		(model->n - at) * sizeof(model->items[0]));
}

/* Returns the height. */
static int check_balance(const struct order_node *node)
{
	int heights[2];

	if (!node)
		return 0;
	for (int side = 0; side < 2; side++) {
		if (node->down[side])
			assert_ptr_equal(node->down[side]->up, node);
		heights[side] = check_balance(node->down[side]);
	}
	assert_int_equal(heights[1] - heights[0], node->balance);
	assert_in_range(node->balance + 1, 0, 2);
	return 1 + (heights[0] > heights[1] ? heights[0] : heights[1]);
}

static void check_same(const struct order *order, const struct model *model)
{
	struct order_node *node = order_first(order);

	assert_int_equal(order->n_nodes, model->n);
	for (size_t i = 0; i < model->n; i++) {
		assert_ptr_equal(item_of(node), model->items[i]);
		node = order_next(node);
	}
	assert_null(node);
	node = order_last(order);
	for (size_t i = model->n; i > 0; i--) {
		assert_ptr_equal(item_of(node), model->items[i - 1]);
		node = order_prev(node);
	}
	assert_null(node);
}

static void check_seek(const struct order *order, const struct model *model,
		       unsigned key)
{
	struct order_node *node = order_seek(order, &key, compare_key);
	size_t at = 0;

	while (at < model->n && model->items[at]->key < key)
		at++;
	assert_ptr_equal(node ? item_of(node) : NULL,
			 at < model->n ? model->items[at] : NULL);
}

static bool is_in(const struct model *model, const struct item *item)
{
	for (size_t i = 0; i < model->n; i++)
		if (model->items[i] == item)
			return true;
	return false;
}

/* Of 100 keys, so that many are equal; by turns it grows and shrinks. */
static void is_a_sorted_array_whatever_comes(void **state)
{
	static struct item items[N_ITEMS];
	struct model model = { .n = 0 };
	struct order order;

	order_init(&order, compare);
	for (unsigned round = 0; round < N_ROUNDS; round++) {
		struct item *item = &items[draw(N_ITEMS)];
		bool wants_more = round / 1000 % 2 == 0;

		if (is_in(&model, item)) {
			if (wants_more && draw(4))
				continue;
			order_remove(&order, &item->node);
			model_remove(&model, item);
		} else if (wants_more || !draw(4)) {
			item->key = draw(100);
			order_add(&order, &item->node);
			model_add(&model, item);
		}
		if (round % 16 == 0) {
			check_balance(order.root);
			check_same(&order, &model);
		}
		check_seek(&order, &model, draw(102));
	}
}

static void stays_low_when_keys_come_in_order(void **state)
{
	static struct item items[1 << 14];
	struct order order;

	order_init(&order, compare);
	for (unsigned i = 0; i < 1 << 14; i++) {
		items[i].key = i;
		order_add(&order, &items[i].node);
	}
	assert_in_range(check_balance(order.root), 15, 21);
	for (unsigned i = 0; i < (1 << 14) - 100; i++)
		order_remove(&order, order_first(&order));
	assert_in_range(check_balance(order.root), 7, 10);
}

static void is_emptied_node_by_node(void **state)
{
	static struct item items[1000];
	struct order order;
	struct order_node *node;
	size_t n = 0;

	order_init(&order, compare);
	for (unsigned i = 0; i < 1000; i++) {
		items[i].key = draw(500);
		order_add(&order, &items[i].node);
	}
	for (; (node = order_pop(&order)); n++) {
		struct item *item = container_of(node, struct item, node);

		assert_false(item->is_popped);
		item->is_popped = true;
	}
	assert_int_equal(n, 1000);
	assert_int_equal(order.n_nodes, 0);
	assert_null(order_first(&order));
	order_add(&order, &items[0].node);
	assert_ptr_equal(order_first(&order), &items[0].node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_a_sorted_array_whatever_comes),
		cmocka_unit_test(stays_low_when_keys_come_in_order),
		cmocka_unit_test(is_emptied_node_by_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
