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
	item = cursor_item_lookup(cursor, sequence);
	if (!item || item->state != ITEM_OUT || item->consumer != consumer ||
	    cursor_token(item) != token)
		return NULL;
	return item;
}

static void finish_item(struct cursor_item *item)
{
	if (item->state == ITEM_OUT && item->consumer)
		item->consumer->n_out--;
	item->state = ITEM_DONE;
	item->consumer = NULL;
}

int cursor_ack(struct cursor *cursor, const struct consumer *consumer,
	       uint64_t token)
{
	struct cursor_item *item = item_of(cursor, consumer, token);

	if (!item)
		return -ESTALE;
	finish_item(item);
	cursor->is_dirty = true;
	return 0;
}

int cursor_ack_to(struct cursor *cursor, const struct consumer *consumer,
		  uint64_t token)
{
	struct cursor_item *last = item_of(cursor, consumer, token);

	/* Of a shared one, others have some of what is before it. */
	if (!last || cursor->config->shared)
		return -ESTALE;
	for (struct cursor_item *item = cursor->items; item <= last; item++)
		if (item->state == ITEM_OUT)
			finish_item(item);
	cursor->is_dirty = true;
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
	cursor->is_dirty = true;
	return 0;
}

int cursor_in_progress(struct cursor *cursor, const struct consumer *consumer,
		       uint64_t token)
{
	struct cursor_item *item = item_of(cursor, consumer, token);

	if (!item)
		return -ESTALE;
	item->due_ns = clock_now_ns() + cursor_ack_wait_ns(cursor);
	return 0;
}

uint64_t cursor_ack_wait_ns(const struct cursor *cursor)
{
	uint32_t ms = cursor->config->ack_wait_ms;

	return (ms ? ms : CURSOR_ACK_WAIT_DEFAULT_MS) * NS_PER_MS;
}

/* In order, what follows has to come again behind it. */
static void take_back_after(struct cursor *cursor,
			    const struct cursor_item *item, uint64_t due_ns)
{
	struct cursor_item *end = cursor->items + cursor->n_items;

	for (struct cursor_item *later = cursor->items; later < end; later++) {
		if (later->sequence <= item->sequence ||
		    later->state != ITEM_OUT)
			continue;
		if (later->consumer)
			later->consumer->n_out--;
		later->consumer = NULL;
		later->state = ITEM_READY;
		later->due_ns = due_ns;
	}
}

void cursor_fail_item(struct cursor *cursor, struct cursor_item *item,
		      uint64_t due_ns)
{
	uint32_t max = cursor->config->max_deliver;

	if (item->consumer)
		item->consumer->n_out--;
	item->consumer = NULL;
	item->n_failed++;
	item->due_ns = due_ns;
	item->state = max && item->n_failed >= max ? ITEM_DEAD : ITEM_READY;
	if (item->state == ITEM_DEAD)
		item->due_ns = 0;
	if (!cursor->config->shared)
		take_back_after(cursor, item, item->due_ns);
	if (item->due_ns)
		cursor_wake_at(cursor, item->due_ns);
}

void cursor_expire(struct cursor *cursor, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;

	for (size_t i = 0; i < cursor->n_items; i++) {
		struct cursor_item *item = &cursor->items[i];

		if (item->state == ITEM_OUT && item->due_ns <= now_ns) {
			cursor_fail_item(cursor, item, 0);
			cursor->is_dirty = true;
		}
		if (item->state != ITEM_DONE && item->due_ns > now_ns &&
		    item->due_ns < next_ns)
			next_ns = item->due_ns;
	}
	if (next_ns != UINT64_MAX)
		cursor_wake_at(cursor, next_ns);
}
