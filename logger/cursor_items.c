/* SPDX-License-Identifier: MIT */

#include "logger/cursor_items.h"

#include <stdlib.h>

enum { RING_FIRST = 64 };

static int compare_sequences(const struct order_node *a,
			     const struct order_node *b)
{
	const struct cursor_item *left =
		const_container_of(a, struct cursor_item, node);
	const struct cursor_item *right =
		const_container_of(b, struct cursor_item, node);

	return (left->sequence > right->sequence) -
	       (left->sequence < right->sequence);
}

static int compare_times(const struct order_node *a, const struct order_node *b)
{
	const struct cursor_item *left =
		const_container_of(a, struct cursor_item, node);
	const struct cursor_item *right =
		const_container_of(b, struct cursor_item, node);

	return (left->due_ns > right->due_ns) - (left->due_ns < right->due_ns);
}

void cursor_items_init(struct cursor_items *items, bool is_ordered)
{
	*items = (struct cursor_items){ .is_ordered = is_ordered };
	order_init(&items->waiting, compare_sequences);
	order_init(&items->timed, compare_times);
}

static struct cursor_place *place(const struct cursor_items *items, size_t nth)
{
	return &items->ring[(items->first + nth) & (items->n_room - 1)];
}

static void item_free(struct cursor_item *item)
{
	if (!item)
		return;
	list_unlink(&item->given_link);
	free(item);
}

static void drop_first(struct cursor_items *items)
{
	struct cursor_place *first = place(items, 0);

	items->n_done -= !first->item;
	item_free(first->item);
	items->first = (items->first + 1) & (items->n_room - 1);
	items->n--;
}

void cursor_items_clear(struct cursor_items *items)
{
	while (items->n)
		drop_first(items);
	order_init(&items->waiting, compare_sequences);
	order_init(&items->timed, compare_times);
}

void cursor_items_deinit(struct cursor_items *items)
{
	cursor_items_clear(items);
	free(items->ring);
	items->ring = NULL;
	items->n_room = 0;
}

static int make_room(struct cursor_items *items)
{
	size_t n_room = items->n_room ? items->n_room * 2 : RING_FIRST;
	struct cursor_place *ring;

	if (items->n < items->n_room)
		return 0;
	ring = malloc(n_room * sizeof(*ring));
	if (!ring)
		return -1;
	for (size_t i = 0; i < items->n; i++)
		ring[i] = *place(items, i);
	free(items->ring);
	items->ring = ring;
	items->n_room = n_room;
	items->first = 0;
	return 0;
}

/* ---- by state ---- */

static struct order *order_of(struct cursor_items *items,
			      const struct cursor_item *item)
{
	switch (item->state) {
	case ITEM_OUT:
		return &items->timed;
	case ITEM_READY:
	case ITEM_DEAD:
		if (item->due_ns && !items->is_ordered)
			return &items->timed;
		return &items->waiting;
	case ITEM_PUBLISHING:
		break;
	}
	return items->is_ordered ? &items->waiting : NULL;
}

static void take_out(struct cursor_items *items, struct cursor_item *item)
{
	struct order *order = order_of(items, item);

	if (order)
		order_remove(order, &item->node);
}

void cursor_items_set(struct cursor_items *items, struct cursor_item *item,
		      enum cursor_item_state state, uint64_t due_ns)
{
	struct order *order;

	take_out(items, item);
	item->state = state;
	item->due_ns = due_ns;
	order = order_of(items, item);
	if (order)
		order_add(order, &item->node);
}

struct cursor_item *cursor_items_add(struct cursor_items *items,
				     uint64_t sequence)
{
	struct cursor_item *item;

	if (make_room(items) < 0)
		return NULL;
	item = calloc(1, sizeof(*item));
	if (!item)
		return NULL;
	item->sequence = sequence;
	item->state = ITEM_READY;
	list_init(&item->given_link);
	*place(items, items->n++) = (struct cursor_place){ sequence, item };
	order_add(&items->waiting, &item->node);
	return item;
}

/* ---- finding ---- */

/* NULL: it is not there. */
static struct cursor_place *seek(const struct cursor_items *items,
				 uint64_t sequence)
{
	size_t low = 0;
	size_t high = items->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (place(items, middle)->sequence < sequence)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < items->n && place(items, low)->sequence == sequence)
		return place(items, low);
	return NULL;
}

struct cursor_item *cursor_items_lookup(const struct cursor_items *items,
					uint64_t sequence)
{
	const struct cursor_place *found = seek(items, sequence);

	return found ? found->item : NULL;
}

void cursor_items_finish(struct cursor_items *items, struct cursor_item *item)
{
	struct cursor_place *found = seek(items, item->sequence);

	take_out(items, item);
	found->item = NULL;
	items->n_done++;
	item_free(item);
}

static struct cursor_item *item_of(struct order_node *node)
{
	return node ? container_of(node, struct cursor_item, node) : NULL;
}

struct cursor_item *cursor_items_waiting(const struct cursor_items *items)
{
	return item_of(order_first(&items->waiting));
}

struct cursor_item *cursor_items_timed(const struct cursor_items *items)
{
	return item_of(order_first(&items->timed));
}

uint64_t cursor_items_advance(struct cursor_items *items)
{
	while (items->n && !place(items, 0)->item)
		drop_first(items);
	return items->n ? place(items, 0)->sequence : 0;
}
