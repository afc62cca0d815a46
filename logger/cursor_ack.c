/* SPDX-License-Identifier: MIT */

/* What becomes of a record that was given out: acked, or to be given again. */

#include <errno.h>

#include "base/clock.h"
#include "logger/consumer.h"
#include "logger/cursor.h"

#define SEQUENCE_MASK ((UINT64_C(1) << CURSOR_TOKEN_SEQUENCE_BITS) - 1)

uint64_t cursor_token(const struct cursor_item *item)
{
	return (uint64_t)item->fence << CURSOR_TOKEN_SEQUENCE_BITS |
	       (item->sequence & SEQUENCE_MASK);
}

static struct cursor_item *item_of(const struct cursor *cursor,
				   const struct consumer *consumer,
				   uint64_t token)
{
	struct cursor_item *item;
	uint64_t base = cursor->next & ~SEQUENCE_MASK;
	uint64_t sequence = base | (token & SEQUENCE_MASK);

	if (sequence < cursor->next)
		sequence += SEQUENCE_MASK + 1;
	item = cursor_items_lookup(&cursor->items, sequence);
	if (!item || item->state != ITEM_OUT || item->consumer != consumer ||
	    cursor_token(item) != token)
		return NULL;
	return item;
}

int cursor_ack(struct cursor *cursor, const struct consumer *consumer,
	       uint64_t token)
{
	struct cursor_item *item = item_of(cursor, consumer, token);

	if (!item)
		return -ESTALE;
	cursor_item_finish(cursor, item);
	return 0;
}

int cursor_ack_to(struct cursor *cursor, const struct consumer *consumer,
		  uint64_t token)
{
	struct cursor_item *last = item_of(cursor, consumer, token);
	bool is_last = false;

	/* Of a shared one, others have some of what is before it. */
	if (!last || cursor->config->shared)
		return -ESTALE;
	while (!is_last) {
		struct cursor_item *first = container_of(
			consumer->given.next, struct cursor_item, given_link);

		is_last = first == last;
		cursor_item_finish(cursor, first);
	}
	return 0;
}

int cursor_nak(struct cursor *cursor, const struct consumer *consumer,
	       uint64_t token, uint32_t delay_ms)
{
	struct cursor_item *item = item_of(cursor, consumer, token);

	if (!item)
		return -ESTALE;
	cursor_fail_item(cursor, item,
			 delay_ms ? clock_now_ns() + delay_ms * NS_PER_MS : 0);
	return 0;
}

int cursor_in_progress(struct cursor *cursor, const struct consumer *consumer,
		       uint64_t token)
{
	struct cursor_item *item = item_of(cursor, consumer, token);

	if (!item)
		return -ESTALE;
	cursor_items_set(&cursor->items, item, ITEM_OUT,
			 clock_now_ns() + cursor_ack_wait_ns(cursor));
	return 0;
}

uint64_t cursor_ack_wait_ns(const struct cursor *cursor)
{
	uint32_t ms = cursor->config->ack_wait_ms;

	return (ms ? ms : CURSOR_ACK_WAIT_DEFAULT_MS) * NS_PER_MS;
}

/* In order, what follows has to come again behind it: its reader has it. */
static void take_back_after(struct cursor *cursor, struct consumer *consumer,
			    uint64_t sequence)
{
	while (!list_is_empty(&consumer->given)) {
		struct cursor_item *later = container_of(
			consumer->given.prev, struct cursor_item, given_link);

		if (later->sequence <= sequence)
			return;
		cursor_item_return(cursor, later, 0);
	}
}

void cursor_fail_item(struct cursor *cursor, struct cursor_item *item,
		      uint64_t due_ns)
{
	struct consumer *consumer = item->consumer;
	uint32_t max = cursor->config->max_deliver;

	cursor_item_return(cursor, item, due_ns);
	item->n_failed++;
	(void)cursor_pages_failed(&cursor->pages, item->sequence,
				  item->n_failed);
	cursor->is_dirty = true;
	if (max && item->n_failed >= max)
		cursor_items_set(&cursor->items, item, ITEM_DEAD, 0);
	if (!cursor->config->shared && consumer)
		take_back_after(cursor, consumer, item->sequence);
	if (item->due_ns)
		cursor_wake_at(cursor, item->due_ns);
}

void cursor_expire(struct cursor *cursor, uint64_t now_ns)
{
	struct cursor_items *items = &cursor->items;
	struct cursor_item *item;

	while ((item = cursor_items_timed(items)) && item->due_ns <= now_ns)
		if (item->state == ITEM_OUT)
			cursor_fail_item(cursor, item, 0);
		else
			cursor_items_set(items, item, item->state, 0);
	if (item)
		cursor_wake_at(cursor, item->due_ns);
	item = cursor_items_waiting(items);
	if (item && item->due_ns > now_ns)
		cursor_wake_at(cursor, item->due_ns);
}
